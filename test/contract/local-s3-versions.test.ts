import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type BucketVersioningStatus,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  type DeleteObjectCommandOutput,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ListObjectVersionsCommandOutput,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { openObjectStore } from "../../lib/local/object-store.ts";
import { startVersionExpiry } from "../../lib/local/version-expiry.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";
import { waitFor } from "../support/wait-for.ts";

const Bucket = "versioned-bucket";
const KEY = "spool/a.eml";
const DAY_MS = 86_400_000;
const SMALL = 5_000;
const LARGE = 700_000;

let dataDir: string;
let aws: LocalAws;
let clients: TestClients;
/** How far the services' clock is ahead. */
let aheadMs: number;

beforeEach(async () => {
  aheadMs = 0;
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-versions-"));
  await start();
  await clients.s3.send(new CreateBucketCommand({ Bucket }));
  await setVersioning("Enabled");
});

afterEach(async () => {
  await stop();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<void> {
  aws = await startLocalAws({ dataDir, port: 0, now: () => Date.now() + aheadMs });
  clients = makeTestClients(aws.endpoint);
}

async function stop(): Promise<void> {
  clients.destroy();
  await aws.close();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

async function setVersioning(Status: BucketVersioningStatus): Promise<void> {
  await clients.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
}

async function put(Key: string, Body: Buffer | string): Promise<string | undefined> {
  return (await clients.s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId;
}

async function get(
  Key: string,
  VersionId?: string,
  Range?: string,
): Promise<{ bytes: Buffer; id: string | undefined }> {
  const answer = await clients.s3.send(new GetObjectCommand({ Bucket, Key, VersionId, Range }));
  return { bytes: Buffer.from((await answer.Body?.transformToByteArray()) ?? []), id: answer.VersionId };
}

async function remove(Key: string, VersionId?: string): Promise<DeleteObjectCommandOutput> {
  return await clients.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
}

async function versions(options: Partial<ListObjectVersionsCommandInput> = {}) {
  return await clients.s3.send(new ListObjectVersionsCommand({ Bucket, ...options }));
}

/** Key, id and whether it is the latest: of versions as they are, of delete markers with a word before. */
function entries({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): string[] {
  return [
    ...Versions.map(({ Key, VersionId, IsLatest }) => `${Key} ${VersionId} ${IsLatest}`),
    ...DeleteMarkers.map(({ Key, VersionId, IsLatest }) => `marker ${Key} ${VersionId} ${IsLatest}`),
  ];
}

async function errorName(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

async function bodyFiles(): Promise<string[]> {
  return (await readdir(join(dataDir, "aws", "objects"))).toSorted();
}

describe("local S3 with versioning", () => {
  it("remembers for each bucket whether it has versioning", async () => {
    const plain = "plain-bucket";
    await clients.s3.send(new CreateBucketCommand({ Bucket: plain }));
    await restart();
    const state = async (name: string) =>
      (await clients.s3.send(new GetBucketVersioningCommand({ Bucket: name }))).Status;
    expect(await state(Bucket)).toBe("Enabled");
    expect(await state(plain)).toBeUndefined();
    await setVersioning("Suspended");
    await restart();
    expect(await state(Bucket)).toBe("Suspended");
    expect(await errorName(state("no-such-bucket"))).toBe("NoSuchBucket");
  });

  it.each([
    ["small", SMALL],
    ["large", LARGE],
  ])(
    "returns a %s overwritten object by its version, whole and in part, also after deletion and restart",
    async (_, size) => {
      const [first, second] = [randomBytes(size), randomBytes(size)];
      const firstId = await put(KEY, first);
      const secondId = await put(KEY, second);
      expect(firstId).not.toBe(secondId);
      const current = await get(KEY);
      expect(current.bytes.equals(second)).toBe(true);
      expect(current.id).toBe(secondId);
      const files = await bodyFiles();
      await remove(KEY);
      expect(await bodyFiles(), "a deletion copies no body").toEqual(files);
      await restart();
      for (const [id, bytes] of [
        [firstId, first],
        [secondId, second],
      ] as const) {
        const read = await get(KEY, id);
        expect(read.bytes.equals(bytes)).toBe(true);
        expect(read.id).toBe(id);
        expect((await get(KEY, id, "bytes=100-299")).bytes.equals(bytes.subarray(100, 300))).toBe(true);
        expect((await get(KEY, id, `bytes=0-${2 * size}`)).bytes.equals(bytes)).toBe(true);
        expect((await get(KEY, id, "bytes=-10")).bytes.equals(bytes.subarray(-10))).toBe(true);
        expect(await errorName(get(KEY, id, `bytes=${size}-`))).toBe("InvalidRange");
        const head = await clients.s3.send(new HeadObjectCommand({ Bucket, Key: KEY, VersionId: id }));
        expect([head.VersionId, head.ContentLength]).toEqual([id, size]);
        expect(head.ETag).toBe(`"${createHash("md5").update(bytes).digest("hex")}"`);
      }
    },
  );

  it("hides a deleted object behind a marker, and takes a new one in its place", async () => {
    const id = await put(KEY, "first");
    const deletion = await remove(KEY);
    expect(deletion.DeleteMarker).toBe(true);
    expect(deletion.VersionId).toMatch(/./);
    for (const Key of [KEY, "never/there"]) {
      expect(await errorName(get(Key))).toBe("NoSuchKey");
      expect(await errorName(clients.s3.send(new HeadObjectCommand({ Bucket, Key })))).toBe("NotFound");
    }
    const { KeyCount } = await clients.s3.send(new ListObjectsV2Command({ Bucket }));
    expect(KeyCount).toBe(0);
    expect(entries(await versions())).toEqual([`${KEY} ${id} false`, `marker ${KEY} ${deletion.VersionId} true`]);
    await clients.s3.send(new PutObjectCommand({ Bucket, Key: KEY, Body: "second", IfNoneMatch: "*" }));
    expect((await get(KEY)).bytes.toString()).toBe("second");
    expect((await get(KEY, id)).bytes.toString()).toBe("first");
  });

  it("answers 405 for the version that is a delete marker, and says so", async () => {
    await put(KEY, "x");
    const { VersionId = "" } = await remove(KEY);
    const authorization = "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/s3/aws4_request, Signature=0";
    const ask = async (method: string, query: string): Promise<[number, string | null]> => {
      const response = await fetch(`${aws.endpoint}/${Bucket}/${KEY}${query}`, { method, headers: { authorization } });
      await response.arrayBuffer();
      return [response.status, response.headers.get("x-amz-delete-marker")];
    };
    for (const method of ["GET", "HEAD"]) {
      expect(await ask(method, "")).toEqual([404, "true"]);
      expect(await ask(method, `?versionId=${VersionId}`)).toEqual([405, "true"]);
    }
  });

  it("answers NoSuchVersion for a version that is not there", async () => {
    const id = await put(KEY, "x");
    expect(await errorName(get(KEY, "other"))).toBe("NoSuchVersion");
    expect(await errorName(get("other", id))).toBe("NoSuchVersion");
    expect(await errorName(remove(KEY, "other"))).toBe("no error");
    expect((await get(KEY)).id).toBe(id);
  });

  it("brings an object back when its delete marker is removed", async () => {
    const id = await put(KEY, "kept");
    const marker = await remove(KEY);
    const removal = await remove(KEY, marker.VersionId);
    expect(removal).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId });
    const found = async (): Promise<void> => {
      expect((await get(KEY)).id).toBe(id);
      const { Contents } = await clients.s3.send(new ListObjectsV2Command({ Bucket }));
      expect(Contents?.map(({ Key }) => Key)).toEqual([KEY]);
    };
    await found();
    await restart();
    await found();
  });

  it("removes a version for good, its bytes too, and the one before becomes the current", async () => {
    const first = await put(KEY, randomBytes(LARGE));
    const second = await put(KEY, randomBytes(LARGE));
    expect((await remove(KEY, second)).DeleteMarker).toBeUndefined();
    expect(await errorName(get(KEY, second))).toBe("NoSuchVersion");
    expect((await get(KEY)).id).toBe(first);
    expect(await bodyFiles()).toHaveLength(1);
    await remove(KEY, first);
    expect(await errorName(get(KEY))).toBe("NoSuchKey");
    expect(await bodyFiles()).toEqual([]);
    expect(entries(await versions())).toEqual([]);
  });

  it("lists versions by key and the latest first, the same in pages, by prefix and by folder", async () => {
    const keys = ["b/\u{1f4e7}", "a", "b/2", "b/\uff21", "b/1", "c"];
    const ids = new Map<string, (string | undefined)[]>();
    for (const key of [...keys, ...keys.slice(0, 3)]) ids.set(key, [await put(key, key), ...(ids.get(key) ?? [])]);
    const marker = (await remove("a")).VersionId;
    const order = ["a", "b/1", "b/2", "b/\uff21", "b/\u{1f4e7}", "c"];
    const expected = order.flatMap((key) =>
      (ids.get(key) ?? []).map((id, i) => `${key} ${id} ${i === 0 && key !== "a"}`),
    );
    expect(entries(await versions())).toEqual([...expected, `marker a ${marker} true`]);

    const paged: string[] = [];
    let next: Partial<ListObjectVersionsCommandInput> = {};
    for (let more = true; more; ) {
      const page = await versions({ MaxKeys: 2, ...next });
      expect(entries(page).length).toBeLessThanOrEqual(2);
      paged.push(...entries(page));
      next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      more = page.IsTruncated === true;
    }
    expect(paged.filter((entry) => !entry.startsWith("marker"))).toEqual(expected);
    expect(paged.filter((entry) => entry.startsWith("marker"))).toEqual([`marker a ${marker} true`]);

    const below = expected.filter((entry) => entry.startsWith("b/"));
    expect(entries(await versions({ Prefix: "b/" }))).toEqual(below);
    const folders = await versions({ Delimiter: "/", MaxKeys: 4 });
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(["b/"]);
    expect(entries(await versions({ Delimiter: "/", KeyMarker: folders.NextKeyMarker }))).toEqual(
      expected.filter((entry) => entry.startsWith("c")),
    );
  });

  it("reads the bytes of the version that it names while others are stored", async () => {
    const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    const stored = new Map([[await put(KEY, "first"), digest(Buffer.from("first"))]]);
    const seen = new Map<string | undefined, string>();
    const write = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const bytes = randomBytes(i % 3 === 0 ? LARGE : SMALL);
        stored.set(await put(KEY, bytes), digest(bytes));
      }
    };
    let writing = true;
    const read = async (): Promise<void> => {
      while (writing) {
        const { bytes, id } = await get(KEY);
        seen.set(id, digest(bytes));
      }
    };
    await Promise.all([Promise.all([write(), write()]).finally(() => (writing = false)), read(), read()]);
    expect(stored.size).toBe(25);
    for (const [id, bytes] of seen) expect(stored.get(id)).toBe(bytes);
    expect((await versions()).Versions).toHaveLength(25);
  });

  it("keeps what was there before versioning, and while it is suspended at most one version more", async () => {
    await setVersioning("Suspended");
    expect(await put(KEY, "before")).toBe("null");
    await setVersioning("Enabled");
    const named = await put(KEY, "named");
    expect((await get(KEY, "null")).bytes.toString()).toBe("before");
    await setVersioning("Suspended");
    await put(KEY, "replaces");
    expect(entries(await versions())).toEqual([`${KEY} null true`, `${KEY} ${named} false`]);
    expect((await get(KEY, "null")).bytes.toString()).toBe("replaces");
    expect(await remove(KEY)).toMatchObject({ DeleteMarker: true, VersionId: "null" });
    expect(entries(await versions())).toEqual([`${KEY} ${named} false`, `marker ${KEY} null true`]);
    expect((await get(KEY, named)).bytes.toString()).toBe("named");
  });

  it("makes versions of copies and multipart uploads too", async () => {
    const first = await put(KEY, "first");
    await put("source", "copied");
    await clients.s3.send(new CopyObjectCommand({ Bucket, Key: KEY, CopySource: `${Bucket}/source` }));
    expect((await get(KEY)).bytes.toString()).toBe("copied");
    const { UploadId } = await clients.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: KEY }));
    const part = { Bucket, Key: KEY, UploadId, PartNumber: 1 };
    const { ETag } = await clients.s3.send(new UploadPartCommand({ ...part, Body: "in parts" }));
    await clients.s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: KEY,
        UploadId,
        MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
      }),
    );
    expect((await get(KEY)).bytes.toString()).toBe("in parts");
    expect((await get(KEY, first)).bytes.toString()).toBe("first");
    expect((await versions({ Prefix: KEY })).Versions).toHaveLength(3);
    const CopySource = `${Bucket}/${KEY}?versionId=${first}`;
    const copy = new CopyObjectCommand({ Bucket, Key: "older", CopySource });
    expect(await errorName(clients.s3.send(copy))).toBe("NotImplemented");
  });

  it("deletes many at once, each with or without its version", async () => {
    const odd = " <odd> & key ";
    const id = await put(odd, "x");
    await put("other", "x");
    const Objects = [{ Key: odd, VersionId: id }, { Key: "other" }];
    const { Deleted } = await clients.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted?.map(({ Key, DeleteMarker }) => [Key, DeleteMarker])).toEqual([
      [odd, undefined],
      ["other", true],
    ]);
    expect(entries(await versions()).map((entry) => entry.split(" ")[0])).toEqual(["other", "marker"]);
  });

  it("does not delete a bucket that still holds versions", async () => {
    const id = await put(KEY, "x");
    const marker = await remove(KEY);
    expect(await errorName(clients.s3.send(new DeleteBucketCommand({ Bucket })))).toBe("BucketNotEmpty");
    await remove(KEY, id);
    await remove(KEY, marker.VersionId);
    await clients.s3.send(new DeleteBucketCommand({ Bucket }));
    await clients.s3.send(new CreateBucketCommand({ Bucket }));
    expect((await clients.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
    expect(await put(KEY, "x")).toBeUndefined();
  });

  it("has no versions to name in a bucket without versioning", async () => {
    const plain = { Bucket: "plain-bucket", Key: KEY };
    await clients.s3.send(new CreateBucketCommand({ Bucket: plain.Bucket }));
    for (const Body of ["first", "second"]) {
      expect((await clients.s3.send(new PutObjectCommand({ ...plain, Body }))).VersionId).toBeUndefined();
    }
    const read = await clients.s3.send(new GetObjectCommand(plain));
    expect([await read.Body?.transformToString(), read.VersionId]).toEqual(["second", undefined]);
    expect(entries(await versions({ Bucket: plain.Bucket }))).toEqual([`${KEY} null true`]);
    const { DeleteMarker } = await clients.s3.send(new DeleteObjectCommand(plain));
    expect(DeleteMarker).toBeUndefined();
    expect(entries(await versions({ Bucket: plain.Bucket }))).toEqual([]);
  });
});

describe("versions that are past their time", () => {
  async function listed(): Promise<string[]> {
    return entries(await versions());
  }

  async function makePast(): Promise<string | undefined> {
    const current = await put("current", randomBytes(LARGE));
    await put("deleted", randomBytes(LARGE));
    await remove("deleted");
    return current;
  }

  it("go after the 14 days that a bucket without a life cycle has, with their files and markers", async () => {
    await put("current", randomBytes(LARGE));
    const current = await makePast();
    aheadMs = 13.9 * DAY_MS;
    await restart();
    await put("overwritten", "then current for less than 14 days");
    await expect.poll(listed).toHaveLength(5);
    expect(await bodyFiles()).toHaveLength(3);
    aheadMs = 14.1 * DAY_MS;
    await restart();
    await expect.poll(async () => (await listed()).length).toBe(2);
    expect(await listed()).toContain(`current ${current} true`);
    await expect.poll(bodyFiles).toHaveLength(1);
    expect((await get("current")).bytes).toHaveLength(LARGE);
  });

  it("go after the days of the bucket's life cycle, where it applies", async () => {
    const rule = { Status: "Enabled" as const, NoncurrentVersionExpiration: { NoncurrentDays: 3 } };
    const LifecycleConfiguration = { Rules: [{ ...rule, Filter: { Prefix: "del" } }] };
    await clients.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    await makePast();
    await put("current", "x");
    aheadMs = 2.9 * DAY_MS;
    await restart();
    await expect.poll(listed).toHaveLength(4);
    aheadMs = 3.1 * DAY_MS;
    await restart();
    // The marker stays, since the rule says nothing of it, and so do versions elsewhere.
    await expect
      .poll(async () => (await listed()).map((entry) => entry.split(" ")[0]))
      .toEqual(["current", "current", "marker"]);
  });

  it("go while the services run, many of them", async () => {
    const folder = join(dataDir, "alone");
    await mkdir(folder);
    let nowMs = 0;
    const objects = openObjectStore(
      folder,
      () => undefined,
      () => nowMs,
    );
    objects.versions.setState(Bucket, "Enabled");
    for (let i = 0; i < 250; i++) objects.delete(Bucket, `key-${i}`);
    const problems: string[] = [];
    const lifecycles = () => [[Bucket, undefined]] as const;
    const onFault = (sentence: string): void => void problems.push(sentence);
    const expiry = startVersionExpiry({ objects, lifecycles, now: () => nowMs, onFault, everyMs: 5 });
    expect(objects.versions.hasAny(Bucket)).toBe(true);
    nowMs = 15 * DAY_MS;
    await waitFor(async () => (objects.versions.hasAny(Bucket) ? undefined : true), {
      deadlineMs: 10_000,
      otherwise: () => `versions are still there; faults: ${problems.join()}`,
    });
    await expiry.stop();
    objects.close();
    expect(problems).toEqual([]);
  });
});

it("takes over objects of a data folder from before there were versions", async () => {
  await stop();
  const folder = join(dataDir, "aws");
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
  await start();
  await setVersioning("Enabled");
  for (const [key, content] of [
    ["row", "in a row"],
    ["file", "in a file"],
  ] as const) {
    expect(await get(key)).toEqual({ bytes: Buffer.from(content), id: "null" });
    await remove(key);
    await restart();
    expect((await get(key, "null")).bytes.toString()).toBe(content);
  }
});
