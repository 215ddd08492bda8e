/** A mail of the relay's own to a tenant's contact, as a spool object: a text in one language, that nobody answers. */

import { encodeWords } from "./dsn-subject.ts";
import type { QueueId } from "./queue-id.ts";
import { type Envelope, encodeSpoolHeader } from "./spool-object.ts";

/** Between whom it goes, and in whose name. */
export interface OwnNoticeRoute {
  readonly tenant: string;
  readonly to: string;
  readonly from: string;
  readonly hostName: string;
  readonly credential: string;
}

/** What it says. */
export interface OwnNoticeText {
  readonly subject: string;
  readonly lines: readonly string[];
}

/**
 * The octets of the object. `kind` stands in its Message-ID; `about`: the message that it is about, its own id if none:
 * with that it counts as the relay's own, is never answered by a report, and passes a pause.
 */
export function ownNotice(
  route: OwnNoticeRoute,
  { subject, lines }: OwnNoticeText,
  mail: { readonly kind: string; readonly id: QueueId; readonly timeMs: number; readonly about: QueueId },
): Buffer {
  const { to, from, hostName } = route;
  const { id, timeMs } = mail;
  const date = new Date(timeMs).toUTCString().replace("GMT", "+0000");
  const head = [
    `From: Mail relay <${from}>`,
    `To: <${to}>`,
    `Subject: ${/^[\x20-\x7e]*$/.test(subject) ? subject : encodeWords(subject)}`,
    `Date: ${date}`,
    `Message-ID: <${mail.kind}.${id}@${hostName}>`,
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
  ];
  const envelope: Envelope = {
    id,
    tenant: route.tenant,
    credential: route.credential,
    returnPath: null,
    recipients: [{ address: to, notify: ["NEVER"] }],
    body: "8BITMIME",
    time: new Date(timeMs).toISOString(),
    client: { address: "127.0.0.1", port: 0, helo: hostName },
    dsnFor: mail.about,
  };
  const received = `Received: by ${hostName} (relayhost)\r\n id ${id}; ${date}\r\n`;
  return Buffer.concat([encodeSpoolHeader(envelope, received), Buffer.from([...head, ...lines, ""].join("\r\n"))]);
}
