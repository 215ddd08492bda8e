/** Every item of the ledger vanishes by itself in its time, but for those that are named here. */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { appendAudit } from "../../lib/aws/audit-dynamo.ts";
import { writeBreakerState } from "../../lib/aws/breaker-dynamo.ts";
import { noteMessage } from "../../lib/aws/ledger-dynamo.ts";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV, LEDGER_KEYS } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { itemsOf } from "../support/everything-kept.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";
import { complaintJson, sesEventJson } from "../support/ses-event-json.ts";

const RECORD_DAYS = 7;
const DAY = 86_400;

/** Days that an item is kept, by what its key begins with; undefined: until somebody removes it. */
const KEPT: Readonly<Record<string, readonly [min: number, max: number] | undefined>> = {
  // Records of messages and recipients, from the acceptance on.
  "m#/m": [RECORD_DAYS, RECORD_DAYS],
  "m#/r": [RECORD_DAYS, RECORD_DAYS],
  // Notes hold no address. They are kept longer than any message is in the spool.
  "m#/n": [90, 90],
  "d#": [1, 1.1],
  "x/": [LIMITS.ledger.unknownEventDays - 0.1, LIMITS.ledger.unknownEventDays],
  // Counts of the breaker's window, and what it remembers of a pause.
  "b#demo#": [1, LIMITS.breaker.windowHours / 24 + 1],
  "b#demo/": [90, 90],
  // Slots of which the day's numbers are made: two months longer than their records.
  "v#": [RECORD_DAYS + 60, RECORD_DAYS + 60],
  // What invoices are made from.
  "u#": undefined,
  // Lists are lifted by the operator.
  "s#": undefined,
  // Who changed what is evidence.
  "a#": undefined,
  // An announcement goes when it has been counted.
  "w#": undefined,
};

let pipeline: Pipeline;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now(), shouldAdvanceTime: true });
  pipeline = await startPipeline({}, { [ENV.recordDays]: String(RECORD_DAYS) });
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

describe("the ledger", () => {
  it("lets every kind of item expire, records of mail after recordDays", async () => {
    const ids: QueueId[] = [];
    for (const name of ["one", "two", "two"]) {
      ids.push(
        await pipeline.accept({ to: [`${name}@example.net`, "bounce@simulator.amazonses.com"], bytes: testMail(name) }),
      );
    }
    const states = async (): Promise<string[]> =>
      (await Promise.all(ids.map((id) => pipeline.recipients(id)))).flat().map(({ state }) => state);
    await pumpUntil(pipeline, async () => {
      const found = await states();
      return found.length === 6 && found.every((state) => ["delivered", "bounced", "duplicate"].includes(state));
    });
    const [first] = ids;
    const [record] = first === undefined ? [] : await pipeline.recipients(first);
    if (first === undefined || record === undefined) throw new Error("no record");
    await sendToQueue(pipeline.feedbackQueue, complaintJson(record));
    const unknown = { ...record, id: "0".repeat(20) as QueueId, sesId: "nobody-knows" };
    await sendToQueue(pipeline.feedbackQueue, sesEventJson(unknown, "Delivery", { recipients: [record.address] }));
    const logged = (event: string): boolean => pipeline.log.some((entry) => entry.event === event);
    await pumpUntil(pipeline, () => logged("suppressed") && logged("feedback-unknown"));
    await noteMessage(pipeline.ledger, first, { order: "hold" }, Date.now());
    const state = { phase: "paused", hourMs: 0, before: { mails: 0, bounced: 0, complained: 0 } } as const;
    await writeBreakerState(pipeline.ledger, "demo", "*", state, Date.now());
    const change = { id: "1", phase: "done", who: "o", action: "hold", subjects: [first], text: [] } as const;
    await appendAudit(pipeline.ledger, { ...change, at: new Date().toISOString() });
    const acceptedAt = Date.now() / 1000;
    const sweep = makeSweepHandler({ ...pipeline.env, [ENV.recordDays]: String(RECORD_DAYS) }, () => undefined);
    for (let i = 0; i < 5; i++) {
      vi.setSystemTime(Date.now() + 15 * 60_000);
      await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
    }
    await new UsageMarker(pipeline.ledger).announce("demo", first, Date.now());

    const items = await itemsOf(pipeline.ledger.client, pipeline.ledger.table);
    const kinds = new Set<string>();
    for (const item of items) {
      const name = `${String(item[LEDGER_KEYS.partition])}/${String(item[LEDGER_KEYS.sort])}`;
      const kind = Object.keys(KEPT).find((start) => name.replace(/^m#[^/]+/, "m#").startsWith(start));
      expect(kind, `${name} is of no known kind`).toBeDefined();
      kinds.add(String(kind));
      const range = KEPT[String(kind)];
      const expiresAt = item[LEDGER_KEYS.ttl];
      if (range === undefined) {
        expect(expiresAt, name).toBeUndefined();
        continue;
      }
      expect(typeof expiresAt, `${name} has no time to go`).toBe("number");
      // An hour and a half has passed, and so much may lie between the flow's steps.
      const days = (Number(expiresAt) - acceptedAt) / DAY;
      expect(days, name).toBeGreaterThan(range[0] - 0.1);
      expect(days, name).toBeLessThan(range[1] + 0.1);
    }
    expect([...kinds].toSorted((a, b) => a.localeCompare(b))).toEqual(
      Object.keys(KEPT).toSorted((a, b) => a.localeCompare(b)),
    );
  }, 120_000);
});
