/**
 * PutObject from the parts of the SDK's S3 client, without its middleware stack, which takes several times as much CPU
 * as everything else that a request needs.
 *
 * Endpoint, region, credentials, clock, connections, retries and time-outs are those of the client that is given; a test
 * sends the same objects and meets the same failures with both. What is different:
 * - over TLS the body is no part of the signature; S3 checks it by its CRC-32, which is sent with every body
 *   (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html);
 * - a body from a file is opened anew for each attempt, and so is tried as often as one in memory;
 * - no `Expect: 100-continue`, for which the SDK makes a new connection each time.
 *
 * Promise:  resolves when S3 has answered with success: the object is stored.
 * Failure:  throws an `S3ServiceException` for an answer of S3, else the network's error, after the attempts that the
 *           client allows. An endpoint that asks for another signature than SigV4 (directory buckets, multi-region
 *           access points) is refused with a sentence.
 */

import { hash, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getEndpointFromInstructions } from "@smithy/core/endpoints";
import { escapeUriPath, HttpRequest, type HttpResponse } from "@smithy/core/protocols";
import { getRetryAfterHint, isServerError, isThrottlingError, isTransientError } from "@smithy/core/retry";
import type { RetryErrorInfo, RetryStrategyV2, SdkError } from "@smithy/types";
import { readRefusal } from "./s3-exception.ts";
import { type RequestToSign, Sigv4Signer } from "./sigv4.ts";

/** A body too big for memory. */
export interface FileBody {
  /** Octets. */
  readonly length: number;
  /** Of all octets. */
  readonly crc32: number;
  /** The octets from the first one on. Called for each attempt, at whose end the stream is destroyed. */
  open(): Readable;
}

/** What to store. */
export interface NewObject {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  readonly body: Buffer | FileBody;
}

/** Where the objects of a bucket go, who signs for it, and how often it is tried. None of it changes. */
interface Target {
  readonly url: URL;
  readonly userAgent: string;
  readonly signer: Sigv4Signer;
  readonly retries: RetryStrategyV2;
  readonly attemptsMax: number;
  readonly correctsClock: boolean;
}

/** The SDK names the operation in the query; S3 takes no notice. */
const OPERATION = "x-id";
/** From this difference on a refusal is blamed on the clock, as in the SDK. */
const SKEW_MS = 240_000;

const targets = new WeakMap<S3Client, Map<string, Promise<Target>>>();

/** See the head of this file. After an abort nothing more is sent, and it rejects at once. */
export async function putObject(client: S3Client, object: NewObject, signal?: AbortSignal): Promise<void> {
  const target = await targetOf(client, object.bucket);
  const headers = headersFor(target, object);
  const path = `${target.url.pathname.replace(/\/$/, "")}/${escapeUriPath(object.key)}`;
  const payload = payloadOf(target, object);
  let token = await target.retries.acquireInitialRetryToken("");
  for (;;) {
    headers["amz-sdk-request"] = `attempt=${token.getRetryCount() + 1}; max=${target.attemptsMax}`;
    try {
      await attempt(client, target, object, { path, headers, payload }, signal);
      target.retries.recordSuccess(token);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      // Waits before it gives the next token, and rejects when there is none.
      const granted = target.retries.refreshRetryTokenForRetry(token, retryInfo(error)).catch(() => undefined);
      const next = await untilAborted(granted, signal);
      if (next === undefined) throw error;
      token = next;
      await sleep(token.getRetryDelay(), undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function targetOf(client: S3Client, bucket: string): Promise<Target> {
  const known = targets.get(client) ?? new Map<string, Promise<Target>>();
  targets.set(client, known);
  const target = known.get(bucket) ?? findTarget(client, bucket);
  known.set(bucket, target);
  try {
    return await target;
  } catch (error) {
    // What failed may be there the next time.
    known.delete(bucket);
    throw error;
  }
}

async function findTarget(client: S3Client, bucket: string): Promise<Target> {
  const { config } = client;
  const endpoint = await getEndpointFromInstructions({ Bucket: bucket, Key: "" }, PutObjectCommand, { ...config });
  const scheme = endpoint.properties?.authSchemes?.[0];
  if (scheme?.name !== "sigv4") {
    throw new Error(`bucket ${bucket} wants the signature ${scheme?.name ?? "of no kind"}; here only sigv4 is known`);
  }
  const retries = await config.retryStrategy();
  if (!("acquireInitialRetryToken" in retries)) throw new Error("the S3 client has a retry strategy of the old kind");
  return {
    url: endpoint.url,
    userAgent: (await config.defaultUserAgentProvider()).map(([name, version]) => `${name}/${version}`).join(" "),
    signer: new Sigv4Signer(
      { region: scheme.signingRegion ?? (await config.region()), service: scheme.signingName ?? "s3" },
      config.credentials,
    ),
    retries,
    attemptsMax: await config.maxAttempts(),
    correctsClock: !(await config.disableClockSkewCorrection()),
  };
}

/** The headers that all attempts share. */
function headersFor({ url, userAgent }: Target, { contentType, body }: NewObject): Record<string, string> {
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32BE(Buffer.isBuffer(body) ? crc32(body) : body.crc32);
  return {
    host: url.host,
    "content-type": contentType,
    "content-length": String(body.length),
    "x-amz-checksum-crc32": checksum.toString("base64"),
    "user-agent": userAgent,
    "amz-sdk-invocation-id": randomUUID(),
  };
}

/** As in the SDK: without TLS the signature also covers a body that can be hashed beforehand. */
function payloadOf({ url }: Target, { body }: NewObject): string {
  return url.protocol !== "https:" && Buffer.isBuffer(body) ? hash("sha256", body, "hex") : "UNSIGNED-PAYLOAD";
}

/** One request; throws unless it was answered with success. */
async function attempt(
  client: S3Client,
  target: Target,
  object: NewObject,
  unsigned: Omit<RequestToSign, "method" | "query">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { config } = client;
  const { url } = target;
  const { body } = object;
  const offset = config.systemClockOffset;
  const toSign = { ...unsigned, method: "PUT", query: `${OPERATION}=PutObject` };
  const request = new HttpRequest({
    method: "PUT",
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    path: unsigned.path,
    query: { [OPERATION]: "PutObject" },
    headers: await target.signer.sign(toSign, new Date(Date.now() + offset)),
    ...(Buffer.isBuffer(body) ? { body } : {}),
  });
  const response = Buffer.isBuffer(body)
    ? await send(client, request, signal)
    : await sendFile(client, request, body, signal);
  if (response.statusCode < 300) return discard(response);
  const { exception, serverTimeMs } = await readRefusal(response);
  if (target.correctsClock && serverTimeMs !== undefined) {
    const skew = serverTimeMs - Date.now();
    config.systemClockOffset = skew;
    // A refusal that is marked so counts as one that may be tried again.
    if (Math.abs(skew) >= SKEW_MS && skew !== offset) {
      Object.assign(exception.$metadata, { clockSkewCorrected: true });
    }
  }
  throw exception;
}

async function send(client: S3Client, request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
  const options = signal === undefined ? {} : { abortSignal: signal };
  return (await client.config.requestHandler.handle(request, options)).response;
}

/** A file that cannot be read ends the request, which would else wait for the rest of its body. */
async function sendFile(
  client: S3Client,
  request: HttpRequest,
  body: FileBody,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  signal?.throwIfAborted();
  const stream = body.open();
  const broken = new AbortController();
  let failure: Error | undefined;
  stream.on("error", (error) => {
    failure = error;
    broken.abort();
  });
  request.body = stream;
  try {
    return await send(client, request, signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal]));
  } catch (error) {
    throw failure ?? error;
  } finally {
    stream.destroy();
  }
}

/** The connection can be used again once the answer has been read. Nothing in it matters any more. */
function discard(response: HttpResponse): void {
  const stream = response.body as Readable;
  stream.on("error", () => undefined);
  stream.resume();
}

function retryInfo(error: unknown): RetryErrorInfo {
  const known = (error instanceof Error ? error : new Error(String(error))) as SdkError;
  const retryAfterHint = getRetryAfterHint(known.$response);
  return { error: known, errorType: errorType(known), ...(retryAfterHint === undefined ? {} : { retryAfterHint }) };
}

function errorType(error: SdkError): RetryErrorInfo["errorType"] {
  if (isThrottlingError(error)) return "THROTTLING";
  if (isTransientError(error)) return "TRANSIENT";
  return isServerError(error) ? "SERVER_ERROR" : "CLIENT_ERROR";
}

/** Settles as `work` does, or rejects when the signal says stop. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
