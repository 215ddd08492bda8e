/** S3 notifications: real shapes, the form that the sweep writes, and anything else an SQS body may hold. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createdEventBody, parseCreatedEvent } from "../../lib/core/created-event.ts";
import { firstQueueIdAt, makeQueueId, spoolKey } from "../../lib/core/queue-id.ts";

const ID = firstQueueIdAt(1_790_000_000_000);

function record(key: unknown, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "ap-northeast-1",
    eventName: "ObjectCreated:Put",
    s3: { bucket: { name: "spool-bucket" }, object: { key, size: 1024, eTag: "x", sequencer: "0" } },
    ...change,
  };
}

const body = (...records: unknown[]): string => JSON.stringify({ Records: records });

describe("parseCreatedEvent", () => {
  it("finds every object of a notification, in order", () => {
    expect(parseCreatedEvent(body(record(spoolKey(ID)), record("other/x")))).toEqual([
      { bucket: "spool-bucket", key: spoolKey(ID), size: 1024, id: ID },
      { bucket: "spool-bucket", key: "other/x", size: 1024, id: undefined },
    ]);
  });

  it.each([
    ["a+b", "a b"],
    ["a%2Bb", "a+b"],
    ["spool/%E6%97%A5.eml", "spool/日.eml"],
  ])("reads the key %s as %s", (raw, key) => {
    expect(parseCreatedEvent(body(record(raw)))?.[0]?.key).toBe(key);
  });

  it("finds nothing to do in a test event", () => {
    expect(parseCreatedEvent(JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "b" }))).toEqual([]);
  });

  it.each([
    ["absent", undefined],
    ["negative", -5],
    ["a text", "12"],
    ["null", null],
  ])("takes a size that is %s for 0", (_, size) => {
    const s3 = { bucket: { name: "b" }, object: { key: "k", size } };
    expect(parseCreatedEvent(body(record("k", { s3 })))?.[0]?.size).toBe(0);
  });

  it.each([
    ["no JSON", "hello"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["an SES event", JSON.stringify({ eventType: "Send", mail: { messageId: "x" } })],
    ["records that are no list", JSON.stringify({ Records: {} })],
    ["a record of another service", body(record("k", { eventSource: "aws:sqs" }))],
    ["a record that is null", body(null)],
    ["a record without an object", body(record("k", { s3: { bucket: { name: "b" } } }))],
    ["a key that is a number", body(record(5))],
    ["a key with a broken escape", body(record("spool/%E0%A4%A"))],
    ["one good and one bad record", body(record(spoolKey(ID)), {})],
  ])("says of %s that it is no S3 event", (_, text) => {
    expect(parseCreatedEvent(text)).toBeUndefined();
  });

  it("answers any JSON without throwing", () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void parseCreatedEvent(text)));
  });
});

describe("createdEventBody", () => {
  it("is read as the notification of the same object", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 11, maxLength: 11 }), fc.nat(), (bytes, size) => {
        const id = makeQueueId(1_790_000_000_000, bytes);
        const text = createdEventBody("spool-bucket", id, size, "2026-11-24T00:00:00.000Z", "us-east-1");
        expect(parseCreatedEvent(text)).toEqual([{ bucket: "spool-bucket", key: spoolKey(id), size, id }]);
      }),
    );
  });
});
