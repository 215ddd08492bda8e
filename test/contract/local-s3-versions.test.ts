import { createHash, randomBytes } from "node:crypto";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectVersionsCommandInput,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VersionedBucket, versionEntries } from "../support/versioned-bucket.ts";

const Bucket = "versioned-bucket";
const KEY = "spool/a.eml";
const SMALL = 5_000;
const LARGE = 700_000;

let bucket: VersionedBucket;

beforeEach(async () => {
  bucket = await VersionedBucket.make();
});

afterEach(async () => await bucket.destroy());

async function errorName(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

describe("local S3 with versioning", () => {
  it("remembers for each bucket whether it has versioning", async () => {
    const plain = "plain-bucket";
    await bucket.s3.send(new CreateBucketCommand({ Bucket: plain }));
    await bucket.restart();
    const state = async (name: string) =>
      (await bucket.s3.send(new GetBucketVersioningCommand({ Bucket: name }))).Status;
    expect(await state(Bucket)).toBe("Enabled");
    expect(await state(plain)).toBeUndefined();
    await bucket.setVersioning("Suspended");
    await bucket.restart();
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
      const firstId = await bucket.put(KEY, first);
      const secondId = await bucket.put(KEY, second);
      expect(firstId).not.toBe(secondId);
      const current = await bucket.get(KEY);
      expect(current.bytes.equals(second)).toBe(true);
      expect(current.id).toBe(secondId);
      const files = await bucket.bodyFiles();
      await bucket.remove(KEY);
      expect(await bucket.bodyFiles(), "a deletion copies no body").toEqual(files);
      await bucket.restart();
      for (const [id, bytes] of [
        [firstId, first],
        [secondId, second],
      ] as const) {
        const read = await bucket.get(KEY, id);
        expect(read.bytes.equals(bytes)).toBe(true);
        expect(read.id).toBe(id);
        expect((await bucket.get(KEY, id, "bytes=100-299")).bytes.equals(bytes.subarray(100, 300))).toBe(true);
        expect((await bucket.get(KEY, id, `bytes=0-${2 * size}`)).bytes.equals(bytes)).toBe(true);
        expect((await bucket.get(KEY, id, "bytes=-10")).bytes.equals(bytes.subarray(-10))).toBe(true);
        expect(await errorName(bucket.get(KEY, id, `bytes=${size}-`))).toBe("InvalidRange");
        const head = await bucket.s3.send(new HeadObjectCommand({ Bucket, Key: KEY, VersionId: id }));
        expect([head.VersionId, head.ContentLength]).toEqual([id, size]);
        expect(head.ETag).toBe(`"${createHash("md5").update(bytes).digest("hex")}"`);
      }
    },
  );

  it("hides a deleted object behind a marker, and takes a new one in its place", async () => {
    const id = await bucket.put(KEY, "first");
    const deletion = await bucket.remove(KEY);
    expect(deletion.DeleteMarker).toBe(true);
    expect(deletion.VersionId).toMatch(/./);
    for (const Key of [KEY, "never/there"]) {
      expect(await errorName(bucket.get(Key))).toBe("NoSuchKey");
      expect(await errorName(bucket.s3.send(new HeadObjectCommand({ Bucket, Key })))).toBe("NotFound");
    }
    const { KeyCount } = await bucket.s3.send(new ListObjectsV2Command({ Bucket }));
    expect(KeyCount).toBe(0);
    expect(versionEntries(await bucket.versions())).toEqual([
      `${KEY} ${id} false`,
      `marker ${KEY} ${deletion.VersionId} true`,
    ]);
    await bucket.s3.send(new PutObjectCommand({ Bucket, Key: KEY, Body: "second", IfNoneMatch: "*" }));
    expect((await bucket.get(KEY)).bytes.toString()).toBe("second");
    expect((await bucket.get(KEY, id)).bytes.toString()).toBe("first");
  });

  it("answers 405 for the version that is a delete marker, and says so", async () => {
    await bucket.put(KEY, "x");
    const { VersionId = "" } = await bucket.remove(KEY);
    const authorization = "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/s3/aws4_request, Signature=0";
    const ask = async (method: string, query: string): Promise<[number, string | null]> => {
      const response = await fetch(`${bucket.endpoint}/${Bucket}/${KEY}${query}`, {
        method,
        headers: { authorization },
      });
      await response.arrayBuffer();
      return [response.status, response.headers.get("x-amz-delete-marker")];
    };
    for (const method of ["GET", "HEAD"]) {
      expect(await ask(method, "")).toEqual([404, "true"]);
      expect(await ask(method, `?versionId=${VersionId}`)).toEqual([405, "true"]);
    }
  });

  it("answers NoSuchVersion for a version that is not there", async () => {
    const id = await bucket.put(KEY, "x");
    expect(await errorName(bucket.get(KEY, "other"))).toBe("NoSuchVersion");
    expect(await errorName(bucket.get("other", id))).toBe("NoSuchVersion");
    expect(await errorName(bucket.remove(KEY, "other"))).toBe("no error");
    expect((await bucket.get(KEY)).id).toBe(id);
  });

  it("brings an object back when its delete marker is removed", async () => {
    const id = await bucket.put(KEY, "kept");
    const marker = await bucket.remove(KEY);
    const removal = await bucket.remove(KEY, marker.VersionId);
    expect(removal).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId });
    const found = async (): Promise<void> => {
      expect((await bucket.get(KEY)).id).toBe(id);
      const { Contents } = await bucket.s3.send(new ListObjectsV2Command({ Bucket }));
      expect(Contents?.map(({ Key }) => Key)).toEqual([KEY]);
    };
    await found();
    await bucket.restart();
    await found();
  });

  it("removes a version for good, its bytes too, and the one before becomes the current", async () => {
    const first = await bucket.put(KEY, randomBytes(LARGE));
    const second = await bucket.put(KEY, randomBytes(LARGE));
    expect((await bucket.remove(KEY, second)).DeleteMarker).toBeUndefined();
    expect(await errorName(bucket.get(KEY, second))).toBe("NoSuchVersion");
    expect((await bucket.get(KEY)).id).toBe(first);
    expect(await bucket.bodyFiles()).toHaveLength(1);
    await bucket.remove(KEY, first);
    expect(await errorName(bucket.get(KEY))).toBe("NoSuchKey");
    expect(await bucket.bodyFiles()).toEqual([]);
    expect(versionEntries(await bucket.versions())).toEqual([]);
  });

  it("lists versions by key and the latest first, the same in pages, by prefix and by folder", async () => {
    const keys = ["b/\u{1f4e7}", "a", "b/2", "b/\uff21", "b/1", "c"];
    const ids = new Map<string, (string | undefined)[]>();
    for (const key of [...keys, ...keys.slice(0, 3)])
      ids.set(key, [await bucket.put(key, key), ...(ids.get(key) ?? [])]);
    const marker = (await bucket.remove("a")).VersionId;
    const order = ["a", "b/1", "b/2", "b/\uff21", "b/\u{1f4e7}", "c"];
    const expected = order.flatMap((key) =>
      (ids.get(key) ?? []).map((id, i) => `${key} ${id} ${i === 0 && key !== "a"}`),
    );
    expect(versionEntries(await bucket.versions())).toEqual([...expected, `marker a ${marker} true`]);

    const paged: string[] = [];
    let next: Partial<ListObjectVersionsCommandInput> = {};
    for (let more = true; more; ) {
      const page = await bucket.versions({ MaxKeys: 2, ...next });
      expect(versionEntries(page).length).toBeLessThanOrEqual(2);
      paged.push(...versionEntries(page));
      next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      more = page.IsTruncated === true;
    }
    expect(paged.filter((entry) => !entry.startsWith("marker"))).toEqual(expected);
    expect(paged.filter((entry) => entry.startsWith("marker"))).toEqual([`marker a ${marker} true`]);

    const below = expected.filter((entry) => entry.startsWith("b/"));
    expect(versionEntries(await bucket.versions({ Prefix: "b/" }))).toEqual(below);
    const folders = await bucket.versions({ Delimiter: "/", MaxKeys: 4 });
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(["b/"]);
    expect(versionEntries(await bucket.versions({ Delimiter: "/", KeyMarker: folders.NextKeyMarker }))).toEqual(
      expected.filter((entry) => entry.startsWith("c")),
    );
  });

  it("reads the bytes of the version that it names while others are stored", async () => {
    const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    const stored = new Map([[await bucket.put(KEY, "first"), digest(Buffer.from("first"))]]);
    const seen = new Map<string | undefined, string>();
    const write = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const bytes = randomBytes(i % 3 === 0 ? LARGE : SMALL);
        stored.set(await bucket.put(KEY, bytes), digest(bytes));
      }
    };
    const written = new AbortController();
    const read = async (): Promise<void> => {
      while (!written.signal.aborted) {
        const { bytes, id } = await bucket.get(KEY);
        seen.set(id, digest(bytes));
      }
    };
    await Promise.all([Promise.all([write(), write()]).finally(() => written.abort()), read(), read()]);
    expect(stored.size).toBe(25);
    for (const [id, bytes] of seen) expect(stored.get(id)).toBe(bytes);
    expect((await bucket.versions()).Versions).toHaveLength(25);
  });

  it("keeps what was there before versioning, and while it is suspended at most one version more", async () => {
    await bucket.setVersioning("Suspended");
    expect(await bucket.put(KEY, "before")).toBe("null");
    await bucket.setVersioning("Enabled");
    const named = await bucket.put(KEY, "named");
    expect((await bucket.get(KEY, "null")).bytes.toString()).toBe("before");
    await bucket.setVersioning("Suspended");
    await bucket.put(KEY, "replaces");
    expect(versionEntries(await bucket.versions())).toEqual([`${KEY} null true`, `${KEY} ${named} false`]);
    expect((await bucket.get(KEY, "null")).bytes.toString()).toBe("replaces");
    expect(await bucket.remove(KEY)).toMatchObject({ DeleteMarker: true, VersionId: "null" });
    expect(versionEntries(await bucket.versions())).toEqual([`${KEY} ${named} false`, `marker ${KEY} null true`]);
    expect((await bucket.get(KEY, named)).bytes.toString()).toBe("named");
  });

  it("makes versions of copies and multipart uploads too", async () => {
    const first = await bucket.put(KEY, "first");
    await bucket.put("source", "copied");
    await bucket.s3.send(new CopyObjectCommand({ Bucket, Key: KEY, CopySource: `${Bucket}/source` }));
    expect((await bucket.get(KEY)).bytes.toString()).toBe("copied");
    const { UploadId } = await bucket.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: KEY }));
    const part = { Bucket, Key: KEY, UploadId, PartNumber: 1 };
    const { ETag } = await bucket.s3.send(new UploadPartCommand({ ...part, Body: "in parts" }));
    await bucket.s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: KEY,
        UploadId,
        MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
      }),
    );
    expect((await bucket.get(KEY)).bytes.toString()).toBe("in parts");
    expect((await bucket.get(KEY, first)).bytes.toString()).toBe("first");
    expect((await bucket.versions({ Prefix: KEY })).Versions).toHaveLength(3);
    const CopySource = `${Bucket}/${KEY}?versionId=${first}`;
    const copy = new CopyObjectCommand({ Bucket, Key: "older", CopySource });
    expect(await errorName(bucket.s3.send(copy))).toBe("NotImplemented");
  });

  it("names the version in the event of a new object", async () => {
    const { sqs } = bucket.clients;
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "events" }));
    const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    const QueueArn = (await sqs.send(asked)).Attributes?.["QueueArn"];
    const QueueConfigurations = [{ QueueArn, Events: ["s3:ObjectCreated:*" as const] }];
    await bucket.s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { QueueConfigurations },
        SkipDestinationValidation: true,
      }),
    );
    const id = await bucket.put(KEY, "x");
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(JSON.parse(Messages?.[0]?.Body ?? "")).toMatchObject({ Records: [{ s3: { object: { versionId: id } } }] });
  });

  it("deletes many at once, each with or without its version", async () => {
    const odd = " <odd> & key ";
    const id = await bucket.put(odd, "x");
    await bucket.put("other", "x");
    const Objects = [{ Key: odd, VersionId: id }, { Key: "other" }];
    const { Deleted } = await bucket.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted?.map(({ Key, DeleteMarker }) => [Key, DeleteMarker])).toEqual([
      [odd, undefined],
      ["other", true],
    ]);
    expect(versionEntries(await bucket.versions()).map((entry) => entry.split(" ")[0])).toEqual(["other", "marker"]);
  });

  it("does not delete a bucket that still holds versions", async () => {
    const id = await bucket.put(KEY, "x");
    const marker = await bucket.remove(KEY);
    expect(await errorName(bucket.s3.send(new DeleteBucketCommand({ Bucket })))).toBe("BucketNotEmpty");
    await bucket.remove(KEY, id);
    await bucket.remove(KEY, marker.VersionId);
    await bucket.s3.send(new DeleteBucketCommand({ Bucket }));
    await bucket.s3.send(new CreateBucketCommand({ Bucket }));
    expect((await bucket.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
    expect(await bucket.put(KEY, "x")).toBeUndefined();
  });

  it("has no versions to name in a bucket without versioning", async () => {
    const plain = { Bucket: "plain-bucket", Key: KEY };
    await bucket.s3.send(new CreateBucketCommand({ Bucket: plain.Bucket }));
    for (const Body of ["first", "second"]) {
      expect((await bucket.s3.send(new PutObjectCommand({ ...plain, Body }))).VersionId).toBeUndefined();
    }
    const read = await bucket.s3.send(new GetObjectCommand(plain));
    expect([await read.Body?.transformToString(), read.VersionId]).toEqual(["second", undefined]);
    expect(versionEntries(await bucket.versions({ Bucket: plain.Bucket }))).toEqual([`${KEY} null true`]);
    const { DeleteMarker } = await bucket.s3.send(new DeleteObjectCommand(plain));
    expect(DeleteMarker).toBeUndefined();
    expect(versionEntries(await bucket.versions({ Bucket: plain.Bucket }))).toEqual([]);
  });
});
