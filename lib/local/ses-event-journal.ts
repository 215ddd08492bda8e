/**
 * The events that are still to be published, on disk.
 *
 * One file to which lines are appended: an event to publish, or the id of one that was. It is written anew when it has
 * grown and at every start. Lines of callers that come together share one write, so there is no file per event and no
 * folder to look through.
 * Promise:  when `append` resolves, its lines are read back after a kill at any moment. A line cut short by a kill is
 *           passed over: nobody was told that it was written.
 */

import { type FileHandle, open, readFile, rename, writeFile } from "node:fs/promises";

import { isFields, numberOf, requiredTextOf } from "./ses-json.ts";

/** One event for one topic. */
export interface PendingEvent {
  /** Unique; `<message id>/<number>`. */
  readonly id: string;
  readonly messageId: string;
  readonly topicArn: string;
  readonly dueMs: number;
  /** The JSON to publish. */
  readonly body: string;
}

/** The open file. One process may have it open. */
export interface EventJournal {
  /** Appends lines made by `addLine` and `doneLine`. Rejects when they cannot be written. */
  append(lines: readonly string[]): Promise<void>;
  /** Waits for what is being written; later calls of `append` reject. */
  close(): Promise<void>;
}

const REWRITE_AT_BYTES = 8 * 1024 * 1024;

/** A line that says: to be published. */
export function addLine(event: PendingEvent): string {
  return JSON.stringify(event);
}

/** A line that says: was published. */
export function doneLine(id: string): string {
  return JSON.stringify({ done: id });
}

/** Reads the events that are still to be published, in the order in which they came. Rejects when it cannot be read. */
export async function readJournal(path: string): Promise<PendingEvent[]> {
  const pending = new Map<string, PendingEvent>();
  for (const line of (await readIfThere(path)).split("\n")) {
    const fields = parseLine(line);
    if (fields === undefined) continue;
    if (typeof fields["done"] === "string") {
      pending.delete(fields["done"]);
      continue;
    }
    const id = requiredTextOf(fields, "id");
    pending.set(id, {
      id,
      messageId: requiredTextOf(fields, "messageId"),
      topicArn: requiredTextOf(fields, "topicArn"),
      dueMs: numberOf(fields, "dueMs") ?? 0,
      body: requiredTextOf(fields, "body"),
    });
  }
  return [...pending.values()];
}

/** Writes the journal anew with what `live` gives, then appends to it. `live` must hold an event before its line is appended. */
export async function openJournal(path: string, live: () => Iterable<PendingEvent>): Promise<EventJournal> {
  let file: FileHandle | undefined;
  let bytes = 0;
  let rewriteAtBytes = REWRITE_AT_BYTES;
  let buffered: string[] = [];
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let closed = false;

  const rewrite = async (): Promise<FileHandle> => {
    const text = [...live()].map((event) => `${addLine(event)}\n`).join("");
    await writeFile(`${path}.tmp`, text);
    await rename(`${path}.tmp`, path);
    await file?.close();
    bytes = Buffer.byteLength(text);
    rewriteAtBytes = Math.max(REWRITE_AT_BYTES, 2 * bytes);
    file = await open(path, "a");
    return file;
  };
  const flush = async (after: Promise<void>): Promise<void> => {
    await after.catch(() => undefined); // its own callers hear of that failure
    if (next !== undefined) writing = next;
    next = undefined;
    const lines = buffered;
    buffered = [];
    const handle = file === undefined || bytes > rewriteAtBytes ? await rewrite() : file;
    // Begins with a line end, so that a line left incomplete by a failed write spoils no other.
    const text = `\n${lines.join("\n")}\n`;
    await handle.appendFile(text);
    bytes += Buffer.byteLength(text);
  };
  await rewrite();
  return {
    append(lines) {
      if (closed) return Promise.reject(new Error("the journal of SES events is closed"));
      buffered.push(...lines);
      next ??= flush(writing);
      return next;
    },
    async close() {
      closed = true;
      await (next ?? writing).catch(() => undefined);
      await file?.close();
      file = undefined;
    },
  };
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "";
    throw cause;
  }
}

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  if (line === "") return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
