/** Tenants' servers are told what became of their mail: through the real queues and handlers, to a real server. */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeWebhookHandler } from "../../lambda/webhook/handler.ts";
import { changeRow } from "../../lib/aws/directory-dynamo.ts";
import { provisionWebhooks } from "../../lib/aws/provision-webhooks.ts";
import { type Queue, queueDepth, receiveFromQueue, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import type { WebhookEvent } from "../../lib/core/webhook.ts";
import { webhookSignature } from "../../lib/core/webhook.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { waitFor } from "../support/wait-for.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const AT = "simulator.amazonses.com";

interface Call {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let pipeline: Pipeline;
let server: Server;
let queue: Queue;
let dlq: Queue;
let calls: Call[] = [];
let answer: number | "never" = 204;
const log: LogEvent[] = [];
type Worker = Parameters<typeof runOnce>[0];
let workers: readonly Worker[];
let webhookWorker: Worker;

beforeAll(async () => {
  pipeline = await startPipeline();
  const { queueUrl, dlqUrl } = await provisionWebhooks();
  const client = pipeline.forwardQueue.client;
  queue = { client, url: queueUrl };
  dlq = { client, url: dlqUrl };
  const env = {
    ...pipeline.env,
    [ENV.webhookQueueUrl]: queueUrl,
    [ENV.webhookDlqUrl]: dlqUrl,
    [ENV.webhookLoopback]: "true",
  };
  const record = (event: LogEvent): void => void log.push(event);
  const common = { timeoutSeconds: 60, concurrency: 1, log: record };
  workers = [
    { ...common, name: "forward", queue: pipeline.forwardQueue, handler: makeForwardHandler(env, record) },
    { ...common, name: "feedback", queue: pipeline.feedbackQueue, handler: makeFeedbackHandler(env, record) },
  ];
  webhookWorker = { ...common, name: "webhook", queue, handler: makeWebhookHandler(env, record) };
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      calls.push({ headers: request.headers, body });
      if (answer !== "never") response.writeHead(answer).end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await setWebhook(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`);
});
afterEach(() => {
  calls = [];
  answer = 204;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await pipeline.close();
});

async function setWebhook(url: string): Promise<void> {
  await changeRow(pipeline.directory, tenantKey("demo"), { webhook: { url, secret: SECRET } });
}

/** Runs forward and feedback until the webhook queue holds this many events. */
async function untilQueued(events: number): Promise<void> {
  await waitFor(
    async () => {
      for (const worker of workers) await runOnce(worker);
      return (await queueDepth(queue)).waiting >= events ? true : undefined;
    },
    { deadlineMs: 60_000, otherwise: () => JSON.stringify(log, undefined, 1) },
  );
}

async function untilCalled(count: number): Promise<WebhookEvent[]> {
  await waitFor(
    async () => {
      await runOnce(webhookWorker);
      return calls.length >= count ? true : undefined;
    },
    { deadlineMs: 30_000, otherwise: () => JSON.stringify(log, undefined, 1) },
  );
  return calls.map(({ body }) => JSON.parse(body) as WebhookEvent);
}

const mail = (name: string): string =>
  `From: A <a@example.com>\r\nSubject: x\r\nMessage-ID: <${name}@example.com>\r\n\r\nx\r\n`;

describe("a tenant's server", () => {
  it("is told of delivery, bounce, complaint and suppression, each once, signed by Standard Webhooks", async () => {
    const to = ["success", "bounce", "complaint", "suppressionlist"].map((name) => `${name}@${AT}`);
    const id = await pipeline.accept({ to, bytes: mail("all") });
    // The complaint follows a delivery.
    await untilQueued(5);
    const events = await untilCalled(5);

    const told = events.map(({ type, data }) => `${data.recipient.split("@")[0]} ${type}`);
    expect(told.sort()).toEqual([
      "bounce message.bounced",
      "complaint message.complained",
      "complaint message.delivered",
      "success message.delivered",
      "suppressionlist message.suppressed",
    ]);
    const bounce = events.find(({ type }) => type === "message.bounced");
    expect(bounce).toMatchObject({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      data: {
        id,
        tenant: "demo",
        sender: "a@example.com",
        messageId: "all@example.com",
        reason: "no-such-user",
        kind: "bounce",
        status: "5.1.1",
        reply: expect.stringContaining("550"),
      },
    });
    for (const { headers, body } of calls) {
      expect(headers["content-type"]).toBe("application/json");
      const [webhookId, timestamp] = [String(headers["webhook-id"]), Number(headers["webhook-timestamp"])];
      expect(Math.abs(Date.now() / 1000 - timestamp)).toBeLessThan(120);
      expect(headers["webhook-signature"]).toBe(webhookSignature(SECRET, webhookId, timestamp, body));
    }
    expect(new Set(calls.map(({ headers }) => headers["webhook-id"])).size).toBe(5);
  });

  it("is told of a mail that SES refused, by forward", async () => {
    const refused = mail("refused").replace("a@example.com", "a@unverified.example");
    const id = await pipeline.accept({
      to: ["x@example.net"],
      bytes: refused,
      envelope: { time: "2026-01-01T00:00:00.000Z" },
    });
    await untilQueued(1);
    const [event] = await untilCalled(1);
    expect(event).toMatchObject({ type: "message.failed", data: { id, reason: "not-verified" } });
  });

  it("that fails is tried again later with the same webhook-id, and what feedback does goes on meanwhile", async () => {
    answer = 500;
    await pipeline.accept({ to: [`success@${AT}`], bytes: mail("again") });
    await untilQueued(1);
    await untilCalled(1);
    const first = calls[0]?.headers["webhook-id"];
    expect(await queueDepth(queue)).toMatchObject({ inFlight: 1 });
    expect(log.findLast(({ event }) => event === "webhook-failed")).toMatchObject({
      tenant: "demo",
      why: "it answered 500",
    });

    answer = 204;
    calls = [];
    await untilCalled(1);
    expect(calls[0]?.headers["webhook-id"]).toBe(first);
    expect(await queueDepth(queue)).toMatchObject({ waiting: 0, inFlight: 0 });
  });

  it("that says 410 is told no more of it", async () => {
    answer = 410;
    await pipeline.accept({ to: [`success@${AT}`], bytes: mail("gone") });
    await untilQueued(1);
    await untilCalled(1);
    expect(await queueDepth(queue)).toMatchObject({ waiting: 0, inFlight: 0 });
    expect(log.some(({ event }) => event === "webhook-gone")).toBe(true);
  });

  it("is asked nothing about events that came twice: feedback tells again, under the same name", async () => {
    const before = calls.length;
    await pipeline.accept({ to: [`success@${AT}`], bytes: mail("twice") });
    await waitFor(
      async () => {
        await runOnce(workers[0] as Worker);
        return (await queueDepth(pipeline.feedbackQueue)).waiting > 0 ? true : undefined;
      },
      { deadlineMs: 30_000, otherwise: () => "no event" },
    );
    const [event] = await receiveFromQueue(pipeline.feedbackQueue, 1);
    if (event === undefined) throw new Error("no event");
    for (let copy = 0; copy < 2; copy++) await sendToQueue(pipeline.feedbackQueue, event.body);
    await untilQueued(2);
    await untilCalled(before + 2);
    expect(new Set(calls.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });
});

describe("what is no webhook event", () => {
  it("is put aside at once", async () => {
    await sendToQueue(queue, "nonsense");
    await waitFor(
      async () => {
        await runOnce(webhookWorker);
        return (await queueDepth(dlq)).waiting === 1 ? true : undefined;
      },
      { deadlineMs: 20_000, otherwise: () => JSON.stringify(log.at(-1)) },
    );
  });
});
