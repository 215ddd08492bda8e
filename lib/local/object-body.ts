/**
 * The body of an upload: received, counted and hashed as it comes.
 *
 * Promise:  no more than about 256 KiB of a body is in memory; of a larger one the rest is in a file, synced before the
 *           body counts as received.
 * Failure:  when the source fails (the client went away), the file is removed and the source's error passed on.
 */

import { createHash, type Hash, randomUUID } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** Bodies up to this size stay in memory and go into the database. */
export const BODY_IN_MEMORY_BYTES_MAX = 256 * 1024;

/** Where the bytes are: a file is named relative to the folder it was received in. */
export type ReceivedBody =
  | { readonly kind: "memory"; readonly bytes: Buffer }
  | { readonly kind: "file"; readonly file: string };

/** Checksums that can be asked for beside the MD5, which the ETag needs anyway. */
export type ChecksumName = "crc32" | "sha1" | "sha256";

/** A body that was received whole. */
export interface Reception {
  readonly body: ReceivedBody;
  readonly sizeBytes: number;
  /** The digests asked for, and always `md5`. */
  readonly digests: ReadonlyMap<ChecksumName | "md5", Buffer>;
}

/**
 * Receives a body to its end.
 *
 * @param judge looks at the received body and throws to refuse it
 * Rejects with the source's error, the judge's or the disk's, leaving no file.
 */
export async function receiveBody(
  source: AsyncIterable<Buffer>,
  folder: string,
  wanted: ReadonlySet<ChecksumName>,
  judge: (whole: Omit<Reception, "body">) => void,
): Promise<Reception> {
  const hashes = new Map<"md5" | "sha1" | "sha256", Hash>([["md5", createHash("md5")]]);
  for (const name of wanted) if (name !== "crc32") hashes.set(name, createHash(name));
  let crc = 0;
  let sizeBytes = 0;
  let chunks: Buffer[] = [];
  let heldBytes = 0;
  let digests: ReadonlyMap<ChecksumName | "md5", Buffer>;
  let file: { readonly name: string; readonly handle: FileHandle } | undefined;
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      for (const hash of hashes.values()) hash.update(chunk);
      if (wanted.has("crc32")) crc = crc32(chunk, crc);
      chunks.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes <= BODY_IN_MEMORY_BYTES_MAX) continue;
      if (file === undefined) {
        const name = randomUUID();
        file = { name, handle: await open(join(folder, name), "wx") };
      }
      await writeAll(file.handle, Buffer.concat(chunks, heldBytes));
      chunks = [];
      heldBytes = 0;
    }
    digests = finish(hashes, wanted.has("crc32") ? crc : undefined);
    judge({ sizeBytes, digests });
    if (file !== undefined) {
      await writeAll(file.handle, Buffer.concat(chunks, heldBytes));
      await file.handle.datasync();
    }
  } catch (error) {
    await file?.handle.close();
    if (file !== undefined) await rm(join(folder, file.name), { force: true });
    throw error;
  }
  await file?.handle.close();

  const body: ReceivedBody =
    file === undefined
      ? { kind: "memory", bytes: Buffer.concat(chunks, sizeBytes) }
      : { kind: "file", file: file.name };
  return { body, sizeBytes, digests };
}

function finish(
  hashes: ReadonlyMap<"md5" | "sha1" | "sha256", Hash>,
  crc: number | undefined,
): Map<ChecksumName | "md5", Buffer> {
  const digests = new Map<ChecksumName | "md5", Buffer>();
  for (const [name, hash] of hashes) digests.set(name, hash.digest());
  if (crc !== undefined) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc);
    digests.set("crc32", bytes);
  }
  return digests;
}

/** Writes a body that is in memory anyway to a synced file of its own and returns the file's name. */
export function writeBodyFile(folder: string, bytes: Buffer): string {
  const name = randomUUID();
  const descriptor = openSync(join(folder, name), "wx");
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return name;
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) written += (await handle.write(bytes, written)).bytesWritten;
}
