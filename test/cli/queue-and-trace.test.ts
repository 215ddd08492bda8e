/** The operator's commands, as processes, against a running local mode. */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PutAccountSendingAttributesCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { DEMO_LOGIN, type RelayProcess, startRelay } from "../support/relay-process.ts";
import { SmtpClient } from "../support/smtp-client.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
let relay: RelayProcess;

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function relayhost(...args: string[]): Promise<Run> {
  return await new Promise((resolve) => {
    const program = [join(ROOT, "bin/relayhost.ts"), ...args];
    execFile(process.execPath, program, { cwd: ROOT, env: relay.env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}

/** Sends one mail and returns its queue id. */
async function send(to: string, messageId: string): Promise<string> {
  const client = await SmtpClient.connect({ port: relay.smtpPort });
  try {
    await client.logIn(DEMO_LOGIN);
    const mail = `From: a@example.com\r\nTo: ${to}\r\nMessage-ID: <${messageId}>\r\nSubject: x\r\n\r\nHello.\r\n`;
    const reply = await client.sendMail({ from: "a@example.com", to: [to], data: mail });
    const id = /queued as (\S+)/.exec(reply.lines.join(" "))?.[1];
    if (id === undefined) throw new Error(`not accepted: ${reply.lines.join(" ")}`);
    return id;
  } finally {
    client.destroy();
  }
}

async function trace(name: string): Promise<{ id: string; recipients: { state: string; sesId?: string }[] }[]> {
  return JSON.parse((await relayhost("trace", name, "--json")).stdout) as Awaited<ReturnType<typeof trace>>;
}

beforeAll(async () => {
  relay = await startRelay();
});
afterAll(async () => await relay.remove());

describe("relayhost trace", () => {
  it("finds a message by queue id, SES id, Message-ID and recipient", async () => {
    const id = await send("traced@example.net", "traced-1@example.com");
    const byId = await waitFor(
      async () => {
        const [found] = await trace(id).catch(() => []);
        return found?.recipients[0]?.state === "delivered" ? found : undefined;
      },
      { deadlineMs: 60_000, intervalMs: 500, otherwise: () => relay.output() },
    );
    const sesId = byId.recipients[0]?.sesId ?? "";
    for (const name of [sesId, "<traced-1@example.com>", "traced-1@example.com", "TRACED@example.net"]) {
      expect(
        (await trace(name)).map((found) => found.id),
        name,
      ).toContain(id);
    }
    const text = (await relayhost("trace", id)).stdout;
    expect(text).toContain("<traced@example.net>  delivered");
    expect(text).toContain("tenant demo");
  });

  it("ends with status 3 and a sentence when nothing is known of the name", async () => {
    const run = await relayhost("trace", "nobody@example.org");
    expect(run.code).toBe(3);
    expect(run.stderr).toBe("relayhost: nothing is known of nobody@example.org\n");
  });
});

describe("relayhost queue", () => {
  it("says that it is empty when everything has been handed on", async () => {
    const run = await relayhost("queue");
    expect(run.stdout).toContain("The queue is empty");
    expect(JSON.parse((await relayhost("queue", "--json")).stdout)).toEqual([]);
  });

  it("shows what waits while the SES account is paused; hold and drop do what they say", async () => {
    const { endpoint } = JSON.parse(await readFile(join(relay.dataDir, "local.json"), "utf8")) as { endpoint: string };
    const ses = new SESv2Client({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    await ses.send(new PutAccountSendingAttributesCommand({ SendingEnabled: false }));
    const id = await send("paused@example.net", "paused-1@example.com");
    const row = async (): Promise<{ state: string; reason: string; from: string } | undefined> => {
      const rows = JSON.parse((await relayhost("queue", "--json")).stdout) as { id: string }[];
      return rows.find((candidate) => candidate.id === id) as Awaited<ReturnType<typeof row>>;
    };
    const waiting = await waitFor(
      async () => {
        const found = await row();
        return found?.state === "waiting" ? found : undefined;
      },
      { deadlineMs: 60_000, intervalMs: 500, otherwise: () => relay.output() },
    );
    expect(waiting).toMatchObject({ from: "a@example.com" });
    expect(waiting.reason).toContain("SendingPaused");

    expect((await relayhost("hold", id, "--dry-run")).stdout).toContain("would be held");
    expect((await row())?.state).toBe("waiting");
    await relayhost("hold", id);
    expect((await row())?.state).toBe("held");

    expect((await relayhost("drop", id, "--quiet")).stdout).toContain("to be dropped");
    await waitFor(async () => ((await row()) === undefined ? true : undefined), {
      deadlineMs: 60_000,
      intervalMs: 500,
      otherwise: () => relay.output(),
    });
    expect((await trace(id))[0]?.recipients[0]?.state).toBe("failed");
    await ses.send(new PutAccountSendingAttributesCommand({ SendingEnabled: true }));
    ses.destroy();
  });

  it("refuses what is no queue id with status 2, and names one that is not in the queue with status 3", async () => {
    expect((await relayhost("retry", "nonsense")).code).toBe(2);
    const run = await relayhost("retry", "01kb2x5m9cz3qv7g8h4t");
    expect(run.code).toBe(3);
    expect(run.stdout).toContain("not in the queue");
  });
});

describe("relayhost bounces", () => {
  const groups = async (...args: string[]): Promise<{ reason: string; count: number; example: { id: string } }[]> =>
    JSON.parse((await relayhost("bounces", "--json", ...args)).stdout) as Awaited<ReturnType<typeof groups>>;

  it("groups what did not arrive by reason, with what it means, in English, Japanese, JSON and CSV", async () => {
    const id = await send("bounce@simulator.amazonses.com", "bounce-1@example.com");
    const found = await waitFor(
      async () => (await groups("--to", "simulator.amazonses.com")).find((group) => group.reason === "no-such-user"),
      { deadlineMs: 60_000, intervalMs: 500, otherwise: () => relay.output() },
    );
    expect(found).toMatchObject({ count: 1, example: { id } });
    expect(await groups("--tenant", "demo", "--domain", "example.com", "--kind", "bounce")).toMatchObject([
      { count: 1 },
    ]);
    expect(await groups("--kind", "complaint")).toEqual([]);
    expect(await groups("--domain", "example.jp")).toEqual([]);
    const english = (await relayhost("bounces", "--lang", "en", "--since", "12h")).stdout;
    expect(english).toContain("Address does not exist");
    expect(english).toContain(id);
    expect((await relayhost("bounces", "--lang", "ja")).stdout).toContain("宛先アドレスが存在しない");
    expect((await relayhost("bounces", "--csv")).stdout).toMatch(/^count,.*\r\n1,1,bounce,no-such-user,/);
  });

  it("names every mistake in its options, with status 2", async () => {
    const run = await relayhost("bounces", "--since", "yesterday", "--kind", "soft", "--lang", "fr", "--to", "a b");
    expect(run.code).toBe(2);
    for (const option of ["--since", "--kind", "--lang", "--to"]) expect(run.stderr).toContain(`${option}: got`);
  });
});

describe("relayhost", () => {
  it("explains itself with --help", async () => {
    // That each command does so too, with an example, is asked without a process for each.
    const { stdout } = await relayhost("--help");
    for (const command of ["local", "send", "queue", "trace", "retry", "hold", "release", "drop", "bounces"]) {
      expect(stdout).toContain(command);
    }
  });

  it("says what to do when no relay runs in the data directory", async () => {
    const elsewhere = { ...relay, env: { ...relay.env, RELAYHOST_DATA_DIR: "/nonexistent" } };
    const kept = relay;
    relay = elsewhere;
    const run = await relayhost("queue");
    relay = kept;
    expect(run.code).toBe(4);
    expect(run.stderr).toContain("npm start");
  });
});
