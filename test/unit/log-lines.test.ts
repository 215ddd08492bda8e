/** The terminal of local mode: what became of each message, in one line each that nobody outside can forge. */

import { describe, expect, it } from "vitest";
import type { LogEvent } from "../../lib/core/log.ts";
import { logLine } from "../../lib/local/log-lines.ts";

const TIME = new Date(2026, 10, 24, 1, 2, 3);
const ID = "01m85dmb00mnpqrstvwx";
const line = (event: LogEvent) => logLine(event, TIME);

describe("logLine", () => {
  it.each<[LogEvent, string]>([
    [
      { event: "message-accepted", id: ID, from: "a@example.com", recipients: 1, size: 512 },
      "accepted   from <a@example.com> for 1 recipient, 512 bytes",
    ],
    [
      { event: "message-accepted", id: ID, from: "", recipients: 2, size: 5 },
      "accepted   from <> for 2 recipients, 5 bytes",
    ],
    [{ event: "forwarded", id: ID, recipient: "b@example.org", sesId: "s-1" }, "forwarded  to <b@example.org> as s-1"],
    [
      { event: "failed", id: ID, recipient: "b@x.jp", code: "MessageRejected", status: "5.6.0" },
      "failed     <b@x.jp>: MessageRejected (5.6.0)",
    ],
    [{ event: "feedback", id: ID, recipient: "b@x.jp", type: "Delivery", state: "delivered" }, "delivered  <b@x.jp>"],
    [{ event: "feedback", id: ID, recipient: "b@x.jp", type: "Bounce", state: "bounced" }, "bounced    <b@x.jp>"],
    [
      { event: "deferred", id: ID, recipient: "b@x.jp", code: "X", nextTryAt: TIME.getTime() },
      "deferred   <b@x.jp>: X; next try 01:02:03",
    ],
    [{ event: "deferred", id: ID, recipient: "b@x.jp", code: "X" }, "deferred   <b@x.jp>: X; next try later"],
    [{ event: "sweep-redrive", id: ID, reason: "no record" }, "swept      back to work: no record"],
  ])("tells %o by its queue id", (event, sentence) => {
    expect(line(event)).toBe(`01:02:03  ${ID}  ${sentence}`);
  });

  it.each<LogEvent>([
    { event: "feedback", id: ID, recipient: "b@x.jp", type: "Send", state: "sent" },
    { event: "sweep", objects: 0 },
    { event: "something-new" },
  ])("is silent about %o", (event) => {
    expect(line(event)).toBeUndefined();
  });

  it("shows errors, with or without a message that they concern", () => {
    expect(line({ event: "forward-error", error: "TypeError: x" })).toBe(
      `01:02:03  ${" ".repeat(20)}  forward-error: TypeError: x`,
    );
  });

  it("stays one line and lets no escape sequence through, whatever a peer wrote", () => {
    const evil = "\u001b[2J\r\n01:02:03  forged\u009b5n\u0007";
    for (const event of ["message-refused", "dead-letter", "edge-error", "failed", "feedback-unknown"]) {
      const out = line({
        event,
        id: evil,
        reply: evil,
        reason: evil,
        error: evil,
        recipient: evil,
        code: evil,
        sesId: evil,
      });
      expect(out).toMatch(/^[ -~]+$/);
    }
  });

  it("shows facts of the wrong kind as nothing", () => {
    expect(line({ event: "message-refused", id: { a: 1 }, reply: null })).toBe(
      `01:02:03  ${" ".repeat(20)}  refused    `,
    );
  });
});
