/**
 * What a message costs at AWS: mails go through the real handlers, every call is counted on its way to the local
 * services, and the price table makes dollars of it.
 *
 * Assumed, because a local run cannot tell: the milliseconds that Lambda bills (`BILLED_MS`). Not counted, because it
 * does not come with a message: polling empty queues, sweeping, the edge's look-ups (once a minute and key), storage.
 */

import { DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import { makeDynamoDb, makeS3 } from "../lib/aws/clients.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { type AwsUsage, type Cost, costPerThousand, PRICES } from "../lib/core/prices.ts";
import { type Pipeline, startPipeline } from "../test/support/pipeline.ts";
import { DynamoDbMeter } from "./dynamodb-meter.ts";
import { benchMail, spoolMail } from "./spool-mail.ts";

/** Calls of a service's operation by a message, and how often. */
export interface CallCount {
  readonly call: string;
  readonly perMessage: number;
}

/** The bill of one region at one batch size. */
export interface CostRow {
  readonly region: string;
  readonly batchSize: number;
  readonly cost: Cost;
}

export interface CostBench {
  readonly messages: number;
  readonly calls: readonly CallCount[];
  /** For each message. */
  readonly writeUnits: number;
  readonly indexWriteUnits: number;
  readonly readUnits: number;
  /** Octets of the largest item by the beginning of its sort key. */
  readonly largestItems: Readonly<Record<string, number>>;
  readonly logBytes: number;
  /** Octets that stay in the ledger until a message's records expire, index entries included. */
  readonly keptBytes: number;
  readonly billedMs: typeof BILLED_MS;
  readonly rows: readonly CostRow[];
  /** What a message costs more that answers another one of the tenant, see `lib/aws/earlier-ses-ids.ts`. */
  readonly reply: { readonly readUnits: number; readonly queries: number; readonly perThousand: readonly ReplyCost[] };
}

/** Dollars for a thousand replies on top of a thousand other messages. */
export interface ReplyCost {
  readonly region: string;
  readonly dollars: number;
}

const MESSAGE_BYTES = 10_240;

/**
 * Milliseconds that Lambda bills for each message, in a batch of one and shared by a batch of ten. Of one: nine calls
 * one after the other at 5 to 20 ms, SES at 100 ms, and the CPU time of the bench at a third of a core (512 MB).
 */
export const BILLED_MS = {
  forward: { 1: 250, 10: 100 },
  feedback: { 1: 60, 10: 20 },
} as const;

/** A reply waits for two queries, one after the other: billed to it alone, in a batch of one. */
const REPLY_BILLED_MS = 15;

const BATCH_SIZES = [1, 10] as const;

/** Relays so many mails of 10 KB to one recipient, who gets them, and counts; then as many replies to one of them. */
export async function benchCost(messages: number): Promise<CostBench> {
  const pipeline = await startPipeline();
  const s3 = makeS3();
  try {
    const meters = { plain: await meterOf(pipeline), reply: await meterOf(pipeline) };
    const spool = { client: s3, bucket: pipeline.names.spoolBucket };
    pipeline.work();
    let expected = 0;
    const relay = async (meter: DynamoDbMeter, mails: readonly Buffer[]): Promise<void> => {
      pipeline.proxy.reset();
      pipeline.proxy.onAnswer = (call, request, answer) => {
        if (call.service === "dynamodb") meter.count(call.operation, request, answer);
      };
      for (const mail of mails) await spoolMail(spool, mail);
      expected += mails.length;
      const delivered = (): number => pipeline.log.filter((event) => event["type"] === "Delivery").length;
      await pipeline.logged(() => delivered() === expected, 240_000);
      await pipeline.idle();
    };
    const mails = Array.from({ length: messages }, () => benchMail(MESSAGE_BYTES));
    await relay(meters.plain, mails);
    const plain = result(pipeline, meters.plain, messages);
    const answered = /^Message-ID: (<.*>)\r$/m.exec(mails[0]?.toString("latin1") ?? "")?.[1] ?? "";
    const fields = `In-Reply-To: ${answered}\r\nReferences: ${answered}\r\n`;
    await relay(
      meters.reply,
      Array.from({ length: messages }, () => benchMail(MESSAGE_BYTES, fields)),
    );
    const queries = queriesOf(pipeline) / messages - (plain.calls.find(({ call }) => call === QUERY)?.perMessage ?? 0);
    return { ...plain, reply: replyCost(meters.reply.units.readUnits / messages - plain.readUnits, queries) };
  } finally {
    s3.destroy();
    await pipeline.close();
  }
}

const QUERY = "dynamodb Query";

function queriesOf(pipeline: Pipeline): number {
  return pipeline.proxy.calls.filter(({ service, operation }) => `${service} ${operation}` === QUERY).length;
}

function replyCost(readUnits: number, queries: number): CostBench["reply"] {
  const gigabyteSeconds = (REPLY_BILLED_MS * LIMITS.forward.memoryMiB) / 1024 / 1000;
  const perThousand = Object.entries(PRICES).map(([region, prices]) => ({
    region,
    dollars: 1000 * (readUnits * prices.dynamodbReadUnit + gigabyteSeconds * prices.lambdaGigabyteSecond),
  }));
  return { readUnits, queries, perThousand };
}

/** A meter for the ledger, with its indexes as they are. */
export async function meterOf(pipeline: Pipeline): Promise<DynamoDbMeter> {
  const client = makeDynamoDb();
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: pipeline.names.ledgerTable }));
    const keysOf = (schema: readonly { AttributeName?: string | undefined }[] | undefined): string[] =>
      (schema ?? []).map(({ AttributeName }) => AttributeName ?? "");
    const indexes = (Table?.GlobalSecondaryIndexes ?? []).map((index) => ({
      name: index.IndexName ?? "",
      keys: keysOf(index.KeySchema),
    }));
    return new DynamoDbMeter(keysOf(Table?.KeySchema), indexes);
  } finally {
    client.destroy();
    pipeline.proxy.reset();
  }
}

function result(pipeline: Pipeline, meter: DynamoDbMeter, messages: number): Omit<CostBench, "reply"> {
  const { units } = meter;
  const counts = new Map<string, number>();
  for (const { service, operation } of pipeline.proxy.calls) {
    const call = service === "sns" ? "sns Publish" : `${service} ${operation}`;
    counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  const count = (call: string): number => counts.get(call) ?? 0;
  const events = count("sns Publish");
  const logBytes = pipeline.log.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)) + 1, 0);
  const usage = (batchSize: 1 | 10): AwsUsage => {
    const forwardRuns = messages / batchSize;
    const feedbackRuns = events / batchSize;
    const billed = (name: "forward" | "feedback", runs: number): number =>
      (runs * batchSize * BILLED_MS[name][batchSize] * LIMITS[name].memoryMiB) / 1024 / 1000;
    return {
      messages,
      s3Puts: count("s3 PutObject"),
      s3Gets: count("s3 GetObject"),
      // S3 and SNS send one each; a run receives and deletes its batch. What else the handlers ask is on the wire.
      sqsRequests: count("s3 PutObject") + events + 2 * (forwardRuns + feedbackRuns) + otherSqsRequests(counts),
      snsPublishes: events,
      lambdaRequests: forwardRuns + feedbackRuns,
      lambdaGigabyteSeconds: billed("forward", forwardRuns) + billed("feedback", feedbackRuns),
      dynamodbWriteUnits: units.writeUnits,
      dynamodbReadUnits: units.readUnits,
      logBytes,
      sesRecipients: count("ses SendEmail"),
    };
  };
  return {
    messages,
    calls: [...counts].map(([call, times]) => ({ call, perMessage: times / messages })),
    writeUnits: units.writeUnits / messages,
    indexWriteUnits: units.indexWriteUnits / messages,
    readUnits: units.readUnits / messages,
    largestItems: Object.fromEntries(units.largestItems),
    logBytes: logBytes / messages,
    keptBytes: meter.keptBytes() / messages,
    billedMs: BILLED_MS,
    rows: Object.entries(PRICES).flatMap(([region, prices]) =>
      BATCH_SIZES.map((batchSize) => ({ region, batchSize, cost: costPerThousand(usage(batchSize), prices) })),
    ),
  };
}

/** The worker of local mode receives and deletes at its own pace; only what handlers ask of SQS themselves counts. */
function otherSqsRequests(counts: ReadonlyMap<string, number>): number {
  return (counts.get("sqs SendMessage") ?? 0) + (counts.get("sqs ChangeMessageVisibility") ?? 0);
}
