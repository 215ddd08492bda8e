/**
 * S3 event notifications: JSON text to the objects it announces, and the same form for what the sweep puts back.
 *
 * See https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html. Keys arrive
 * URL-encoded with `+` for a space; `s3:TestEvent` is sent when a notification is set up and means nothing.
 */

import { type QueueId, queueIdOfKey, spoolKey } from "./queue-id.ts";

/** One object that S3 announced. */
export interface CreatedObject {
  readonly bucket: string;
  readonly key: string;
  /** Octets; 0 when the event does not say. */
  readonly size: number;
  /** Undefined when the key is not a spool key of ours. */
  readonly id: QueueId | undefined;
}

/** Returns the announced objects (none for a test event), or undefined when the text is no S3 event. */
export function parseCreatedEvent(body: string): CreatedObject[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isRecord(json)) return undefined;
  if (json["Event"] === "s3:TestEvent") return [];
  const records = json["Records"];
  if (!Array.isArray(records)) return undefined;
  const objects: CreatedObject[] = [];
  for (const record of records as unknown[]) {
    const object = createdObject(record);
    if (object === undefined) return undefined;
    objects.push(object);
  }
  return objects;
}

/** The event text with which the sweep and the CLI put an object back to work. */
export function createdEventBody(bucket: string, id: QueueId, size: number, time: string, region: string): string {
  return JSON.stringify({
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: region,
        eventTime: time,
        eventName: "ObjectCreated:Put",
        userIdentity: { principalId: "relayhost-sweep" },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId: "relayhost-sweep",
          bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
          object: { key: encodeURIComponent(spoolKey(id)).replaceAll("%2F", "/"), size },
        },
      },
    ],
  });
}

function createdObject(record: unknown): CreatedObject | undefined {
  if (!isRecord(record) || record["eventSource"] !== "aws:s3") return undefined;
  const s3 = record["s3"];
  if (!isRecord(s3) || !isRecord(s3["bucket"]) || !isRecord(s3["object"])) return undefined;
  const bucket = s3["bucket"]["name"];
  const rawKey = s3["object"]["key"];
  const size = s3["object"]["size"];
  if (typeof bucket !== "string" || typeof rawKey !== "string") return undefined;
  let key: string;
  try {
    key = decodeURIComponent(rawKey.replaceAll("+", " "));
  } catch {
    return undefined;
  }
  return { bucket, key, size: typeof size === "number" && size > 0 ? size : 0, id: queueIdOfKey(key) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
