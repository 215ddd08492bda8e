import { describe, expect, it } from "vitest";
import { causesOf, explain } from "../../bench/fault/causes.ts";
import { type Books, type Reckoning, reckon } from "../../bench/fault/reckon.ts";
import { reckonWebhooks } from "../../bench/fault/reckon-webhooks.ts";
import { isOfTable } from "../../bench/fault/reply-table.ts";
import {
  CALL_FAULTS,
  type CallFault,
  type Fault,
  nameOf,
  PROCESSES,
  planFaults,
  type ServiceName,
} from "../../bench/fault/schedule.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { makeQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { formatReply, smtpReply } from "../../lib/core/smtp-reply.ts";
import { hashBody } from "../fault/mail-load.ts";
import { OutboxCopies } from "../fault/outbox-copies.ts";

const MINUTE_MS = 60_000;
const SENDER = "load@example.com";
const BODY = "hello\r\n";
const T0 = Date.parse("2026-11-01T00:00:00Z");

function idAt(ms: number, salt = 1): QueueId {
  return makeQueueId(T0 + ms, new Uint8Array(11).fill(salt));
}

function mail(sesId: string, queueId: string, recipient: string, marker = "0-1", body = BODY, ms = 0) {
  return {
    id: sesId,
    takenAtMs: T0 + ms,
    raw: Buffer.from(`From: ${SENDER}\r\nX-Load-Marker: ${marker}\r\n\r\n${body}`),
    recipients: [recipient],
    request: { tags: { "relayhost-id": queueId } },
  };
}

function recordOf(id: QueueId, address: string, change: Partial<RecipientRecord> = {}): RecipientRecord {
  const base = { id, index: 0, address, version: 3, state: "delivered", attempts: 1, sesId: "ses-1" } as const;
  return { ...base, history: [], expiresAt: 0, ...change };
}

/** One message to one recipient that went as it should, and what to change about it. */
function books(mails: readonly ReturnType<typeof mail>[], change: Partial<Books> = {}): Books {
  const copies = new OutboxCopies();
  copies.add(mails);
  const bodyHash = hashBody(Buffer.from(BODY));
  return {
    acknowledged: [{ marker: "0-1", recipients: ["a@recipient.test"], bodyHash, queueId: idAt(0) }],
    copies,
    reports: [],
    records: [recordOf(idAt(0), "a@recipient.test")],
    events: [],
    causes: [],
    startedAtMs: T0,
    senders: { demo: SENDER },
    ...change,
  };
}

const GOOD = [mail("ses-1", idAt(0), "a@recipient.test")];

function wrong(reckoning: Reckoning): Record<string, readonly unknown[]> {
  const { lost, wrongBytes, misdirected, wrongLedger, untold, strayReports } = reckoning;
  const unexplained = reckoning.duplicates.filter(({ because }) => because === undefined);
  const all = { lost, wrongBytes, misdirected, wrongLedger, untold, strayReports, unexplained };
  return Object.fromEntries(Object.entries(all).filter(([, found]) => found.length > 0));
}

describe("a plan of faults", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(planFaults(7, 5 * MINUTE_MS)).toEqual(planFaults(7, 5 * MINUTE_MS));
    expect(planFaults(8, 5 * MINUTE_MS)).not.toEqual(planFaults(7, 5 * MINUTE_MS));
  });

  it("keeps to the faults that are asked for, and says when there are none", () => {
    const kinds = new Set(planFaults(1, MINUTE_MS, ["kill edge", "disk"]).map(nameOf));
    expect(kinds).toEqual(new Set(["kill edge", "disk-full"]));
    expect(() => planFaults(1, MINUTE_MS, ["flood"])).toThrow(RangeError);
  });

  it("has every process killed and every kind of failing call within three minutes, in order of time", () => {
    const plan = planFaults(3, 3 * MINUTE_MS);
    const killed = new Set(plan.flatMap((fault) => (fault.kind === "kill" ? [fault.process] : [])));
    const failed = new Set(plan.flatMap((fault) => (fault.kind === "calls" ? [fault.fault] : [])));
    expect(killed).toEqual(new Set(PROCESSES));
    expect(failed).toEqual(new Set(CALL_FAULTS));
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  });
});

describe("the reckoning", () => {
  it("finds nothing where all is well", () => {
    expect(wrong(reckon(books(GOOD)))).toEqual({});
  });

  it("finds a message that did not leave", () => {
    expect(wrong(reckon(books([])))).toMatchObject({ lost: ["0-1 a@recipient.test"] });
  });

  it("finds an octet that changed", () => {
    const copies = [mail("ses-1", idAt(0), "a@recipient.test", "0-1", "hellO\r\n")];
    expect(wrong(reckon(books(copies)))).toEqual({ wrongBytes: ["0-1 a@recipient.test"] });
  });

  it("finds a copy to somebody who is not in the envelope", () => {
    const copies = [...GOOD, mail("ses-2", idAt(0), "stranger@recipient.test")];
    expect(wrong(reckon(books(copies)))).toEqual({ misdirected: ["0-1 stranger@recipient.test"] });
  });

  it("explains a second copy only by what was at work around the first one, once the relay has announced it", () => {
    const copies = [
      mail("ses-1", idAt(0), "a@recipient.test", "0-1", BODY, 100_000),
      mail("ses-2", idAt(0), "a@recipient.test", "0-1", BODY, 190_000),
    ];
    const event = { event: "possible-duplicate", id: idAt(0), recipient: "a@recipient.test" };
    const events = [{ atMs: 189_900, event }];
    const kill = { name: "kill forward-1", fromMs: 100_200, toMs: 101_000 };
    const because = (change: Partial<Books>) => reckon(books(copies, change)).duplicates.map((one) => one.because);
    expect(because({ events, causes: [kill] })).toEqual([
      "kill forward-1 at 100.2 s, first copy at 100.0 s, told at 189.9 s",
    ]);
    expect(because({ causes: [kill] })).toEqual([undefined]);
    for (const fromMs of [50_000, 150_000]) {
      expect(because({ events, causes: [{ ...kill, fromMs, toMs: fromMs + 1_000 }] })).toEqual([undefined]);
    }
    expect(because({ events: [{ atMs: 195_000, event }], causes: [kill] })).toEqual([undefined]);
  });

  it.for([
    [16, true],
    [14, false],
  ] as const)(
    "takes a copy that its client sent again %i minutes later for explained: %s",
    ([minutes, isExplained]) => {
      const later = idAt(minutes * MINUTE_MS);
      const copies = [...GOOD, mail("ses-2", later, "a@recipient.test")];
      const { duplicates } = reckon(books(copies));
      expect(duplicates).toMatchObject([{ queueId: later }]);
      expect(duplicates[0]?.because !== undefined).toBe(isExplained);
    },
  );

  it("finds a ledger that says something else than what left", () => {
    const records = [recordOf(idAt(0), "a@recipient.test", { sesId: "ses-9" })];
    expect(Object.keys(wrong(reckon(books(GOOD, { records }))))).toEqual(["wrongLedger"]);
    expect(Object.keys(wrong(reckon(books(GOOD, { records: [] }))))).toEqual(["wrongLedger"]);
  });

  it("finds a bounce that its sender was not told of, and a report that left twice", () => {
    const report = idAt(9, 2);
    const outcome = { action: "failed", status: "5.1.1" };
    const note = { outcome, id: report, written: true } as unknown as NonNullable<RecipientRecord["dsns"]>[number];
    const bounced = (dsns: RecipientRecord["dsns"] = []) => [
      recordOf(idAt(5), "bounce+1@simulator.amazonses.com", { tenant: "demo", state: "bounced", dsns }),
      recordOf(idAt(0), "a@recipient.test"),
    ];
    const sent = { queueId: report, recipients: [SENDER], sesId: "ses-5", takenAtMs: T0, action: "failed" };
    expect(Object.keys(wrong(reckon(books(GOOD, { records: bounced() }))))).toEqual(["untold"]);
    expect(Object.keys(wrong(reckon(books(GOOD, { records: bounced([note]) }))))).toEqual(["untold"]);
    expect(wrong(reckon(books(GOOD, { records: bounced([note]), reports: [sent] })))).toEqual({});
    const stray = { ...sent, queueId: idAt(20, 3) };
    const reports = [sent, stray];
    expect(Object.keys(wrong(reckon(books(GOOD, { records: bounced([note]), reports }))))).toEqual(["strayReports"]);
    const twice = [sent, { ...sent, sesId: "ses-6" }];
    expect(wrong(reckon(books(GOOD, { records: bounced([note]), reports: twice })))).toMatchObject({
      unexplained: [{ sesId: "ses-6" }],
    });
  });
});

describe("the causes of a second copy", () => {
  const base = { name: "x", atMs: 1_000, endMs: 4_000, hitsAtMs: [2_000] };
  const calls = (service: ServiceName, fault: CallFault) =>
    ({ kind: "calls", service, fault, share: 1, calls: 1, forMs: 3_000 }) as const;

  it("are deaths of those who make or keep the record, and calls after which it may be missing, when they were hit", () => {
    const fromOf = (fault: Fault) => causesOf([{ ...base, fault }]).map(({ fromMs, toMs }) => [fromMs, toMs]);
    expect(fromOf({ kind: "kill", process: "forward-2", downMs: 1 })).toEqual([[1_000, 1_000]]);
    expect(fromOf({ kind: "restart", process: "dynamodb", downMs: 1 })).toEqual([[1_000, 4_000]]);
    expect(fromOf({ kind: "kill", process: "edge", downMs: 1 })).toEqual([]);
    expect(fromOf(calls("ses", "lost-answer"))).toEqual([[2_000, 2_000]]);
    expect(fromOf(calls("dynamodb", "throttle"))).toEqual([[2_000, 2_000]]);
    for (const fault of [calls("ses", "reset"), calls("dynamodb", "slow"), calls("sqs", "reset")]) {
      expect(fromOf(fault)).toEqual([]);
    }
  });

  it("are clocks only where they jump further than a claim allows for", () => {
    const count = (fault: Fault) => causesOf([{ ...base, fault }]).length;
    expect(count({ kind: "clock-jump", aheadMs: 70_000 })).toBe(1);
    expect(count({ kind: "clock-jump", aheadMs: 10_000 })).toBe(0);
    expect(count({ kind: "clock-skew", process: "forward-1", offMs: 2_000, forMs: 1_000 })).toBe(0);
  });

  it("let a clock explain what it overtook, and not what began after it", () => {
    const causes = [{ name: "clock-jump 70 s", fromMs: 50_000, toMs: 50_000, clock: true } as const];
    expect(explain(causes, { firstMs: 60_000, toldMs: 51_000 })).toContain("clock-jump 70 s at 50.0 s");
    expect(explain(causes, { firstMs: 49_000, toldMs: 51_000 })).toBeUndefined();
    expect(explain(causes, { firstMs: 80_000, toldMs: 90_000 })).toBeUndefined();
  });
});

describe("the check of replies", () => {
  const is = (code: number, ...lines: string[]) => isOfTable({ code, lines });

  it("knows every row of the table, whatever fills its placeholders, and what EHLO offers", () => {
    expect(is(250, "2.0.0 Ok: queued as 1m877nngfcqjk1tvtdgy")).toBe(true);
    expect(is(550, formatReply(smtpReply("senderForeign", { domain: "stranger.example" })))).toBe(true);
    expect(is(250, "relay.example Nice to meet you", "PIPELINING", "SIZE 1000", "8BITMIME")).toBe(true);
  });

  it.for([
    [451, "4.3.0 connect ECONNREFUSED 127.0.0.1:4566"],
    [550, "5.3.0 Message could not be stored; try again later"],
    [250, "2.0.0 Ok: queued as"],
    [451, "4.3.0 Message could not be stored; try again later (NoSuchBucket)"],
  ] as const)("finds %i %s", ([code, text]) => {
    expect(is(code, text)).toBe(false);
  });
});

describe("the reckoning of webhooks", () => {
  const id = idAt(0);
  const history = [{ at: "2026-11-01T00:00:01Z", what: "Delivery" }] as RecipientRecord["history"];
  const records = [recordOf(id, "a@recipient.test", { history })];
  const event = { webhookId: "msg_1", type: "message.delivered", id, recipient: "a@recipient.test" };

  it("wants each end once at least, and lets one be put aside", () => {
    expect(reckonWebhooks(records, [event, event], [])).toMatchObject({ wanted: 1, posted: 1, again: 1, untold: [] });
    expect(reckonWebhooks(records, [], [event]).untold).toEqual([]);
    expect(reckonWebhooks(records, [], []).untold).toEqual([`${id} a@recipient.test message.delivered`]);
  });

  it("finds what was told and did not happen", () => {
    const bounce = { ...event, type: "message.bounced" };
    expect(reckonWebhooks(records, [event, bounce], []).untrue).toEqual([`${id} a@recipient.test message.bounced`]);
  });
});
