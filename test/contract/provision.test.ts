import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketVersioningCommand,
} from "@aws-sdk/client-s3";
import { GetConfigurationSetEventDestinationsCommand } from "@aws-sdk/client-sesv2";
import { PublishCommand } from "@aws-sdk/client-sns";
import { GetQueueAttributesCommand, type Message, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOCAL_NAMES, type Provisioned, provision } from "../../lib/aws/provision.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { DIRECTORY_INDEX, LEDGER_INDEX } from "../../lib/core/names.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { createSesServer, type SesServer } from "../../lib/local/ses-server.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";

let dataDir: string;
let aws: LocalAws;
let ses: SesServer;
let clients: TestClients;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-aws-"));
  await start();
});

afterEach(async () => {
  await stop();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<void> {
  ses = createSesServer({ dataDir, publish: async () => undefined });
  await ses.start();
  aws = await startLocalAws({ dataDir, port: 0, ses });
  clients = makeTestClients(aws.endpoint);
}

async function stop(): Promise<void> {
  clients.destroy();
  await aws.close();
  await ses.close();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

async function receive(QueueUrl: string, options: { VisibilityTimeout?: number } = {}): Promise<Message[]> {
  const request = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["All" as const], ...options };
  return (await clients.sqs.send(new ReceiveMessageCommand(request))).Messages ?? [];
}

describe("provision, on local AWS", () => {
  let made: Provisioned;

  beforeEach(async () => {
    made = await provision(clients, LOCAL_NAMES);
  });

  function ledgerItem(id: string, index: Record<string, string>) {
    const item = { pk: `m#${id}`, sk: "m", id, ...index };
    return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, { S: value }]));
  }

  async function putLedger(id: string, index: Record<string, string>): Promise<void> {
    await clients.dynamodb.send(new PutItemCommand({ TableName: made.ledgerTable, Item: ledgerItem(id, index) }));
  }

  async function idsBy(IndexName: string, attribute: string, value: string, Limit?: number): Promise<string[]> {
    const ids: string[] = [];
    let from: Record<string, AttributeValue> | undefined;
    do {
      const page: QueryCommandOutput = await clients.dynamodb.send(
        new QueryCommand({
          TableName: made.ledgerTable,
          IndexName,
          KeyConditionExpression: "#a = :v",
          ExpressionAttributeNames: { "#a": attribute },
          ExpressionAttributeValues: { ":v": { S: value } },
          ScanIndexForward: false,
          Limit,
          ExclusiveStartKey: from,
        }),
      );
      ids.push(...(page.Items ?? []).map((item) => item["pk"]?.S ?? ""));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return ids;
  }

  it("gives queues the visibility and redrive policy of the limits", async () => {
    for (const [queue, dlq, limits] of [
      [made.forwardQueue, made.forwardDlq, LIMITS.forward],
      [made.feedbackQueue, made.feedbackDlq, LIMITS.feedback],
    ] as const) {
      const { Attributes } = await clients.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ["All"] }),
      );
      expect(Attributes?.["VisibilityTimeout"]).toBe(String(limits.visibilityTimeoutSeconds));
      expect(JSON.parse(Attributes?.["RedrivePolicy"] ?? "")).toEqual({
        deadLetterTargetArn: dlq.arn,
        maxReceiveCount: limits.maxReceiveCount,
      });
    }
  });

  it("changes nothing when called again, nor after a restart, and sends no second test event", async () => {
    expect(await provision(clients, LOCAL_NAMES)).toEqual(made);
    await restart();
    const again = await provision(clients, LOCAL_NAMES);
    const moved = JSON.stringify(made).replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, aws.endpoint);
    expect(JSON.stringify(again)).toBe(moved);
    expect(await receive(again.forwardQueue.url)).toHaveLength(1);
    const { QueueConfigurations } = await clients.s3.send(
      new GetBucketNotificationConfigurationCommand({ Bucket: made.spoolBucket }),
    );
    expect(QueueConfigurations).toHaveLength(1);
  });

  it("leads what is published to the topic into the feedback queue as it is", async () => {
    const event = JSON.stringify({ eventType: "Delivery", text: "æ" });
    await clients.sns.send(new PublishCommand({ TopicArn: made.feedbackTopicArn, Message: event }));
    expect((await receive(made.feedbackQueue.url)).map(({ Body }) => Body)).toEqual([event]);
  });

  it("makes the configuration set publish its events to the topic", async () => {
    const { EventDestinations } = await clients.ses.send(
      new GetConfigurationSetEventDestinationsCommand({ ConfigurationSetName: made.configurationSet }),
    );
    expect(EventDestinations).toHaveLength(1);
    expect(EventDestinations?.[0]?.SnsDestination?.TopicArn).toBe(made.feedbackTopicArn);
    expect(EventDestinations?.[0]?.MatchingEventTypes?.toSorted()).toEqual([
      "BOUNCE",
      "COMPLAINT",
      "DELIVERY",
      "DELIVERY_DELAY",
      "REJECT",
      "RENDERING_FAILURE",
    ]);
  });

  it("switches the ledger's TTL on, which stays on over a restart", async () => {
    await restart();
    const { TimeToLiveDescription } = await clients.dynamodb.send(
      new DescribeTimeToLiveCommand({ TableName: made.ledgerTable }),
    );
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" });
    const again = new UpdateTimeToLiveCommand({
      TableName: made.ledgerTable,
      TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
    });
    await expect(clients.dynamodb.send(again)).rejects.toThrow("already enabled");
  });

  it("finds ledger items by every index, newest first, page by page", async () => {
    for (let i = 0; i < 7; i++) {
      await putLedger(`0${i}`, {
        sesId: `ses-${i}`,
        recipientKey: "a@b.example",
        tenantDay: "demo#d",
        messageIdKey: "x@y",
      });
    }
    const newestFirst = ["m#06", "m#05", "m#04", "m#03", "m#02", "m#01", "m#00"];
    expect(await idsBy(LEDGER_INDEX.byRecipient, "recipientKey", "a@b.example", 3)).toEqual(newestFirst);
    expect(await idsBy(LEDGER_INDEX.byTenantDay, "tenantDay", "demo#d", 2)).toEqual(newestFirst);
    expect(await idsBy(LEDGER_INDEX.byMessageId, "messageIdKey", "x@y")).toEqual(newestFirst);
    expect(await idsBy(LEDGER_INDEX.bySesId, "sesId", "ses-3")).toEqual(["m#03"]);
  });

  it("moves an item in the index when its key changes, and takes it out when it goes", async () => {
    await putLedger("1", { tenantDay: "demo#1" });
    const Key = { pk: { S: "m#1" }, sk: { S: "m" } };
    await clients.dynamodb.send(
      new UpdateItemCommand({
        TableName: made.ledgerTable,
        Key,
        UpdateExpression: "SET tenantDay = :d",
        ExpressionAttributeValues: { ":d": { S: "demo#2" } },
      }),
    );
    expect(await idsBy(LEDGER_INDEX.byTenantDay, "tenantDay", "demo#1")).toEqual([]);
    expect(await idsBy(LEDGER_INDEX.byTenantDay, "tenantDay", "demo#2")).toEqual(["m#1"]);
    await clients.dynamodb.send(new DeleteItemCommand({ TableName: made.ledgerTable, Key }));
    expect(await idsBy(LEDGER_INDEX.byTenantDay, "tenantDay", "demo#2")).toEqual([]);
  });

  it("lists a tenant's directory rows with all their attributes", async () => {
    const row = { pk: { S: "d#example.com" }, tenant: { S: "demo" }, status: { S: "verified" } };
    await clients.dynamodb.send(new PutItemCommand({ TableName: made.directoryTable, Item: row }));
    const { Items } = await clients.dynamodb.send(
      new QueryCommand({
        TableName: made.directoryTable,
        IndexName: DIRECTORY_INDEX.byTenant,
        KeyConditionExpression: "tenant = :t",
        ExpressionAttributeValues: { ":t": { S: "demo" } },
      }),
    );
    expect(Items).toEqual([row]);
  });

  it("keeps a deleted message as an old version, for as long as the limits say", async () => {
    const Bucket = made.spoolBucket;
    const { Status } = await clients.s3.send(new GetBucketVersioningCommand({ Bucket }));
    expect(Status).toBe("Enabled");
    const { Rules } = await clients.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules).toHaveLength(1);
    expect(Rules?.[0]).toMatchObject({
      Status: "Enabled",
      NoncurrentVersionExpiration: { NoncurrentDays: LIMITS.spool.retentionDays },
      Expiration: { ExpiredObjectDeleteMarker: true },
    });
  });

  it("lets exactly one of many concurrent writers with the same condition win", async () => {
    const attempt = async (i: number): Promise<void> => {
      await clients.dynamodb.send(
        new PutItemCommand({
          TableName: made.ledgerTable,
          Item: { ...ledgerItem("1", { tenantDay: `demo#${i}` }), writer: { N: String(i) } },
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      );
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, async (_, i) => await attempt(i)));
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    for (const [i, outcome] of outcomes.entries()) {
      if (i === winner) expect(outcome.status).toBe("fulfilled");
      else expect(outcome).toMatchObject({ reason: expect.any(ConditionalCheckFailedException) as unknown });
    }
    const { Item } = await clients.dynamodb.send(
      new GetItemCommand({
        TableName: made.ledgerTable,
        Key: { pk: { S: "m#1" }, sk: { S: "m" } },
        ConsistentRead: true,
      }),
    );
    expect(Item?.["writer"]?.N).toBe(String(winner));
    const index = await clients.dynamodb.send(
      new ScanCommand({ TableName: made.ledgerTable, IndexName: LEDGER_INDEX.byTenantDay }),
    );
    expect(index.Items?.map((item) => item["tenantDay"]?.S)).toEqual([`demo#${winner}`]);
  });

  it("describes its tables as active after a restart", async () => {
    await restart();
    for (const TableName of [made.ledgerTable, made.directoryTable]) {
      const { Table } = await clients.dynamodb.send(new DescribeTableCommand({ TableName }));
      expect(Table?.TableStatus).toBe("ACTIVE");
    }
  });
});
