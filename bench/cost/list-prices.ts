/**
 * AWS's list prices of everything an environment uses, each with the page it stands on, where it was read, and when.
 *
 * What a message's calls cost stands in `lib/core/prices.ts`, since the command `usage` needs it; it is only told here
 * where it is from. `verified: false` marks what no source was found for: it is believed, and said so in the document.
 */

import { PRICES } from "../../lib/core/prices.ts";

/** A region with prices. */
export type Region = keyof typeof PRICES;
/** All of them. */
export const REGIONS = Object.keys(PRICES) as readonly Region[];

/** One price. */
export interface ListPrice {
  readonly what: string;
  /** What one of it is. */
  readonly unit: string;
  readonly dollars: Readonly<Record<Region, number>>;
  /** Under aws.amazon.com. */
  readonly page: string;
  readonly readAt: string;
  readonly asOf: string;
  readonly verified: boolean;
}

type Source = Pick<ListPrice, "page" | "readAt" | "asOf" | "verified">;

const both = (dollars: number): ListPrice["dollars"] => ({ "us-east-1": dollars, "ap-northeast-1": dollars });
const each = (virginia: number, tokyo: number): ListPrice["dollars"] => ({
  "us-east-1": virginia,
  "ap-northeast-1": tokyo,
});
/** A price of `lib/core/prices.ts`. */
const ofCalls = (name: keyof (typeof PRICES)[Region]): ListPrice["dollars"] =>
  each(PRICES["us-east-1"][name], PRICES["ap-northeast-1"][name]);

const collected = (page: string): Source => ({
  page,
  readAt: "vantage.sh, aws.darcy-it.com, public cost models",
  asOf: "November 2026",
  verified: true,
});
const quoted = (page: string, readAt: string, asOf: string): Source => ({ page, readAt, asOf, verified: true });
const believed = (page: string): Source => ({ page, readAt: "not verified", asOf: "November 2026", verified: false });
const SES_PRICE_LIST = quoted("ses/pricing", "AWS Price List, us-east-1, as read by api-evangelist", "22 July 2026");

/** By the name that quantities go by. */
export const LIST_PRICES = {
  loadBalancerHour: {
    what: "Network Load Balancer",
    unit: "hour",
    dollars: each(0.0225, 0.0243),
    ...quoted("elasticloadbalancing/pricing", "clustercost.com, aws.darcy-it.com", "2025, undated"),
  },
  loadBalancerUnitHour: {
    what: "NLB capacity unit (1 GB an hour)",
    unit: "unit hour",
    dollars: both(0.006),
    ...quoted("elasticloadbalancing/pricing", "aws.darcy-it.com (Tokyo)", "undated"),
  },
  publicAddressHour: { what: "Public IPv4 address", unit: "hour", dollars: both(0.005), ...collected("vpc/pricing") },
  taskCpuHour: {
    what: "Fargate arm64, vCPU",
    unit: "hour",
    dollars: each(0.03238, 0.04045),
    ...collected("fargate/pricing"),
  },
  taskMemoryHour: {
    what: "Fargate arm64, memory",
    unit: "GB hour",
    dollars: each(0.00356, 0.00442),
    ...collected("fargate/pricing"),
  },
  zoneTransferGigabyte: {
    what: "Transfer between zones",
    unit: "GB, each way",
    dollars: both(0.01),
    ...believed("ec2/pricing/on-demand"),
  },
  hostedZone: {
    what: "Route 53 hosted zone",
    unit: "month",
    dollars: both(0.5),
    ...quoted("route53/pricing", "eatsip365.com", "undated"),
  },
  secret: {
    what: "Secrets Manager, secret",
    unit: "month",
    dollars: both(0.4),
    ...quoted("secrets-manager/pricing", "hivebook.wiki", "undated"),
  },
  kmsKey: {
    what: "KMS key of your own (none by default)",
    unit: "month",
    dollars: both(1),
    ...quoted("kms/pricing", "c3x.dev", "undated"),
  },
  alarmMetric: {
    what: "CloudWatch alarm, for each metric in it",
    unit: "month",
    dollars: both(0.1),
    ...quoted("cloudwatch/pricing", "c3x.dev", "undated"),
  },
  dashboard: {
    what: "CloudWatch dashboard",
    unit: "month",
    dollars: both(3),
    ...quoted("cloudwatch/pricing", "github.com/nishinoshake/aws-rough (Tokyo)", "April 2022"),
  },
  metric: {
    what: "CloudWatch metric of your own",
    unit: "month",
    dollars: both(0.3),
    ...quoted("cloudwatch/pricing", "makky12.hatenablog.com (Tokyo)", "November 2022"),
  },
  logGigabyte: {
    what: "CloudWatch Logs, taken in",
    unit: "GB",
    dollars: ofCalls("logGigabyte"),
    ...collected("cloudwatch/pricing"),
  },
  logStoredGigabyte: {
    what: "CloudWatch Logs, kept",
    unit: "GB month",
    dollars: each(0.03, 0.033),
    ...believed("cloudwatch/pricing"),
  },
  s3Put: { what: "S3 PUT, LIST", unit: "request", dollars: ofCalls("s3Put"), ...collected("s3/pricing") },
  s3Get: { what: "S3 GET", unit: "request", dollars: ofCalls("s3Get"), ...collected("s3/pricing") },
  s3Gigabyte: { what: "S3, kept", unit: "GB month", dollars: each(0.023, 0.025), ...collected("s3/pricing") },
  imageGigabyte: {
    what: "ECR, image kept",
    unit: "GB month",
    dollars: both(0.1),
    ...quoted("ecr/pricing", "cloudburn.io", "March 2026"),
  },
  sqsRequest: {
    what: "SQS request, each 64 KB",
    unit: "request",
    dollars: ofCalls("sqsRequest"),
    ...collected("sqs/pricing"),
  },
  snsPublish: { what: "SNS publish", unit: "request", dollars: ofCalls("snsPublish"), ...believed("sns/pricing") },
  lambdaRequest: {
    what: "Lambda invocation",
    unit: "invocation",
    dollars: ofCalls("lambdaRequest"),
    ...collected("lambda/pricing"),
  },
  lambdaGigabyteSecond: {
    what: "Lambda arm64",
    unit: "GB second",
    dollars: ofCalls("lambdaGigabyteSecond"),
    ...collected("lambda/pricing"),
  },
  dynamodbWriteUnit: {
    what: "DynamoDB on demand, write",
    unit: "unit",
    dollars: ofCalls("dynamodbWriteUnit"),
    ...collected("dynamodb/pricing/on-demand"),
  },
  dynamodbReadUnit: {
    what: "DynamoDB on demand, read",
    unit: "unit",
    dollars: ofCalls("dynamodbReadUnit"),
    ...collected("dynamodb/pricing/on-demand"),
  },
  dynamodbGigabyte: {
    what: "DynamoDB, kept",
    unit: "GB month",
    dollars: each(0.25, 0.285),
    ...believed("dynamodb/pricing/on-demand"),
  },
  sesRecipient: {
    what: "SES a la carte, recipient (Tokyo: not verified)",
    unit: "recipient",
    dollars: ofCalls("sesRecipient"),
    ...SES_PRICE_LIST,
  },
  sesEssentialsRecipient: {
    what: "SES Essentials to 10 million (Tokyo: not verified)",
    unit: "recipient",
    dollars: ofCalls("sesEssentialsRecipient"),
    ...SES_PRICE_LIST,
  },
} as const satisfies Readonly<Record<string, ListPrice>>;

/** Name of a price. */
export type PriceName = keyof typeof LIST_PRICES;

/**
 * What AWS gives each account for nothing every month, without end (the free tier of aws.amazon.com/cloudwatch/pricing
 * and of the others' pages; CloudWatch's read from a copy of that page, the rest not verified).
 */
export const ALWAYS_FREE: Readonly<Partial<Record<PriceName, number>>> = {
  alarmMetric: 10,
  dashboard: 3,
  metric: 10,
  logGigabyte: 5,
  sqsRequest: 1_000_000,
  snsPublish: 1_000_000,
  lambdaRequest: 1_000_000,
  lambdaGigabyteSecond: 400_000,
  dynamodbGigabyte: 25,
};
