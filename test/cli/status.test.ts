/** `relayhost status` against local services and a live edge: all well, and each thing that needs a person. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PutAccountSendingAttributesCommand } from "@aws-sdk/client-sesv2";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { addStatusCommand } from "../../bin/commands/status.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeS3, makeSes, makeSqs } from "../../lib/aws/clients.ts";
import { changeRow, createRow, deleteRow, setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import { makePublisher } from "../../lib/aws/publish-sns.ts";
import { deleteFromQueue, type Queue, receiveFromQueue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { domainKey, tenantKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import type { Status } from "../../lib/core/status.ts";
import { LOCAL_STATE_FILE } from "../../lib/local/local-environment.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { type Cli, startCli } from "../support/cli.ts";
import { fillDirectory, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import { type JsonAwsServer, startJsonAwsServer } from "../support/json-aws-server.ts";
import { handlerEnvironment } from "../support/pipeline.ts";

const DAY_MS = 86_400_000;
const HOST_NAME = "relay.test.example";
const SENDERS = [
  "example.com",
  "xn--wgv71a119e.example",
  "pending.example",
  "other.example",
  "branch.example.com",
  "stopped.example",
];

let cli: Cli;
let edge: TestEdge;
let publish: ReturnType<typeof makePublisher>;
const sqs = makeSqs();

/** The edge shows a certificate that ends so many days from now. */
async function showCertificate(days: number): Promise<void> {
  const { private: key, cert } = await generate([{ name: "commonName", value: HOST_NAME }], {
    keyType: "ec",
    curve: "P-256",
    notAfterDate: new Date(Date.now() + days * DAY_MS),
  });
  edge = await startTestEdge(
    {
      bucket: cli.names.spoolBucket,
      directoryTable: cli.names.directoryTable,
      spool: { client: makeS3(), bucket: cli.names.spoolBucket },
      directory: cli.directory,
    },
    { hostName: HOST_NAME },
    { readTlsSecret: () => Promise.resolve(`${cert}${key}`) },
  );
  const file = join(cli.dataDir, LOCAL_STATE_FILE);
  const state = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...state, smtpPort: edge.edge.smtpPort }));
}

beforeAll(async () => {
  cli = await startCli([addStatusCommand, addTenantCommand], {
    ses: { identities: [...SENDERS, HOST_NAME], eventDelayMs: 1, publish: (...event) => publish(...event) },
    names: { hostName: HOST_NAME, systemAddress: `mailer-daemon@${HOST_NAME}` },
  });
  publish = makePublisher();
  await fillDirectory(cli);
  // Of those that the directory is filled with for tests of refusals, these are not well on purpose.
  await setDomainStatus(cli.directory, "pending.example", "verified");
  await changeRow(cli.directory, tenantKey("stopped"), { status: "active" });
  await showCertificate(90);
});
afterAll(async () => {
  await edge.close();
  sqs.destroy();
  await cli.close();
});

async function status(...args: string[]): Promise<Status & { readonly code: number }> {
  const { code, stdout, stderr } = await cli.run("status", "--json", ...args);
  expect(stderr).toBe("");
  return { ...(JSON.parse(stdout) as Status), code };
}

function parts({ lines }: Status, level: string): (readonly [string, string, string?])[] {
  return lines
    .filter((line) => line.level === level)
    .map(({ part, text, todo }) => (todo === undefined ? [part, text] : [part, text, todo]));
}

async function setSending(isEnabled: boolean): Promise<void> {
  const ses = makeSes();
  try {
    await ses.send(new PutAccountSendingAttributesCommand({ SendingEnabled: isEnabled }));
  } finally {
    ses.destroy();
  }
}

describe("relayhost status", () => {
  it("says that all is well, part by part, with exit code 0", async () => {
    const { code, stdout } = await cli.run("status");
    expect(stdout).toContain(`${HOST_NAME} (local): all is well`);
    for (const part of ["account", "queue", "dead letters", "last hour", "tenants", "domains", "certificate"]) {
      expect(stdout).toMatch(new RegExp(`^ok +${part} `, "m"));
    }
    expect(stdout).toMatch(/^note +alarms +local mode has none/m);
    expect(stdout.trimEnd().split("\n").length).toBeLessThan(24);
    expect(code).toBe(0);
  });

  it("counts the last hour from what edge, forward and feedback have done up to now", async () => {
    const client = await edge.logIn();
    await client.sendMail({ from: "a@example.com", to: ["b@elsewhere.example"], data: message("a@example.com") });
    client.destroy();
    const waiting = await status();
    expect(parts(waiting, "good").find(([part]) => part === "queue")?.[1]).toMatch(/^1 message; the oldest waits for/);

    const env = handlerEnvironment(cli.names);
    const log: LogEvent[] = [];
    const common = { timeoutSeconds: 60, concurrency: 1, log: (event: LogEvent) => void log.push(event) };
    const queue = (url: string): Queue => ({ client: sqs, url });
    const forward = { ...common, name: "forward", queue: queue(cli.names.forwardQueueUrl) };
    const feedback = { ...common, name: "feedback", queue: queue(cli.names.feedbackQueueUrl) };
    const forwardHandler = makeForwardHandler(env, common.log);
    const feedbackHandler = makeFeedbackHandler(env, common.log);
    await expect
      .poll(
        async () => {
          await runOnce({ ...forward, handler: forwardHandler });
          await runOnce({ ...feedback, handler: feedbackHandler });
          return log.some((event) => event["type"] === "Delivery");
        },
        { timeout: 20_000, interval: 50 },
      )
      .toBe(true);
    const after = await status();
    expect(parts(after, "good")).toContainEqual(["queue", "empty"]);
    expect(parts(after, "good")).toContainEqual(["last hour", "1 message to 1 recipient, 1 delivered, 0 bounced"]);
    expect(after.code).toBe(0);
  });

  it("puts a dead letter first, with the section that helps, and ends with 2", async () => {
    const dlq = { client: sqs, url: cli.names.forwardDlqUrl };
    await sendToQueue(dlq, "no event of S3");
    try {
      const { code, stdout } = await cli.run("status");
      expect(code).toBe(2);
      const [title, , , first, help] = stdout.split("\n");
      expect(title).toBe(`${HOST_NAME} (local): 1 thing needs you`);
      expect(first).toMatch(/^ACT +dead letters +1 message set aside/);
      expect(help).toMatch(/-> relayhost queue; RUNBOOK\.md#messages-set-aside$/);
    } finally {
      const letters = await receiveFromQueue(dlq, 0);
      await deleteFromQueue(
        dlq,
        letters.map(({ receiptHandle }) => receiptHandle),
      );
    }
    expect((await status()).code).toBe(0);
  });

  it("says that SES has paused the account", async () => {
    await setSending(false);
    try {
      const paused = await status();
      expect(paused).toMatchObject({ code: 2, level: "act" });
      expect(parts(paused, "act")).toEqual([
        ["account", "SES has paused sending for the account", "RUNBOOK.md#ses-takes-nothing"],
      ]);
    } finally {
      await setSending(true);
    }
  });

  it("tells a tenant that the breaker has paused from one that was paused by hand", async () => {
    const reason = "4.2 % of 120 mails bounced within 24 hours, the limit is 4 %";
    const pause = { by: "breaker", reason, atMs: Date.now() };
    await changeRow(cli.directory, tenantKey("acme"), { status: "paused", pause });
    const byBreaker = await status();
    expect(byBreaker.code).toBe(2);
    expect(parts(byBreaker, "act")).toEqual([
      ["tenants", `tenant acme was paused by the relay: ${reason}`, expect.stringContaining("tenant resume acme")],
    ]);
    expect((await cli.run("tenant", "resume", "acme")).code).toBe(0);

    expect((await cli.run("tenant", "pause", "acme", "--reason", "unpaid")).code).toBe(0);
    const byHand = await status();
    expect(byHand.code).toBe(0);
    expect(parts(byHand, "note").map(([, text]) => text)).toContain("tenant acme is paused by hand: unpaid");
    expect((await cli.run("tenant", "resume", "acme")).code).toBe(0);
  });

  it("says which domains wait for SES, and which SES has taken back", async () => {
    await setDomainStatus(cli.directory, "other.example", "pending");
    const { code, lines } = await status();
    expect(code).toBe(1);
    expect(lines[0]).toMatchObject({ level: "look", text: "1 domain not verified yet: other.example" });
    await setDomainStatus(cli.directory, "other.example", "verified");

    await createRow(cli.directory, { kind: "domain", domain: "gone.example", tenant: "acme", status: "verified" });
    const lost = await status();
    expect(lost.code).toBe(2);
    expect(parts(lost, "act")[0]?.[1]).toContain("SES no longer sends for gone.example");
    await deleteRow(cli.directory, domainKey("gone.example"));
  });

  describe("with another certificate", () => {
    afterEach(async () => {
      await edge.close();
      await showCertificate(90);
    });

    it.each([
      [15, 1, "look"],
      [5, 2, "act"],
    ])("that ends in %i days ends with %i", async (days, code, level) => {
      await edge.close();
      await showCertificate(days + 0.5);
      const near = await status();
      expect(near.code).toBe(code);
      expect(parts(near, level)).toEqual([
        ["certificate", expect.stringMatching(`^ends in ${days} days \\(2`), "RUNBOOK.md#certificate-expires"],
      ]);
    });

    it("or no edge at all says that customers cannot connect", async () => {
      await edge.close();
      const closed = await status();
      expect(closed.code).toBe(2);
      expect(parts(closed, "act")).toEqual([
        ["edge", expect.stringMatching(/^the edge does not answer \(.*ECONNREFUSED\)/), "RUNBOOK.md#edge-unhealthy"],
      ]);
    });
  });

  it("ends with 4 where no relay runs", async () => {
    const file = join(cli.dataDir, LOCAL_STATE_FILE);
    const state = await readFile(file, "utf8");
    await writeFile(file, JSON.stringify({ ...(JSON.parse(state) as object), endpoint: "http://127.0.0.1:9" }));
    try {
      const { code, stderr } = await cli.run("status");
      expect(code).toBe(4);
      expect(stderr).toContain("ECONNREFUSED");
    } finally {
      await writeFile(file, state);
      // Points this process at the services again.
      await cli.run("status");
    }
  });
});

describe("relayhost status of a deployed environment", () => {
  let services: JsonAwsServer;
  beforeAll(async () => {
    const names = { ...cli.names, hostName: "localhost" };
    services = await startJsonAwsServer({
      GetParameter: () => ({ Parameter: { Value: JSON.stringify(names) } }),
      DescribeAlarms: () => ({
        MetricAlarms: [
          {
            AlarmName: "relayhost-prod-mail-waits",
            AlarmDescription: "A message has waited. RUNBOOK.md#mail-waits",
            StateUpdatedTimestamp: Date.UTC(2026, 10, 24, 12) / 1000,
            StateValue: "ALARM",
          },
        ],
      }),
    });
    process.env["AWS_ENDPOINT_URL_SSM"] = services.endpoint;
    process.env["AWS_ENDPOINT_URL_CLOUDWATCH"] = services.endpoint;
  });
  afterAll(async () => {
    delete process.env["AWS_ENDPOINT_URL_SSM"];
    delete process.env["AWS_ENDPOINT_URL_CLOUDWATCH"];
    await services.close();
  });

  it("shows the alarms of CloudWatch that ring, each with its section of the runbook", async () => {
    const deployed = await status("--env", "prod");
    expect(deployed.code).toBe(2);
    expect(parts(deployed, "act")).toContainEqual([
      "alarms",
      "relayhost-prod-mail-waits since 2026-11-24T12:00Z",
      "RUNBOOK.md#mail-waits",
    ]);
    expect(services.asked.map(({ operation, body }) => [operation, body])).toEqual([
      ["GetParameter", { Name: "/relayhost/prod/runtime" }],
      ["DescribeAlarms", { AlarmNamePrefix: "relayhost-prod-", StateValue: "ALARM" }],
    ]);
  });

  it("never takes what could not be asked for good", async () => {
    const refusing = await startJsonAwsServer({
      GetParameter: () => ({ Parameter: { Value: JSON.stringify({ ...cli.names, hostName: "localhost" }) } }),
    });
    process.env["AWS_ENDPOINT_URL_SSM"] = refusing.endpoint;
    process.env["AWS_ENDPOINT_URL_CLOUDWATCH"] = refusing.endpoint;
    try {
      expect(parts(await status("--env", "prod"), "unknown")).toEqual([
        ["alarms", expect.stringContaining("could not be asked: AccessDeniedException")],
      ]);
    } finally {
      await refusing.close();
    }
  });
});
