import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketNotificationConfigurationCommand,
  GetObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseCreatedEvent } from "../../lib/core/created-event.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";

const BUCKET = "spool-bucket";

let dataDir: string;
let aws: LocalAws;
let clients: TestClients;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-s3-"));
  await start();
  await clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

afterEach(async () => {
  clients.destroy();
  await aws.close();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<void> {
  aws = await startLocalAws({ dataDir, port: 0 });
  clients = makeTestClients(aws.endpoint);
}

async function restart(): Promise<void> {
  clients.destroy();
  await aws.close();
  await start();
}

async function put(Key: string, Body: Buffer | string): Promise<void> {
  await clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
}

async function get(Key: string): Promise<Buffer> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe("S3 event notifications", () => {
  let queueUrl: string;
  let queueArn: string;

  beforeEach(async () => {
    queueUrl = (await clients.sqs.send(new CreateQueueCommand({ QueueName: "events" }))).QueueUrl ?? "";
    const { Attributes } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] }),
    );
    queueArn = Attributes?.["QueueArn"] ?? "";
    await configure(queueArn);
  });

  async function configure(arn: string): Promise<void> {
    await clients.s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: BUCKET,
        NotificationConfiguration: {
          QueueConfigurations: [
            {
              Id: "spool",
              QueueArn: arn,
              Events: ["s3:ObjectCreated:*"],
              Filter: {
                Key: {
                  FilterRules: [
                    { Name: "prefix", Value: "spool/" },
                    { Name: "suffix", Value: ".eml" },
                  ],
                },
              },
            },
          ],
        },
      }),
    );
  }

  /** The bodies in the queue now, deleted from it. */
  async function drain(): Promise<unknown[]> {
    const bodies: unknown[] = [];
    for (;;) {
      const { Messages = [] } = await clients.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return bodies;
      for (const { Body, ReceiptHandle } of Messages) {
        bodies.push(JSON.parse(Body ?? ""));
        await clients.sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
      }
    }
  }

  it("sends S3's test event when the notification is set up", async () => {
    expect(await drain()).toEqual([
      expect.objectContaining({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: BUCKET }),
    ]);
  });

  it("announces spool/x.eml in S3's form when it is put, and nothing that the filter leaves out", async () => {
    await drain();
    await put("spool/x.eml", "hello");
    await put("other/x.eml", "hello");
    await put("spool/x.txt", "hello");
    const events = await drain();
    expect(events).toEqual([
      {
        Records: [
          {
            eventVersion: "2.1",
            eventSource: "aws:s3",
            awsRegion: "us-east-1",
            eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
            eventName: "ObjectCreated:Put",
            userIdentity: { principalId: expect.any(String) },
            requestParameters: { sourceIPAddress: "127.0.0.1" },
            responseElements: { "x-amz-request-id": expect.any(String), "x-amz-id-2": expect.any(String) },
            s3: {
              s3SchemaVersion: "1.0",
              configurationId: "spool",
              bucket: {
                name: BUCKET,
                ownerIdentity: { principalId: expect.any(String) },
                arn: `arn:aws:s3:::${BUCKET}`,
              },
              object: {
                key: "spool/x.eml",
                size: 5,
                eTag: createHash("md5").update("hello").digest("hex"),
                sequencer: expect.stringMatching(/^[0-9A-F]+$/),
              },
            },
          },
        ],
      },
    ]);
  });

  it("encodes the key so that the reader of events finds it again", async () => {
    await drain();
    const key = "spool/ä b+c%20d.eml";
    await put(key, "hello");
    const [event] = await drain();
    expect(JSON.stringify(event)).toContain('"key":"spool/%C3%A4+b%2Bc%2520d.eml"');
    expect(parseCreatedEvent(JSON.stringify(event))).toEqual([{ bucket: BUCKET, key, size: 5, id: undefined }]);
  });

  it("announces copies and completed multipart uploads by their own names", async () => {
    await put("other/source", randomBytes(300_000));
    await drain();
    await clients.s3.send(
      new CopyObjectCommand({ Bucket: BUCKET, Key: "spool/copy.eml", CopySource: `${BUCKET}/other/source` }),
    );
    const upload = { Bucket: BUCKET, Key: "spool/parts.eml" };
    const { UploadId } = await clients.s3.send(new CreateMultipartUploadCommand(upload));
    const parts = [randomBytes(12 * 1024 * 1024), Buffer.from("end")];
    const Parts = await Promise.all(
      parts.map(async (Body, i) => {
        const { ETag } = await clients.s3.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: i + 1, Body }));
        return { ETag, PartNumber: i + 1 };
      }),
    );
    await clients.s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }));
    const names = (await drain()).map((event) => /"eventName":"([^"]+)"/.exec(JSON.stringify(event))?.[1]);
    expect(names).toEqual(["ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload"]);
    await restart();
    expect((await get("spool/parts.eml")).equals(Buffer.concat(parts))).toBe(true);
    expect((await get("spool/copy.eml")).equals(await get("other/source"))).toBe(true);
  });

  it("gives the configuration back and keeps it over a restart", async () => {
    await drain();
    await restart();
    const { QueueConfigurations } = await clients.s3.send(
      new GetBucketNotificationConfigurationCommand({ Bucket: BUCKET }),
    );
    expect(QueueConfigurations).toEqual([
      expect.objectContaining({ Id: "spool", QueueArn: queueArn, Events: ["s3:ObjectCreated:*"] }),
    ]);
    await put("spool/later.eml", "hello");
    expect(await drain()).toHaveLength(1);
  });

  it("refuses a queue that does not exist", async () => {
    await expect(configure(`${queueArn}-not`)).rejects.toThrow("Unable to validate");
  });
});
