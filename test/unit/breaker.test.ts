/** When a tenant or a sender is paused, and when not. */

import { describe, expect, it } from "vitest";
import {
  type BreakerAction,
  type BreakerBucket,
  type BreakerCase,
  type BreakerScope,
  type BreakerState,
  breakerActions,
  breakerFact,
  breakerHour,
  breakerSender,
  isOneSender,
  WHOLE_TENANT,
} from "../../lib/core/breaker.ts";
import { firstClaim, type MessageRecord, recordEvent, recordSent } from "../../lib/core/message-record.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import type { SesEvent } from "../../lib/core/ses-event.ts";

const NOW = Date.UTC(2026, 10, 24, 12, 30);
const HOUR = 3_600_000;
const LIST = "list@a.example";
const SHOP = "shop@a.example";

function bucket(sender: string, mails: number, bounced = 0, complained = 0, hoursAgo = 0): BreakerBucket {
  return { sender, hourMs: breakerHour(NOW) - hoursAgo * HOUR, mails, bounced, complained };
}

function actions(buckets: readonly BreakerBucket[], more: Partial<BreakerCase> = {}): BreakerAction[] {
  return breakerActions({
    nowMs: NOW,
    settings: undefined,
    buckets,
    states: new Map(),
    paused: new Set(),
    touched: new Set(buckets.map(({ sender }) => sender)),
    ...more,
  });
}

const brief = (list: readonly BreakerAction[]): string[] => list.map(({ kind, scope }) => `${kind} ${scope}`);

describe("the breaker", () => {
  it.each<[string, BreakerBucket, string[]]>([
    ["a list of which a third bounces", bucket(LIST, 120, 40), ["pause list@a.example"]],
    ["4 % exactly", bucket(LIST, 1000, 40), ["warn list@a.example", "warn *"]],
    ["a little more than 4 %", bucket(LIST, 1000, 41), ["pause list@a.example"]],
    ["2 %", bucket(LIST, 1000, 20), []],
    ["few mails, all of which bounce", bucket(LIST, 99, 99), []],
    ["few bounces among few mails", bucket(LIST, 100, 9), []],
    ["three complaints among 3,000", bucket(LIST, 3000, 0, 3), ["pause list@a.example"]],
    ["three complaints among 4,000", bucket(LIST, 4000, 0, 3), ["warn list@a.example", "warn *"]],
    ["two complaints", bucket(LIST, 200, 0, 2), []],
  ])("makes of %s", (_, one, expected) => {
    expect(brief(actions([one]))).toEqual(expected);
  });

  it("says why in ASCII, with numbers", () => {
    expect(actions([bucket(LIST, 210, 26)])[0]).toMatchObject({
      reason: "12.4 % of 210 mails bounced within 24 hours, the limit is 4 %",
    });
    expect(actions([bucket(LIST, 3000, 0, 9)])[0]).toMatchObject({
      reason: "0.3 % of 3000 mails were reported as spam within 24 hours, the limit is 0.08 %",
    });
  });

  it("pauses the sender and not the tenant whose other mail is good", () => {
    expect(brief(actions([bucket(LIST, 150, 50), bucket(SHOP, 100, 1)]))).toEqual([`pause ${LIST}`]);
  });

  it("pauses the tenant when no single sender has enough of the bounces", () => {
    const many = Array.from({ length: 20 }, (_, index) => bucket(`u${index}@a.example`, 10, 3));
    expect(brief(actions(many))).toEqual([`pause ${WHOLE_TENANT}`]);
    expect(brief(actions([bucket("*@a.example", 300, 100)]))).toEqual([`pause ${WHOLE_TENANT}`]);
  });

  it("judges only senders of whom something bad has arrived", () => {
    expect(brief(actions([bucket(LIST, 150, 50)], { touched: new Set([SHOP]) }))).toEqual([`pause ${WHOLE_TENANT}`]);
  });

  it("forgets what is older than a day", () => {
    expect(actions([bucket(LIST, 500, 100, 0, 24)])).toEqual([]);
    expect(brief(actions([bucket(LIST, 500, 100, 0, 23)]))).toEqual([`pause ${LIST}`]);
  });

  it("does nothing twice: neither a pause nor, within a day, a warning", () => {
    const bad = bucket(LIST, 150, 50);
    const paused = new Set<BreakerScope>([LIST]);
    const [pause] = actions([bad]);
    const states = new Map<BreakerScope, BreakerState>([[LIST, (pause as { state: BreakerState }).state]]);
    expect(actions([bad], { paused, states })).toEqual([]);
    const [warning] = actions([bucket(LIST, 1000, 30)]);
    const warned = new Map<BreakerScope, BreakerState>([
      [LIST, (warning as { state: BreakerState }).state],
      [WHOLE_TENANT, (warning as { state: BreakerState }).state],
    ]);
    expect(actions([bucket(LIST, 1010, 31)], { states: warned })).toEqual([]);
    expect(brief(actions([bucket(LIST, 1010, 45)], { states: warned }))).toEqual([`pause ${LIST}`]);
  });

  it("starts at nothing when a pause was lifted, and pauses again when it goes on", () => {
    const before = [bucket(LIST, 300, 100, 0, 2), bucket(LIST, 150, 50)];
    const state = { phase: "paused", hourMs: 0, before: { mails: 0, bounced: 0, complained: 0 } } as const;
    const [lifted, ...rest] = actions(before, { states: new Map([[LIST, state]]) });
    expect(lifted).toMatchObject({ kind: "lifted", scope: LIST });
    expect(rest).toEqual([]);
    const states = new Map<BreakerScope, BreakerState>([[LIST, (lifted as { state: BreakerState }).state]]);
    const after = (mails: number, bounced: number): BreakerBucket[] => [
      bucket(LIST, 300, 100, 0, 2),
      bucket(LIST, 150 + mails, 50 + bounced),
    ];
    expect(actions(after(90, 60), { states })).toEqual([]);
    expect(brief(actions(after(110, 40), { states }))).toEqual([`pause ${LIST}`]);
  });

  it("keeps to the tenant's own settings", () => {
    const list = [bucket(LIST, 60, 20)];
    expect(brief(actions(list, { settings: { messagesMin: 50 } }))).toEqual([`pause ${LIST}`]);
    const large = [bucket(LIST, 200, 20)];
    expect(brief(actions(large, { settings: { bounceRateMax: 0.2 } }))).toEqual([]);
    expect(brief(actions(large, { settings: { pauses: false } }))).toEqual([`warn ${LIST}`, "warn *"]);
    expect(brief(actions([bucket(LIST, 1000, 0, 5)], { settings: { complaintRateMax: 0.01 } }))).toEqual([]);
  });
});

describe("the sender", () => {
  it.each([
    ["Info@A.Example", "info@a.example", true],
    [null, "*@", false],
    ["bounces+tanaka=b.example@a.example", "*@a.example", false],
    ["SRS0=HHH=TT=b.example=x@a.example", "*@a.example", false],
    ["prvs=1234abcd=x@a.example", "*@a.example", false],
  ])("of %s is %s", (returnPath, name, single) => {
    expect(breakerSender(returnPath)).toBe(name);
    expect(isOneSender(name)).toBe(single);
  });
});

describe("an event", () => {
  const message: MessageRecord = {
    id: firstQueueIdAt(NOW),
    tenant: "a",
    credential: "web-1",
    returnPath: LIST,
    time: new Date(NOW).toISOString(),
    size: 100,
    clientAddress: "192.0.2.1",
    recipients: 1,
    expiresAt: 1_900_000_000,
  };
  const address = "b@example.net";
  const sent = recordSent(firstClaim(message, 0, { address }, NOW, { claimedBy: "i", claimUntil: NOW }), "s", NOW);
  const common = {
    sesId: "s",
    id: message.id,
    recipientIndexes: [0],
    tenant: "a",
    at: message.time,
    destination: [address],
  };
  const delivery: SesEvent = { ...common, type: "Delivery", recipients: [address] };
  const bounce = (kind: string): SesEvent => {
    const [bounceType = "", bounceSubType = ""] = kind.split("/");
    return { ...common, type: "Bounce", bounceType, bounceSubType, recipients: [{ address }] };
  };
  const complaint: SesEvent = { ...common, type: "Complaint", recipients: [address] };

  it.each<[string, SesEvent, [number, number, number] | undefined]>([
    ["a delivery", delivery, [1, 0, 0]],
    ["a hard bounce", bounce("Permanent/General"), [1, 1, 0]],
    ["a soft bounce", bounce("Transient/MailboxFull"), [1, 0, 0]],
    ["SES's global list", bounce("Permanent/Suppressed"), [1, 1, 0]],
    ["SES's list of the account", bounce("Permanent/OnAccountSuppressionList"), undefined],
    ["a complaint", complaint, [0, 0, 1]],
    ["a complaint for an entry of a list", { ...complaint, complaintSubType: "OnAccountSuppressionList" }, undefined],
    ["a Send", { ...common, type: "Send" }, undefined],
    ["a virus", { ...common, type: "Reject", reason: "Bad content" }, undefined],
  ])("counts as SES counts %s", (_, event, expected) => {
    const counts = breakerFact(event, message, sent);
    expect(counts && [counts.mails, counts.bounced, counts.complained]).toEqual(expected);
    expect(breakerFact(event, { ...message, dsnFor: "x" }, sent)).toBeUndefined();
  });

  it("makes one mail of a delivery and the bounce after it", () => {
    const delivered = recordEvent(sent, delivery) ?? sent;
    expect(breakerFact(bounce("Permanent/General"), message, delivered)).toEqual({
      mails: 0,
      bounced: 1,
      complained: 0,
    });
  });
});
