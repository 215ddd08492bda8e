/** A process that is killed: what the local SES answered 200 for is there, what it did not is not half there. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import {
  CreateConfigurationSetCommand,
  CreateConfigurationSetEventDestinationCommand,
  type SESv2Client,
  SendEmailCommand,
} from "@aws-sdk/client-sesv2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createSesServer } from "../../lib/local/ses-server.ts";
import { LocalSes, SET, sdkClient, TOPIC } from "../support/local-ses.ts";
import { waitFor } from "../support/wait-for.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-ses-crash-"));
});
afterEach(async () => rm(dataDir, { recursive: true, force: true }));

describe("killed at random moments under load", () => {
  const program = fileURLToPath(new URL("../support/ses-server-process.ts", import.meta.url));

  const startProcess = async (): Promise<{ child: ChildProcess; client: SESv2Client }> => {
    const child = spawn(process.execPath, [program, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      return { child, client: sdkClient(`http://127.0.0.1:${line}`) };
    }
    throw new Error("the process ended without a port");
  };
  const kill = async (child: ChildProcess): Promise<void> => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  const published = async (): Promise<Map<string, string[]>> => {
    const types = new Map<string, string[]>();
    const text = await readFile(join(dataDir, "published.jsonl"), "utf8").catch(() => "");
    for (const line of text.split("\n").filter((l) => l.endsWith("}"))) {
      const event = JSON.parse(line) as { eventType: string; mail: { messageId: string } };
      types.set(event.mail.messageId, [...(types.get(event.mail.messageId) ?? []), event.eventType]);
    }
    return types;
  };

  it("has the message, the request and every event of each 200, and no half message", {
    timeout: 180_000,
  }, async () => {
    const answered = new Map<string, string>();
    for (let round = 0; round < 6; round++) {
      const { child, client } = await startProcess();
      await createSet(client);
      const ended = new AbortController();
      const enough = answered.size + 10 + Math.floor(Math.random() * 30);
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      const send = async (n: number): Promise<void> => {
        for (let i = 0; !ended.signal.aborted; i++) {
          const raw = `From: a@example.com\r\nSubject: ${round}-${n}-${i}\r\n\r\n${"x".repeat(3000)}\r\n`;
          const command = new SendEmailCommand({
            Content: { Raw: { Data: Buffer.from(raw) } },
            Destination: { ToAddresses: ["b@example.net"] },
            ConfigurationSetName: SET,
          });
          const answer = await client.send(command).catch(() => undefined);
          if (answer?.MessageId !== undefined) answered.set(answer.MessageId, raw);
          if (answered.size >= enough) reach();
        }
      };
      const senders = Array.from({ length: 8 }, (_, n) => send(n));
      await reached;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      await kill(child);
      ended.abort();
      await Promise.all(senders);
      client.destroy();
    }
    expect(answered.size).toBeGreaterThanOrEqual(60);

    const { child, client } = await startProcess();
    try {
      const missing = async (): Promise<string[]> => {
        const seen = await published();
        return [...answered.keys()].filter((id) => !["Send", "Delivery"].every((type) => seen.get(id)?.includes(type)));
      };
      await waitFor(async () => ((await missing()).length === 0 ? true : undefined), {
        deadlineMs: 60_000,
        otherwise: async () => `${(await missing()).length} of ${answered.size} messages lack events`,
      });
    } finally {
      client.destroy();
      await kill(child);
    }
    const names = await readdir(join(dataDir, "outbox"));
    const ids = (suffix: string): string[] =>
      names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
    expect(ids(".json").sort()).toEqual(ids(".eml").sort());
    expect(await readdir(join(dataDir, "ses", "unfinished"))).toEqual([]);
    for (const [id, raw] of answered) expect(await readFile(join(dataDir, "outbox", `${id}.eml`), "utf8")).toBe(raw);
    const inOutbox = new Set(ids(".eml"));
    for (const id of inOutbox) JSON.parse(await readFile(join(dataDir, "outbox", `${id}.json`), "utf8"));
    for (const id of (await published()).keys()) expect(inOutbox.has(id), `event of ${id}`).toBe(true);
  });

  const createSet = async (client: SESv2Client): Promise<void> => {
    const named = { ConfigurationSetName: SET };
    const EventDestination = {
      Enabled: true,
      MatchingEventTypes: ["SEND" as const, "DELIVERY" as const],
      SnsDestination: { TopicArn: TOPIC },
    };
    const destination = { ...named, EventDestinationName: "sns", EventDestination };
    // Both exist already after the first round.
    await client.send(new CreateConfigurationSetCommand(named)).catch(() => undefined);
    await client.send(new CreateConfigurationSetEventDestinationCommand(destination)).catch(() => undefined);
  };
});

describe("what a killed process can leave", () => {
  const ID = "0100000000000001-00000000-0000-4000-8000-000000000000-000000";
  const event = (n: number): string =>
    JSON.stringify({
      id: `${ID}/${n}`,
      messageId: ID,
      topicArn: TOPIC,
      dueMs: 1,
      body: JSON.stringify({ eventType: "Send", mail: { messageId: ID } }),
    });

  it("forgets a message that was cut off between its request and itself becoming visible, and its events", async () => {
    await mkdir(join(dataDir, "outbox"), { recursive: true });
    await mkdir(join(dataDir, "ses", "unfinished"), { recursive: true });
    await writeFile(join(dataDir, "outbox", `${ID}.json`), "{}");
    await writeFile(join(dataDir, "ses", "unfinished", `${ID}.eml`), "From: a@example.com\r\n\r\n");
    await writeFile(join(dataDir, "ses", "events.jsonl"), `${event(0)}\n`);
    const ses = await LocalSes.start({}, dataDir);
    try {
      expect(await ses.outboxNames()).toEqual([]);
      expect(await readdir(join(dataDir, "ses", "unfinished"))).toEqual([]);
      const id = await ses.send("From: a@example.com\r\n\r\n", "b@example.net");
      expect((await ses.outboxNames()).length).toBe(2);
      expect(ses.eventsOf(ID)).toEqual([]);
      expect(id).not.toBe(ID);
    } finally {
      await ses.stop();
    }
  });

  it("publishes the events that are complete in a journal whose last line was cut", async () => {
    await mkdir(join(dataDir, "ses"), { recursive: true });
    await writeFile(join(dataDir, "ses", "events.jsonl"), `${event(0)}\n${event(1)}\n{"done":"${ID}/0"}\n`);
    await appendFile(join(dataDir, "ses", "events.jsonl"), event(2).slice(0, 60));
    const ses = await LocalSes.start({}, dataDir);
    try {
      expect((await ses.waitForEvents(ID, 1)).length).toBe(1);
    } finally {
      await ses.stop();
    }
  });

  it("does not start on a state file that it cannot read, and leaves it as it is", async () => {
    await mkdir(join(dataDir, "ses"), { recursive: true });
    await writeFile(join(dataDir, "ses", "state.json"), '{"version":1,"identities":[{}]}');
    const ses = createSesServer({ dataDir, publish: () => Promise.resolve(), identities: ["example.com"] });
    await expect(ses.start()).rejects.toThrow("name");
    expect(await readFile(join(dataDir, "ses", "state.json"), "utf8")).toBe('{"version":1,"identities":[{}]}');
  });
});

describe("a disk that takes nothing", () => {
  it("answers 500, leaves nothing in the outbox, publishes nothing, and takes mail when it is mended", async () => {
    const ses = await LocalSes.startWithEvents({ log: () => undefined });
    const unfinished = join(ses.dataDir, "ses", "unfinished");
    const raw = "From: a@example.com\r\n\r\n";
    try {
      await rm(unfinished, { recursive: true });
      await expect(ses.send(raw, "b@example.net", { ConfigurationSetName: SET })).rejects.toMatchObject({
        name: "InternalServiceErrorException",
        message: "An internal failure has occurred.",
      });
      expect(await ses.outboxNames()).toEqual([]);
      await mkdir(unfinished);
      const id = await ses.send(raw, "b@example.net", { ConfigurationSetName: SET });
      await ses.waitForEvents(id, 2);
      expect(new Set(ses.published.map(({ event: { mail } }) => mail.messageId))).toEqual(new Set([id]));
    } finally {
      await ses.stop();
    }
  });

  it("takes back a message that cannot be made visible, and its events with it, for the next process too", async () => {
    const ses = await LocalSes.startWithEvents();
    try {
      // Both files can be written; only the renaming into the outbox fails.
      await rm(join(ses.dataDir, "outbox"), { recursive: true });
      await expect(
        ses.send("From: a@example.com\r\n\r\n", "b@example.net", { ConfigurationSetName: SET }),
      ).rejects.toMatchObject({ name: "InternalServiceErrorException" });
      await mkdir(join(ses.dataDir, "outbox"));
      await ses.restart();
      const id = await ses.send("From: a@example.com\r\n\r\n", "b@example.net", { ConfigurationSetName: SET });
      await ses.waitForEvents(id, 2);
      expect(new Set(ses.published.map(({ event: { mail } }) => mail.messageId))).toEqual(new Set([id]));
      expect(await readdir(join(ses.dataDir, "ses", "unfinished"))).toEqual([]);
    } finally {
      await ses.stop();
    }
  });
});
