/** SES events on a recipient's record: in any order and any number of times they end in the same. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concerns,
  eventKeyOf,
  firstClaim,
  type MessageRecord,
  type RecipientRecord,
  type RecipientState,
  recordDeferred,
  recordEvent,
  recordFailed,
  recordSent,
} from "../../lib/core/message-record.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import type { SesEvent } from "../../lib/core/ses-event.ts";

const NOW = 1_790_000_000_000;
const ADDRESS = "Yamada@example.org";
const MESSAGE: MessageRecord = {
  id: firstQueueIdAt(NOW),
  tenant: "demo",
  credential: "web-1",
  returnPath: "a@example.com",
  time: new Date(NOW).toISOString(),
  size: 100,
  clientAddress: "192.0.2.1",
  recipients: 1,
  expiresAt: 1_800_000_000,
};
const sending = firstClaim(MESSAGE, 0, { address: ADDRESS }, NOW, { claimedBy: "i", claimUntil: NOW + 1 });
const sent = recordSent(sending, "ses-1", NOW);

const at = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();
function common(seconds = 1, sesId = "ses-1") {
  return { sesId, id: MESSAGE.id, recipientIndexes: [0], tenant: "demo", at: at(seconds), destination: [ADDRESS] };
}
const SEND: SesEvent = { ...common(), type: "Send" };
const DELIVERY = { ...common(3), type: "Delivery", recipients: [ADDRESS], smtpResponse: "250 OK" } satisfies SesEvent;
const REJECT: SesEvent = { ...common(2), type: "Reject", reason: "Bad content" };
const OPEN: SesEvent = { ...common(9), type: "Other", eventType: "Open" };
const bounce = (bounceType: string, bounceSubType: string, seconds = 5): SesEvent => ({
  ...common(seconds),
  type: "Bounce",
  bounceType,
  bounceSubType,
  recipients: [{ address: ADDRESS.toLowerCase(), status: "5.1.1", diagnosticCode: "smtp; 550 no such user" }],
});
const BOUNCE = bounce("Permanent", "NoEmail");
const delay = (seconds: number, delayType = "MailboxFull"): SesEvent => ({
  ...common(seconds),
  type: "DeliveryDelay",
  delayType,
  recipients: [{ address: ADDRESS }],
});
const complaint = (complaintSubType?: string): SesEvent => ({
  ...common(60),
  type: "Complaint",
  recipients: [ADDRESS],
  feedbackType: "abuse",
  ...(complaintSubType === undefined ? {} : { complaintSubType }),
});

function apply(record: RecipientRecord, events: readonly SesEvent[]): RecipientRecord {
  return events.reduce((current, event) => recordEvent(current, event) ?? current, record);
}

/** What of a record must not depend on the order of events. */
function essence(record: RecipientRecord) {
  const facts = record.history.filter((entry) => entry.eventKey !== undefined);
  return {
    state: record.state,
    reason: record.reason,
    sesId: record.sesId,
    version: record.version,
    facts: facts.toSorted((a, b) => ((a.eventKey ?? "") < (b.eventKey ?? "") ? -1 : 1)),
  };
}

const ALL: SesEvent[] = [
  SEND,
  DELIVERY,
  REJECT,
  OPEN,
  BOUNCE,
  bounce("Transient", "General", 4),
  bounce("Transient", "MailboxFull", 5),
  delay(2),
  delay(3),
  delay(3, "SpamDetected"),
  complaint(),
  complaint("OnAccountSuppressionList"),
];

describe("SES events on a record", () => {
  it("end in the same state, reason and facts in any order and with any repetition", () => {
    const scenario = fc.subarray(ALL, { minLength: 1 }).chain((events) =>
      fc.record({
        once: fc.constant(events),
        mixed: fc
          .tuple(fc.shuffledSubarray(events, { minLength: events.length }), fc.array(fc.constantFrom(...events)))
          .chain(([all, again]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length })),
      }),
    );
    fc.assert(
      fc.property(scenario, fc.constantFrom(sending, sent), ({ once, mixed }, start) => {
        expect(essence(apply(start, mixed))).toEqual(essence(apply(start, once)));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, readonly SesEvent[], RecipientState, string | undefined]>([
    ["a Send alone", [SEND], "sent", undefined],
    ["a Delivery", [SEND, DELIVERY], "delivered", undefined],
    ["a delay", [SEND, delay(2)], "sent", undefined],
    ["a delay and a Delivery", [delay(2), DELIVERY], "delivered", undefined],
    ["a bounce", [SEND, BOUNCE], "bounced", "Permanent/NoEmail smtp; 550 no such user"],
    ["a bounce after a delivery", [DELIVERY, BOUNCE], "bounced", "Permanent/NoEmail smtp; 550 no such user"],
    [
      "a delivery that comes after its bounce",
      [BOUNCE, DELIVERY],
      "bounced",
      "Permanent/NoEmail smtp; 550 no such user",
    ],
    ["a delay that comes after its bounce", [BOUNCE, delay(2)], "bounced", "Permanent/NoEmail smtp; 550 no such user"],
    ["a reject", [SEND, REJECT], "rejected", "Bad content"],
    ["a complaint", [DELIVERY, complaint()], "complained", "abuse"],
    ["a complaint after all others", [SEND, DELIVERY, delay(2), BOUNCE, REJECT, complaint()], "complained", "abuse"],
    ["a complaint that comes first", [complaint(), DELIVERY, SEND], "complained", "abuse"],
    [
      "a complaint for a suppressed address",
      [SEND, complaint("OnAccountSuppressionList")],
      "failed",
      "OnAccountSuppressionList",
    ],
    ["something new", [SEND, OPEN], "sent", undefined],
  ])("make of %s the state that SES means", (_, events, state, reason) => {
    const record = apply(sent, events);
    expect([record.state, record.reason]).toEqual([state, reason]);
  });

  it("give a suppressed address the status of a refusal by policy", () => {
    const entry = apply(sent, [complaint("OnTenantSuppressionList")]).history.at(-1);
    expect(entry).toMatchObject({ what: "Complaint", status: "5.7.1" });
  });

  it("change nothing when they come again, and say so", () => {
    for (const event of ALL) expect(recordEvent(apply(sent, [event]), event)).toBeUndefined();
  });

  it("settle a recipient whose claim was left open or who waits: the event proves that SES took it", () => {
    const waiting = recordDeferred(
      sending,
      { class: "transient", code: "TimeoutError", text: "", status: "4.4.1", ambiguous: true, accountWide: false },
      NOW + 30_000,
      NOW,
    );
    for (const open of [sending, waiting]) {
      const record = apply(open, [SEND]);
      expect(record).toMatchObject({ state: "sent", sesId: "ses-1" });
      for (const gone of ["claimUntil", "claimedBy", "nextTryAt", "unanswered", "reason"]) {
        expect(record).not.toHaveProperty(gone);
      }
    }
  });

  it("leave a recipient failed that we gave up, with our reason, until SES says what became of it", () => {
    const gaveUp = recordFailed(
      sending,
      {
        class: "transient",
        code: "TimeoutError",
        text: "no answer",
        status: "4.4.7",
        ambiguous: true,
        accountWide: false,
      },
      NOW,
    );
    expect(apply(gaveUp, [SEND, delay(2)])).toMatchObject({ state: "failed", reason: "TimeoutError: no answer" });
    const delivered = apply(gaveUp, [SEND, DELIVERY]);
    expect(delivered.state).toBe("delivered");
    expect(delivered).not.toHaveProperty("reason");
  });

  it("never lose a bounce to a flood of later delays", () => {
    const flood = Array.from({ length: 200 }, (_, index) => delay(index + 10));
    const record = apply(sent, [BOUNCE, ...flood]);
    expect(record.state).toBe("bounced");
    expect(record.history.length).toBeLessThanOrEqual(60);
    expect(recordEvent(record, BOUNCE)).toBeUndefined();
    expect(record.history[0]).toMatchObject({ what: "sent" });
  });

  it("keep what a remote server says short enough for the ledger", () => {
    const record = apply(sent, [{ ...DELIVERY, smtpResponse: `250 ${"x".repeat(500_000)}` }]);
    expect(record.history.at(-1)?.detail).toMatch(/^250 x{993}\.\.\.$/);
  });
});

describe("eventKeyOf", () => {
  it("tells every two events apart that are not the same", () => {
    expect(new Set(ALL.map(eventKeyOf)).size).toBe(ALL.length);
    expect(eventKeyOf({ ...SEND, sesId: "ses-2" })).not.toBe(eventKeyOf(SEND));
  });
});

describe("concerns", () => {
  it("finds the recipient in any case, and no other", () => {
    for (const event of ALL) {
      expect(concerns(event, "YAMADA@EXAMPLE.ORG"), event.type).toBe(true);
      expect(concerns(event, "tanaka@example.org"), event.type).toBe(false);
    }
  });
});
