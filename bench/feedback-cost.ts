/**
 * What feedback costs of a message, and a webhook on top: forward works first and alone, then the calls of feedback, and
 * of webhook, are counted on their way to the local services, as `cost-bench.ts` does it for the whole.
 *
 * Assumed: what Lambda bills. Not counted: polling empty queues, a webhook's octets on the way out (2 KB each).
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeFeedbackHandler } from "../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../lambda/forward/handler.ts";
import { makeWebhookHandler } from "../lambda/webhook/handler.ts";
import { makeS3 } from "../lib/aws/clients.ts";
import { changeRow } from "../lib/aws/directory-dynamo.ts";
import { provisionWebhooks } from "../lib/aws/provision-webhooks.ts";
import { tenantKey } from "../lib/core/directory.ts";
import { LIMITS } from "../lib/core/limits.ts";
import type { LogEvent } from "../lib/core/log.ts";
import { ENV } from "../lib/core/names.ts";
import { type AwsUsage, type Cost, costPerThousand, PRICES } from "../lib/core/prices.ts";
import { runOnce } from "../lib/local/queue-worker.ts";
import { type Pipeline, startPipeline } from "../test/support/pipeline.ts";
import { BILLED_MS, meterOf } from "./cost-bench.ts";
import { benchMail, spoolMail } from "./spool-mail.ts";

/** Dollars for a thousand messages with one event each. */
export interface FeedbackCostRow {
  readonly part: "feedback" | "webhook";
  readonly region: string;
  readonly batchSize: number;
  readonly cost: Cost;
}

/** The rows, and the units of DynamoDB that feedback takes for an event. */
export interface FeedbackCost {
  readonly messages: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly webhookBilledMs: typeof WEBHOOK_BILLED_MS;
  readonly rows: readonly FeedbackCostRow[];
}

/** Of one event alone, and of each in a batch of ten, which are posted at the same time: a server that answers in 100 ms. */
const WEBHOOK_BILLED_MS = { 1: 150, 10: 20 } as const;
const BATCH_SIZES = [1, 10] as const;
const MESSAGE_BYTES = 10_240;

type Part = Omit<AwsUsage, "sqsRequests" | "lambdaRequests" | "lambdaGigabyteSeconds">;

/** Relays so many messages that are delivered, to a tenant whose webhook is told of each. */
export async function benchFeedbackCost(messages: number): Promise<FeedbackCost> {
  const pipeline = await startPipeline();
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(204).end());
  });
  const s3 = makeS3();
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const webhook = { url, secret: `whsec_${Buffer.alloc(32, 1).toString("base64")}` };
    await changeRow(pipeline.directory, tenantKey("demo"), { webhook });
    const queues = await provisionWebhooks();
    const queue = { client: pipeline.forwardQueue.client, url: queues.queueUrl };
    const env = {
      ...pipeline.env,
      [ENV.webhookQueueUrl]: queues.queueUrl,
      [ENV.webhookDlqUrl]: queues.dlqUrl,
      [ENV.webhookLoopback]: "true",
    };
    let log: LogEvent[] = [];
    const record = (event: LogEvent): void => void log.push(event);
    const common = { timeoutSeconds: 60, concurrency: 1, log: record };
    const count = (match: (event: LogEvent) => boolean): number => log.filter(match).length;
    const until = async (worker: Parameters<typeof runOnce>[0], isDone: () => boolean): Promise<void> => {
      while (!isDone()) await runOnce(worker);
      // What the last one leaves, and once more for what is late.
      while ((await runOnce(worker)) > 0) continue;
    };
    for (let i = 0; i < messages; i++) {
      await spoolMail({ client: s3, bucket: pipeline.names.spoolBucket }, benchMail(MESSAGE_BYTES));
    }
    const forward = {
      ...common,
      name: "forward",
      queue: pipeline.forwardQueue,
      handler: makeForwardHandler(env, record),
    };
    await until(forward, () => count(({ event }) => event === "forwarded") === messages);
    const measure = async (work: () => Promise<void>): Promise<Part> => {
      pipeline.proxy.onAnswer = undefined;
      const meter = await meterOf(pipeline);
      log = [];
      pipeline.proxy.onAnswer = (call, request, answer) => {
        if (call.service === "dynamodb") meter.count(call.operation, request, answer);
      };
      await work();
      const { writeUnits, readUnits } = meter.units;
      return {
        messages,
        s3Puts: callsOf(pipeline, "s3", "PutObject"),
        s3Gets: callsOf(pipeline, "s3", "GetObject"),
        snsPublishes: 0,
        dynamodbWriteUnits: writeUnits,
        dynamodbReadUnits: readUnits,
        logBytes: log.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)) + 1, 0),
        sesRecipients: 0,
      };
    };
    const feedback = {
      ...common,
      name: "feedback",
      queue: pipeline.feedbackQueue,
      handler: makeFeedbackHandler(env, record),
    };
    const delivered = (): boolean => count(({ type }) => type === "Delivery") === messages;
    const ofFeedback = await measure(async () => await until(feedback, delivered));
    const told = callsOf(pipeline, "sqs", "SendMessage");
    const teller = { ...common, name: "webhook", queue, handler: makeWebhookHandler(env, record) };
    const ofWebhook = await measure(async () => await until(teller, () => count(posted) >= told));
    const rows = Object.entries(PRICES).flatMap(([region, prices]) =>
      BATCH_SIZES.flatMap((batchSize): FeedbackCostRow[] => {
        const parts = {
          feedback: { ...ofFeedback, snsPublishes: messages, ...runs(messages, batchSize, "feedback") },
          webhook: { ...ofWebhook, ...runs(told, batchSize, "webhook") },
        };
        return (["feedback", "webhook"] as const).map((part) => {
          return { part, region, batchSize, cost: costPerThousand(parts[part], prices) };
        });
      }),
    );
    const { dynamodbWriteUnits, dynamodbReadUnits } = ofFeedback;
    return {
      messages,
      writeUnits: dynamodbWriteUnits / messages,
      readUnits: dynamodbReadUnits / messages,
      webhookBilledMs: WEBHOOK_BILLED_MS,
      rows,
    };
  } finally {
    server.close();
    s3.destroy();
    await pipeline.close();
  }
}

const posted = ({ event }: LogEvent): boolean => event === "webhook-sent";

function callsOf(pipeline: Pipeline, service: string, operation: string): number {
  return pipeline.proxy.calls.filter((call) => call.service === service && call.operation === operation).length;
}

/** Whoever tells of an event sends it to the queue; a run receives its batch and deletes it. */
function runs(
  events: number,
  batchSize: 1 | 10,
  name: "feedback" | "webhook",
): Pick<AwsUsage, "sqsRequests" | "lambdaRequests" | "lambdaGigabyteSeconds"> {
  const billedMs = name === "feedback" ? BILLED_MS.feedback[batchSize] : WEBHOOK_BILLED_MS[batchSize];
  return {
    sqsRequests: events + (2 * events) / batchSize,
    lambdaRequests: events / batchSize,
    lambdaGigabyteSeconds: (events * billedMs * LIMITS[name].memoryMiB) / 1024 / 1000,
  };
}
