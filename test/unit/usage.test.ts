/** What the books make of records, and when a stretch of time is counted again. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MessageRecord, RecipientRecord, RecipientState } from "../../lib/core/message-record.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import type { HistoryEntry } from "../../lib/core/recipient-history.ts";
import {
  announceUntil,
  FOREIGN_SENDER_NAME,
  fromCounts,
  isAnnounced,
  messageUsage,
  NO_USAGE,
  NULL_SENDER_NAME,
  parseScopeKey,
  scopeKey,
  slotDue,
  sumUsage,
  toCounts,
  USAGE_CHANGE_MS,
  USAGE_FIELDS,
  USAGE_FRESH_MS,
  USAGE_SLOT_MS,
  usageByScope,
  usageSlot,
} from "../../lib/core/usage.ts";

const NOW = Date.UTC(2026, 10, 24, 10, 3);
const MESSAGE: MessageRecord = {
  id: firstQueueIdAt(NOW),
  tenant: "demo",
  credential: "web-1",
  returnPath: "a@example.com",
  time: new Date(NOW).toISOString(),
  size: 1000,
  clientAddress: "192.0.2.1",
  recipients: 1,
  expiresAt: 1_800_000_000,
};

function recipient(state: RecipientState, ...history: Partial<HistoryEntry>[]): RecipientRecord {
  return {
    id: MESSAGE.id,
    index: 0,
    address: "b@example.net",
    version: 1,
    state,
    attempts: 1,
    ...(["failed", "waiting", "sending", "duplicate"].includes(state) ? {} : { sesId: "s" }),
    history: history.map((entry) => ({ at: MESSAGE.time, what: "sent", ...entry })),
    expiresAt: MESSAGE.expiresAt,
  };
}

const bounce = (kind: string): Partial<HistoryEntry> => ({ what: "Bounce", eventKey: `s|Bounce|${kind}` });

describe("messageUsage", () => {
  it.each([
    ["a delivery", recipient("delivered", { what: "Delivery" }), { sent: 1, delivered: 1 }],
    ["a bounce", recipient("bounced", bounce("Permanent/General")), { sent: 1, bounced: 1 }],
    [
      "a bounce after a delivery",
      recipient("bounced", { what: "Delivery" }, bounce("Permanent/General")),
      { sent: 1, bounced: 1 },
    ],
    [
      "a complaint",
      recipient("complained", { what: "Delivery" }, { what: "Complaint" }),
      { sent: 1, delivered: 1, complained: 1 },
    ],
    [
      "a complaint whose delivery was never told",
      recipient("complained", { what: "Complaint" }),
      { sent: 1, delivered: 1, complained: 1 },
    ],
    ["a virus", recipient("rejected", { what: "Reject" }), { sent: 1, refused: 1 }],
    ["a refusal", recipient("failed", { what: "failed", detail: "BadRequestException: no" }), { refused: 1 }],
    ["our own suppression list", recipient("failed", { what: "failed", detail: "suppressed: x" }), { suppressed: 1 }],
    [
      "SES's suppression list",
      { ...recipient("failed", bounce("Permanent/OnAccountSuppressionList")), sesId: "s" },
      { sent: 1, suppressed: 1 },
    ],
    ["a second copy", recipient("duplicate", { what: "duplicate" }), { duplicates: 1 }],
    ["mail that waits", recipient("waiting", { what: "deferred" }), {}],
    ["mail under way", recipient("sent", {}), { sent: 1 }],
  ])("counts %s", (_, record, expected) => {
    expect(messageUsage(MESSAGE, [record])).toEqual({
      ...NO_USAGE,
      messages: 1,
      recipients: 1,
      bytes: 1000,
      ...expected,
    });
  });

  it("counts a report of the relay as a report, and as nothing of the tenant's mail", () => {
    const report = { ...MESSAGE, dsnFor: "x", credential: "relayhost", returnPath: null };
    expect(messageUsage(report, [recipient("delivered")])).toEqual({ ...NO_USAGE, reports: 1 });
    expect([...usageByScope([{ message: report, recipients: [] }]).keys()]).toEqual(["t"]);
  });

  it("counts all recipients of a message of which only some are on record", () => {
    expect(messageUsage({ ...MESSAGE, recipients: 5 }, [recipient("delivered")])).toMatchObject({
      messages: 1,
      recipients: 5,
      delivered: 1,
      bytes: 1000,
    });
  });
});

describe("usageByScope", () => {
  it("keeps tenant, credential and sender's domain apart", () => {
    const messages = [
      { message: MESSAGE, recipients: [recipient("delivered")] },
      { message: { ...MESSAGE, credential: "web-2", returnPath: "X@Example.JP" }, recipients: [recipient("bounced")] },
      { message: { ...MESSAGE, returnPath: null }, recipients: [recipient("sent")] },
      { message: { ...MESSAGE, foreignReturnPath: true as const, returnPath: "x@elsewhere.example" }, recipients: [] },
    ];
    const usage = usageByScope(messages);
    expect(Object.fromEntries([...usage].map(([key, counts]) => [key, counts.messages]))).toEqual({
      [scopeKey("tenant", "")]: 4,
      [scopeKey("credential", "web-1")]: 3,
      [scopeKey("credential", "web-2")]: 1,
      [scopeKey("domain", "example.com")]: 1,
      [scopeKey("domain", "example.jp")]: 1,
      [scopeKey("domain", NULL_SENDER_NAME)]: 1,
      [scopeKey("domain", FOREIGN_SENDER_NAME)]: 1,
    });
    expect(sumUsage([usage, usage]).get("t")).toMatchObject({ messages: 8, delivered: 2, bounced: 2, bytes: 8000 });
  });

  it("names each scope so that it can be read back", () => {
    expect(parseScopeKey(scopeKey("domain", "a#b"))).toEqual({ scope: "domain", name: "a#b" });
    expect(parseScopeKey(scopeKey("tenant", ""))).toEqual({ scope: "tenant", name: "" });
    expect(parseScopeKey("newer#x")).toBeUndefined();
  });

  it("stores the numbers as a list that an older reader and a newer one understand", () => {
    const counts = toCounts(USAGE_FIELDS.map((_, index) => index + 1));
    expect(toCounts(fromCounts(counts))).toEqual(counts);
    expect(toCounts([...fromCounts(counts), 99])).toEqual(counts);
    expect(toCounts([7])).toEqual({ ...NO_USAGE, messages: 7 });
  });
});

describe("slots", () => {
  it("of any change are counted after it was made, however announcements and counts interleave", () => {
    // A function announces, changes something at the latest USAGE_CHANGE_MS later, and trusts an announcement while it
    // holds for that long; the sweep looks every five minutes.
    const changes = fc.array(fc.nat({ max: 72 * 60 }), { minLength: 1, maxLength: 30 });
    const slotMs = usageSlot(MESSAGE.id);
    fc.assert(
      fc.property(changes, fc.nat({ max: USAGE_CHANGE_MS }), (minutes, lateMs) => {
        let slot: { untilMs: number; countedAtMs: number } | undefined;
        let lastChangeMs = 0;
        let countedToMs = 0;
        const times = minutes.toSorted((a, b) => a - b).map((minute) => NOW + minute * 60_000);
        const endMs = (times.at(-1) ?? 0) + 40 * 3_600_000;
        let next = 0;
        for (let nowMs = NOW; nowMs < endMs; nowMs += 5 * 60_000) {
          for (; (times[next] ?? Number.POSITIVE_INFINITY) <= nowMs; next++) {
            const atMs = times[next] ?? 0;
            const created = next === 0;
            if (created || !isAnnounced(slotMs, atMs)) {
              const untilMs = announceUntil(slotMs, atMs);
              slot = { countedAtMs: slot?.countedAtMs ?? atMs, untilMs: Math.max(slot?.untilMs ?? 0, untilMs) };
            }
            lastChangeMs = atMs + lateMs;
          }
          if (slot === undefined) continue;
          const due = slotDue({ tenant: "demo", slotMs, ...slot }, nowMs);
          if (due === "no") continue;
          countedToMs = nowMs;
          slot = due === "last" ? undefined : { ...slot, countedAtMs: nowMs };
        }
        expect(countedToMs).toBeGreaterThan(lastChangeMs);
        expect(slot).toBeUndefined();
      }),
    );
  });

  it("are counted a handful of times while they are fresh, and rarely when bounces dribble in for two weeks", () => {
    const slotMs = usageSlot(MESSAGE.id);
    const countedIn = (minutes: number, everyMs: number): number => {
      let slot = { tenant: "demo", slotMs, untilMs: announceUntil(slotMs, slotMs), countedAtMs: slotMs };
      let counts = 0;
      for (let nowMs = slotMs; nowMs < slotMs + minutes * 60_000; nowMs += everyMs) {
        if (!isAnnounced(slotMs, nowMs)) slot = { ...slot, untilMs: announceUntil(slotMs, nowMs) };
        if (slotDue(slot, nowMs) === "no") continue;
        counts += 1;
        slot = { ...slot, countedAtMs: nowMs };
      }
      return counts;
    };
    expect(countedIn((USAGE_SLOT_MS + USAGE_FRESH_MS) / 60_000, 60_000)).toBeLessThanOrEqual(4);
    expect(countedIn(14 * 24 * 60, 5 * 60_000)).toBeLessThan(50);
  });
});
