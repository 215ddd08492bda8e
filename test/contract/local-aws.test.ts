import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchGetItemCommand,
  CreateTableCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

function authorizationFor(service: string): string {
  return `AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
}

async function receive(QueueUrl: string, options: { VisibilityTimeout?: number } = {}): Promise<Message[]> {
  const request = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["All" as const], ...options };
  return (await clients.sqs.send(new ReceiveMessageCommand(request))).Messages ?? [];
}

function receiveCount(message: Message | undefined): string | undefined {
  return message?.Attributes?.["ApproximateReceiveCount"];
}

describe("local AWS on one port", () => {
  it("answers 400 in JSON, naming the service, when it has no such service", async () => {
    const response = await fetch(aws.endpoint, { headers: { authorization: authorizationFor("kinesis") } });
    expect(response.status).toBe(400);
    const body: unknown = await response.json();
    expect(body).toMatchObject({ __type: "UnknownService", message: expect.stringContaining("kinesis") as string });
  });

  it("answers 400 in JSON to a request that is not signed", async () => {
    const response = await fetch(`${aws.endpoint}/bucket/key`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ __type: "UnknownService" });
  });

  it("takes the service of a presigned URL from its query", async () => {
    const credential = encodeURIComponent("a/20261124/us-east-1/s3/aws4_request");
    const response = await fetch(`${aws.endpoint}/?X-Amz-Credential=${credential}`);
    expect(await response.text()).toContain("<ListAllMyBucketsResult");
  });

  it("tells STS callers who they are", async () => {
    const response = await fetch(aws.endpoint, {
      method: "POST",
      headers: { authorization: authorizationFor("sts"), "content-type": "application/x-www-form-urlencoded" },
      body: "Action=GetCallerIdentity&Version=2011-06-15",
    });
    expect(await response.text()).toContain("<Account>000000000000</Account>");
  });

  it("listens on 127.0.0.1 and on no other address", async () => {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect(aws.port, "127.0.0.2", () => resolve("connected"));
      socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message));
      socket.on("connect", () => socket.destroy());
    });
    expect(outcome).not.toBe("connected");
  });

  it("refuses a second start on a data folder that is in use, and the first goes on", async () => {
    await expect(startLocalAws({ dataDir, port: 0 })).rejects.toThrow("in use by another process");
    expect((await clients.s3.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
  });

  it("refuses a taken port, and the data folder can be used afterwards", async () => {
    const other = await mkdtemp(join(tmpdir(), "relayhost-aws-"));
    await expect(startLocalAws({ dataDir: other, port: aws.port })).rejects.toThrow("EADDRINUSE");
    const second = await startLocalAws({ dataDir: other, port: 0 });
    await second.close();
    await rm(other, { recursive: true });
  });

  it("closes although a receive is waiting for a message, which ends empty", async () => {
    const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: "idle" }));
    const waiting = clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    await clients.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    const started = Date.now();
    const closed = aws.close();
    expect((await waiting).Messages).toBeUndefined();
    await closed;
    expect(Date.now() - started).toBeLessThan(5_000);
    await start();
  });

  it("stays alive when a client goes away in the middle of a request to DynamoDB", async () => {
    await new Promise<void>((resolve, reject) => {
      const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorizationFor("dynamodb")}\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Length: 100\r\n\r\n{`;
      const socket = connect(aws.port, "127.0.0.1", () => socket.write(head, () => socket.destroy()));
      socket.on("close", () => resolve()).on("error", reject);
    });
    expect((await clients.s3.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
  });
});

describe("local DynamoDB", () => {
  const put = async (tail: Record<string, { S: string }>) =>
    await clients.dynamodb.send(
      new PutItemCommand({ TableName: "keys", Item: { pk: { S: "p" }, sk: { S: "s" }, ...tail } }),
    );
  const refused = { name: "ValidationException" };

  beforeEach(async () => {
    await clients.dynamodb.send(
      new CreateTableCommand({
        TableName: "keys",
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: ["pk", "sk", "name"].map((AttributeName) => ({
          AttributeName,
          AttributeType: "S" as const,
        })),
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: "byName",
            KeySchema: [{ AttributeName: "name", KeyType: "HASH" }],
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        ],
      }),
    );
    await waitUntilTableExists({ client: clients.dynamodb, maxWaitTime: 30, minDelay: 1 }, { TableName: "keys" });
  });

  it("refuses keys of table and index that are empty or too long, counted in octets", async () => {
    await put({ name: { S: "x".repeat(2048) } });
    await put({ sk: { S: "x".repeat(1024) } });
    await expect(put({ name: { S: "x".repeat(2049) } })).rejects.toMatchObject(refused);
    await expect(put({ name: { S: "\u3042".repeat(683) } })).rejects.toMatchObject(refused);
    await expect(put({ name: { S: "" } })).rejects.toMatchObject(refused);
    await expect(put({ pk: { S: "\u3042".repeat(683) } })).rejects.toMatchObject(refused);
    await expect(put({ sk: { S: "\u3042".repeat(342) } })).rejects.toMatchObject(refused);
  });

  it("refuses a request that asks for such a key, with all others in it", async () => {
    const Key = { pk: { S: "\u3042".repeat(683) }, sk: { S: "s" } };
    const send = clients.dynamodb;
    await expect(send.send(new GetItemCommand({ TableName: "keys", Key }))).rejects.toMatchObject(refused);
    const Keys = [{ pk: { S: "p" }, sk: { S: "s" } }, Key];
    await expect(send.send(new BatchGetItemCommand({ RequestItems: { keys: { Keys } } }))).rejects.toMatchObject(
      refused,
    );
    const query = (value: string) =>
      send.send(
        new QueryCommand({
          TableName: "keys",
          IndexName: "byName",
          KeyConditionExpression: "#k = :v",
          ExpressionAttributeNames: { "#k": "name" },
          ExpressionAttributeValues: { ":v": { S: value } },
        }),
      );
    await expect(query("\u3042".repeat(683))).rejects.toMatchObject(refused);
    expect((await query("nobody")).Count).toBe(0);
  });
});

describe("local SQS", () => {
  async function makeQueue(name: string, attributes: Record<string, string> = {}): Promise<string> {
    const made = await clients.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return made.QueueUrl ?? "";
  }

  async function send(QueueUrl: string, MessageBody: string): Promise<void> {
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  }

  it("moves a message to the dead-letter queue when it was received maxReceiveCount times", async () => {
    const dlq = await makeQueue("work-dlq");
    const { Attributes } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: dlq, AttributeNames: ["QueueArn"] }),
    );
    const policy = { deadLetterTargetArn: Attributes?.["QueueArn"], maxReceiveCount: 2 };
    const queue = await makeQueue("work", { RedrivePolicy: JSON.stringify(policy) });
    await send(queue, "poison");
    for (const expected of ["1", "2"]) {
      const [message] = await receive(queue, { VisibilityTimeout: 0 });
      expect(receiveCount(message)).toBe(expected);
    }
    expect(await receive(queue)).toEqual([]);
    await restart();
    const url = (await clients.sqs.send(new GetQueueUrlCommand({ QueueName: "work-dlq" }))).QueueUrl ?? "";
    expect((await receive(url)).map(({ Body }) => Body)).toEqual(["poison"]);
  });

  it("gives a message back at once, counted, when its visibility is set to 0", async () => {
    const queue = await makeQueue("work");
    await send(queue, "again");
    const [first] = await receive(queue);
    await clients.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queue,
        ReceiptHandle: first?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    const [second] = await receive(queue);
    expect(second?.Body).toBe("again");
    expect(receiveCount(second)).toBe("2");
  });

  it("makes what was being worked on visible at once after a restart, under a URL of the new port, and counts on", async () => {
    const queue = await makeQueue("work", { VisibilityTimeout: "3600" });
    await send(queue, "interrupted");
    await send(queue, "done");
    const [, done] = await receive(queue);
    expect(done?.Body).toBe("done");
    await clients.sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: done?.ReceiptHandle }));
    await restart();
    const url = (await clients.sqs.send(new GetQueueUrlCommand({ QueueName: "work" }))).QueueUrl ?? "";
    expect(url).toBe(`${aws.endpoint}/000000000000/work`);
    const messages = await receive(url);
    expect(messages.map((message) => [message.Body, receiveCount(message)])).toEqual([["interrupted", "2"]]);
  });
});
