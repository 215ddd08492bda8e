/**
 * The watch over block lists against a real name server: day after day with the clock moved, from the first listing to the
 * mail that says that the relay is no longer needed; and the commands.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { addWatchCommand } from "../../bin/commands/watch.ts";
import { makeWatchHandler } from "../../lambda/watch/handler.ts";
import { changeRow, readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { tenantKey, watchKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { usualLists, type Watch } from "../../lib/core/watch.ts";
import { type Cli, startCli } from "../support/cli.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { type Knot, startKnot } from "./support/knot.ts";

const TEST_ENTRY = "2.0.0.127 A 127.0.0.2";
const EMPTY_LISTS = {
  "zen.spamhaus.org": TEST_ENTRY,
  "bl.spamcop.net": TEST_ENTRY,
  "b.barracudacentral.org": TEST_ENTRY,
  "psbl.surriel.com": TEST_ENTRY,
  "bl.mailspike.net": TEST_ENTRY,
};
const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(2026, 11, 1, 3);

let clear: Knot;
let listed: Knot;
let refusing: Knot;

beforeAll(async () => {
  clear = await startKnot({ ...EMPTY_LISTS, "key1234567890.zen.dq.spamhaus.net": TEST_ENTRY });
  listed = await startKnot({ ...EMPTY_LISTS, "bl.spamcop.net": `${TEST_ENTRY}\n9.0.122.153 A 127.0.0.2` });
  // Spamhaus refuses the resolver: its test entry is not there, and any name has an error code.
  refusing = await startKnot({ ...EMPTY_LISTS, "zen.spamhaus.org": "* A 127.255.255.254" });
});
afterAll(async () => {
  await Promise.all([clear, listed, refusing].map(async (knot) => await knot?.stop()));
});

describe("the daily check", () => {
  let pipeline: Pipeline;
  const log: LogEvent[] = [];

  beforeAll(async () => {
    pipeline = await startPipeline();
    await changeRow(pipeline.directory, tenantKey("demo"), { contact: "post@example.com", language: "ja" });
  });
  afterAll(async () => await pipeline.close());

  const watch: Watch = {
    kind: "watch",
    tenant: "demo",
    networks: ["192.0.2.24/31", "153.122.0.0/17"],
    lists: usualLists(),
    clearDays: 3,
    version: 1,
  };

  /** One invocation on that day (the first is 0), against that name server. */
  async function check(day: number, knot: Knot, remainingMs = 600_000): Promise<unknown> {
    const env = { ...pipeline.env, [ENV.resolvers]: knot.server };
    const now = (): number => FIRST_DAY + day * DAY_MS;
    const handler = makeWatchHandler(env, (event) => void log.push(event), now);
    return await handler({}, { getRemainingTimeInMillis: () => remainingMs });
  }
  const state = async (): Promise<Watch["state"]> => {
    const row = await readRow(pipeline.directory, watchKey("demo"));
    return row?.kind === "watch" ? row.state : undefined;
  };
  const mails = async (): Promise<string[]> =>
    (await pipeline.outbox()).map(({ raw }) => raw.toString("utf8")).filter((text) => text.includes("ブロックリスト"));

  it("knows of nothing in a wide network before mail has come from it, and then such a day is not clear", async () => {
    await writeRow(pipeline.directory, watch);
    expect(await check(0, clear)).toEqual({ checked: 1, left: 0, told: 0 });
    expect(await state()).toEqual({
      day: "2026-12-01",
      asked: 2,
      listed: [],
      unasked: [{ what: "153.122.0.0/17", addresses: 0, reason: "no address of the tenant's is known in it" }],
      run: 0,
    });
  });

  it("asks for the addresses that the tenant's mail came from, and names the list that has one", async () => {
    // As forward records it: a message of the day before.
    const id = await pipeline.accept({
      envelope: {
        time: new Date(FIRST_DAY).toISOString(),
        client: { address: "153.122.0.9", port: 4000, helo: "mail.example.com" },
      },
    });
    await pipeline.pump();
    expect(id).toBeDefined();
    expect(await check(1, listed)).toEqual({ checked: 1, left: 0, told: 0 });
    expect(await state()).toEqual({
      day: "2026-12-02",
      asked: 3,
      listed: [{ address: "153.122.0.9", lists: ["SpamCop"] }],
      unasked: [],
      run: 0,
    });
  });

  it("counts a day once, whoever calls how often", async () => {
    expect(await check(2, clear)).toMatchObject({ checked: 1 });
    expect(await check(2, listed)).toMatchObject({ checked: 0 });
    expect((await state())?.run).toBe(1);
  });

  it("takes a list that refuses for neither listed nor clear", async () => {
    await check(3, refusing);
    expect(await state()).toMatchObject({
      run: 1,
      unasked: [{ what: "Spamhaus ZEN", addresses: 3, reason: "refused (127.255.255.254)" }],
    });
  });

  it("leaves no result where time was too short, and checks in the next run", async () => {
    expect(await check(4, clear, 60_000)).toEqual({ checked: 0, left: 1, told: 0 });
    expect((await state())?.day).toBe("2026-12-04");
  });

  it("keeps what it owes when the spool takes nothing, and then tells the contact once, in its language", async () => {
    await check(4, clear);
    pipeline.proxy.onCall = ({ operation }) => (operation === "PutObject" ? "refuse" : undefined);
    await expect(check(5, clear)).rejects.toThrow();
    pipeline.proxy.reset();
    const owed = (await state())?.notice;
    expect(owed).toMatchObject({ run: 3, written: false });
    expect(await check(6, clear)).toMatchObject({ told: 1 });
    expect((await state())?.notice).toEqual({ ...owed, written: true });
    expect(await check(7, clear)).toMatchObject({ told: 0 });
    pipeline.work();
    await pipeline.idle();
    const [mail, ...others] = await mails();
    expect(others).toEqual([]);
    expect(mail).toContain("3 回続けて");
    expect(mail).toContain("To: <post@example.com>");
  });

  it("counts anew when a listing comes back, and tells of the next run too", async () => {
    await check(8, listed);
    expect(await state()).toMatchObject({ run: 0 });
    expect((await state())?.notice).toBeUndefined();
    for (const day of [9, 10]) expect(await check(day, clear)).toMatchObject({ told: 0 });
    expect(await check(11, clear)).toMatchObject({ told: 1 });
    await pipeline.idle();
    expect(await mails()).toHaveLength(2);
  });

  it("leaves no result when what is watched was changed while it asked", async () => {
    const before = await state();
    const changes: Promise<unknown>[] = [];
    pipeline.proxy.onCall = ({ operation }) => {
      // The watch has been read by then; asking for three addresses takes two pauses.
      if (operation === "GetItem" && changes.length === 0) {
        changes.push(changeRow(pipeline.directory, watchKey("demo"), { version: 2 }));
      }
      return undefined;
    };
    expect(await check(12, clear)).toMatchObject({ checked: 0, told: 0 });
    pipeline.proxy.reset();
    await Promise.all(changes);
    expect(await state()).toEqual(before);
    expect(log).toContainEqual({ event: "watch-changed", tenant: "demo" });
  });
});

describe("relayhost watch", () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await startCli([addTenantCommand, addWatchCommand]);
    await cli.json("tenant", "add", "acme", "--name", "Acme Web", "--json");
  });
  afterAll(async () => await cli.close());

  it("adds addresses and networks, once each, says what of a wide one is asked for, and who is not told", async () => {
    const dry = await cli.run("watch", "add", "192.0.2.24/31", "--tenant", "acme", "--dry-run");
    expect(dry.stdout).toBe("would have added 192.0.2.24/31 to the watch of acme\n");
    expect((await cli.run("watch", "list", "--tenant", "acme")).code).toBe(3);
    const first = await cli.run("watch", "add", "192.0.2.25/31", "192.0.2.24/31", "--tenant", "acme");
    expect(first).toMatchObject({ code: 0, stdout: "Added 192.0.2.24/31 to the watch of acme\n" });
    expect(first.stderr).toContain("acme has no contact to tell");
    const wide = await cli.run("watch", "add", "153.122.0.0/17", "--tenant", "acme", "--clear-days", "14");
    expect(wide.stderr).toContain("153.122.0.0/17: no mail of acme has come from an address in it yet");
    const named = await cli.run("watch", "add", "153.122.0.9", "--tenant", "acme");
    expect(named.stderr).toContain("153.122.0.0/17: asked for are acme's own addresses in it, now 153.122.0.9");
    expect(await cli.json("watch", "list", "--json")).toEqual([
      {
        kind: "watch",
        tenant: "acme",
        networks: ["192.0.2.24/31", "153.122.0.0/17", "153.122.0.9/32"],
        lists: usualLists(),
        clearDays: 14,
        version: 3,
      },
    ]);
  });

  it("asks now: what is listed, and what could not be asked; the exit code says whether all are clear", async () => {
    const on = await cli.run("watch", "check", "--tenant", "acme", "--resolver", listed.server);
    expect(on).toMatchObject({
      code: 1,
      stdout: "acme: still listed; 3 addresses asked for\n  153.122.0.9  listed in SpamCop\n",
    });
    const off = await cli.run("watch", "check", "--resolver", clear.server);
    expect(off).toMatchObject({ code: 0, stdout: "acme: all clear; 3 addresses asked for\n" });
    const refused = await cli.run("watch", "check", "--resolver", refusing.server, "--json");
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject([{ verdict: "unknown", unasked: [{ what: "Spamhaus ZEN" }] }]);
    expect(await cli.json("watch", "list", "--json")).not.toHaveProperty("0.state");
  });

  it("asks Spamhaus under the key of an account", async () => {
    process.env[ENV.spamhausDqsKey] = "key1234567890";
    try {
      expect((await cli.run("watch", "check", "--resolver", refusing.server)).stdout).toContain("Spamhaus ZEN");
      expect((await cli.run("watch", "check", "--resolver", clear.server)).code).toBe(0);
    } finally {
      delete process.env[ENV.spamhausDqsKey];
    }
  });

  it("shows in its list what the last check found, and counts anew after a change", async () => {
    const checked = { day: "2026-12-09", asked: 3, listed: [], unasked: [], run: 4 };
    await changeRow(cli.directory, watchKey("acme"), { state: checked });
    expect((await cli.run("watch", "list")).stdout).toMatch(/^acme +2026-12-09 +3 +4 of 14 +clear +192/m);
    await cli.run("watch", "set", "--tenant", "acme", "--lists", "spamcop", "--clear-days", "5");
    expect(await cli.json("watch", "list", "--json")).toMatchObject([{ lists: ["spamcop"], clearDays: 5, version: 4 }]);
    expect((await cli.run("watch", "list")).stdout).toMatch(/^acme +never +0 of 5 +not checked yet/m);
  });

  it("watches no more what is removed, and the last takes the watch with it", async () => {
    expect((await cli.run("watch", "remove", "198.51.100.1", "--tenant", "acme")).code).toBe(3);
    await cli.run("watch", "remove", "153.122.0.9", "153.122.0.0/17", "--tenant", "acme");
    expect(await cli.json("watch", "list", "--json")).toMatchObject([{ networks: ["192.0.2.24/31"] }]);
    await cli.run("watch", "remove", "192.0.2.24/31", "--tenant", "acme");
    expect(await cli.json("watch", "list", "--json")).toEqual([]);
  });

  it.each([
    [["add", "192.0.2.300", "--tenant", "acme"], "an address or network"],
    [["add", "192.0.2.0/24", "192.0.3.0/24", "192.0.4.0/24", "--tenant", "acme"], "768 addresses are more than"],
    [["add", "192.0.2.1", "--tenant", "acme", "--lists", "sorbs"], "usual, or of spamhaus-zen,"],
    [["add", "192.0.2.1", "--tenant", "acme", "--clear-days", "0"], "from 1 to 90"],
    [["set", "--tenant", "acme"], "nothing to change"],
  ])("refuses %j", async (args, sentence) => {
    const run = await cli.run("watch", ...args);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(sentence);
  });
});
