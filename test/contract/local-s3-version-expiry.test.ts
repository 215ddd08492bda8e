import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PutBucketLifecycleConfigurationCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ObjectStore, openObjectStore } from "../../lib/local/object-store.ts";
import { startVersionExpiry } from "../../lib/local/version-expiry.ts";
import { VersionedBucket, versionEntries } from "../support/versioned-bucket.ts";
import { waitFor } from "../support/wait-for.ts";

const Bucket = "versioned-bucket";
const DAY_MS = 86_400_000;
const LARGE = 700_000;

let bucket: VersionedBucket;

beforeEach(async () => {
  bucket = await VersionedBucket.make();
});

afterEach(async () => await bucket.destroy());

describe("versions that are past their time", () => {
  async function listed(): Promise<string[]> {
    return versionEntries(await bucket.versions());
  }

  async function makePast(): Promise<string | undefined> {
    const current = await bucket.put("current", randomBytes(LARGE));
    await bucket.put("deleted", randomBytes(LARGE));
    await bucket.remove("deleted");
    return current;
  }

  it("go after the 14 days that a bucket without a life cycle has, with their files and markers", async () => {
    await bucket.put("current", randomBytes(LARGE));
    const current = await makePast();
    bucket.aheadMs = 13.9 * DAY_MS;
    await bucket.restart();
    await bucket.put("overwritten", "then current for less than 14 days");
    await expect.poll(listed).toHaveLength(5);
    expect(await bucket.bodyFiles()).toHaveLength(3);
    bucket.aheadMs = 14.1 * DAY_MS;
    await bucket.restart();
    await expect.poll(async () => (await listed()).length).toBe(2);
    expect(await listed()).toContain(`current ${current} true`);
    await expect.poll(async () => await bucket.bodyFiles()).toHaveLength(1);
    expect((await bucket.get("current")).bytes).toHaveLength(LARGE);
  });

  it("go after the days of the bucket's life cycle, where it applies", async () => {
    const rule = { Status: "Enabled" as const, NoncurrentVersionExpiration: { NoncurrentDays: 3 } };
    const LifecycleConfiguration = { Rules: [{ ...rule, Filter: { Prefix: "del" } }] };
    await bucket.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    await makePast();
    await bucket.put("current", "x");
    bucket.aheadMs = 2.9 * DAY_MS;
    await bucket.restart();
    await expect.poll(listed).toHaveLength(4);
    bucket.aheadMs = 3.1 * DAY_MS;
    await bucket.restart();
    // The marker stays, since the rule says nothing of it, and so do versions elsewhere.
    await expect
      .poll(async () => (await listed()).map((entry) => entry.split(" ")[0]))
      .toEqual(["current", "current", "marker"]);
  });

  describe("in a store alone", () => {
    let nowMs: number;
    let objects: ObjectStore;
    let faults: string[];
    let expiry: ReturnType<typeof startVersionExpiry> | undefined;

    beforeEach(async () => {
      const folder = join(bucket.dataDir, "alone");
      await mkdir(folder);
      nowMs = 0;
      faults = [];
      const onStored = (): void => undefined;
      objects = openObjectStore(folder, onStored, () => nowMs);
      objects.versions.setState(Bucket, "Enabled");
    });

    afterEach(async () => {
      await expiry?.stop();
      objects.close();
      expect(faults).toEqual([]);
    });

    function expire(options: { everyMs?: number; lifecycle?: string }): void {
      const lifecycles = () => [[Bucket, options.lifecycle]] as const;
      const onFault = (sentence: string): void => void faults.push(sentence);
      expiry = startVersionExpiry({ everyMs: 60_000, ...options, objects, lifecycles, now: () => nowMs, onFault });
    }

    async function allGone(): Promise<void> {
      await waitFor(() => (objects.versions.hasAny(Bucket) ? undefined : true), {
        deadlineMs: 10_000,
        otherwise: () => "versions are still there",
      });
    }

    it("go at the start, however many they are", async () => {
      for (let i = 0; i < 250; i++) objects.delete(Bucket, `key-${i}`);
      nowMs = 15 * DAY_MS;
      expire({});
      await allGone();
    });

    it("go while the services run", async () => {
      objects.delete(Bucket, "key");
      expire({ everyMs: 5 });
      expect(objects.versions.hasAny(Bucket)).toBe(true);
      nowMs = 15 * DAY_MS;
      await allGone();
    });

    it("stay where a rule has a condition that is not understood", async () => {
      const days = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
      const filter = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>";
      objects.delete(Bucket, "key");
      nowMs = 1000 * DAY_MS;
      expire({ lifecycle: `<Rule><Status>Enabled</Status>${filter}${days}</Rule>` });
      await expiry?.stop();
      expect(objects.versions.hasAny(Bucket)).toBe(true);
    });
  });
});

it("takes over objects of a data folder from before there were versions", async () => {
  await bucket.stop();
  const folder = join(bucket.dataDir, "aws");
  await rm(folder, { recursive: true });
  await mkdir(join(folder, "objects"), { recursive: true });
  await writeFile(join(folder, "objects", "file"), "in a file");
  const db = new DatabaseSync(join(folder, "objects.db"));
  db.exec(`
    CREATE TABLE bucket (name TEXT PRIMARY KEY, type TEXT, created TEXT, lifecycle TEXT);
    CREATE TABLE object (
      bucket TEXT, key TEXT, etag TEXT, description TEXT, body BLOB, file TEXT, PRIMARY KEY (bucket, key)
    );
    INSERT INTO bucket (name, type, created) VALUES ('${Bucket}', 'general-purpose', '2026-11-24T00:00:00.000Z');
  `);
  const insert = db.prepare("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?)");
  for (const [key, body, file] of [
    ["row", "in a row", null],
    ["file", null, "file"],
  ] as const) {
    const description = {
      key,
      contentType: "message/rfc822",
      contentLength: key === "row" ? 8 : 9,
      etag: '"e"',
      lastModified: "2026-11-24T00:00:00.000Z",
      metadata: {},
    };
    insert.run(Bucket, key, '"e"', JSON.stringify(description), body === null ? null : Buffer.from(body), file);
  }
  db.close();
  await bucket.start();
  await bucket.setVersioning("Enabled");
  for (const [key, content] of [
    ["row", "in a row"],
    ["file", "in a file"],
  ] as const) {
    expect(await bucket.get(key)).toEqual({ bytes: Buffer.from(content), id: "null" });
    await bucket.remove(key);
    await bucket.restart();
    expect((await bucket.get(key, "null")).bytes.toString()).toBe(content);
  }
});
