/**
 * The spool bucket.
 *
 * `putSpoolObject` resolves only when S3 has answered 200: that is the instant of acceptance. Every function throws
 * the SDK's error otherwise.
 */

import { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  type S3Client,
} from "@aws-sdk/client-s3";
import { SPOOL_PREFIX } from "../core/names.ts";
import { type QueueId, queueIdOfKey, spoolKey } from "../core/queue-id.ts";
import { decodeSpoolObject, type Envelope, NewerSpoolObject, NotASpoolObject } from "../core/spool-object.ts";
import { type FileBody, putObject } from "./put-object.ts";

/** The spool bucket and a client for it. */
export interface Spool {
  readonly client: S3Client;
  readonly bucket: string;
}

/** Stores a message in one PutObject of known length. The client's retries hold for files too. */
export async function putSpoolObject(
  spool: Spool,
  id: QueueId,
  body: Buffer | FileBody,
  signal?: AbortSignal,
): Promise<void> {
  const object = { bucket: spool.bucket, key: spoolKey(id), contentType: "message/rfc822", body };
  await putObject(spool.client, object, signal);
}

/** A message as read, with the version that holds it after the object is deleted (in a versioned bucket). */
export interface SpooledBytes {
  readonly bytes: Buffer;
  readonly versionId: string | undefined;
}

/** What to read of a message: an older version, and at most this many octets of it. */
export interface ReadOptions {
  readonly version?: string;
  readonly bytesMax?: number;
}

/** Reads a message; undefined when it is not there (any more). */
export async function getSpoolObject(
  spool: Spool,
  id: QueueId,
  options: ReadOptions = {},
): Promise<SpooledBytes | undefined> {
  const { version, bytesMax } = options;
  try {
    const { Body, ContentLength, VersionId } = await spool.client.send(
      new GetObjectCommand({
        Bucket: spool.bucket,
        Key: spoolKey(id),
        ...(version === undefined ? {} : { VersionId: version }),
        ...(bytesMax === undefined ? {} : { Range: `bytes=0-${bytesMax - 1}` }),
      }),
    );
    if (!(Body instanceof Readable) || ContentLength === undefined) throw new Error("S3 answered without a body");
    return { bytes: await readWhole(Body, ContentLength), versionId: VersionId };
  } catch (error) {
    if (error instanceof NoSuchKey || (error instanceof Error && error.name === "NoSuchVersion")) return undefined;
    throw error;
  }
}

/** Collecting the pieces first, as the SDK does, takes twice the memory. Throws when they do not add up to `length`. */
async function readWhole(body: Readable, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (filled + chunk.length > length) throw new Error("S3 sent more than it announced");
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled < length) throw new Error("the answer of S3 ended early");
  return bytes;
}

/** How much of an object is read to show its envelope: enough for a thousand recipients with long names. */
const ENVELOPE_BYTES_MAX = 1024 * 1024;

/**
 * Reads only the envelope; undefined when the object is not there or is not a spool object. Throws `NewerSpoolObject`.
 */
export async function readSpoolEnvelope(spool: Spool, id: QueueId): Promise<Envelope | undefined> {
  const spooled = await getSpoolObject(spool, id, { bytesMax: ENVELOPE_BYTES_MAX });
  try {
    return spooled === undefined ? undefined : decodeSpoolObject(spooled.bytes).envelope;
  } catch (error) {
    if (error instanceof NotASpoolObject && !(error instanceof NewerSpoolObject)) return undefined;
    throw error;
  }
}

/** Octets of a message in the spool; undefined when it is not there. */
export async function headSpoolObject(spool: Spool, id: QueueId): Promise<number | undefined> {
  try {
    const { ContentLength } = await spool.client.send(
      new HeadObjectCommand({ Bucket: spool.bucket, Key: spoolKey(id) }),
    );
    return ContentLength ?? 0;
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}

/** Ends our responsibility: the current version goes, older ones stay until they expire. */
export async function deleteSpoolObject(spool: Spool, id: QueueId): Promise<void> {
  await spool.client.send(new DeleteObjectCommand({ Bucket: spool.bucket, Key: spoolKey(id) }));
}

/** One object of the listing; times in epoch milliseconds, sizes in octets. */
export interface SpoolEntry {
  readonly key: string;
  /** Undefined: the key is not one of ours. */
  readonly id: QueueId | undefined;
  readonly size: number;
  readonly storedMs: number;
}

/** Lists the spool in order of age, page by page; `after`: only what comes after this key. */
export async function* listSpool(spool: Spool, after?: string): AsyncGenerator<SpoolEntry> {
  let token: string | undefined;
  do {
    const page = await spool.client.send(
      new ListObjectsV2Command({
        Bucket: spool.bucket,
        Prefix: SPOOL_PREFIX,
        ...(after === undefined ? {} : { StartAfter: after }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    for (const object of page.Contents ?? []) {
      if (object.Key === undefined) continue;
      yield {
        key: object.Key,
        id: queueIdOfKey(object.Key),
        size: object.Size ?? 0,
        storedMs: object.LastModified?.getTime() ?? 0,
      };
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}
