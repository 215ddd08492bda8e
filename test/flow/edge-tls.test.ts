import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import { CreateSecretCommand, PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSecretsManager, readSecret } from "../../lib/aws/secret.ts";
import { loadCertificate } from "../../relay-edge/certificate.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

/** A plain connection that has got its 220 for STARTTLS. */
async function readyForTls(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  const reply = () =>
    new Promise<string>((resolve) => socket.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  await reply();
  socket.write("EHLO a.example\r\n");
  await reply();
  socket.write("STARTTLS\r\n");
  expect(await reply()).toBe("220 2.0.0 Ready to start TLS\r\n");
  return socket;
}

async function handshake(port: number, starttls: boolean, options: ConnectionOptions): Promise<TLSSocket | Error> {
  const socket = starttls ? await readyForTls(port) : undefined;
  return await new Promise((resolve) => {
    const secure = tlsConnect({
      rejectUnauthorized: false,
      ...(socket === undefined ? { port, host: "127.0.0.1" } : { socket }),
      ...options,
    });
    secure.once("secureConnect", () => resolve(secure));
    secure.once("error", resolve);
  });
}

describe.each([
  ["STARTTLS", true],
  ["implicit TLS", false],
])("%s", (_, starttls) => {
  const port = () => (starttls ? edge.edge.smtpPort : edge.edge.smtpsPort);

  it.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s with an ECDSA certificate", async (version) => {
    const secure = await handshake(port(), starttls, { minVersion: version, maxVersion: version });
    if (secure instanceof Error) throw secure;
    expect(secure.getProtocol()).toBe(version);
    expect(secure.getCipher().name).toMatch(/GCM|CHACHA20/);
    const certificate = secure.getPeerX509Certificate();
    expect(certificate?.checkHost("relay.example.net")).toBe("relay.example.net");
    expect(certificate?.publicKey.asymmetricKeyType).toBe("ec");
    secure.destroy();
  });

  it.each([
    ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["CBC", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA" }],
    ["static RSA", { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" }],
  ] as const)("does not speak %s, and survives the attempt", async (_name, options) => {
    expect(await handshake(port(), starttls, options)).toBeInstanceOf(Error);
    const after = await edge.logIn();
    await after.quit();
  });

  it("does not renegotiate", async () => {
    const secure = await handshake(port(), starttls, { maxVersion: "TLSv1.2" });
    if (secure instanceof Error) throw secure;
    const outcome = await new Promise<unknown>((resolve) => {
      secure.once("error", resolve);
      secure.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ?? "renegotiated"));
    });
    expect(outcome).toBeInstanceOf(Error);
    secure.destroy();
  });

  it.each([
    ["garbage", "GARBAGE\r\n".repeat(10)],
    ["half a hello and a reset", "\x16\x03\x01\x02\x00\x01"],
    ["nothing and a reset", ""],
  ])("survives %s in the handshake", async (_name, bytes) => {
    const socket = starttls ? await readyForTls(port()) : connect(port(), "127.0.0.1");
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.write(bytes, "latin1", resolve));
    socket.resetAndDestroy();
    const after = await edge.logIn();
    await after.quit();
  });

  it("ends a handshake that takes too long, and frees its place", async () => {
    const quick = await startTestEdge(aws, { tlsHandshakeMs: 300, connectionsPerAddressMax: 2 });
    const to = starttls ? quick.edge.smtpPort : quick.edge.smtpsPort;
    const hello = await clientHello();
    const started = performance.now();
    const closed: Promise<void>[] = [];
    for (const part of [hello, hello.subarray(0, 100)]) {
      const socket = starttls ? await readyForTls(to) : connect(to, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.resume();
      closed.push(new Promise((resolve) => socket.once("close", resolve)));
      socket.write(part);
      const trickle = setInterval(() => socket.write(Buffer.from([0x16])), 100);
      socket.once("close", () => clearInterval(trickle));
    }
    await Promise.all(closed);
    expect(performance.now() - started).toBeGreaterThan(280);
    await expect
      .poll(async () => (await quick.connect().catch(() => undefined))?.greeting.code, { timeout: 15_000 })
      .toBe(220);
    await quick.close();
  });
});

/** The first bytes of a real TLS client. */
async function clientHello(): Promise<Buffer> {
  return await new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once("data", (chunk: Buffer) => {
        resolve(chunk);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false }).on("error", () => undefined);
    });
  });
}

describe("STARTTLS", () => {
  it.each([1, 150])("does not execute %i commands sent behind it in the clear", async (count) => {
    const socket = connect(edge.edge.smtpPort, "127.0.0.1");
    const reply = () =>
      new Promise<string>((resolve) => socket.once("data", (chunk: Buffer) => resolve(chunk.toString())));
    await reply();
    socket.write("EHLO a.example\r\n");
    await reply();
    socket.write(`STARTTLS\r\n${"RSET\r\n".repeat(count)}`);
    await reply();
    const secure = tlsConnect({ socket, rejectUnauthorized: false });
    await new Promise((resolve) => secure.once("secureConnect", resolve));
    const said: string[] = [];
    secure.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    secure.write("NOOP\r\nQUIT\r\n");
    await new Promise((resolve) => secure.once("close", resolve));
    expect(said.join("")).toBe("250 2.0.0 Ok\r\n221 2.0.0 relay.example.net closing connection\r\n");
  });

  it("forgets what was said before it: EHLO, AUTH and an open transaction", async () => {
    const clear = await startTestEdge(aws, { clearTextAuth: true });
    const client = await clear.connect();
    await client.ehlo();
    await client.authPlain({ user: "srv1", password: "correct-horse" });
    expect((await client.command("MAIL FROM:<me@example.com>")).code).toBe(250);
    await client.startTls();
    expect(line(await client.command("RCPT TO:<a@b.example>"))).toBe("503 5.5.1 Send EHLO first");
    await client.ehlo();
    expect(line(await client.command("RCPT TO:<a@b.example>"))).toBe("503 5.5.1 Send MAIL FROM first");
    expect((await client.command("MAIL FROM:<me@example.com>")).code).toBe(451);
    expect(line(await client.command("STARTTLS"))).toBe("503 5.5.1 TLS is active already");
    await client.quit();
    await clear.close();
  });
});

describe("the certificate", () => {
  it("is made once, with a key that only its owner can read, and used again at the next start", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "relayhost-cert-"));
    const settings = { tls: undefined, dataDir, hostName: "relay.example.net" };
    const first = await loadCertificate(settings, Date.now);
    expect((await stat(join(dataDir, "edge-key.pem"))).mode & 0o777).toBe(0o600);
    expect(await loadCertificate(settings, Date.now)).toEqual(first);
    const parsed = new X509Certificate(first.cert);
    expect(parsed.ca).toBe(false);
    expect(Date.parse(parsed.validTo)).toBeGreaterThan(Date.now() + 9 * 365 * 86_400_000);
    const other = await loadCertificate({ ...settings, hostName: "other.example.net" }, Date.now);
    expect(other.cert).not.toBe(first.cert);
    const later = Date.parse(parsed.validTo) - 86_400_000;
    const renewed = await loadCertificate({ ...settings, hostName: "other.example.net" }, () => later);
    expect(renewed.cert).not.toBe(other.cert);
    await writeFile(join(dataDir, "edge-certificate.pem"), "half");
    expect((await loadCertificate(settings, Date.now)).cert).toContain("BEGIN CERTIFICATE");
    await rm(dataDir, { recursive: true });
  });

  it("is read from the files that are set", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "relayhost-cert-"));
    const made = await loadCertificate({ tls: undefined, dataDir, hostName: "files.example.net" }, Date.now);
    const tls = { certificateFile: join(dataDir, "edge-certificate.pem"), keyFile: join(dataDir, "edge-key.pem") };
    const own = await startTestEdge(aws, { tls });
    const secure = await handshake(own.edge.smtpsPort, false, {});
    if (secure instanceof Error) throw secure;
    expect(secure.getPeerX509Certificate()?.toString()).toBe(new X509Certificate(made.cert).toString());
    secure.destroy();
    await own.close();
    await rm(dataDir, { recursive: true });
  });

  /** What a new client is shown, on each port. */
  async function shown(to: TestEdge): Promise<(string | undefined)[]> {
    const names: (string | undefined)[] = [];
    for (const starttls of [true, false]) {
      const secure = await handshake(starttls ? to.edge.smtpPort : to.edge.smtpsPort, starttls, {});
      if (secure instanceof Error) throw secure;
      names.push(secure.getPeerX509Certificate()?.subject);
      secure.destroy();
    }
    return names;
  }
  const both = (hostName: string) => [`CN=${hostName}`, `CN=${hostName}`];
  const made = async (hostName: string, nowMs = Date.now()) => {
    const dataDir = await mkdtemp(join(tmpdir(), "relayhost-cert-"));
    const pair = await loadCertificate({ tls: undefined, dataDir, hostName }, () => nowMs);
    await rm(dataDir, { recursive: true });
    return pair;
  };

  it("is renewed for new connections on both ports without a cut for those that are open", async () => {
    const dir = await mkdtemp(join(tmpdir(), "relayhost-cert-"));
    const tls = { certificateFile: join(dir, "c.pem"), keyFile: join(dir, "k.pem") };
    const write = async ({ cert, key }: { cert: string; key: string }) => {
      await writeFile(tls.certificateFile, cert);
      await writeFile(tls.keyFile, key);
    };
    await write(await made("old.example.net"));
    const own = await startTestEdge(aws, { tls });
    const open = await own.logIn();
    expect(await shown(own)).toEqual(both("old.example.net"));
    const renewed = await made("new.example.net");
    await write(renewed);
    await own.edge.checkCertificate();
    expect(await shown(own)).toEqual(both("new.example.net"));
    // What cannot be used changes nothing: no key, another's key, one that is over.
    for (const bad of [
      { ...renewed, key: "no key" },
      { ...renewed, key: (await made("other.example.net")).key },
      await made("past.example.net", Date.now() - 20 * 365 * 86_400_000),
    ]) {
      await write(bad);
      await own.edge.checkCertificate();
      expect(await shown(own)).toEqual(both("new.example.net"));
    }
    const events = own.events.map(({ event }) => event).filter((event) => event.startsWith("certificate"));
    expect(events).toEqual(["certificate-reloaded", ...Array<string>(3).fill("certificate-failed")]);
    const data = message("me@example.com");
    expect((await open.sendMail({ from: "me@example.com", to: ["a@b.example"], data })).code).toBe(250);
    await open.quit();
    await own.close();
    await rm(dir, { recursive: true });
  });

  it("can be in Secrets Manager, as PEM or JSON, and a renewed one is taken up by itself, for all to see", async () => {
    const client = makeSecretsManager();
    const first = await made("old.example.net");
    const { ARN = "" } = await client.send(
      new CreateSecretCommand({ Name: "edge/tls", SecretString: `${first.key}${first.cert}` }),
    );
    const own = await startTestEdge(
      aws,
      { certificateCheckMs: 50 },
      { readTlsSecret: () => readSecret({ client, id: ARN }) },
    );
    const open = await own.logIn();
    expect(await shown(own)).toEqual(both("old.example.net"));
    const { cert, key } = await made("new.example.net");
    await client.send(new PutSecretValueCommand({ SecretId: ARN, SecretString: JSON.stringify({ cert, key }) }));
    await own.event("certificate-reloaded");
    expect(await shown(own)).toEqual(both("new.example.net"));
    await client.send(new PutSecretValueCommand({ SecretId: ARN, SecretString: "nothing" }));
    expect(await own.event("certificate-failed")).toEqual({
      event: "certificate-failed",
      error: "Error: the secret holds no certificate (a PEM block CERTIFICATE)",
    });
    expect(await shown(own)).toEqual(both("new.example.net"));
    const data = message("me@example.com");
    expect((await open.sendMail({ from: "me@example.com", to: ["a@b.example"], data })).code).toBe(250);
    expect(JSON.stringify(own.events)).not.toContain(key.split("\n")[1]);
    await open.quit();
    await own.close();
    client.destroy();
  });

  it("that cannot be had keeps the edge from starting, with the reason", async () => {
    const client = makeSecretsManager();
    await expect(startTestEdge(aws, {}, { readTlsSecret: () => readSecret({ client, id: "none" }) })).rejects.toThrow(
      /can't find/,
    );
    client.destroy();
  });

  it("that ends soon is warned of in the log and counted down in the metrics", async () => {
    const validDays = 3650;
    const dir = await mkdtemp(join(tmpdir(), "relayhost-cert-"));
    const tls = { certificateFile: join(dir, "c.pem"), keyFile: join(dir, "k.pem") };
    const { cert, key } = await made("soon.example.net", Date.now() - (validDays - 10) * 86_400_000);
    await writeFile(tls.certificateFile, cert);
    await writeFile(tls.keyFile, key);
    const own = await startTestEdge(aws, { tls });
    expect(await own.event("certificate-expires")).toMatchObject({ daysLeft: 9 });
    await own.close();
    expect(await own.event("metrics")).toMatchObject({ CertificateDaysLeft: 9 });
    await rm(dir, { recursive: true });
  });
});

describe("openssl as a client", () => {
  it("can send a mail from a script that never waits for replies (a pipe)", async () => {
    await aws.clear();
    const plain = Buffer.from("\0srv1\0correct-horse").toString("base64");
    const child = spawn("openssl", ["s_client", "-quiet", "-crlf", "-connect", `127.0.0.1:${edge.edge.smtpsPort}`], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.write(
      `EHLO a.example\nAUTH PLAIN ${plain}\nMAIL FROM:<me@example.com>\nRCPT TO:<a@b.example>\nDATA\n` +
        "From: me@example.com\n\ntext\n.\nQUIT\n",
    );
    await ended;
    expect((await aws.stored()).map(({ message: bytes }) => bytes.toString())).toEqual([
      "From: me@example.com\r\n\r\ntext\r\n",
    ]);
  });
});

it("never writes its private key into the log", async () => {
  const key = await readFile(join(edge.settings.dataDir, "edge-key.pem"), "utf8");
  expect(JSON.stringify(edge.events)).not.toContain(key.split("\n")[1]);
  const client = await SmtpClient.connect({ port: edge.edge.smtpPort });
  await client.quit();
});
