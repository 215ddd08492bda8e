/** Under load: one tenant's list bounces by a third and is paused by itself, the other's mail goes on as before. */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { watchEvents } from "../support/usage-check.ts";

/** What the account sends on an ordinary day before: messages, and recipients of each. */
const DAY = { messages: 25, recipients: 10 };
const ROUNDS = 14;
/** Mails of a round: of the list, and of the other tenant. */
const LIST = 6;
const OTHER = 4;
/** A line that SES draws for the account as a whole. */
const REVIEW = 0.05;

let pipeline: Pipeline;
const events: { readonly type: string; readonly hard: boolean }[] = [];

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now(), shouldAdvanceTime: true });
  pipeline = await startPipeline();
  const tenant = { kind: "tenant", name: "x", status: "active", language: "en" } as const;
  // The list is short, so that its tenant must be judged by few mails.
  await writeRow(pipeline.directory, { ...tenant, id: "list", breaker: { messagesMin: 30 } });
  await writeRow(pipeline.directory, { ...tenant, id: "other" });
  watchEvents(pipeline.proxy, (body) => {
    const { eventType, bounce } = JSON.parse(body) as { eventType: string; bounce?: { bounceType: string } };
    events.push({ type: eventType, hard: bounce?.bounceType === "Permanent" });
  });
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

let mails = 0;

async function send(tenant: string, from: string, addresses: readonly string[]): Promise<QueueId> {
  mails += 1;
  // Without reports: they are mail of their own.
  const to = addresses.map((address) => ({ address, notify: ["NEVER"] as const }));
  return await pipeline.accept({ from, to, bytes: testMail(`apart-${mails}`), envelope: { tenant } });
}

/** Of a list that somebody has bought, every third address is gone. */
async function sendList(): Promise<QueueId> {
  const kind = mails % 3 === 0 ? "bounce" : "success";
  return await send("list", `u${mails}@example.com`, [`${kind}+${mails}@simulator.amazonses.com`]);
}

const isPaused = async (tenant: string): Promise<boolean> => {
  const row = await readRow(pipeline.directory, tenantKey(tenant));
  return row?.kind === "tenant" && row.status === "paused";
};

async function records(ids: readonly QueueId[]): Promise<RecipientRecord[]> {
  return (await Promise.all(ids.map((id) => pipeline.recipients(id)))).flat();
}

/** The share of hard bounces in what SES has said of the account's mail so far. */
function bounceRate(): number {
  const ended = events.filter(({ type }) => type === "Delivery" || type === "Bounce");
  return ended.filter(({ hard }) => hard).length / Math.max(1, ended.length);
}

interface Wait {
  readonly ms: number;
  /** Batches that were handled between its acceptance and its sending. */
  readonly batches: number;
}

/** Works until these are with SES, and what SES says of them is on record. */
async function workOff(ids: readonly QueueId[]): Promise<Map<QueueId, Wait>> {
  const startMs = performance.now();
  const waits = new Map<QueueId, Wait>();
  const open = new Set<unknown>(ids);
  let logged = pipeline.log.length;
  for (let batches = 1; open.size > 0; batches++) {
    if (performance.now() - startMs > 60_000) throw new Error(JSON.stringify(pipeline.log.slice(-20)));
    await pipeline.pump();
    for (const { event, id, type } of pipeline.log.slice(logged) as { event: string; id?: QueueId; type?: string }[]) {
      if (id === undefined || !open.has(id)) continue;
      if (event === "forwarded") waits.set(id, { ms: performance.now() - startMs, batches });
      if (event === "feedback" && type === "Delivery") open.delete(id);
    }
    logged = pipeline.log.length;
  }
  return waits;
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

function figures(waits: readonly Wait[], of: (wait: Wait) => number): { median: number; p99: number } {
  const sorted = waits.map(of).toSorted((a, b) => a - b);
  return { median: at(sorted, 0.5), p99: at(sorted, 0.99) };
}

describe("a tenant beside one whose list bounces", () => {
  it("waits for nothing of it, and the account stays below SES's line", async () => {
    const day: QueueId[] = [];
    for (let index = 0; index < DAY.messages; index++) {
      const to = Array.from({ length: DAY.recipients }, (_, of) => `day${index}-${of}@example.net`);
      day.push(await send("other", "shop@example.jp", to));
    }
    await workOff(day);
    const list: QueueId[] = [];
    const other: QueueId[] = [];
    const waits: { before: Wait[]; after: Wait[] } = { before: [], after: [] };
    let highest = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const paused = await isPaused("list");
      const own: QueueId[] = [];
      for (let index = 0; index < LIST; index++) list.push(await sendList());
      for (let index = 0; index < OTHER; index++) {
        own.push(await send("other", "shop@example.jp", [`friend${round}-${index}@example.net`]));
      }
      waits[paused ? "after" : "before"].push(...(await workOff(own)).values());
      other.push(...own);
      highest = Math.max(highest, bounceRate());
      // What waits of the list comes back from the queue again and again.
      vi.setSystemTime(Date.now() + 20_000);
    }
    const ends = await records(list);
    const sent = ends.filter(({ sesId }) => sesId !== undefined).length;
    const ms = { before: figures(waits.before, (wait) => wait.ms), after: figures(waits.after, (wait) => wait.ms) };
    const batches = {
      before: figures(waits.before, (wait) => wait.batches),
      after: figures(waits.after, (wait) => wait.batches),
    };
    const round = ({ median, p99 }: { median: number; p99: number }): string =>
      `median ${median.toFixed(0)}, p99 ${p99.toFixed(0)}`;
    console.log(
      `list: ${sent} of ${list.length} sent, then paused; the other's ${waits.before.length} mails before waited ` +
        `${round(ms.before)} ms (${round(batches.before)} batches), its ${waits.after.length} after ${round(ms.after)} ms ` +
        `(${round(batches.after)} batches); bounces of the account: ${(highest * 100).toFixed(1)} % at most`,
    );
    expect(await isPaused("list")).toBe(true);
    expect(await isPaused("other")).toBe(false);
    expect(waits.after.length).toBeGreaterThan(ROUNDS * OTHER * 0.5);
    // Nothing of the list has gone out since, but for what was under way.
    expect(sent).toBeLessThan(list.length / 2);
    expect(ends.filter(({ state }) => state === "waiting").length).toBeGreaterThan(list.length / 3);
    for (const record of await records(other)) {
      expect(record).toMatchObject({ state: "delivered", attempts: 1 });
      expect(record.history.map(({ what }) => what)).not.toContain("deferred");
    }
    // It never waits for the other's time; at most, a look at each of the other's waiting mails comes before it.
    const looks = Math.ceil((list.length - sent) / 10);
    expect(batches.after.median).toBeLessThanOrEqual(batches.before.median + looks / 2);
    expect(batches.after.p99).toBeLessThanOrEqual(batches.before.p99 + looks);
    expect(highest).toBeLessThan(REVIEW);
  }, 240_000);
});
