/** Puts an ordinary mail into the spool, as the edge does it. */

import { randomBytes } from "node:crypto";
import { putSpoolObject, type Spool } from "../lib/aws/spool-s3.ts";
import { makeQueueId, type QueueId } from "../lib/core/queue-id.ts";
import { encodeSpoolHeader } from "../lib/core/spool-object.ts";

const LINE = "The quick brown fox jumps over the lazy dog, and then once more from the start.\r\n";
let made = 0;

/**
 * A mail of this many octets, as octets; each is another one, or the duplicate guard would drop it. `fields`: whole lines
 * to go in front of its header.
 */
export function benchMail(bytes: number, fields = ""): Buffer {
  made += 1;
  const header =
    `${fields}From: Sales department <sales@example.com>\r\nTo: Somebody Else <somebody@customer.example.net>\r\n` +
    `Subject: Order ${made} has been received\r\nDate: Tue, 24 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\n` +
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n" +
    `Message-ID: <20261124010000.${process.pid}.${made}.0123456789ABCDEF@web01.example.com>\r\n\r\n`;
  const body = LINE.repeat(Math.ceil(bytes / LINE.length)).slice(0, Math.max(2, bytes - header.length - 2));
  return Buffer.from(`${header}${body}\r\n`, "latin1");
}

/** Stores it for one recipient, or as many as said. */
export async function spoolMail(spool: Spool, message: Buffer, recipients = 1): Promise<QueueId> {
  const id = makeQueueId(Date.now(), randomBytes(11));
  const envelope = {
    id,
    tenant: "demo",
    credential: "demo",
    returnPath: "sales@example.com",
    recipients: Array.from({ length: recipients }, (_, i) => ({
      address: i === 0 ? "somebody@customer.example.net" : `somebody.${i}@customer.example.net`,
    })),
    body: "8BITMIME",
    time: new Date().toISOString(),
    client: { address: "192.0.2.1", port: 54_321, helo: "web01.example.com", tls: "TLSv1.3" },
  } as const;
  const received =
    "Received: from web01.example.com (web01.example.com [192.0.2.1])\r\n by relay.example.net (relayhost) with ESMTPSA" +
    ` id ${id}\r\n for <somebody@customer.example.net>; Tue, 24 Nov 2026 10:00:00 +0000\r\n`;
  const object = Buffer.concat([encodeSpoolHeader(envelope, received), message]);
  await putSpoolObject(spool, id, object);
  return id;
}
