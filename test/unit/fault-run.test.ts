import { describe, expect, it } from "vitest";
import { type Books, type Reckoning, reckon } from "../../bench/fault/reckon.ts";
import { CALL_FAULTS, nameOf, PROCESSES, planFaults } from "../../bench/fault/schedule.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { makeQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { hashBody } from "../fault/mail-load.ts";
import { OutboxCopies } from "../fault/outbox-copies.ts";

const MINUTE_MS = 60_000;
const SENDER = "load@example.com";
const BODY = "hello\r\n";
const T0 = Date.parse("2026-11-01T00:00:00Z");

function idAt(ms: number, salt = 1): QueueId {
  return makeQueueId(T0 + ms, new Uint8Array(11).fill(salt));
}

function mail(sesId: string, queueId: string, recipient: string, marker = "0-1", body = BODY) {
  return {
    id: sesId,
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
    causes: [1],
    sender: SENDER,
    ...change,
  };
}

const GOOD = [mail("ses-1", idAt(0), "a@recipient.test")];

function wrong(reckoning: Reckoning): Record<string, readonly unknown[]> {
  const { lost, wrongBytes, misdirected, wrongLedger, untold } = reckoning;
  const unexplained = reckoning.duplicates.filter(({ because }) => because === undefined);
  const all = { lost, wrongBytes, misdirected, wrongLedger, untold, unexplained };
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

  it("finds a second copy that nothing announced, and explains one that was", () => {
    const copies = [...GOOD, mail("ses-2", idAt(0), "a@recipient.test")];
    const event = { event: "possible-duplicate", id: idAt(0), recipient: "a@recipient.test" };
    expect(wrong(reckon(books(copies)))).toMatchObject({ unexplained: [{ sesId: "ses-2" }] });
    const told = reckon(books(copies, { events: [{ atMs: 5, event }] }));
    expect(wrong(told)).toEqual({});
    expect(told.duplicates).toMatchObject([{ sesId: "ses-2", atMs: 5 }]);
    const causeless = reckon(books(copies, { events: [{ atMs: 5, event }], causes: [6] }));
    expect(wrong(causeless)).toMatchObject({ unexplained: [{ sesId: "ses-2" }] });
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
      recordOf(idAt(5), "bounce+1@simulator.amazonses.com", { state: "bounced", dsns }),
      recordOf(idAt(0), "a@recipient.test"),
    ];
    const sent = { queueId: report, recipients: [SENDER], sesId: "ses-5" };
    expect(Object.keys(wrong(reckon(books(GOOD, { records: bounced() }))))).toEqual(["untold"]);
    expect(Object.keys(wrong(reckon(books(GOOD, { records: bounced([note]) }))))).toEqual(["untold"]);
    expect(wrong(reckon(books(GOOD, { records: bounced([note]), reports: [sent] })))).toEqual({});
    const twice = [sent, { ...sent, sesId: "ses-6" }];
    expect(wrong(reckon(books(GOOD, { records: bounced([note]), reports: twice })))).toMatchObject({
      unexplained: [{ sesId: "ses-6" }],
    });
  });
});
