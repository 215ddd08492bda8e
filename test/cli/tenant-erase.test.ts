/** One tenant is erased, with everything that mail, events and commands have left of it; the other keeps everything. */

import { PassThrough } from "node:stream";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { addCredentialCommand } from "../../bin/commands/credential.ts";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addNetworkCommand } from "../../bin/commands/network.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { changeRow, readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { noteMessage } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { deleteSpoolObject } from "../../lib/aws/spool-s3.ts";
import { addSuppression } from "../../lib/aws/suppression-dynamo.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import { ERASURE_KINDS } from "../../lib/core/erasure.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { type Commands, commandsFor } from "../support/cli.ts";
import { itemsOf, sesNames, versionsOf } from "../support/everything-kept.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";

const TENANTS = ["alpha", "beta"] as const;
/** Of these words, and the ids of its messages, nothing may be left. */
const ALPHA = /alpha/;

let pipeline: Pipeline;
let commands: Commands;
let ses: SESv2Client;
const ids = new Map<string, QueueId[]>();

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline({ identities: ["relay.test.example", "alpha.example", "beta.example"] });
  ses = new SESv2Client();
  await sesNames(ses);
  const groups = [addTenantCommand, addCredentialCommand, addNetworkCommand, addDomainCommand];
  commands = await commandsFor(groups, pipeline.proxy.endpoint, { ...pipeline.names, sesTenants: true });
  for (const tenant of TENANTS) await leaveTraces(tenant);
}, 180_000);

afterAll(async () => {
  ses.destroy();
  await commands.close();
  await pipeline.close();
  vi.useRealTimers();
});

const run = async (line: string) => await commands.run(...line.split(" "));
const erased = async (line: string) => (await commands.json(...`tenant erase ${line} --json`.split(" "))) as Outcome;

/** Runs a command with a person at the keyboard who types one line. */
async function typing(text: string, line: string): Promise<Awaited<ReturnType<typeof run>>> {
  const { stdin } = process;
  const keyboard = Object.assign(new PassThrough(), { isTTY: true });
  Object.defineProperty(process, "stdin", { value: keyboard, configurable: true });
  try {
    keyboard.write(`${text}\n`);
    return await run(line);
  } finally {
    Object.defineProperty(process, "stdin", { value: stdin, configurable: true });
  }
}

interface Outcome {
  readonly wouldRemove: Readonly<Record<string, number>>;
  readonly removed: Readonly<Record<string, number>>;
  readonly remaining: Readonly<Record<string, number>>;
  readonly usageKept: number;
  readonly identitiesKept: readonly string[];
}

/** Lets a tenant leave something of every kind. */
async function leaveTraces(tenant: string): Promise<void> {
  for (const line of [
    `tenant add ${tenant} --name ${tenant} --breaker-messages-min 1`,
    `credential add ${tenant}-web --tenant ${tenant}`,
    `network add 192.0.2.${tenant.length}/32 --tenant ${tenant}`,
    `domain add ${tenant}.example ${tenant}-2.example --tenant ${tenant}`,
    `tenant pause ${tenant} --sender www@${tenant}.example --reason test`,
  ]) {
    expect(await run(line), line).toMatchObject({ code: 0 });
  }
  await writeRow(pipeline.directory, {
    kind: "watch",
    tenant,
    networks: ["192.0.2.5/32"],
    lists: [],
    clearDays: 3,
    version: 1,
  });
  const own: QueueId[] = [];
  for (const [index, kind] of ["success", "bounce", "complaint", "success"].entries()) {
    const to = [`${kind}+${tenant}-${index}@simulator.amazonses.com`, `someone-of-${tenant}@example.net`];
    const bytes = testMail(`${tenant}-${index}`, `x${index}\r\n`).replace("a@example.com", `a@${tenant}.example`);
    const envelope = { tenant, credential: `${tenant}-web` };
    own.push(await pipeline.accept({ from: `a@${tenant}.example`, to, bytes, envelope }));
  }
  await pumpUntil(pipeline, async () => {
    const { waiting, inFlight, delayed } = await queueDepth(pipeline.feedbackQueue);
    const ends = await Promise.all(own.map(async (id) => await pipeline.recipients(id)));
    const done = ends.every((found) => found.length === 2 && found.every(({ state }) => state !== "sent"));
    return done && waiting + inFlight + delayed === 0;
  });
  ids.set(tenant, own);
  const [first] = own;
  if (first === undefined) throw new Error("no message");
  await noteMessage(pipeline.ledger, first, { order: "hold" }, Date.now());
  const since = new Date().toISOString();
  await addSuppression(pipeline.ledger, { tenant, address: "left@example.net", reason: "manual", since });
  await sendToQueue(pipeline.feedbackQueue, unknownEvent(tenant));
  await pumpUntil(pipeline, () => pipeline.log.filter(({ event }) => event === "feedback-unknown").length > 0);
  pipeline.proxy.reset();
}

/** Of a message that the ledger does not know. */
function unknownEvent(tenant: string): string {
  const tags = { "relayhost-id": ["0".repeat(20)], "relayhost-tenant": [tenant], "relayhost-recipient": ["0"] };
  const mail = {
    timestamp: new Date().toISOString(),
    messageId: `ses-${tenant}`,
    destination: ["x@example.net"],
    tags,
  };
  return JSON.stringify({ eventType: "Delivery", mail, delivery: { recipients: ["x@example.net"] } });
}

async function everything(): Promise<string[]> {
  return [
    ...(await itemsOf(pipeline.ledger.client, pipeline.ledger.table)).map((item) => JSON.stringify(item)),
    ...(await itemsOf(pipeline.directory.client, pipeline.directory.table)).map((item) => JSON.stringify(item)),
    ...(await versionsOf(pipeline.spool.client, pipeline.spool.bucket)),
    ...(await sesNames(ses)),
  ].toSorted();
}

const namesAlpha = (line: string): boolean =>
  ALPHA.test(line) || (ids.get("alpha") ?? []).some((id) => line.includes(id));

/** Reports to the tenant have ids of their own. */
function reportIds(line: string): QueueId[] {
  const id = parseQueueId(/"pk":"m#([^"]+)"/.exec(line)?.[1] ?? "");
  return id === undefined ? [] : [id];
}

/** Closes the books, as sweeps do in time. */
async function sweepForAnHour(): Promise<void> {
  const sweep = makeSweepHandler(pipeline.env, () => undefined);
  for (let i = 0; i < 5; i++) {
    vi.setSystemTime(Date.now() + 15 * 60_000);
    await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
  }
  await pumpUntil(pipeline, async () => (await queueDepth(pipeline.feedbackQueue)).waiting === 0);
}

describe("relayhost tenant erase", () => {
  it("refuses a tenant that may send, or could a moment ago, and one whose mail waits", async () => {
    expect(await run("tenant erase alpha --yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("may still send") as string,
    });
    await run("tenant end alpha");
    expect(await run("tenant erase alpha --yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("try again in 5 min") as string,
    });
    await sweepForAnHour();
    const waiting = await pipeline.accept({
      from: "a@alpha.example",
      bytes: testMail("alpha-late"),
      envelope: { tenant: "alpha" },
    });
    expect(await run("tenant erase alpha --yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("1 of its messages wait to be sent") as string,
    });
    ids.get("alpha")?.push(waiting);
    expect(await run("tenant erase alpha")).toMatchObject({ code: 1 });
    await deleteSpoolObject(pipeline.spool, waiting);
    expect(await run("tenant erase alpha")).toMatchObject({ code: 2 });
    expect(await run("tenant erase Alpha")).toMatchObject({ code: 2 });
  }, 120_000);

  it("shows in a dry run what there is of each kind, and removes nothing", async () => {
    await new UsageMarker(pipeline.ledger).announce("alpha", ids.get("alpha")?.[0] as QueueId, Date.now());
    const before = await everything();
    const { wouldRemove } = await erased("alpha --dry-run");
    expect(await everything()).toEqual(before);
    const kinds = Object.keys(ERASURE_KINDS);
    expect(kinds.filter((kind) => (wouldRemove[kind] ?? 0) === 0)).toEqual([]);
    // A message without a record, known by its object alone, counts too.
    expect(wouldRemove["messages"]).toBeLessThan(wouldRemove["content"] ?? 0);
    expect((await run("tenant erase alpha --dry-run")).stdout).toMatch(/stored mail, all versions +\d+\n/);
  }, 60_000);

  it("goes on where it was stopped, ends with nothing of the tenant, and leaves the other tenant as it was", async () => {
    const before = await everything();
    for (const line of before.filter(namesAlpha)) ids.get("alpha")?.push(...reportIds(line));
    let writes = 0;
    pipeline.proxy.onCall = ({ operation }) => (operation === "BatchWriteItem" && ++writes > 1 ? "refuse" : undefined);
    const stopped = await run("tenant erase alpha --yes");
    expect(stopped).toMatchObject({ code: 1, stderr: expect.stringContaining("The same command goes on") as string });
    pipeline.proxy.reset();
    expect(await readRow(pipeline.directory, tenantKey("alpha"))).toBeDefined();
    const { removed, remaining, identitiesKept } = await erased("alpha --yes");
    expect(Object.values(remaining).every((count) => count === 0)).toBe(true);
    expect(removed).toMatchObject({ tenant: 1, credentials: 1, networks: 1, domains: 2, identities: 1, sesTenant: 1 });
    expect(identitiesKept).toEqual(["alpha.example"]);
    const after = await everything();
    expect(after.filter(namesAlpha)).toEqual(["identity alpha.example"]);
    expect(after).toEqual(before.filter((line) => !namesAlpha(line) || line === "identity alpha.example"));
    expect(before.length - after.length).toBeGreaterThan(40);
  }, 120_000);

  it("may be repeated, and removes an event that SES sends late", async () => {
    expect(Object.values((await erased("alpha --yes")).removed).every((count) => count === 0)).toBe(true);
    await sendToQueue(pipeline.feedbackQueue, unknownEvent("alpha"));
    await pumpUntil(pipeline, async () => (await everything()).filter(namesAlpha).length > 1);
    expect((await erased("alpha --yes")).removed).toMatchObject({ events: 1 });
    expect((await everything()).filter(namesAlpha)).toEqual(["identity alpha.example"]);
  }, 60_000);

  it("tells of what is left and fails", async () => {
    await run("tenant add alpha --name Alpha");
    await changeRow(pipeline.directory, tenantKey("alpha"), { status: "paused" });
    // It comes in between the removal and the search.
    let searches = 0;
    pipeline.proxy.onAnswer = ({ operation }) => {
      if (operation === "DeleteTenant") searches += 1;
    };
    pipeline.proxy.onCall = ({ service, operation }) => {
      if (service === "dynamodb" && operation === "DeleteItem" && searches === 0) {
        searches = 1;
        const since = new Date().toISOString();
        late = addSuppression(pipeline.ledger, {
          tenant: "alpha",
          address: "late@example.net",
          reason: "manual",
          since,
        });
      }
      return undefined;
    };
    let late: Promise<unknown> = Promise.resolve();
    const failed = await run("tenant erase alpha --yes");
    await late;
    pipeline.proxy.reset();
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("run the same command again") as string });
    expect(failed.stdout).toMatch(/^suppression entries +0 +1$/m);
    expect(await typing("alfa", "tenant erase alpha")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Type alpha to go on: relayhost: not done\n$/) as string,
    });
    expect((await typing("alpha", "tenant erase alpha")).stdout).toMatch(/^suppression entries +1 +0$/m);
  }, 60_000);

  it("leaves the books where invoices need them, once they are closed", async () => {
    await run("tenant end beta --at 2020-01-01");
    const keep = "beta --yes --keep-usage";
    await new UsageMarker(pipeline.ledger).announce("beta", ids.get("beta")?.[0] as QueueId, Date.now());
    expect(await run(`tenant erase ${keep}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("books are not closed") as string,
    });
    await sweepForAnHour();
    const books = (lines: readonly string[]): string[] => lines.filter((line) => line.includes('"u#beta#'));
    const before = books(await everything());
    expect(before.length).toBeGreaterThan(2);
    const { remaining, usageKept } = await erased(keep);
    expect(Object.values(remaining).every((count) => count === 0)).toBe(true);
    expect(usageKept).toBe(before.length);
    const left = (await everything()).filter((line) => line.includes("beta"));
    expect(left).toEqual([...before, "identity beta.example"].toSorted());
  }, 120_000);
});
