import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { QUEUE_ID_RANDOM_BYTES } from "../../lib/core/queue-id.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { Fault } from "../support/fault-proxy.ts";
import { waitFor } from "../support/wait-for.ts";

let aws: TestAws;
let edge: TestEdge;

const STORE_DEADLINE_MS = 1_500;
const NOT_STORED = "451 4.3.0 Message could not be stored; try again later";
const SMALL = message("me@example.com");
const LARGE = message("me@example.com", `${"x".repeat(78)}\r\n`.repeat(20_000));

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws, { storeDeadlineMs: STORE_DEADLINE_MS });
});

afterEach(async () => {
  aws.s3.set("pass");
  await aws.clear();
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

describe.each<[string, string]>([
  ["in memory", SMALL],
  ["in a file", LARGE],
])("a message %s", (_, data) => {
  it.each<[string, Fault]>([
    ["refuses connections", "reset"],
    ["never answers", "hang"],
    ["answers 500", 500],
    ["answers 503", 503],
    ["answers 403", 403],
    ["answers 404", 404],
  ])(
    "is answered 451 in time when the storage %s, is not stored, and goes through at the next try",
    async (_name, fault) => {
      const client = await edge.logIn();
      const send = () => client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
      aws.s3.set(fault);
      const started = performance.now();
      expect(line(await send())).toBe(NOT_STORED);
      expect(performance.now() - started).toBeLessThan(STORE_DEADLINE_MS + 3_000);
      aws.s3.set("pass");
      expect(await aws.stored()).toEqual([]);
      expect(await readdir(edge.settings.temporaryDir)).toEqual([]);
      expect((await send()).code).toBe(250);
      expect((await aws.stored()).map(({ message: bytes }) => bytes.toString("latin1") === data)).toEqual([true]);
      await client.quit();
    },
  );

  it("whose answer from the storage is lost is answered 451, and at most one copy of it stays", async () => {
    const client = await edge.logIn();
    aws.s3.set("lose-answer");
    const reply = await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
    expect(line(reply)).toBe(NOT_STORED);
    aws.s3.set("pass");
    // The edge may not delete: what was stored counts as a duplicate, which is forward's to find.
    const ids = new Set((await aws.stored()).map(({ envelope }) => envelope.id));
    expect(ids.size).toBeLessThanOrEqual(1);
    await client.quit();
  });

  it("gets no 250 before the storage has answered", async () => {
    const client = await edge.logIn();
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<a@b.example>", "DATA"]);
    aws.s3.set("hang");
    const started = performance.now();
    await client.write(`${data}.\r\n`);
    expect((await client.reply()).code).toBe(451);
    expect(performance.now() - started).toBeGreaterThan(STORE_DEADLINE_MS - 100);
    await client.quit();
  });
});

it("stores only so many long messages at a time, short ones past them, and all of them in the end", async () => {
  const narrow = await startTestEdge(aws, { storesFromFileMax: 2 });
  const clients = await Promise.all(Array.from({ length: 7 }, () => narrow.logIn()));
  const send = (client: (typeof clients)[number], data: string) =>
    client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
  aws.s3.set("hang");
  const long = clients.slice(0, 5).map((client) => send(client, LARGE));
  const reached = async (connections: number) =>
    await waitFor(() => aws.s3.connections >= connections || undefined, {
      deadlineMs: 10_000,
      otherwise: () => `${aws.s3.connections} connections to the storage`,
    });
  await reached(2);
  const short: typeof long = [];
  for (const [i, client] of clients.slice(5).entries()) {
    short.push(send(client, SMALL));
    await reached(3 + i);
  }
  expect(aws.s3.connections).toBe(4);
  aws.s3.set("pass");
  expect((await Promise.all([...long, ...short])).map(({ code }) => code)).toEqual(clients.map(() => 250));
  expect(await aws.stored()).toHaveLength(7);
  await Promise.all(clients.map((client) => client.quit()));
  await narrow.close();
});

it("gives up a long message whose turn does not come before its deadline", async () => {
  const narrow = await startTestEdge(aws, { storeDeadlineMs: STORE_DEADLINE_MS, storesFromFileMax: 1 });
  const clients = await Promise.all(Array.from({ length: 3 }, () => narrow.logIn()));
  aws.s3.set("hang");
  const replies = await Promise.all(
    clients.map((client) => client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: LARGE })),
  );
  expect(replies.map((reply) => line(reply))).toEqual(clients.map(() => NOT_STORED));
  aws.s3.set("pass");
  const [first] = clients;
  expect((await first?.sendMail({ from: "me@example.com", to: ["a@b.example"], data: LARGE }))?.code).toBe(250);
  expect(await aws.stored()).toHaveLength(1);
  await Promise.all(clients.map((client) => client.quit()));
  await narrow.close();
});

it("loses nothing that got a 250 when the storage fails in the middle of many sessions and comes back", async () => {
  const acknowledged: string[] = [];
  let refused = 0;
  const sender = async (number: number) => {
    const client = await edge.logIn();
    for (let attempt = 0, taken = 0; taken < 4; attempt++) {
      const body = `${number}-${attempt}`;
      const data = message("me@example.com", `${body}\r\n`);
      const { code } = await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
      if (code === 250) {
        taken++;
        acknowledged.push(body);
        if (acknowledged.length === 15) aws.s3.set("reset");
      } else {
        expect(code).toBe(451);
        refused++;
        if (refused === 15) aws.s3.set("pass");
      }
    }
    await client.quit();
  };
  await Promise.all(Array.from({ length: 10 }, (_, number) => sender(number)));
  const stored = (await aws.stored()).map(({ message: bytes }) => bytes.toString().trimEnd().split("\r\n").at(-1));
  expect(refused).toBeGreaterThanOrEqual(15);
  expect(acknowledged).toHaveLength(40);
  expect(acknowledged.filter((body) => !stored.includes(body))).toEqual([]);
});

it("answers 451 when its own code fails, says nothing of it to the peer, and goes on", async () => {
  const broken = await startTestEdge(
    aws,
    {},
    {
      randomBytes: (count) => {
        if (count === QUEUE_ID_RANDOM_BYTES) throw new Error("secret inner workings");
        return randomBytes(count);
      },
    },
  );
  const client = await broken.logIn();
  const send = () => client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: SMALL });
  expect(line(await send())).toBe("451 4.3.0 Failure at this end; try again later");
  expect(line(await client.command("NOOP"))).toBe("250 2.0.0 Ok");
  expect(line(await send())).toBe("451 4.3.0 Failure at this end; try again later");
  await client.quit();
  await broken.close();
  expect(broken.events.find(({ event }) => event === "handler-failed")?.["error"]).toContain("secret inner workings");
});
