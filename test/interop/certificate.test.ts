/**
 * A certificate without hands, from a real ACME server: ordered, renewed and taken up by a live edge while a client is
 * connected over TLS.
 */

import { connect as tlsConnect } from "node:tls";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificateHandler } from "../../lambda/certificate/handler.ts";
import { makeSecretsManager, readSecretIfAny, type Secret } from "../../lib/aws/secret.ts";
import { parseCertificateSecret } from "../../lib/core/certificate-secret.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import { type Pebble, startPebble } from "../support/pebble.ts";
import { type AppliedChange, type Route53Server, startRoute53 } from "../support/route53-server.ts";
import type { SmtpClient } from "../support/smtp-client.ts";
import { waitFor } from "../support/wait-for.ts";

const HOST = "relay.example.net";
const CHALLENGE = `_acme-challenge.${HOST}.`;
const DAY_MS = 86_400_000;

let pebble: Pebble;
let dns: Route53Server;
let aws: TestAws;
let edge: TestEdge;
let secret: Secret;
let reachesNameServers = true;
/** What the zone was changed to, in order. */
const changes: AppliedChange[] = [];
const log: LogEvent[] = [];

beforeAll(async () => {
  pebble = await startPebble();
  dns = await startRoute53(async (batch) => {
    changes.push(...batch);
    if (!reachesNameServers) return;
    for (const { action, name, values } of batch) {
      await pebble.clearTxt(name);
      if (action !== "DELETE") for (const value of values) await pebble.setTxt(name, value.slice(1, -1));
    }
  });
  dns.zones.set("Z1", { name: "example.net.", isPrivate: false, sets: [] });
  aws = await startTestAws();
  process.env["AWS_ENDPOINT_URL_ROUTE_53"] = dns.url;
  await fillDirectory(aws);
  const client = makeSecretsManager();
  // As CloudFormation makes it: without a value.
  const { ARN: id = "" } = await client.send(new CreateSecretCommand({ Name: "certificate" }));
  secret = { client, id };
  edge = await startTestEdge(
    aws,
    { tlsSecretArn: id, tlsAwaitSecret: true, certificateAwaitMs: 50, certificateCheckMs: 50 },
    { readTlsSecret: async () => (await readSecretIfAny(secret)) ?? "" },
  );
});

afterAll(async () => {
  await edge?.close();
  secret?.client.destroy();
  await aws?.close();
  await dns?.close();
  await pebble?.close();
});

/** What Lambda would do at a time of the clock. */
async function run(nowMs = Date.now(), directoryUrl = pebble.directoryUrl) {
  const env = {
    [ENV.environment]: "test",
    [ENV.hostName]: HOST,
    [ENV.hostedZoneId]: "Z1",
    [ENV.tlsSecretArn]: secret.id,
    [ENV.acmeDirectoryUrl]: directoryUrl,
    [ENV.acmeContact]: "operator@example.net",
  };
  return await makeCertificateHandler(
    env,
    (event) => void log.push(event),
    () => nowMs,
  )({});
}

/** What a client is shown that checks the chain and the name. Rejects when it does not trust it. */
async function trusted(): Promise<{ serial: string; endsAtMs: number }> {
  const ca = await pebble.root();
  return await new Promise((resolve, reject) => {
    const socket = tlsConnect({ port: edge.edge.smtpsPort, host: "127.0.0.1", servername: HOST, ca }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      resolve({ serial: certificate?.serialNumber ?? "", endsAtMs: Date.parse(certificate?.validTo ?? "") });
    });
    socket.once("error", reject);
  });
}

async function reloaded(times: number): Promise<void> {
  await waitFor(
    () => edge.events.filter(({ event }) => event === "certificate-reloaded").length === times || undefined,
    { deadlineMs: 10_000, otherwise: () => JSON.stringify(edge.events.slice(-5)) },
  );
}

async function sends(client: SmtpClient): Promise<number> {
  const data = message("me@example.com");
  return (await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data })).code;
}

describe("a certificate that needs no hands", () => {
  let first: SmtpClient;

  it("is awaited by an edge that takes mail meanwhile", async () => {
    expect(await edge.event("certificate-awaited")).toEqual({ event: "certificate-awaited" });
    first = await edge.logIn();
    expect(await sends(first)).toBe(250);
    await expect(trusted()).rejects.toThrow(/self-signed/);
    expect(edge.events.filter(({ event }) => event === "certificate-failed")).toEqual([]);
  });

  it("is ordered, and taken up at once by the edge, whose open sessions go on", async () => {
    expect(await run()).toEqual({ renewed: true, because: "there is none" });
    await reloaded(1);
    expect((await trusted()).endsAtMs).toBeGreaterThan(Date.now() + DAY_MS);
    expect(await sends(first)).toBe(250);
    // Proven by one record of one name, which is gone afterwards.
    expect(changes.map(({ action, name, type }) => `${action} ${name} ${type}`)).toEqual([
      `UPSERT ${CHALLENGE} TXT`,
      `DELETE ${CHALLENGE} TXT`,
    ]);
    expect(dns.zones.get("Z1")?.sets).toEqual([]);
  });

  it("is left alone as long as more than a third of its life is left", async () => {
    const { serial, endsAtMs } = await trusted();
    const account = parseCertificateSecret(await readSecretIfAny(secret)).account;
    expect(account?.directoryUrl).toBe(pebble.directoryUrl);
    expect(await run()).toEqual({ renewed: false });
    expect(await run(Date.now() + 0.6 * (endsAtMs - Date.now()))).toEqual({ renewed: false });
    expect((await trusted()).serial).toBe(serial);
  });

  it("is renewed then, by the same account, while clients of both are connected", async () => {
    const before = await trusted();
    const second = await edge.logIn();
    const account = parseCertificateSecret(await readSecretIfAny(secret)).account;
    const nowMs = Date.now() + 0.7 * (before.endsAtMs - Date.now());
    expect(await run(nowMs)).toEqual({ renewed: true, because: "its end is near" });
    await reloaded(2);
    expect((await trusted()).serial).not.toBe(before.serial);
    expect(parseCertificateSecret(await readSecretIfAny(secret)).account).toEqual(account);
    for (const client of [first, second]) {
      expect(await sends(client)).toBe(250);
      await client.quit();
    }
  });

  it("that cannot be renewed changes nothing; it rings when the end is near", async () => {
    const before = await trusted();
    reachesNameServers = false;
    await pebble.clearTxt(CHALLENGE);
    log.length = 0;
    // By another account, since what one has proven need not be proven again for some time.
    const elsewhere = `${pebble.directoryUrl}?elsewhere`;
    await expect(run(Date.now(), elsewhere)).rejects.toThrow(/TXT/);
    expect(log.map(({ event }) => event)).toEqual(["certificate-not-renewed"]);
    const { account, pair } = parseCertificateSecret(await readSecretIfAny(secret));
    expect(account?.directoryUrl).toBe(elsewhere);
    expect(pair).toBeDefined();
    await expect(run(before.endsAtMs - 10 * DAY_MS, elsewhere)).rejects.toThrow(/TXT/);
    expect(log.at(-1)).toMatchObject({ event: "certificate-expires", daysLeft: 10 });
    // Nothing is left in DNS, and no account is made at each try.
    expect(dns.zones.get("Z1")?.sets).toEqual([]);
    expect(parseCertificateSecret(await readSecretIfAny(secret)).account).toEqual(account);
    expect((await trusted()).serial).toBe(before.serial);

    reachesNameServers = true;
    expect(await run(Date.now(), elsewhere)).toEqual({ renewed: true, because: "it comes from elsewhere" });
    await reloaded(3);
    expect((await trusted()).serial).not.toBe(before.serial);
  });

  it("leaves no key in a log", () => {
    const text = JSON.stringify([log, edge.events]);
    expect(text).not.toContain("PRIVATE KEY");
  });
});
