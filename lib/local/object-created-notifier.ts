/**
 * S3's event notifications to SQS: which buckets have them, and the events.
 *
 * Promise:  an event has S3's own form (version 2.1) and is in the queue before the request that made the object is
 *           answered. S3 itself sends it a little later; consumers must not rely on either order.
 * Promise:  a configuration that was accepted is there after kill -9.
 * Not here: SNS, Lambda and EventBridge as destinations, and events other than s3:ObjectCreated:*; both are refused.
 * See https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html.
 */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { element, elementsOf, escapeXml, makeRequestId, S3Refusal, textOf } from "./s3-xml.ts";

/** One object that has come to be. */
export interface CreatedObjectEvent {
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** With or without quotes. */
  readonly etag: string;
  /** Such as `Put`: what follows `ObjectCreated:`. */
  readonly by: string;
  /** Undefined in a bucket that never had versioning. */
  readonly versionId?: string | undefined;
}

/** One QueueConfiguration. */
interface Rule {
  readonly id: string;
  readonly queueArn: string;
  /** Such as `s3:ObjectCreated:*`. */
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** The notifications of all buckets. */
export interface ObjectCreatedNotifier {
  /**
   * Replaces a bucket's configuration, an empty one ending it, and sends each queue S3's test event. Throws
   * `S3Refusal` when it is not valid or, unless told not to look, a queue does not exist.
   */
  configure(bucket: string, xml: string, validateDestinations: boolean): void;
  /** The bucket's configuration as S3 answers it. */
  describe(bucket: string): string;
  /** Sends the event to every queue whose rule fits. Never throws: like S3, it does not fail the upload. */
  announce(event: CreatedObjectEvent): void;
}

/** What the notifier keeps its configuration in and sends through. */
export interface NotifierOptions {
  /** Where the configuration is kept. */
  readonly file: string;
  readonly region: string;
  /** Puts a message into a queue; returns false when there is no such queue. */
  sendToQueue(queueArn: string, body: string): boolean;
  /** Told of events that could not be delivered. */
  onLost?: (event: CreatedObjectEvent, reason: string) => void;
}

const OWNER = { principalId: "RELAYHOSTLOCAL" };

/** Loads the configuration of the last run, if any. Throws when the file cannot be read. */
export function makeObjectCreatedNotifier(options: NotifierOptions): ObjectCreatedNotifier {
  const rules = loadRules(options.file);
  let sequence = BigInt(Date.now()) << 20n;

  return {
    configure(bucket, xml, validateDestinations) {
      const next = parseRules(xml);
      for (const rule of next) {
        const sent = validateDestinations && options.sendToQueue(rule.queueArn, testEvent(bucket));
        if (validateDestinations && !sent) {
          throw invalid(`Unable to validate the following destination configurations: ${rule.queueArn}`);
        }
      }
      if (next.length === 0) rules.delete(bucket);
      else rules.set(bucket, next);
      writeFileSync(`${options.file}.new`, JSON.stringify(Object.fromEntries(rules), null, 2));
      renameSync(`${options.file}.new`, options.file);
    },
    describe(bucket) {
      return element("NotificationConfiguration", ...(rules.get(bucket) ?? []).map(formatRule));
    },
    announce(event) {
      for (const rule of rules.get(event.bucket) ?? []) {
        if (!fits(rule, event)) continue;
        sequence += 1n;
        try {
          const body = JSON.stringify({ Records: [record(event, rule, options.region, sequence)] });
          if (!options.sendToQueue(rule.queueArn, body)) options.onLost?.(event, `no queue ${rule.queueArn}`);
        } catch (error) {
          options.onLost?.(event, error instanceof Error ? error.message : String(error));
        }
      }
    },
  };
}

/** The key as events carry it: percent-encoded with `+` for a space and `/` kept. */
export function encodeEventKey(key: string): string {
  return encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/");
}

function record(event: CreatedObjectEvent, rule: Rule, region: string, sequence: bigint): object {
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: region,
    eventTime: new Date().toISOString(),
    eventName: `ObjectCreated:${event.by}`,
    userIdentity: OWNER,
    requestParameters: { sourceIPAddress: "127.0.0.1" },
    responseElements: { "x-amz-request-id": makeRequestId(), "x-amz-id-2": "local" },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: rule.id,
      bucket: { name: event.bucket, ownerIdentity: OWNER, arn: `arn:aws:s3:::${event.bucket}` },
      object: {
        key: encodeEventKey(event.key),
        size: event.sizeBytes,
        eTag: event.etag.replaceAll('"', ""),
        ...(event.versionId === undefined ? {} : { versionId: event.versionId }),
        sequencer: sequence.toString(16).toUpperCase().padStart(18, "0"),
      },
    },
  };
}

function testEvent(bucket: string): string {
  return JSON.stringify({
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date().toISOString(),
    Bucket: bucket,
    RequestId: makeRequestId(),
    HostId: "local",
  });
}

function fits(rule: Rule, event: CreatedObjectEvent): boolean {
  const wanted = rule.events.some((name) => name === "s3:ObjectCreated:*" || name === `s3:ObjectCreated:${event.by}`);
  return wanted && event.key.startsWith(rule.prefix) && event.key.endsWith(rule.suffix);
}

function parseRules(xml: string): Rule[] {
  for (const name of ["TopicConfiguration", "CloudFunctionConfiguration", "EventBridgeConfiguration"]) {
    if (elementsOf(xml, name).length > 0) throw invalid(`local S3 notifies queues only, not ${name}`);
  }
  return elementsOf(xml, "QueueConfiguration").map((inner, index) => {
    const queueArn = textOf(inner, "Queue");
    const events = elementsOf(inner, "Event").map((event) => event.trim());
    if (queueArn === undefined) throw invalid("a QueueConfiguration has no Queue");
    const other = events.find((event) => !event.startsWith("s3:ObjectCreated:"));
    if (events.length === 0 || other !== undefined) throw invalid(`local S3 has no event ${other ?? "(none given)"}`);
    const filters = new Map(
      elementsOf(inner, "FilterRule").map((rule) => [textOf(rule, "Name")?.toLowerCase(), textOf(rule, "Value") ?? ""]),
    );
    return {
      id: textOf(inner, "Id") ?? `rule-${index + 1}`,
      queueArn,
      events,
      prefix: filters.get("prefix") ?? "",
      suffix: filters.get("suffix") ?? "",
    };
  });
}

function formatRule(rule: Rule): string {
  const filters = [
    ["prefix", rule.prefix],
    ["suffix", rule.suffix],
  ].filter(([, value]) => value !== "");
  const key = filters.map(([name = "", value = ""]) =>
    element("FilterRule", element("Name", name), element("Value", escapeXml(value))),
  );
  return element(
    "QueueConfiguration",
    element("Id", escapeXml(rule.id)),
    element("Queue", escapeXml(rule.queueArn)),
    ...rule.events.map((event) => element("Event", escapeXml(event))),
    ...(key.length === 0 ? [] : [element("Filter", element("S3Key", ...key))]),
  );
}

function loadRules(file: string): Map<string, readonly Rule[]> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    throw error;
  }
  return new Map(Object.entries(JSON.parse(text) as Record<string, Rule[]>));
}

function invalid(message: string): S3Refusal {
  return new S3Refusal(400, "InvalidArgument", message);
}
