/**
 * Log events as sentences for the terminal of local mode: what became of each message, by its queue id.
 */

import type { LogEvent } from "../core/log.ts";

/** One line for an event, or undefined when a person at the terminal need not see it. */
export function logLine(event: LogEvent, time: Date): string | undefined {
  const words = sentence(event);
  if (words === undefined) return undefined;
  const clock = time.toTimeString().slice(0, 8);
  return `${clock}  ${text(event["id"]).padEnd(20)}  ${words}`;
}

function sentence(event: LogEvent): string | undefined {
  const recipient = text(event["recipient"]);
  switch (event.event) {
    case "message-accepted":
      return `accepted   from <${text(event["from"])}> for ${count(event["recipients"], "recipient")}, ${text(event["size"])} bytes`;
    case "message-refused":
      return `refused    ${text(event["reply"])}`;
    case "sender-refused":
      return `refused    ${text(event["reply"])}`;
    case "auth-failed":
      return `refused    a login from ${text(event["client"])}`;
    case "store-failed":
      return `not stored ${text(event["error"])}`;
    case "dsn-written":
      return `report     to the sender (${text(event["action"])}) as ${text(event["dsnId"])}`;
    case "duplicate-dropped":
      return `duplicate  <${recipient}>: a copy of ${text(event["first"])}, not sent again`;
    case "account-breaker-open":
      return `paused     SES takes nothing: ${text(event["code"])}`;
    case "forwarded":
      return `forwarded  to <${recipient}> as ${text(event["sesId"])}`;
    case "deferred":
      return `deferred   <${recipient}>: ${text(event["code"])}; next try ${clockOf(event["nextTryAt"])}`;
    case "failed":
      return `failed     <${recipient}>: ${text(event["code"])} (${text(event["status"])})`;
    case "possible-duplicate":
      return `again      <${recipient}>: an earlier try ended without a record, this may be a second copy`;
    case "feedback":
      return event["type"] === "Send" ? undefined : `${text(event["state"]).padEnd(9)}  <${recipient}>`;
    case "sweep-redrive":
      return `swept      back to work: ${text(event["reason"])}`;
    case "dead-letter":
      return `set aside  ${text(event["reason"])}`;
    case "spool-object-gone":
      return "gone       the object is no longer in the spool";
    case "feedback-unknown":
      return `feedback   ${text(event["type"])} for a message the ledger does not know (${text(event["sesId"])})`;
    case "domain-verified":
      return `domain     ${text(event["domain"])} is verified and may send`;
    case "domain-withdrawn":
      return `domain     ${text(event["domain"])} waits again: SES no longer finds its records`;
    case "verify-domains-error":
    case "forward-error":
    case "feedback-error":
    case "worker-error":
    case "sweep-error":
    case "edge-error":
    case "local-aws-error":
      return `${event.event}: ${text(event["error"])}`;
    default:
      return undefined;
  }
}

/** Facts of the log may quote a peer: nothing of it may start a line or steer the terminal. */
function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).replace(/\p{Cc}/gu, " ") : "";
}

function count(value: unknown, noun: string): string {
  return `${text(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function clockOf(value: unknown): string {
  return typeof value === "number" ? new Date(value).toTimeString().slice(0, 8) : "later";
}
