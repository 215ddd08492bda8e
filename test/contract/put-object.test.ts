/**
 * Our PutObject beside the SDK's: the same objects and the same failures, on servers that write down what they are sent.
 */

import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { PutObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { type FileBody, type NewObject, putObject } from "../../lib/aws/put-object.ts";
import { startTestAws } from "../support/aws.ts";
import {
  type Answer,
  errorAnswer,
  isSignedWith,
  LoopbackAgent,
  type RecordedRequest,
  type RecordingS3,
  startRecordingS3,
} from "../support/recording-s3.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET };

type Put = (client: S3Client, object: NewObject & { readonly body: Buffer }) => Promise<unknown>;

const bySdk: Put = (client, { bucket, key, contentType, body }) =>
  client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      ContentType: contentType,
      Body: body,
      ContentLength: body.length,
    }),
  );
const byUs: Put = (client, object) => putObject(client, object);

function object(body: Buffer = Buffer.from("Subject: x\r\n\r\nbody\r\n"), key = "spool/0123456789.eml") {
  return { bucket: "mail-spool", key, contentType: "message/rfc822", body };
}

function fileBody(bytes: Buffer, streams: Readable[] = []): FileBody {
  const open = (): Readable => {
    const stream = Readable.from(chunksOf(bytes), { objectMode: false });
    streams.push(stream);
    return stream;
  };
  return { length: bytes.length, crc32: crc32(bytes), open };
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

function clientConfig(): S3ClientConfig {
  return {
    region: "ap-northeast-1",
    credentials: CREDENTIALS,
    maxAttempts: 3,
    requestChecksumCalculation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  };
}

function endpointOf(server: RecordingS3): S3ClientConfig {
  return { endpoint: `http://127.0.0.1:${server.port}`, forcePathStyle: true };
}

function clientFor(server: RecordingS3, config: S3ClientConfig = {}): S3Client {
  return new S3Client({ ...clientConfig(), ...endpointOf(server), ...config });
}

/** What a put does to a server that gives these answers. */
async function put(how: Put, answers: readonly Answer[], config: S3ClientConfig = {}, what = object(), tls = false) {
  const server = await startRecordingS3(answers, tls);
  const overTls = { requestHandler: { httpsAgent: new LoopbackAgent(server.port) } };
  const client = new S3Client(
    tls ? { ...clientConfig(), ...overTls, ...config } : { ...clientConfig(), ...endpointOf(server), ...config },
  );
  const outcome = await how(client, what).then(
    () => ({ stored: true }),
    (error: Error & { code?: string; $metadata?: { httpStatusCode?: number } }) => ({
      name: error.name,
      code: error.code,
      status: error.$metadata?.httpStatusCode,
    }),
  );
  client.destroy();
  await server.close();
  return { outcome, requests: server.requests };
}

/** What differs from one request to the next, or between us and the SDK. */
const OWN_HEADERS = new Set([
  "amz-sdk-invocation-id",
  "authorization",
  "connection",
  "expect",
  "user-agent",
  "x-amz-checksum-crc32",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-user-agent",
]);

function comparable({ method, url, headers, body }: RecordedRequest) {
  const [, scope, signed = ""] = /Credential=(\S+), SignedHeaders=(\S+),/.exec(headers["authorization"] ?? "") ?? [];
  return {
    method,
    url,
    headers: {
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name))),
      // Each has a server of its own.
      host: headers["host"]?.replace(/^127\.0\.0\.1:\d+$/, "server"),
    },
    body: body.toString("base64"),
    scope,
    signed: signed.split(";").filter((name) => !["x-amz-user-agent", "x-amz-checksum-crc32"].includes(name)),
  };
}

describe("an object", () => {
  const aws: S3ClientConfig = { forcePathStyle: false };
  it.concurrent.each<[string, S3ClientConfig, ReturnType<typeof object>, boolean]>([
    ["over HTTP, the bucket in the path", {}, object(), false],
    ["that is empty", {}, object(Buffer.alloc(0)), false],
    ["of 3 MB, for which the SDK asks first", { requestHandler: {} }, object(randomBytes(3_000_000)), false],
    ["whose key has other characters", {}, object(undefined, "spool/a b+c%é!'()*~/ü.eml"), false],
    [
      "signed with a session token",
      { credentials: { ...CREDENTIALS, sessionToken: "FwoGZXIvYXdzEJr//////////token" } },
      object(),
      false,
    ],
    ["over TLS, the bucket in the host name of AWS", aws, object(), true],
    ["for an endpoint with both address families", { ...aws, useDualstackEndpoint: true }, object(), true],
    ["for a FIPS endpoint", { ...aws, useFipsEndpoint: true }, object(), true],
    ["for a bucket with dots in its name", aws, { ...object(), bucket: "mail.spool.example" }, true],
    [
      "for an access point",
      aws,
      { ...object(), bucket: "arn:aws:s3:ap-northeast-1:123456789012:accesspoint/spool" },
      true,
    ],
  ])("%s is sent as the SDK sends it, with its checksum, and signed", async (_, config, what, tls) => {
    const [sdk, ours] = await Promise.all([put(bySdk, [], config, what, tls), put(byUs, [], config, what, tls)]);
    expect([sdk.outcome, ours.outcome]).toEqual([{ stored: true }, { stored: true }]);
    expect(ours.requests.map(comparable)).toEqual(sdk.requests.map(comparable));
    const [request] = ours.requests;
    expect(request && isSignedWith(SECRET, request)).toBe(true);
    expect(request?.headers["x-amz-checksum-crc32"]).toBe(base64OfCrc(what.body));
    expect(request?.headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD").toBe(tls);
    if (!tls) expect(request?.headers["x-amz-content-sha256"]).toBe(sdk.requests[0]?.headers["x-amz-content-sha256"]);
  });

  it("goes where AWS_ENDPOINT_URL_S3 says, with the region and the key of the environment", async () => {
    const aws = await startTestAws();
    const server = await startRecordingS3();
    process.env["AWS_ENDPOINT_URL_S3"] = `http://localhost:${server.port}/under/`;
    process.env["AWS_REGION"] = "eu-central-1";
    process.env["AWS_SECRET_ACCESS_KEY"] = SECRET;
    const client = () => new S3Client({ forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
    await bySdk(client(), object());
    await byUs(client(), object());
    const [sdk, ours] = server.requests.map(comparable);
    expect(ours).toEqual(sdk);
    expect(ours?.url).toBe("/under/mail-spool/spool/0123456789.eml?x-id=PutObject");
    expect(ours?.scope).toMatch(/^local\/\d{8}\/eu-central-1\/s3\/aws4_request$/);
    await server.close();
    await aws.close();
  });

  it("is signed with new credentials as soon as the provider has them", async () => {
    const server = await startRecordingS3();
    const soon = () => new Date(Date.now() + 1_000);
    let number = 0;
    const credentials = async () => ({ accessKeyId: `AKID${++number}`, secretAccessKey: SECRET, expiration: soon() });
    const client = clientFor(server, { credentials });
    for (let i = 0; i < 3; i++) await putObject(client, object());
    const keys = server.requests.map(({ headers }) => /Credential=(\w+)/.exec(headers["authorization"] ?? "")?.[1]);
    expect(new Set(keys).size).toBeGreaterThan(1);
    expect(server.requests.every((request) => isSignedWith(SECRET, request))).toBe(true);
    client.destroy();
    await server.close();
  });

  it("goes over a connection that was used before", async () => {
    const server = await startRecordingS3();
    const client = clientFor(server);
    for (let i = 0; i < 5; i++) {
      await putObject(client, object(randomBytes(100_000)));
      // The rest of the answer is read while the caller goes on.
      await sleep(20);
    }
    const [request] = server.requests;
    expect(request?.headers["connection"]).toBe("keep-alive");
    expect(server.connections).toBe(1);
    client.destroy();
    await server.close();
  });

  it.each(["mail-spool--apne1-az4--x-s3", "arn:aws:s3::123456789012:accesspoint/spool.mrap"])(
    "for %s, which wants another signature, is refused with a sentence",
    async (bucket) => {
      const client = new S3Client({ region: "ap-northeast-1", credentials: CREDENTIALS });
      await expect(putObject(client, { ...object(), bucket })).rejects.toThrow(
        /wants the signature sigv4(-s3express|a)/,
      );
    },
  );
});

describe("a failure", () => {
  const hasty: S3ClientConfig = { requestHandler: { requestTimeout: 300, throwOnRequestTimeout: true } };
  const skewed = (): Answer => {
    const time = new Date(Date.now() + 3_600_000);
    return errorAnswer(403, "RequestTimeTooSkewed", `<ServerTime>${time.toISOString()}</ServerTime>`);
  };
  const thrice = (answer: Answer): Answer[] => [answer, answer, answer];
  it.concurrent.each<[string, readonly Answer[], S3ClientConfig]>([
    ["503 SlowDown once", [errorAnswer(503, "SlowDown")], {}],
    ["503 SlowDown for good", thrice(errorAnswer(503, "SlowDown")), {}],
    ["503 without a document", thrice({ status: 503 }), {}],
    ["503 that says when to come again", [{ status: 503, headers: { "x-amz-retry-after": "50" } }], {}],
    ["429 without a document", [{ status: 429 }], {}],
    ["500 InternalError twice", [errorAnswer(500, "InternalError"), errorAnswer(500, "InternalError")], {}],
    ["500 InternalError for good", thrice(errorAnswer(500, "InternalError")), {}],
    ["501 NotImplemented", [errorAnswer(501, "NotImplemented")], {}],
    ["502 with a proxy's page", thrice({ status: 502, body: "<html><body>Bad gateway</body></html>" }), {}],
    ["400 RequestTimeout", [errorAnswer(400, "RequestTimeout")], {}],
    ["400 ExpiredToken", [errorAnswer(400, "ExpiredToken")], {}],
    ["400 BadDigest", [errorAnswer(400, "BadDigest")], {}],
    ["403 AccessDenied", [errorAnswer(403, "AccessDenied")], {}],
    ["403 RequestTimeTooSkewed", [skewed()], {}],
    [
      "403 RequestTimeTooSkewed where the clock is not to be corrected",
      [skewed()],
      { disableClockSkewCorrection: true },
    ],
    ["404 NoSuchBucket", [errorAnswer(404, "NoSuchBucket")], {}],
    ["404 without a document", [{ status: 404 }], {}],
    ["301 PermanentRedirect", [errorAnswer(301, "PermanentRedirect")], {}],
    ["307 TemporaryRedirect", [errorAnswer(307, "TemporaryRedirect")], {}],
    ["a reset connection", ["reset"], {}],
    ["a connection reset each time", thrice("reset"), {}],
    ["an answer that does not come", ["hang"], hasty],
    ["an answer that never comes", thrice("hang"), hasty],
    ["503 where one attempt is all", [{ status: 503 }], { maxAttempts: 1 }],
    ["503 where five attempts are allowed", [...thrice({ status: 503 }), { status: 503 }], { maxAttempts: 5 }],
    ["no credentials", [], { credentials: () => Promise.reject(new Error("none here")) }],
  ])("%s is met as by the SDK", async (_, answers, config) => {
    const [sdk, ours] = await Promise.all([put(bySdk, answers, config), put(byUs, answers, config)]);
    expect(ours.outcome).toEqual(sdk.outcome);
    const attempts = ({ requests }: typeof ours) => requests.map(({ headers }) => headers["amz-sdk-request"]);
    expect(attempts(ours)).toEqual(attempts(sdk));
    expect(ours.requests.every((request) => isSignedWith(SECRET, request))).toBe(true);
    expect(new Set(ours.requests.map(({ headers }) => headers["amz-sdk-invocation-id"])).size).toBeLessThan(2);
  });

  it("of a connection that nobody takes is the network's", async () => {
    const server = await startRecordingS3();
    await server.close();
    const client = clientFor(server);
    await expect(putObject(client, object())).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.destroy();
  });

  it("of the clock is corrected for the next attempt and for later objects", async () => {
    const server = await startRecordingS3([skewed()]);
    const client = clientFor(server);
    await putObject(client, object());
    await putObject(client, object());
    const hours = server.requests.map(({ headers }) => hoursFromNow(headers["x-amz-date"] ?? ""));
    expect(hours).toEqual([0, 1, 1]);
    client.destroy();
    await server.close();
  });
});

describe("a body from a file", () => {
  const bytes = randomBytes(1_500_000);

  it("is sent with its length and checksum, without being held", async () => {
    const server = await startRecordingS3();
    const client = clientFor(server);
    const streams: Readable[] = [];
    await putObject(client, { ...object(), body: fileBody(bytes, streams) });
    const [request] = server.requests;
    expect(request?.body.equals(bytes)).toBe(true);
    expect(request?.headers).toMatchObject({
      "content-length": String(bytes.length),
      "x-amz-checksum-crc32": base64OfCrc(bytes),
      "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    });
    expect(request?.headers).not.toHaveProperty("transfer-encoding");
    expect(request && isSignedWith(SECRET, request)).toBe(true);
    expect(streams.every((stream) => stream.destroyed)).toBe(true);
    client.destroy();
    await server.close();
  });

  it.each<[string, Answer]>([
    ["503", { status: 503 }],
    ["a reset", "reset"],
  ])("is read anew after %s, and left no stream open", async (_, answer) => {
    const server = await startRecordingS3([answer, answer]);
    const client = clientFor(server);
    const streams: Readable[] = [];
    await putObject(client, { ...object(), body: fileBody(bytes, streams) });
    expect(server.requests.map(({ body }) => body.equals(bytes))).toEqual([true, true, true]);
    expect(streams.map((stream) => stream.destroyed)).toEqual([true, true, true]);
    client.destroy();
    await server.close();
  });

  it("that cannot be read to its end fails at once, with its own error", async () => {
    const server = await startRecordingS3();
    const client = clientFor(server);
    const broken = (): Readable =>
      Readable.from(
        (function* () {
          yield bytes.subarray(0, 100_000);
          throw new Error("EIO: the disk is gone");
        })(),
        { objectMode: false },
      );
    const body = { ...fileBody(bytes), open: broken };
    await expect(putObject(client, { ...object(), body })).rejects.toThrow("the disk is gone");
    expect(server.requests).toEqual([]);
    client.destroy();
    await server.close();
  });

  it("whose octets are not those of its checksum is refused by the storage", async () => {
    const aws = await startTestAws();
    const body = { ...fileBody(bytes), crc32: (crc32(bytes) ^ 1) >>> 0 };
    const what = { ...object(), bucket: aws.bucket };
    await expect(putObject(aws.spool.client, { ...what, body })).rejects.toMatchObject({ name: "BadDigest" });
    await putObject(aws.spool.client, { ...what, body: fileBody(bytes) });
    await aws.close();
  });
});

describe("an abort", () => {
  it.each<[string, Answer, NewObject["body"]]>([
    ["while an answer is awaited", "hang", object().body],
    ["while an answer for a file is awaited", "hang", fileBody(randomBytes(500_000))],
    ["between two attempts", { status: 503, headers: { "x-amz-retry-after": "4000" } }, object().body],
  ])("%s ends it, and nothing more is sent", async (_, answer, body) => {
    const server = await startRecordingS3([answer]);
    const client = clientFor(server);
    const controller = new AbortController();
    const arrived = new Promise<void>((resolve) => (server.onRequest = () => resolve()));
    const done = putObject(client, { ...object(), body }, controller.signal);
    const rejected = expect(done).rejects.toMatchObject({ name: "AbortError" });
    await arrived;
    if (answer !== "hang") await sleep(200);
    controller.abort();
    await rejected;
    await sleep(100);
    expect(server.requests).toHaveLength(1);
    client.destroy();
    await server.close();
  });

  it("beforehand sends nothing", async () => {
    const server = await startRecordingS3();
    const client = clientFor(server);
    for (const body of [object().body, fileBody(randomBytes(1_000))]) {
      await expect(putObject(client, { ...object(), body }, AbortSignal.abort())).rejects.toThrow(/abort/i);
    }
    expect(server.requests).toEqual([]);
    client.destroy();
    await server.close();
  });
});

function hoursFromNow(amzDate: string): number {
  const iso = amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return Math.round(Math.abs(Date.parse(iso) - Date.now()) / 3_600_000);
}

function base64OfCrc(body: Buffer): string {
  return Buffer.from(crc32(body).toString(16).padStart(8, "0"), "hex").toString("base64");
}
