/** What a recipient's record goes through by our own doing: claims, answers of SES, deferrals, ends and reports. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Failure } from "../../lib/core/failure.ts";
import {
  assignDsn,
  type ClaimHolder,
  claim,
  duplicateOf,
  firstClaim,
  isHandled,
  isSettled,
  type MessageRecord,
  markDsnWritten,
  noteOf,
  type RecipientRecord,
  recordDeferred,
  recordEvent,
  recordFailed,
  recordSent,
  withDsn,
} from "../../lib/core/message-record.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import type { SesEvent } from "../../lib/core/ses-event.ts";
import type { TellingOutcome } from "../../lib/core/ses-outcome.ts";

const NOW = 1_790_000_000_000;
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
const first: ClaimHolder = { claimedBy: "invocation-1", claimUntil: NOW + 65_000 };
const second: ClaimHolder = { claimedBy: "invocation-2", claimUntil: NOW + 165_000 };
const failure = (change: Partial<Failure> = {}): Failure => ({
  class: "transient",
  code: "TooManyRequestsException",
  text: "Maximum sending rate exceeded.",
  status: "4.3.2",
  ambiguous: false,
  accountWide: true,
  ...change,
});
const lost = failure({ code: "TimeoutError", text: "no answer", status: "4.4.1", ambiguous: true });

const begin = (): RecipientRecord =>
  firstClaim(MESSAGE, 3, { address: "b@example.org", notify: ["NEVER"] }, NOW, first);
const event: SesEvent = {
  type: "Send",
  sesId: "ses-1",
  id: MESSAGE.id,
  recipientIndexes: [3],
  tenant: "demo",
  at: new Date(NOW).toISOString(),
  destination: ["b@example.org"],
};

/** The record of a claim that must succeed, and whether it is counted as a possible duplicate. */
function claimed(record: RecipientRecord, nowMs: number, holder = second) {
  const result = claim(record, nowMs, holder);
  if (result.kind !== "claimed") throw new Error(`the claim was answered ${result.kind}`);
  return result;
}

describe("the first claim", () => {
  it("is version 1 of the record, held by its invocation until its time", () => {
    expect(begin()).toEqual({
      id: MESSAGE.id,
      index: 3,
      tenant: "demo",
      address: "b@example.org",
      notify: ["NEVER"],
      version: 1,
      state: "sending",
      attempts: 1,
      claimedBy: "invocation-1",
      claimUntil: NOW + 65_000,
      history: [{ at: "2026-09-21T14:13:20.000Z", what: "claimed" }],
      expiresAt: MESSAGE.expiresAt,
    });
  });

  it("leaves the recipient open", () => {
    expect(isHandled(begin())).toBe(false);
  });
});

describe("claim", () => {
  it("is busy while another claim holds, also for the invocation that made it", () => {
    for (const holder of [first, second]) {
      expect(claim(begin(), first.claimUntil - 1, holder)).toEqual({ kind: "busy", untilMs: first.claimUntil });
    }
  });

  it("takes over a claim that ran out, as a possible duplicate, and the record says so", () => {
    const { record, possibleDuplicate } = claimed(begin(), first.claimUntil);
    expect(possibleDuplicate).toBe(true);
    expect(record).toMatchObject({ ...second, version: 2, attempts: 2, state: "sending" });
    expect(record.history.map((entry) => entry.what)).toEqual(["claimed", "ambiguous"]);
  });

  it("is not yet while the recipient waits", () => {
    const waiting = recordDeferred(begin(), failure(), NOW + 30_000, NOW);
    expect(claim(waiting, NOW + 29_999, second)).toEqual({ kind: "not-yet", untilMs: NOW + 30_000 });
  });

  it("begins the next try when the wait is over, and that is no duplicate", () => {
    const waiting = recordDeferred(begin(), failure(), NOW + 30_000, NOW);
    const { record, possibleDuplicate } = claimed(waiting, NOW + 30_000);
    expect(possibleDuplicate).toBe(false);
    expect(record).toMatchObject({ ...second, attempts: 2, state: "sending" });
    expect(record).not.toHaveProperty("nextTryAt");
    expect(record.history.map((entry) => entry.what)).toEqual(["claimed", "deferred", "claimed"]);
  });

  it("counts the try after a call without an answer as a possible duplicate: SES may have taken it", () => {
    const waiting = recordDeferred(begin(), lost, NOW + 30_000, NOW);
    expect(claimed(waiting, NOW + 30_000).possibleDuplicate).toBe(true);
  });

  it("still counts it after a throttled try in between, and after a takeover", () => {
    const unanswered = recordDeferred(begin(), lost, NOW, NOW);
    const taken = claimed(begin(), first.claimUntil).record;
    for (const [record, at] of [
      [claimed(unanswered, NOW).record, NOW],
      [taken, first.claimUntil],
    ] as const) {
      expect(claimed(recordDeferred(record, failure(), at, at), at).possibleDuplicate).toBe(true);
    }
  });

  it("is answered handled once SES has it, has refused it, or we gave up", () => {
    const settledByEvent = recordEvent(begin(), event);
    const ends = [recordSent(begin(), "ses-1", NOW), recordFailed(begin(), failure(), NOW), settledByEvent];
    for (const end of ends) {
      expect(end === undefined ? undefined : claim(end, NOW * 2, second)).toEqual({ kind: "handled" });
    }
  });

  it("can be told as one's own when the answer to its write was lost: version and holder are on the record", () => {
    const { record } = claimed(begin(), first.claimUntil);
    const other = claimed(begin(), first.claimUntil, { claimedBy: "invocation-9", claimUntil: 0 }).record;
    expect([record.version, record.claimedBy]).toEqual([2, "invocation-2"]);
    expect([other.version, other.claimedBy]).toEqual([2, "invocation-9"]);
  });
});

describe("an answer of SES", () => {
  it("makes the recipient sent under SES's id, and forgets claim, wait and earlier trouble", () => {
    const again = claimed(recordDeferred(begin(), lost, NOW, NOW), NOW).record;
    const sent = recordSent(again, "ses-1", NOW + 5);
    expect(sent).toMatchObject({ state: "sent", sesId: "ses-1", version: 4, attempts: 2 });
    expect(Object.keys(sent)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(claimUntil|claimedBy|nextTryAt|reason|unanswered)$/)]),
    );
    expect(sent.history.at(-1)).toEqual({ at: new Date(NOW + 5).toISOString(), what: "sent", detail: "ses-1" });
  });

  it("does not undo what an event has said before it", () => {
    const bounced = recordEvent(begin(), { ...event, type: "Reject", reason: "Bad content" });
    expect(bounced === undefined ? undefined : recordSent(bounced, "ses-1", NOW)).toMatchObject({
      state: "rejected",
      reason: "Bad content",
    });
  });

  it("that refuses for now lets the recipient wait, with SES's words", () => {
    const waiting = recordDeferred(begin(), failure(), NOW + 30_000, NOW);
    expect(waiting).toMatchObject({
      state: "waiting",
      nextTryAt: NOW + 30_000,
      reason: "TooManyRequestsException: Maximum sending rate exceeded.",
    });
    expect(waiting.history.at(-1)).toMatchObject({ what: "deferred", status: "4.3.2" });
    expect(waiting).not.toHaveProperty("claimedBy");
    expect(isHandled(waiting)).toBe(false);
  });

  it("that refuses for good is the end, with SES's words", () => {
    const failed = recordFailed(begin(), failure({ code: "MessageRejected", text: "no", status: "5.6.0" }), NOW);
    expect(failed).toMatchObject({ state: "failed", reason: "MessageRejected: no" });
    expect(failed.history.at(-1)).toMatchObject({ what: "failed", status: "5.6.0" });
    expect(isHandled(failed)).toBe(true);
  });

  it("of any length fits the ledger, time after time", () => {
    const words = failure({ text: "x".repeat(300_000) });
    let record = begin();
    for (let i = 0; i < 100; i++) record = claimed(recordDeferred(record, words, NOW, NOW), NOW, first).record;
    expect(JSON.stringify(record).length).toBeLessThan(100_000);
    expect(record.attempts).toBe(101);
  });
});

describe("a record", () => {
  it("rises by one version with every change and is never changed in place", () => {
    const step = fc.constantFrom("claim", "sent", "deferred", "failed", "event");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let record = begin();
        for (const [index, name] of steps.entries()) {
          const before = structuredClone(record);
          const next = change(record, name, index);
          expect(record).toEqual(before);
          if (next === undefined) continue;
          expect(next.version).toBe(record.version + 1);
          record = next;
        }
      }),
    );
  });

  function change(record: RecipientRecord, name: string, index: number): RecipientRecord | undefined {
    switch (name) {
      case "sent":
        return recordSent(record, `ses-${index}`, NOW);
      case "deferred":
        return recordDeferred(record, failure(), NOW, NOW);
      case "failed":
        return recordFailed(record, failure(), NOW);
      case "event":
        return recordEvent(record, { ...event, sesId: `ses-${index}` });
      default: {
        const result = claim(record, NOW * 2, second);
        return result.kind === "claimed" ? result.record : undefined;
      }
    }
  }
});

describe("the record of a second copy", () => {
  const copy = duplicateOf(MESSAGE, 3, { address: "b@example.org" }, firstQueueIdAt(NOW - 1), NOW);

  it("is an end at once: nothing is claimed, sent or owed, and it says of which message it is a copy", () => {
    expect([isHandled(copy), isSettled(copy), copy.attempts, copy.version]).toEqual([true, true, 0, 1]);
    expect(copy.reason).toContain(firstQueueIdAt(NOW - 1));
    expect(claim(copy, NOW * 2, second)).toEqual({ kind: "handled" });
  });
});

describe("a report that is owed", () => {
  const outcome: TellingOutcome = { action: "failed", status: "5.1.1", final: true, reason: "no-such-user" };
  const dsnId = firstQueueIdAt(NOW + 1);
  const owed = withDsn(recordFailed(begin(), failure(), NOW), outcome);

  it("keeps the recipient from being settled until it is written", () => {
    expect([isHandled(owed), isSettled(owed)]).toEqual([true, false]);
    const assigned = assignDsn(owed, "failed", dsnId, [3, 4]);
    const written = assigned === undefined ? undefined : markDsnWritten(assigned, "failed");
    expect(written === undefined ? false : isSettled(written)).toBe(true);
    expect(written).toMatchObject({
      version: owed.version + 2,
      dsns: [{ id: dsnId, sharedWith: [3, 4], written: true }],
    });
  });

  it("never moves to another report once it has an id, and is written once", () => {
    const assigned = assignDsn(owed, "failed", dsnId, [3]) ?? owed;
    expect(assignDsn(assigned, "failed", firstQueueIdAt(NOW + 2), [3])).toBeUndefined();
    expect(markDsnWritten(markDsnWritten(assigned, "failed") ?? assigned, "failed")).toBeUndefined();
  });

  it("is told apart by its action", () => {
    const both = withDsn(owed, { ...outcome, action: "delayed" });
    const assigned = assignDsn(both, "delayed", dsnId, [3]) ?? both;
    expect(noteOf(assigned, "delayed")?.id).toBe(dsnId);
    expect(noteOf(assigned, "failed")?.id).toBeUndefined();
    expect(assignDsn(begin(), "failed", dsnId, [3])).toBeUndefined();
  });
});
