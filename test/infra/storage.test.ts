import { describe, expect, it } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import { DIRECTORY_INDEX, DIRECTORY_KEYS, LEDGER_INDEX, LEDGER_KEYS } from "../../lib/core/names.ts";
import { list, object, settingsOf } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

const dev = synthesize("dev");
const prod = synthesize("prod");
const queues = prod.ofType("AWS::SQS::Queue");

const keySchema = (hash: string, range?: string): object[] => [
  { AttributeName: hash, KeyType: "HASH" },
  ...(range === undefined ? [] : [{ AttributeName: range, KeyType: "RANGE" }]),
];

describe("the spool bucket", () => {
  const { properties } = prod.only("AWS::S3::Bucket");

  it("encrypts with S3's own keys and keeps old versions for as long as the setting says", () => {
    expect(properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
      },
      VersioningConfiguration: { Status: "Enabled" },
      LifecycleConfiguration: {
        Rules: [
          {
            Status: "Enabled",
            NoncurrentVersionExpiration: { NoncurrentDays: settingsOf("prod")["retentionDays"] },
            ExpiredObjectDeleteMarker: true,
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
          },
        ],
      },
    });
  });

  it("never lets a message expire that is still in the spool", () => {
    expect(JSON.stringify(properties["LifecycleConfiguration"])).not.toMatch(/"(Expiration\w*|Transitions?)":/);
  });

  it("is closed to the public in all four ways, and to access lists", () => {
    expect(properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
    });
  });

  it("refuses whoever comes without TLS, and with TLS below 1.2", () => {
    const policy = object(prod.only("AWS::S3::BucketPolicy").properties["PolicyDocument"]);
    const denials = list(policy["Statement"]).map(object);
    for (const condition of [
      { Bool: { "aws:SecureTransport": "false" } },
      { NumericLessThan: { "s3:TlsVersion": 1.2 } },
    ]) {
      const denial = denials.find((statement) => JSON.stringify(statement["Condition"]) === JSON.stringify(condition));
      expect(denial).toMatchObject({ Effect: "Deny", Action: "s3:*", Principal: { AWS: "*" } });
      expect(render(denial?.["Resource"])).toBe("<SpoolBucket.Arn>, <SpoolBucket.Arn>/*");
    }
  });

  it("tells the forward queue of each new message and of nothing else", () => {
    expect(properties["NotificationConfiguration"]).toEqual({
      QueueConfigurations: [
        {
          Event: "s3:ObjectCreated:*",
          Queue: { "Fn::GetAtt": ["ForwardQueue", "Arn"] },
          Filter: {
            S3Key: {
              Rules: [
                { Name: "prefix", Value: "spool/" },
                { Name: "suffix", Value: ".eml" },
              ],
            },
          },
        },
      ],
    });
  });

  it("alone, and only from this account, may write to the forward queue", () => {
    const policy = prod
      .ofType("AWS::SQS::QueuePolicy")
      .find((resource) => render(resource.properties["Queues"]) === "<ForwardQueue>");
    const statements = list(object(policy?.properties["PolicyDocument"])["Statement"]).map(object);
    const allowed = statements.filter((statement) => statement["Effect"] === "Allow");
    expect(allowed).toHaveLength(1);
    expect(allowed[0]).toMatchObject({
      Principal: { Service: "s3.amazonaws.com" },
      Action: "sqs:SendMessage",
      Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
    });
    const bucketName = render(properties["BucketName"]);
    const condition = object(object(object(allowed[0]?.["Condition"])["ArnEquals"]));
    expect(render(condition["aws:SourceArn"])).toBe(`arn:aws:s3:::${bucketName}`);
  });
});

describe("queues", () => {
  it("are encrypted, and refuse whoever comes without TLS", () => {
    expect(queues.map((queue) => queue.id).sort()).toEqual([
      "FeedbackQueue",
      "FeedbackQueueDlq",
      "ForwardQueue",
      "ForwardQueueDlq",
    ]);
    for (const queue of queues) {
      expect(queue.properties["SqsManagedSseEnabled"], queue.id).toBe(true);
      const policy = prod
        .ofType("AWS::SQS::QueuePolicy")
        .find((resource) => render(resource.properties["Queues"]) === `<${queue.id}>`);
      expect(list(object(policy?.properties["PolicyDocument"])["Statement"]), queue.id).toContainEqual(
        expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      );
    }
  });

  it.each([
    ["ForwardQueue", LIMITS.forward.maxReceiveCount],
    ["FeedbackQueue", LIMITS.feedback.maxReceiveCount],
  ])("hand what cannot be handled on to a dead letter queue: %s after %i receipts", (id, maxReceiveCount) => {
    expect(prod.only(id).properties["RedrivePolicy"]).toEqual({
      deadLetterTargetArn: { "Fn::GetAtt": [`${id}Dlq`, "Arn"] },
      maxReceiveCount,
    });
    expect(prod.only(`${id}Dlq`).properties["RedrivePolicy"]).toBeUndefined();
  });
});

describe("tables", () => {
  it("have the ledger's keys and indexes exactly as the code names them", () => {
    const { properties } = prod.only("LedgerTable");
    const index = (name: string, hash: string, range?: string): object => ({
      IndexName: name,
      KeySchema: keySchema(hash, range),
      Projection: { ProjectionType: "KEYS_ONLY" },
    });
    expect(properties).toMatchObject({
      KeySchema: keySchema(LEDGER_KEYS.partition, LEDGER_KEYS.sort),
      TimeToLiveSpecification: { AttributeName: LEDGER_KEYS.ttl, Enabled: true },
      GlobalSecondaryIndexes: [
        index(LEDGER_INDEX.bySesId, LEDGER_KEYS.sesId),
        index(LEDGER_INDEX.byRecipient, LEDGER_KEYS.recipient, LEDGER_KEYS.id),
        index(LEDGER_INDEX.byTenantDay, LEDGER_KEYS.tenantDay, LEDGER_KEYS.id),
        index(LEDGER_INDEX.byMessageId, LEDGER_KEYS.messageId, LEDGER_KEYS.id),
      ],
    });
  });

  it("have the directory's key and index exactly as the code names them", () => {
    const { properties } = prod.only("DirectoryTable");
    expect(properties).toMatchObject({
      KeySchema: keySchema(DIRECTORY_KEYS.partition),
      GlobalSecondaryIndexes: [
        {
          IndexName: DIRECTORY_INDEX.byTenant,
          KeySchema: keySchema(DIRECTORY_KEYS.tenant, DIRECTORY_KEYS.partition),
          Projection: { ProjectionType: "ALL" },
        },
        {
          IndexName: DIRECTORY_INDEX.byWaiting,
          KeySchema: keySchema(DIRECTORY_KEYS.waiting, DIRECTORY_KEYS.partition),
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    });
    expect(properties["TimeToLiveSpecification"]).toBeUndefined();
  });

  it.each(["LedgerTable", "DirectoryTable"])("are paid by request and can be restored to any minute: %s", (id) => {
    const { properties } = prod.only(id);
    expect(properties).toMatchObject({
      BillingMode: "PAY_PER_REQUEST",
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    const types = list(properties["AttributeDefinitions"]).map((attribute) => object(attribute)["AttributeType"]);
    expect(new Set(types)).toEqual(new Set(["S"]));
  });
});

describe("deletion", () => {
  const data = ["SpoolBucket", "LedgerTable", "DirectoryTable"];

  it("of a protected environment leaves its mail and its tables", () => {
    for (const id of data) {
      expect(prod.only(id), id).toMatchObject({
        deletionPolicy: "RetainExceptOnCreate",
        updateReplacePolicy: "Retain",
      });
    }
    expect(prod.only("LedgerTable").properties["DeletionProtectionEnabled"]).toBe(true);
    expect(prod.only("DirectoryTable").properties["DeletionProtectionEnabled"]).toBe(true);
    expect(prod.isTerminationProtected).toBe(true);
  });

  it("of an unprotected environment takes them along", () => {
    for (const id of data) expect(dev.only(id), id).toMatchObject({ deletionPolicy: "Delete" });
    expect(dev.only("LedgerTable").properties["DeletionProtectionEnabled"]).toBe(false);
    expect(dev.isTerminationProtected).toBe(false);
  });
});
