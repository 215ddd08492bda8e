/**
 * Holds a message while it comes in: its first part in memory, a long one in a temporary file.
 *
 * Promise:  at most `memoryBytesMax` octets of a message are in memory at a time. The file has no name once it is open,
 *           so that nothing is left of it whatever ends the process. `dispose` frees everything and may be called
 *           at any time, any number of times.
 * Failure:  `write` and `body` reject when the file system does (full, read-only); the caller answers 4xx.
 */

import { type FileHandle, mkdir, open, readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import type { FileBody } from "../lib/aws/put-object.ts";
import { combineCrc32 } from "../lib/core/crc32.ts";

/** Where and how much. */
export interface MessageBufferOptions {
  readonly memoryBytesMax: number;
  readonly directory: string;
  /** For the file's name. */
  readonly randomBytes: (count: number) => Uint8Array;
}

const FILE_PREFIX = "relayhost-message-";
const READ_BYTES = 64 * 1024;
/** A message full of dots comes in thousands of tiny chunks. */
const WRITEV_CHUNKS_MAX = 64;

/** One message on its way through the edge. */
export class MessageBuffer {
  readonly #options: MessageBufferOptions;
  #chunks: Buffer[] = [];
  #bytesInMemory = 0;
  #length = 0;
  #file: FileHandle | undefined;
  /** Of what is in the file. */
  #fileCrc32 = 0;
  #disposed = false;

  constructor(options: MessageBufferOptions) {
    this.#options = options;
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  /** Takes the next chunk; await it before the next call. */
  async write(chunk: Buffer): Promise<void> {
    this.#chunks.push(chunk);
    this.#bytesInMemory += chunk.length;
    this.#length += chunk.length;
    if (this.#bytesInMemory > this.#options.memoryBytesMax) await this.#toFile();
  }

  /** The whole message with `head` in front: a Buffer when it is all in memory, else to be read as often as need be. */
  async body(head: Buffer): Promise<Buffer | FileBody> {
    if (this.#file === undefined) return Buffer.concat([head, ...this.#chunks]);
    if (this.#bytesInMemory > 0) await this.#toFile();
    const [file, length] = [this.#file, this.#length];
    return {
      length: head.length + length,
      crc32: combineCrc32(crc32(head), this.#fileCrc32, length),
      open: () => Readable.from(readAfter(head, file, length), { objectMode: false, highWaterMark: READ_BYTES }),
    };
  }

  /** Frees memory and file. Never rejects: there is nothing that a caller could do about it. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#chunks = [];
    this.#bytesInMemory = 0;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  async #toFile(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytesInMemory = 0;
    this.#file ??= await openNameless(this.#options);
    if (this.#disposed) {
      await this.dispose();
      throw new Error("the message was given up");
    }
    for (const chunk of chunks) this.#fileCrc32 = crc32(chunk, this.#fileCrc32);
    await writeAll(this.#file, chunks);
  }
}

/** Makes the folder if need be, and removes files that a predecessor left between opening and unlinking one. */
export async function prepareFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory)) {
    if (name.startsWith(FILE_PREFIX)) await rm(join(directory, name), { force: true });
  }
}

async function openNameless(options: MessageBufferOptions): Promise<FileHandle> {
  const name = `${FILE_PREFIX}${Buffer.from(options.randomBytes(16)).toString("hex")}`;
  const path = join(options.directory, name);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

async function* readAfter(head: Buffer, file: FileHandle, length: number): AsyncGenerator<Buffer> {
  yield head;
  for (let position = 0; position < length; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) throw new Error("the temporary file is shorter than what was written");
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** As they are where they are few: copies of every message would be most of the garbage. */
async function writeAll(file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  let written = chunks.length > WRITEV_CHUNKS_MAX ? 0 : (await file.writev(chunks)).bytesWritten;
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (written === length) return;
  const bytes = Buffer.concat(chunks);
  while (written < length) written += (await file.write(bytes, written)).bytesWritten;
}
