/**
 * What AWS asks for the calls that a message costs.
 *
 * Prices in US dollars, without tax, free tier, discounts. Sources: the price pages of each service
 * (https://aws.amazon.com/s3/pricing/, .../sqs/, .../sns/, .../lambda/, .../dynamodb/, .../cloudwatch/, .../ses/) as
 * collected by vantage.sh and by public cost models, November 2026; SES from the AWS Price List, us-east-1, July 2026.
 * Nothing here has been compared with a bill. A few are marked unconfirmed: they are believed, without a source.
 */

/** Dollars for one of each. */
export interface Prices {
  readonly s3Put: number;
  readonly s3Get: number;
  /** For each 64 KB that a request carries. */
  readonly sqsRequest: number;
  readonly snsPublish: number;
  readonly lambdaRequest: number;
  /** arm64. */
  readonly lambdaGigabyteSecond: number;
  /** On demand. */
  readonly dynamodbWriteUnit: number;
  readonly dynamodbReadUnit: number;
  readonly logGigabyte: number;
  /** SES without a plan ("a la carte"), for one recipient; attachments cost more. */
  readonly sesRecipient: number;
  /** SES's plan Essentials, up to ten million. */
  readonly sesEssentialsRecipient: number;
}

const PER_THOUSAND = 1e-3;
const PER_MILLION = 1e-6;

/** By region. */
export const PRICES = {
  "us-east-1": {
    s3Put: 0.005 * PER_THOUSAND, // unconfirmed
    s3Get: 0.0004 * PER_THOUSAND, // unconfirmed
    sqsRequest: 0.4 * PER_MILLION, // unconfirmed
    snsPublish: 0.5 * PER_MILLION, // unconfirmed
    lambdaRequest: 0.2 * PER_MILLION,
    lambdaGigabyteSecond: 0.0000133334,
    dynamodbWriteUnit: 0.625 * PER_MILLION,
    dynamodbReadUnit: 0.125 * PER_MILLION,
    logGigabyte: 0.5,
    sesRecipient: 0.1 * PER_THOUSAND,
    sesEssentialsRecipient: 0.16 * PER_THOUSAND,
  },
  "ap-northeast-1": {
    s3Put: 0.0047 * PER_THOUSAND,
    s3Get: 0.00037 * PER_THOUSAND,
    sqsRequest: 0.4 * PER_MILLION,
    snsPublish: 0.5 * PER_MILLION, // unconfirmed
    lambdaRequest: 0.2 * PER_MILLION,
    lambdaGigabyteSecond: 0.0000133334,
    dynamodbWriteUnit: 0.715 * PER_MILLION,
    dynamodbReadUnit: 0.1425 * PER_MILLION,
    logGigabyte: 0.76,
    sesRecipient: 0.1 * PER_THOUSAND, // unconfirmed: the price of us-east-1
    sesEssentialsRecipient: 0.16 * PER_THOUSAND, // unconfirmed: the price of us-east-1
  },
} as const satisfies Readonly<Record<string, Prices>>;

/** What a number of messages used. */
export interface AwsUsage {
  readonly messages: number;
  readonly s3Puts: number;
  readonly s3Gets: number;
  readonly sqsRequests: number;
  readonly snsPublishes: number;
  readonly lambdaRequests: number;
  readonly lambdaGigabyteSeconds: number;
  readonly dynamodbWriteUnits: number;
  readonly dynamodbReadUnits: number;
  readonly logBytes: number;
  readonly sesRecipients: number;
}

/** Dollars for a thousand messages. */
export interface Cost {
  readonly s3: number;
  readonly sqs: number;
  readonly sns: number;
  readonly lambda: number;
  readonly dynamodb: number;
  /** All of the above: what relaying costs on top of SES, but for logs. */
  readonly onTopOfSes: number;
  /** Apart, because how much is logged is the operator's choice. */
  readonly logs: number;
  readonly ses: number;
}

/** The bill for a thousand messages like those. Throws RangeError when there was none. */
export function costPerThousand(usage: AwsUsage, prices: Prices): Cost {
  if (!(usage.messages > 0)) throw new RangeError("a cost per message needs messages");
  const perThousand = (dollars: number): number => (dollars / usage.messages) * 1000;
  const s3 = perThousand(usage.s3Puts * prices.s3Put + usage.s3Gets * prices.s3Get);
  const sqs = perThousand(usage.sqsRequests * prices.sqsRequest);
  const sns = perThousand(usage.snsPublishes * prices.snsPublish);
  const lambda = perThousand(
    usage.lambdaRequests * prices.lambdaRequest + usage.lambdaGigabyteSeconds * prices.lambdaGigabyteSecond,
  );
  const dynamodb = perThousand(
    usage.dynamodbWriteUnits * prices.dynamodbWriteUnit + usage.dynamodbReadUnits * prices.dynamodbReadUnit,
  );
  const onTopOfSes = s3 + sqs + sns + lambda + dynamodb;
  const logs = perThousand((usage.logBytes / 1e9) * prices.logGigabyte);
  return {
    s3,
    sqs,
    sns,
    lambda,
    dynamodb,
    onTopOfSes,
    logs,
    ses: perThousand(usage.sesRecipients * prices.sesRecipient),
  };
}

/** How SES charges: without a plan, or with its plan Essentials, which new accounts have. */
export const SES_PLANS = ["a-la-carte", "essentials"] as const;
/** One of them. */
export type SesPlan = (typeof SES_PLANS)[number];

/**
 * The calls of a message with one recipient, as `npm run bench` counts them for mail that comes one at a time, split into
 * what is once for a message and what is for each recipient. A test counts them again.
 */
export const CALLS_PER_MESSAGE = {
  s3Puts: 1,
  s3Gets: 1,
  sqsRequests: 3,
  snsPublishes: 0,
  lambdaRequests: 1,
  lambdaGigabyteSeconds: 0.125,
  dynamodbWriteUnits: 2,
  dynamodbReadUnits: 2,
} as const;
/** The other part of them. */
export const CALLS_PER_RECIPIENT = {
  s3Puts: 0,
  s3Gets: 0,
  sqsRequests: 3,
  snsPublishes: 1,
  lambdaRequests: 1,
  lambdaGigabyteSeconds: 0.015,
  dynamodbWriteUnits: 7.1,
  dynamodbReadUnits: 1.6,
} as const;

/**
 * Dollars that AWS asks for so much mail: an estimate from list prices. Reports are mail too. Without logs, storage and
 * what stands by.
 */
export function relayingCost(
  used: { readonly messages: number; readonly recipients: number; readonly sent: number; readonly reports: number },
  prices: Prices,
  plan: SesPlan,
): number {
  const calls = (each: typeof CALLS_PER_MESSAGE | typeof CALLS_PER_RECIPIENT): number =>
    each.s3Puts * prices.s3Put +
    each.s3Gets * prices.s3Get +
    each.sqsRequests * prices.sqsRequest +
    each.snsPublishes * prices.snsPublish +
    each.lambdaRequests * prices.lambdaRequest +
    each.lambdaGigabyteSeconds * prices.lambdaGigabyteSecond +
    each.dynamodbWriteUnits * prices.dynamodbWriteUnit +
    each.dynamodbReadUnits * prices.dynamodbReadUnit;
  const perSend = plan === "essentials" ? prices.sesEssentialsRecipient : prices.sesRecipient;
  return (
    (used.messages + used.reports) * calls(CALLS_PER_MESSAGE) +
    (used.recipients + used.reports) * calls(CALLS_PER_RECIPIENT) +
    (used.sent + used.reports) * perSend
  );
}
