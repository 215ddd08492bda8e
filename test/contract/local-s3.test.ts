import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";

const BUCKET = "spool-bucket";
const AUTHORIZATION =
  "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

let dataDir: string;
let aws: LocalAws;
let clients: TestClients;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-s3-"));
  await start();
  await clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

afterEach(async () => {
  clients.destroy();
  await aws.close();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<void> {
  aws = await startLocalAws({ dataDir, port: 0 });
  clients = makeTestClients(aws.endpoint);
}

async function restart(): Promise<void> {
  clients.destroy();
  await aws.close();
  await start();
}

async function put(Key: string, Body: Buffer | string, client: S3Client = clients.s3): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
}

async function get(Key: string, client: S3Client = clients.s3): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** What a client gets for a request written by hand; the body's headers are its own affair. */
async function putByHand(key: string, headers: Record<string, string>, body: string | Buffer): Promise<Response> {
  return await fetch(`${aws.endpoint}/${BUCKET}/${key}`, {
    method: "PUT",
    headers: { authorization: AUTHORIZATION, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
}

async function errorName(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

describe("local S3", () => {
  it("returns 5 MB of all octets as they were put, also after a restart", async () => {
    const bytes = Buffer.concat([Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i)), randomBytes(5_000_000)]);
    await put("spool/large.eml", bytes);
    expect(bytes.equals(await get("spool/large.eml"))).toBe(true);
    await restart();
    expect(bytes.equals(await get("spool/large.eml"))).toBe(true);
  });

  it.each([0, 1, 262_143, 262_144, 262_145, 29_360_128])("keeps a body of %i octets exact", async (size) => {
    const bytes = randomBytes(size);
    await put("spool/sized.eml", bytes);
    const read = await get("spool/sized.eml");
    expect(read.length).toBe(size);
    expect(read.equals(bytes)).toBe(true);
    const { ContentLength, ETag } = await clients.s3.send(
      new HeadObjectCommand({ Bucket: BUCKET, Key: "spool/sized.eml" }),
    );
    expect(ContentLength).toBe(size);
    expect(ETag).toBe(`"${createHash("md5").update(bytes).digest("hex")}"`);
  });

  it("takes a stream with the SDK's trailing checksum, and the checksum comes back", async () => {
    const bytes = randomBytes(700_000);
    await clients.s3WithChecksums.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: "s", Body: Readable.from([bytes]), ContentLength: bytes.length }),
    );
    expect((await get("s", clients.s3WithChecksums)).equals(bytes)).toBe(true);
    const head = await clients.s3WithChecksums.send(
      new GetObjectCommand({ Bucket: BUCKET, Key: "s", ChecksumMode: "ENABLED" }),
    );
    await head.Body?.transformToByteArray();
    expect(head.ChecksumCRC32).toBeDefined();
  });

  it("keeps type and metadata of an object", async () => {
    await clients.s3.send(
      new PutObjectCommand({
        Bucket: BUCKET,
        Key: "m",
        Body: "x",
        ContentType: "message/rfc822",
        Metadata: { tenant: "demo" },
      }),
    );
    await restart();
    const head = await clients.s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: "m" }));
    expect(head.ContentType).toBe("message/rfc822");
    expect(head.Metadata).toEqual({ tenant: "demo" });
  });

  it.each([
    ["CRC32", { "x-amz-checksum-crc32": "AAAAAA==" }, "BadDigest"],
    ["SHA-256", { "x-amz-checksum-sha256": "AAAA" }, "BadDigest"],
    ["MD5", { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" }, "BadDigest"],
    ["payload hash", { "x-amz-content-sha256": "0".repeat(64) }, "XAmzContentSHA256Mismatch"],
  ])("refuses a body that does not fit its %s, and stores nothing", async (_name, headers, code) => {
    const response = await putByHand("refused", headers, "hello");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(`<Code>${code}</Code>`);
    expect(await errorName(get("refused"))).toBe("NoSuchKey");
  });

  it.each([
    ["without its last chunk", "5\r\nhello\r\n"],
    ["with a chunk cut short", "a\r\nhello\r\n0\r\n\r\n"],
    ["with less data than announced", "3\r\nhel\r\n0\r\n\r\n"],
    ["without chunks", "hello"],
  ])("refuses an aws-chunked body %s", async (_name, body) => {
    const headers = { "content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5" };
    const response = await putByHand("chunked", headers, body);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("<Code>IncompleteBody</Code>");
    expect(await errorName(get("chunked"))).toBe("NoSuchKey");
  });

  it("reads a refused upload to its end, so that its client does not hang", async () => {
    const upload = request(`${aws.endpoint}/${BUCKET}/broken`, {
      method: "PUT",
      headers: {
        authorization: AUTHORIZATION,
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "5",
        "content-length": "9000000",
      },
    });
    upload.end(Buffer.alloc(9_000_000, "not a size\r\n"));
    const [[response]] = await Promise.all([once(upload, "response"), once(upload, "finish")]);
    expect((response as IncomingMessage).statusCode).toBe(400);
    (response as IncomingMessage).resume();
  });

  it.each([1_000, 2_000_000])("stores nothing of an upload of %i octets that is cut off half way", async (size) => {
    const head = `PUT /${BUCKET}/cut HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: ${size}\r\n\r\n`;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(aws.port, "127.0.0.1", () => {
        socket.write(head);
        socket.write(Buffer.alloc(size / 2, 65), () => socket.destroy());
      });
      socket.on("close", () => resolve()).on("error", reject);
    });
    expect(await errorName(get("cut"))).toBe("NoSuchKey");
    await put("spool/after.eml", "still here");
    await expect.poll(async () => await readdir(join(dataDir, "aws", "objects"))).toEqual([]);
  });

  it("lets only one of many uploads with If-None-Match: * create an object", async () => {
    const attempts = Array.from({ length: 10 }, async (_, i) => {
      await clients.s3.send(
        new PutObjectCommand({ Bucket: BUCKET, Key: "once", Body: Buffer.alloc(300_000, i), IfNoneMatch: "*" }),
      );
    });
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    expect((await get("once")).equals(Buffer.alloc(300_000, winner))).toBe(true);
    expect(await readdir(join(dataDir, "aws", "objects"))).toHaveLength(1);
    const again = new PutObjectCommand({ Bucket: BUCKET, Key: "once", Body: "x", IfNoneMatch: "*" });
    expect(await errorName(clients.s3.send(again))).toBe("PreconditionFailed");
  });

  it("lists more than a page of keys in the order of their octets, each once", async () => {
    const keys = Array.from({ length: 250 }, (_, i) => `spool/${"aBz_-"[i % 5]}${String(i).padStart(5, "0")}.eml`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map(async (key) => await put(key, "x")));
    }
    await put("other/x", "x");
    const listed: string[] = [];
    let token: string | undefined;
    do {
      const page = await clients.s3.send(
        new ListObjectsV2Command({
          Bucket: BUCKET,
          Prefix: "spool/",
          MaxKeys: 100,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      listed.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    expect(listed).toEqual(keys.toSorted());
    const folders = await clients.s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Delimiter: "/" }));
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(["other/", "spool/"]);
  });

  it("forgets a deleted object and its bytes", async () => {
    await put("gone", randomBytes(500_000));
    await clients.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: "gone" }));
    expect(await errorName(get("gone"))).toBe("NoSuchKey");
    expect(await readdir(join(dataDir, "aws", "objects"))).toEqual([]);
    await restart();
    expect(await errorName(get("gone"))).toBe("NoSuchKey");
  });

  it("removes at the start what an interrupted upload left behind, and nothing else", async () => {
    await put("kept", randomBytes(300_000));
    await writeFile(join(dataDir, "aws", "objects", "half-an-upload"), "bytes");
    await restart();
    expect(await readdir(join(dataDir, "aws", "objects"))).toHaveLength(1);
    expect(await get("kept")).toHaveLength(300_000);
  });

  it("answers 501 to a request about an object's tags instead of storing it as the object", async () => {
    await put("tagged", "content");
    const tagging = { TagSet: [{ Key: "a", Value: "b" }] };
    const request = new PutObjectTaggingCommand({ Bucket: BUCKET, Key: "tagged", Tagging: tagging });
    expect(await errorName(clients.s3.send(request))).toBe("NotImplemented");
    expect((await get("tagged")).toString()).toBe("content");
  });

  it("answers NoSuchBucket for a bucket that is not there", async () => {
    const request = new PutObjectCommand({ Bucket: "no-such-bucket", Key: "x", Body: "x" });
    expect(await errorName(clients.s3.send(request))).toBe("NoSuchBucket");
  });
});
