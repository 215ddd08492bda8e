import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENV } from "../../lib/core/names.ts";
import { loadCertificate } from "../../relay-edge/certificate.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, message, startTestEdge } from "../support/edge.ts";
import { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;

const DATA = message("me@example.com");
const RESTARTING = "421 4.3.2 relay.example.net is restarting; connect again";

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
});

afterAll(async () => {
  await aws.close();
});

describe("a closing edge", () => {
  it("takes no more connections and tells idle clients to go at once", async () => {
    const edge = await startTestEdge(aws);
    const clients = [
      await edge.connect(),
      await edge.logIn(),
      await edge.connect({ port: edge.edge.smtpsPort, secure: true }),
    ];
    const started = performance.now();
    const closing = edge.edge.close();
    for (const client of clients) {
      expect(line(await client.reply())).toBe(RESTARTING);
      await client.closed();
    }
    await closing;
    expect(performance.now() - started).toBeLessThan(3_000);
    const refused = await new Promise<unknown>((resolve) => {
      connect(edge.edge.smtpPort, "127.0.0.1").once("error", resolve);
    });
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    await edge.close();
  });

  it("lets an open transaction end with its 250, takes no other, and then says 421", async () => {
    await aws.clear();
    const edge = await startTestEdge(aws);
    const [open, sending] = [await edge.logIn(), await edge.logIn()];
    await open.command("MAIL FROM:<me@example.com>");
    await sending.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    await sending.write(DATA.slice(0, 20));
    const closing = edge.edge.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await open.pipeline(["RCPT TO:<a@b.example>", "DATA"]);
    await open.write(`${DATA}.\r\n`);
    expect((await open.reply()).code).toBe(250);
    expect(line(await open.reply())).toBe(RESTARTING);
    await sending.write(`${DATA.slice(20)}.\r\n`);
    expect((await sending.reply()).code).toBe(250);
    expect(line(await sending.reply())).toBe(RESTARTING);
    await closing;
    expect(await aws.stored()).toHaveLength(2);
    await edge.close();
  });

  it("answers a store that is under way before it says 421", async () => {
    const edge = await startTestEdge(aws, { storeDeadlineMs: 1_000 });
    const client = await edge.logIn();
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    aws.s3.set("hang");
    await client.write(`${DATA}.\r\n`);
    const closing = edge.edge.close();
    expect((await client.reply()).code).toBe(451);
    expect(line(await client.reply())).toBe(RESTARTING);
    await closing;
    aws.s3.set("pass");
    await edge.close();
  });

  it("waits for a store whose client is gone", async () => {
    await aws.clear();
    const edge = await startTestEdge(aws);
    const client = await edge.logIn();
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    await client.write(`${DATA}.\r\n`);
    client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await edge.edge.close();
    expect(edge.events.filter(({ event }) => event === "message-accepted")).toHaveLength((await aws.stored()).length);
    await edge.close();
  });

  it("cuts what does not end by the close time-out", async () => {
    const edge = await startTestEdge(aws, { closeTimeoutMs: 500 });
    const client = await edge.logIn();
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    const started = performance.now();
    const closing = edge.edge.close();
    expect(line(await client.reply())).toBe(RESTARTING);
    await closing;
    expect(performance.now() - started).toBeLessThan(2_000);
    await edge.close();
  });
});

describe("the edge as a process", () => {
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "relayhost-edge-process-"));
  });

  afterAll(async () => {
    await rm(dir, { recursive: true });
  });

  function start(
    changes: Record<string, string> = {},
  ): ChildProcess & { lines: Record<string, unknown>[]; text: string } {
    const env: NodeJS.ProcessEnv = {
      PATH: process.env["PATH"],
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL: aws.endpoint,
      [ENV.hostName]: "relay.example.net",
      [ENV.spoolBucket]: aws.bucket,
      [ENV.directoryTable]: aws.directoryTable,
      [ENV.bindAddress]: "127.0.0.1",
      [ENV.smtpPort]: "0",
      [ENV.smtpsPort]: "0",
      [ENV.temporaryDir]: dir,
      ...changes,
    };
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../relay-edge/main.ts")], { env });
    const started = Object.assign(child, { lines: [] as Record<string, unknown>[], text: "" });
    let rest = "";
    child.stdout.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) started.lines.push(JSON.parse(part) as Record<string, unknown>);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      started.text += chunk.toString();
    });
    return started;
  }

  async function startedPort(child: ReturnType<typeof start>): Promise<number> {
    await expect.poll(() => child.lines[0]?.["event"] ?? child.text, { timeout: 20_000 }).toBe("edge-started");
    return Number(child.lines[0]?.["smtpPort"]);
  }

  it("relays, and at SIGTERM finishes the message that is coming in and exits 0", async () => {
    await aws.clear();
    const child = start();
    const client = await SmtpClient.connect({ port: await startedPort(child) });
    await client.logIn(LOGIN);
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    await client.write(DATA.slice(0, 10));
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await expect.poll(() => child.lines.at(-1)?.["event"]).toBe("edge-stopping");
    await client.write(`${DATA.slice(10)}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect(line(await client.reply())).toBe(RESTARTING);
    expect(await exited).toEqual([0, null]);
    expect(child.lines.at(-1)?.["event"]).toBe("edge-stopped");
    expect(child.text).toBe("");
    expect(await aws.stored()).toHaveLength(1);
  });

  it("takes up a renewed certificate at SIGHUP, and keeps the old one when the new one is broken", async () => {
    const [certificateFile, keyFile] = [join(dir, "c.pem"), join(dir, "k.pem")];
    const renew = async (hostName: string) => {
      const made = await loadCertificate({ tls: undefined, dataDir: join(dir, hostName), hostName }, Date.now);
      await writeFile(certificateFile, made.cert);
      await writeFile(keyFile, made.key);
    };
    await renew("old.example.net");
    const child = start({ [ENV.tlsCertificateFile]: certificateFile, [ENV.tlsKeyFile]: keyFile });
    await startedPort(child);
    const port = Number(child.lines[0]?.["smtpsPort"]);
    const name = async () => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const subject = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      return subject;
    };
    expect(await name()).toBe("old.example.net");
    await renew("new.example.net");
    child.kill("SIGHUP");
    await expect.poll(() => child.lines.at(-1)?.["event"]).toBe("certificate-reloaded");
    expect(await name()).toBe("new.example.net");
    await writeFile(keyFile, "broken");
    child.kill("SIGHUP");
    await expect.poll(() => child.lines.at(-1)?.["event"]).toBe("certificate-failed");
    expect(await name()).toBe("new.example.net");
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    for (const entry of ["c.pem", "k.pem", "old.example.net", "new.example.net"]) {
      await rm(join(dir, entry), { recursive: true });
    }
  });

  it("killed while a message comes in leaves no file behind, and no message", async () => {
    await aws.clear();
    const child = start();
    const client = await SmtpClient.connect({ port: await startedPort(child) });
    await client.logIn(LOGIN);
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<b@b.example>", "DATA"]);
    await client.write(message("me@example.com", `${"x".repeat(78)}\r\n`.repeat(10_000)));
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    client.destroy();
    const { readdir } = await import("node:fs/promises");
    expect((await readdir(dir)).filter((name) => name !== "relayhost")).toEqual([]);
    expect(await aws.stored()).toEqual([]);
  });

  it("names all wrong settings together and exits 2", async () => {
    const child = start({ [ENV.hopsMax]: "many", RELAYHOST_TYPO: "1", [ENV.tlsKeyFile]: "/k" });
    expect(await once(child, "exit")).toEqual([2, null]);
    for (const name of [ENV.hopsMax, "RELAYHOST_TYPO", ENV.tlsKeyFile]) expect(child.text).toContain(name);
  });

  it("says why it cannot start and exits 1", async () => {
    const taken = await startTestEdge(aws);
    const child = start({ [ENV.smtpPort]: String(taken.edge.smtpPort) });
    expect(await once(child, "exit")).toEqual([1, null]);
    expect(child.lines.at(-1)).toMatchObject({ event: "edge-failed" });
    expect(String(child.lines.at(-1)?.["error"])).toContain("EADDRINUSE");
    await taken.close();
  });
});
