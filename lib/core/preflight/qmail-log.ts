/**
 * Lines of qmail-send. Deliveries have numbers of their own: `starting delivery 5: msg 12 to remote a@b.example`, then
 * `delivery 5: success: ...`. So a delivery is told by its number first, and `joinQmail` brings the two together.
 */

import type { MailLogEvent } from "./mail-log-event.ts";

const SENDER = /^info msg (\d+): bytes (\d+) from <([^>]*)>/;
const START = /^starting delivery (\d+): msg (\d+) to (remote|local) (\S+)/;
const END = /^end msg (\d+)/;
const RESULT = /^delivery (\d+): (success|failure|deferral): ?(.*)$/;

/** A delivery that has begun: its number stands in `text`. */
const STARTED = "started ";
/** A delivery that has ended: its number is its id. */
const RESULT_ID = "delivery ";

/** Events of a line, those of deliveries still in two halves. */
export function parseQmailLine(text: string): MailLogEvent[] {
  const sender = SENDER.exec(text);
  if (sender !== null) {
    return [{ kind: "sender", id: sender[1] ?? "", sender: sender[3] ?? "", sizeBytes: Number(sender[2]) }];
  }
  const start = START.exec(text);
  if (start !== null) {
    const [, number = "", id = "", where, recipient = ""] = start;
    return [
      { kind: "delivery", id, recipient, outcome: "deferred", remote: where === "remote", text: `${STARTED}${number}` },
    ];
  }
  const result = RESULT.exec(text);
  if (result !== null) {
    const [, number = "", word, words = ""] = result;
    const outcome = word === "success" ? "sent" : word === "failure" ? "bounced" : "deferred";
    return [
      {
        kind: "delivery",
        id: `${RESULT_ID}${number}`,
        recipient: "",
        outcome,
        remote: false,
        text: words.replaceAll("_", " "),
      },
    ];
  }
  const end = END.exec(text);
  return end === null ? [] : [{ kind: "end", id: end[1] ?? "" }];
}

/** Brings the halves together. Other events pass. */
export function qmailJoiner(): (event: MailLogEvent) => MailLogEvent | undefined {
  const begun = new Map<string, Extract<MailLogEvent, { kind: "delivery" }>>();
  return (event) => {
    if (event.kind !== "delivery") return event;
    if (event.text.startsWith(STARTED)) {
      begun.set(event.text.slice(STARTED.length), event);
      return undefined;
    }
    if (!event.id.startsWith(RESULT_ID)) return event;
    const number = event.id.slice(RESULT_ID.length);
    const start = begun.get(number);
    begun.delete(number);
    return start === undefined ? undefined : { ...start, outcome: event.outcome, text: event.text };
  };
}
