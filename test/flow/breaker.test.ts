/** A tenant whose list bounces is paused by itself, and its neighbour does not notice. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { changeRow, deleteRow, readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { listSpool } from "../../lib/aws/spool-s3.ts";
import { senderPauseKey, type Tenant, tenantKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";

/** Mails of each tenant that are in the queue at the same time. */
const EACH = 8;
const LISTER = "newsletter@example.com";

let pipeline: Pipeline;
let tenants = 0;
let mails = 0;
let bad: Tenant;
let good: Tenant;
/** How far the log has been looked through. */
let settledTo = 0;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline({}, { [ENV.breakerMessagesMin]: "22" });
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});
beforeEach(async () => {
  tenants += 1;
  const row = (name: string): Tenant => ({
    kind: "tenant",
    id: `${name}-${tenants}`,
    name,
    status: "active",
    language: "en",
    contact: `operator-${tenants}@example.jp`,
    breaker: { messagesMin: 20 },
  });
  [bad, good] = [row("bad"), row("good")];
  await writeRow(pipeline.directory, bad);
  await writeRow(pipeline.directory, good);
});
async function send(tenant: Tenant, from: string, to: string): Promise<QueueId> {
  mails += 1;
  return await pipeline.accept({
    from,
    // Without reports: they would be half of the work here.
    to: [{ address: to, notify: ["NEVER"] }],
    bytes: testMail(`breaker-${mails}`),
    envelope: { tenant: tenant.id },
  });
}

/** Of a bad list, every second address is gone. */
async function sendList(count: number, from: (index: number) => string = () => LISTER): Promise<QueueId[]> {
  const ids: QueueId[] = [];
  for (let index = 0; index < count; index++) {
    const name = index % 2 === 1 ? "bounce" : "success";
    ids.push(await send(bad, from(index), `${name}+${tenants}-${mails}@simulator.amazonses.com`));
  }
  return ids;
}

/** Until each of these mails was delivered, has bounced, was put off or given up, since the last time. */
async function settle(ids: readonly QueueId[]): Promise<void> {
  const open = new Set<unknown>(ids);
  const told = (event: LogEvent): boolean =>
    ["Delivery", "Bounce"].includes(String(event["type"])) || ["deferred", "failed"].includes(event.event);
  await pumpUntil(pipeline, () => {
    for (const event of pipeline.log.slice(settledTo)) if (told(event)) open.delete(event["id"]);
    return open.size === 0;
  });
  settledTo = pipeline.log.length;
}

/** Until a mail of the relay's own has left. */
async function told(address: string | undefined): Promise<void> {
  await pumpUntil(pipeline, () =>
    pipeline.log.some((event) => event.event === "forwarded" && event["recipient"] === address),
  );
}

async function tenantRow(tenant: Tenant): Promise<Tenant | undefined> {
  const row = await readRow(pipeline.directory, tenantKey(tenant.id));
  return row?.kind === "tenant" ? row : undefined;
}

async function states(ids: readonly QueueId[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const id of ids) {
    for (const { state } of await pipeline.recipients(id)) counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

async function noticesTo(address: string | undefined): Promise<string[]> {
  const found = (await pipeline.outbox()).filter(({ recipients }) => recipients.includes(String(address)));
  return found.map(({ raw }) => raw.toString("latin1"));
}

describe("a tenant that sends to a list where half bounces", () => {
  it("is paused by itself; what it has in the queue waits; the other's mail goes on beside it", async () => {
    const bads: QueueId[] = [];
    const goods: QueueId[] = [];
    for (let index = 0; index < EACH; index++) {
      // From many senders, so that it is the tenant that is to be paused.
      bads.push(...(await sendList(4, (of) => `user${index}-${of}@example.com`)));
      goods.push(await send(good, "shop@example.jp", `friend${index}@example.net`));
    }
    await settle([...bads, ...goods]);
    expect(await tenantRow(bad)).toMatchObject({
      status: "paused",
      pause: {
        by: "breaker",
        reason: expect.stringMatching(/^[\d.]+ % of \d+ mails bounced within 24 hours, the limit is 4 %$/),
      },
    });
    expect((await tenantRow(good))?.status).toBe("active");
    expect(await states(goods)).toEqual({ delivered: EACH });
    const after = await states(bads);
    expect(after["waiting"]).toBeGreaterThan(0);
    const [waiting] = (await Promise.all(bads.map((id) => pipeline.recipients(id))))
      .flat()
      .filter(({ state }) => state === "waiting");
    expect(waiting?.reason).toMatch(/^paused: [\d.]+ % of /);
    // Not one call to SES for what waits.
    expect(waiting?.sesId).toBeUndefined();
    expect(pipeline.log.filter(({ event }) => event === "breaker-paused")).toEqual([
      { event: "breaker-paused", tenant: bad.id, reason: expect.anything() },
    ]);
    await told(bad.contact);
    const [notice, ...more] = await noticesTo(bad.contact);
    expect(more).toEqual([]);
    expect(notice).toContain(`Subject: [relayhost] Tenant ${bad.id} has been paused`);
    expect(notice).toContain(`relayhost tenant resume ${bad.id}`);
  }, 120_000);

  it("goes on where it stopped once the pause is lifted, and is not paused again for what was before", async () => {
    await changeRow(pipeline.directory, tenantKey(bad.id), {
      status: "paused",
      pause: { by: "operator", reason: "asked for", atMs: Date.now() },
    });
    const ids = await sendList(3);
    await settle(ids);
    expect(await states(ids)).toEqual({ waiting: 3 });
    await changeRow(pipeline.directory, tenantKey(bad.id), { status: "active", pause: undefined });
    vi.setSystemTime(Date.now() + 10 * 60_000);
    await settle(ids);
    expect(await states(ids)).toEqual({ delivered: 2, bounced: 1 });
    const list = await sendList(24, (index) => `u${index}@example.com`);
    await settle(list);
    expect((await tenantRow(bad))?.status).toBe("paused");
    await changeRow(pipeline.directory, tenantKey(bad.id), { status: "active", pause: undefined });
    const after = await sendList(4, () => "z@example.com");
    await settle(after);
    expect((await tenantRow(bad))?.status).toBe("active");
    expect(pipeline.log).toContainEqual(expect.objectContaining({ event: "breaker-lifted", tenant: bad.id }));
    expect(await states(after)).toEqual({ delivered: 2, bounced: 2 });
  }, 120_000);
});

describe("a tenant without values of its own", () => {
  it("is paused by the environment's, and one with values of its own by those", async () => {
    const own = { ...good, breaker: { messagesMin: 1_000 } };
    const { breaker: _, ...plain } = bad;
    await writeRow(pipeline.directory, own);
    await writeRow(pipeline.directory, plain);
    const ids = await sendList(24, (index) => `v${index}@example.com`);
    for (let index = 0; index < 24; index++) {
      const name = index % 2 === 1 ? "bounce" : "success";
      ids.push(await send(own, `w${index}@example.com`, `${name}+own-${mails}@simulator.amazonses.com`));
    }
    await settle(ids);
    expect(await tenantRow(plain)).toMatchObject({
      status: "paused",
      pause: { reason: expect.stringContaining("the limit is 4 %") as string },
    });
    expect((await tenantRow(own))?.status).toBe("active");
  }, 120_000);
});

describe("one sender of a tenant whose list bounces", () => {
  it("is paused alone, and the tenant's other senders go on", async () => {
    const key = senderPauseKey(bad.id, LISTER);
    await settle(await sendList(24));
    expect(await readRow(pipeline.directory, key)).toMatchObject({ pause: { by: "breaker" } });
    expect((await tenantRow(bad))?.status).toBe("active");
    const held = await send(bad, "Newsletter@Example.com", "one@example.net");
    const free = await send(bad, "info@example.com", "one@example.net");
    await settle([held, free]);
    expect(await states([held])).toEqual({ waiting: 1 });
    expect(await states([free])).toEqual({ delivered: 1 });
    await told(bad.contact);
    expect((await noticesTo(bad.contact))[0]).toContain(`--sender ${LISTER}`);
    await deleteRow(pipeline.directory, key);
    vi.setSystemTime(Date.now() + 5 * 60_000);
    await settle([held]);
    expect(await states([held])).toEqual({ delivered: 1 });
  }, 120_000);
});

describe("mail of a paused tenant", () => {
  it("is told late after four hours, and returned when the time is over", async () => {
    const from = `waits-${tenants}@example.com`;
    await changeRow(pipeline.directory, tenantKey(bad.id), { status: "paused" });
    const id = await pipeline.accept({ from, to: ["someone@example.net"], envelope: { tenant: bad.id } });
    await settle([id]);
    for (const hours of [5, 44]) {
      vi.setSystemTime(Date.now() + hours * 3_600_000);
      await settle([id]);
    }
    const reported = (): number =>
      pipeline.log.filter(({ event, recipient }) => event === "forwarded" && recipient === from).length;
    await pumpUntil(pipeline, () => reported() === 2);
    expect((await pipeline.recipients(id))[0]).toMatchObject({ state: "failed" });
    const reports = (await noticesTo(from)).map((raw) => /^Action: (\w+)/m.exec(raw)?.[1]);
    expect(new Set(reports)).toEqual(new Set(["delayed", "failed"]));
    expect(reports).toHaveLength(2);
    for await (const entry of listSpool(pipeline.spool)) expect(entry.id).not.toBe(id);
  }, 120_000);
});
