/**
 * The mail that tells the operator of a pause or a warning, as a spool object of the relay's own.
 *
 * The same case at the same time has the same queue id, so that writing it twice writes one mail.
 */

import { createHash } from "node:crypto";
import { makeQueueId, type QueueId } from "./queue-id.ts";
import { type Envelope, encodeSpoolHeader } from "./spool-object.ts";

/** What is to be told, to whom, in whose name. */
export interface BreakerCaseNotice {
  readonly kind: "pause" | "warn";
  readonly tenant: string;
  /** Absent: the tenant as a whole. */
  readonly sender?: string;
  readonly reason: string;
  readonly to: string;
  readonly from: string;
  readonly hostName: string;
  readonly credential: string;
  /** A message whose bounce or complaint it was. */
  readonly cause: QueueId;
  readonly nowMs: number;
}

/** Queue id and octets of the object. */
export function breakerNotice(notice: BreakerCaseNotice): { readonly id: QueueId; readonly bytes: Buffer } {
  const { tenant, sender, reason, kind, nowMs, hostName } = notice;
  const hash = createHash("sha256")
    .update(`breaker|${kind}|${tenant}|${sender ?? ""}|${nowMs}`)
    .digest();
  const id = makeQueueId(nowMs, hash);
  const who = sender === undefined ? `Tenant ${tenant}` : `Sender ${sender} of tenant ${tenant}`;
  const title = kind === "pause" ? "has been paused" : "comes near its limit";
  const date = new Date(nowMs).toUTCString().replace("GMT", "+0000");
  const resume = `relayhost tenant resume ${tenant}${sender === undefined ? "" : ` --sender ${sender}`}`;
  const paused = [
    "Nothing of it is sent until the pause is lifted. Mail waits at the customer's server, and what had been accepted",
    `waits in the queue. Messages in the queue for longer than the relay keeps trying are returned to their senders.`,
    "",
    "What to do: find out what was sent (relayhost trace, relayhost suppression list), have it stopped, then:",
    `  ${resume}`,
  ];
  const warned = [
    "It is still sending. If the rate goes on rising, it is paused.",
    "",
    "What to do: find out what is sent (relayhost trace, relayhost suppression list) and talk to the customer.",
  ];
  const lines = [
    `From: Mail relay <${notice.from}>`,
    `To: <${notice.to}>`,
    `Subject: [relayhost] ${who} ${title}`,
    `Date: ${date}`,
    `Message-ID: <breaker.${id}@${hostName}>`,
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    `${who} ${title}: ${reason}.`,
    "",
    ...(kind === "pause" ? paused : warned),
    "",
    `One of the messages: ${notice.cause} (relayhost trace ${notice.cause})`,
    "",
  ];
  const envelope: Envelope = {
    id,
    tenant,
    credential: notice.credential,
    returnPath: null,
    recipients: [{ address: notice.to, notify: ["NEVER"] }],
    body: "7BIT",
    time: new Date(nowMs).toISOString(),
    client: { address: "127.0.0.1", port: 0, helo: hostName },
    dsnFor: notice.cause,
  };
  const received = `Received: by ${hostName} (relayhost)\r\n id ${id}; ${date}\r\n`;
  return { id, bytes: Buffer.concat([encodeSpoolHeader(envelope, received), Buffer.from(lines.join("\r\n"))]) };
}
