/**
 * The template and the programs agree: a mail goes from a client through the deployed template on local services to SES,
 * and what became of it comes back, with names, variables, entry points and rights as the template has them.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDynamoDb } from "../../lib/aws/clients.ts";
import { changeRow } from "../../lib/aws/directory-dynamo.ts";
import { findByRecipient, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { makePublisher } from "../../lib/aws/publish-sns.ts";
import { makeSecretsManager } from "../../lib/aws/secret.ts";
import { parseRuntimeNames } from "../../lib/config/runtime-names.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import { ENV } from "../../lib/core/names.ts";
import type { WebhookEvent } from "../../lib/core/webhook.ts";
import { bundleRelay } from "../../lib/infra/bundle.ts";
import { DEMO_TENANT, seedDemoTenant } from "../../lib/local/demo-tenant.ts";
import { startLocalAws } from "../../lib/local/local-aws.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";
import { loadCertificate } from "../../relay-edge/certificate.ts";
import { readOutbox } from "../support/outbox.ts";
import { SmtpClient } from "../support/smtp-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { object, settingsOf } from "./cdk-json.ts";
import { Deployed } from "./deployed.ts";
import { render, synthesizeInto } from "./synthesized.ts";

const PREPARE_MS = 180_000;
const DELIVERY_MS = 60_000;

const dir = mkdtempSync(join(tmpdir(), "relayhost-names-"));
const told: WebhookEvent[] = [];
const stops: (() => Promise<unknown> | void)[] = [];
let deployed: Deployed;
let smtpPort: number;

beforeAll(async () => {
  const outdir = join(dir, "out");
  const code = await bundleRelay(join(dir, "code"));
  const synthesized = synthesizeInto(outdir, { name: "prod", changes: { webhooks: true }, code });

  let publish: ReturnType<typeof makePublisher> | undefined;
  const ses = createSesServer({
    dataDir: dir,
    eventDelayMs: 1,
    identities: ["example.com", render(settingsOf("prod")["hostName"])],
    publish: async (topicArn, message) => await (publish ??= makePublisher())(topicArn, message),
  });
  const aws = await startLocalAws({ dataDir: dir, port: 0, ses });
  stops.push(() => aws.close());
  useLocalAws(process.env, aws.endpoint);
  await ses.start();
  stops.push(() => ses.close());

  const webhookServer = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      told.push(JSON.parse(body) as WebhookEvent);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => webhookServer.listen(0, "127.0.0.1", resolve));
  stops.push(() => void webhookServer.close());

  deployed = new Deployed(synthesized, {
    outdir,
    endpoint: aws.endpoint,
    temporaryDir: join(dir, "tmp"),
    changes: {
      // This machine's ports and folders.
      [ENV.bindAddress]: "127.0.0.1",
      [ENV.smtpPort]: "0",
      [ENV.smtpsPort]: "0",
      [ENV.healthPort]: "0",
      [ENV.temporaryDir]: join(dir, "tmp"),
      [ENV.dataDir]: join(dir, "tmp", "relayhost"),
      [render(object(settingsOf("prod")["edge"])["tlsSecretArn"])]: await makeCertificateSecret(),
    },
    // The tenant's server is on this machine too.
    additions: { WebhookFunction: { [ENV.webhookLoopback]: "true" } },
  });
  stops.push(() => deployed.stop());
  await deployed.provision();
  const { directoryTable } = runtimeNames();
  const directory = { client: makeDynamoDb(), table: directoryTable };
  await seedDemoTenant(directory, randomBytes(16));
  const url = `http://127.0.0.1:${(webhookServer.address() as AddressInfo).port}/hook`;
  const webhook = { url, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
  await changeRow(directory, tenantKey(DEMO_TENANT), { webhook });
  await deployed.startFunctions();
  smtpPort = await deployed.startContainer();
}, PREPARE_MS);

afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
  rmSync(dir, { recursive: true, force: true });
}, PREPARE_MS);

async function makeCertificateSecret(): Promise<string> {
  const hostName = render(settingsOf("prod")["hostName"]);
  const { cert, key } = await loadCertificate({ tls: undefined, dataDir: join(dir, "tls"), hostName }, Date.now);
  const client = makeSecretsManager();
  const { ARN = "" } = await client.send(
    new CreateSecretCommand({ Name: "tls", SecretString: JSON.stringify({ cert, key }) }),
  );
  client.destroy();
  return ARN;
}

/** As the command line tool reads them: from the parameter that the template publishes. */
function runtimeNames() {
  return parseRuntimeNames(deployed.parameter(), "the template's parameter");
}

describe("the template", () => {
  it(
    "runs as it stands: a mail is accepted, handed to SES, its fate recorded, its sender and the tenant's server told",
    async () => {
      const client = await SmtpClient.connect({ port: smtpPort });
      await client.logIn({ user: DEMO_TENANT, password: DEMO_TENANT });
      const data = "From: A <a@example.com>\r\nSubject: names\r\nMessage-ID: <names@example.com>\r\n\r\nHello\r\n";
      const to = ["success@simulator.amazonses.com", "bounce@simulator.amazonses.com"];
      const reply = await client.sendMail({ from: "a@example.com", to, data });
      expect(reply.code, reply.lines.join(" ")).toBe(250);
      await client.quit();

      const names = runtimeNames();
      const ledger = { client: makeDynamoDb(), table: names.ledgerTable };
      const otherwise = (): string => `refused: ${deployed.refused().join(", ")}\n${deployed.output()}`;
      const states = await waitFor(
        async () => {
          const [id] = await findByRecipient(ledger, to[0] ?? "", 1);
          if (id === undefined) return undefined;
          const { recipients } = await readMessage(ledger, id);
          const found = recipients.map(({ state }) => state);
          return found.join() === "delivered,bounced" ? found : undefined;
        },
        { deadlineMs: DELIVERY_MS, otherwise },
      );
      expect(states).toEqual(["delivered", "bounced"]);

      const report = await waitFor(
        async () => (await readOutbox(join(dir, "outbox"))).find(({ recipients }) => recipients[0] === "a@example.com"),
        { deadlineMs: DELIVERY_MS, otherwise },
      );
      expect(report.raw.toString("latin1")).toMatch(/^From: .*postmaster@relay\.example\.net/m);
      const types = await waitFor(() => (told.length >= 2 ? told.map(({ type }) => type).sort() : undefined), {
        deadlineMs: DELIVERY_MS,
        otherwise,
      });
      expect(types).toEqual(["message.bounced", "message.delivered"]);

      await deployed.runSchedules();
      expect(deployed.refused()).toEqual([]);
      ledger.client.destroy();
    },
    3 * DELIVERY_MS,
  );

  it("gives each part the rights that it has used by then, and the edge no others at all", () => {
    expect([...(deployed.proxies.get(deployed.taskId)?.used ?? [])].sort()).toEqual([
      "dynamodb:BatchGetItem",
      "dynamodb:GetItem",
      "s3:PutObject",
      "secretsmanager:GetSecretValue",
    ]);
    for (const [id, { used }] of deployed.proxies) expect(used.size, id).toBeGreaterThan(0);
  });
});
