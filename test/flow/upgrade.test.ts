/** What earlier releases stored is read, and gone on with, by this one; what a later one stored waits for it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { readRow } from "../../lib/aws/directory-dynamo.ts";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth } from "../../lib/aws/queue-sqs.ts";
import { getSpoolObject, listSpool } from "../../lib/aws/spool-s3.ts";
import { directoryKey, tenantKey } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { NewerRecord, RECORD_SCHEMA } from "../../lib/core/message-record.ts";
import { SPOOL_PREFIX, SPOOL_SUFFIX } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject, NewerSpoolObject, SPOOL_VERSION } from "../../lib/core/spool-object.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";
import { readRelease, readReleaseObject, releaseNames } from "../support/release-fixtures.ts";

const changelog = readFileSync(join(import.meta.dirname, "..", "..", "CHANGELOG.md"), "utf8");

describe("samples", () => {
  it("are there of every release in the changelog", () => {
    const releases = [...changelog.matchAll(/^## (\d+\.\d+\.\d+)/gm)].map(([, version = ""]) => version);
    expect(releases.length).toBeGreaterThan(0);
    expect(releaseNames()).toEqual(releases.sort());
  });
});

async function putItems(pipeline: Pipeline, table: "ledger" | "directory", items: readonly object[]): Promise<void> {
  for (const Item of items) {
    const command = new PutItemCommand({ TableName: pipeline[table].table, Item: Item as Record<string, never> });
    await pipeline[table].client.send(command);
  }
}

async function putObject({ spool }: Pipeline, id: string, Body: Buffer): Promise<void> {
  const Key = `${SPOOL_PREFIX}${id}${SPOOL_SUFFIX}`;
  await spool.client.send(new PutObjectCommand({ Bucket: spool.bucket, Key, Body }));
}

describe.each(releaseNames())("what release %s stored", (name) => {
  const release = readRelease(name);
  let pipeline: Pipeline;
  beforeAll(async () => {
    pipeline = await startPipeline();
  });
  afterAll(async () => await pipeline.close());

  it.each(Object.keys(release.envelopes))("in the spool is read as it was then: %s", (object) => {
    const bytes = readReleaseObject(name, object);
    const { envelope, received, message } = decodeSpoolObject(bytes);
    expect(envelope).toEqual(release.envelopes[object]);
    expect(bytes.subarray(bytes.length - message.length).equals(message)).toBe(true);
    expect(received.toString("latin1")).toMatch(/^Received: from client\.example\.com/);
  });

  it("in the ledger is read as it was then", async () => {
    await putItems(pipeline, "ledger", release.ledger);
    expect(Object.keys(release.messages).length).toBeGreaterThan(8);
    for (const [id, message] of Object.entries(release.messages)) {
      const { message: record, recipients } = await readMessage(pipeline.ledger, id as QueueId);
      expect({ message: record, recipients }).toEqual({ message: message.message, recipients: message.recipients });
    }
  });

  it("in the ledger is read without a version of the form too, and without what came later", async () => {
    const [item] = release.ledger.filter((one) => one["sk"]?.S?.startsWith("r#") === true);
    if (item === undefined) throw new Error("no recipient");
    const { schema: _, ...older } = item;
    const record = { ...older["record"]?.M };
    delete record["tenant"];
    await putItems(pipeline, "ledger", [{ ...older, record: { M: record } }]);
    const id = (older["pk"]?.S ?? "").slice(2) as QueueId;
    const { recipients } = await readMessage(pipeline.ledger, id);
    const { tenant: __, ...wanted } = release.messages[id]?.recipients[0] ?? {};
    expect(recipients[0]).toEqual(wanted);
  });

  it("in the directory is read as it was then", async () => {
    await putItems(pipeline, "directory", release.directory);
    expect(release.directory).toHaveLength(release.rows.length);
    for (const row of release.rows) expect(await readRow(pipeline.directory, directoryKey(row))).toEqual(row);
    expect(await readRow(pipeline.directory, tenantKey("plain"))).toMatchObject({ status: "active" });
  });

  it("and left half done goes on: who had the mail gets no other, who waited gets it", async () => {
    const half = release.envelopes["half-sent"];
    if (half === undefined) throw new Error("no sample");
    const own = release.ledger.filter((item) => item["pk"]?.S === `m#${half.id}`);
    // Its wait is over.
    await putItems(pipeline, "ledger", own);
    await putObject(pipeline, half.id, readReleaseObject(name, "half-sent"));
    await pumpUntil(pipeline, async () =>
      (await pipeline.recipients(half.id)).every(({ state }) => state === "delivered"),
    );
    expect((await pipeline.outbox()).flatMap(({ recipients }) => recipients)).toEqual(["waits@example.net"]);
    for await (const { id } of listSpool(pipeline.spool)) expect(id).not.toBe(half.id);
  });
});

describe("what a later release stored", () => {
  let pipeline: Pipeline;
  beforeAll(async () => {
    pipeline = await startPipeline();
  });
  afterAll(async () => await pipeline.close());

  it.each([
    ["a later version", /^Relayhost-Version: .*$/m, `Relayhost-Version: ${SPOOL_VERSION + 1}`],
    ["a kind of mail that came later", /^Relayhost-Mail: /m, "Relayhost-Rewrite: newkind\r\nRelayhost-Mail: "],
    ["an owner that came later", /^Relayhost-Mail: /m, "Relayhost-Return-Path: shared\r\nRelayhost-Mail: "],
  ])("is told apart from what is no message: %s", (_, from, to) => {
    const [name = ""] = releaseNames();
    const text = readReleaseObject(name, "plain").toString("latin1").replace(from, to);
    expect(() => decodeSpoolObject(Buffer.from(text, "latin1"))).toThrow(NewerSpoolObject);
  });

  it("waits in spool and queue, is told of, and goes out once it is understood", async () => {
    const id = await pipeline.accept({ bytes: testMail("newer") });
    const bytes = (await getSpoolObject(pipeline.spool, id))?.bytes ?? Buffer.alloc(0);
    const later = Buffer.from(
      bytes.toString("latin1").replace("Relayhost-Version: 1", "Relayhost-Version: 2"),
      "latin1",
    );
    await putObject(pipeline, id, later);
    await pipeline.pump();
    const told = pipeline.log.filter(({ event }) => event === "newer-spool-object");
    expect(told[0]).toMatchObject({ id, error: expect.stringContaining("its version is 2, known here is 1") });
    expect(pipeline.log.map(({ event }) => event)).not.toContain("dead-letter");
    expect((await queueDepth(pipeline.forwardDlq)).waiting).toBe(0);
    const { waiting, inFlight } = await queueDepth(pipeline.forwardQueue);
    expect(waiting + inFlight).toBeGreaterThan(0);

    // The sweep, even long after mail is given up, neither ends nor deletes it.
    const log: LogEvent[] = [];
    const sweep = makeSweepHandler({ ...pipeline.env }, (event) => void log.push(event), {
      forgottenAfterMs: 0,
      overdueAfterMs: 0,
      redriveAgainAfterMs: 0,
    });
    await sweep({}, { getRemainingTimeInMillis: () => 300_000 });
    const left: (string | undefined)[] = [];
    for await (const entry of listSpool(pipeline.spool)) left.push(entry.id);
    expect(left).toEqual([id]);
    expect(await pipeline.outbox()).toEqual([]);

    // As if the version that understands it were deployed.
    await putObject(pipeline, id, bytes);
    await pumpUntil(pipeline, async () => (await pipeline.recipients(id))[0]?.state === "delivered");
    expect(await pipeline.outbox()).toHaveLength(1);
  });

  it("in the ledger is refused and not misread", async () => {
    const [name = ""] = releaseNames();
    const { ledger } = readRelease(name);
    const [item] = ledger.filter((one) => one["sk"]?.S?.startsWith("r#") === true);
    await putItems(pipeline, "ledger", [{ ...item, schema: { N: String(RECORD_SCHEMA + 1) } }]);
    const id = (item?.["pk"]?.S ?? "").slice(2) as QueueId;
    await expect(readMessage(pipeline.ledger, id)).rejects.toThrow(NewerRecord);
    await expect(readMessage(pipeline.ledger, id)).rejects.toThrow(/form 2, known here is 1/);
  });
});
