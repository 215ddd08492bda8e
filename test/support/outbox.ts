/**
 * Reads the outbox of local mode: what the local SES took, byte for byte, and the request that brought it.
 *
 * Promise:  a mail is reported only when both of its files are there and the request can be read; each is read once,
 *           since nothing in the outbox changes afterwards.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** One mail that local SES accepted. */
export type OutboxMail = {
  /** The SES message id, also the name of both files. */
  readonly id: string;
  /** The message as it would have left. */
  readonly raw: Buffer;
  /** Every address of the request's destination (To, Cc and Bcc), in order. */
  readonly recipients: readonly string[];
  /** When SES took it, by the machine's clock (epoch milliseconds). */
  readonly takenAtMs: number;
  /** The whole request: destination, tags, configuration set, tenant. */
  readonly request: Readonly<Record<string, unknown>>;
};

/** An outbox that is looked at again and again. */
export type OutboxReader = {
  /** How many mails there are; cheap. */
  count(): Promise<number>;
  /** All mails, in the order of their ids; empty when there is no outbox yet. */
  mails(): Promise<OutboxMail[]>;
  /** Mails that no earlier call of this gave, in the order of their ids; for outboxes too large to be kept in memory. */
  added(): Promise<OutboxMail[]>;
};

/** A reader for the folder, which need not exist yet. */
export function outboxReader(outboxDir: string): OutboxReader {
  const known = new Map<string, OutboxMail>();
  const given = new Set<string>();
  return {
    count: async () => (await completeIds(outboxDir)).length,
    mails: async () => {
      const mails: OutboxMail[] = [];
      for (const id of await completeIds(outboxDir)) {
        const mail = known.get(id) ?? (await readMail(outboxDir, id));
        if (mail === undefined) continue;
        known.set(id, mail);
        mails.push(mail);
      }
      return mails;
    },
    added: async () => {
      const mails: OutboxMail[] = [];
      for (const id of await completeIds(outboxDir)) {
        const mail = given.has(id) ? undefined : await readMail(outboxDir, id);
        if (mail === undefined) continue;
        given.add(id);
        mails.push(mail);
      }
      return mails;
    },
  };
}

/** All mails of the folder, for a test that looks once. */
export function readOutbox(outboxDir: string): Promise<OutboxMail[]> {
  return outboxReader(outboxDir).mails();
}

/** Ids of the mails whose two files are both there. */
async function completeIds(outboxDir: string): Promise<string[]> {
  const names = new Set(await readdir(outboxDir).catch(emptyIfAbsent));
  return [...names]
    .filter((name) => name.endsWith(".eml"))
    .map((name) => name.slice(0, -".eml".length))
    .filter((id) => names.has(`${id}.json`))
    .sort();
}

/** One mail, or undefined while its request is not readable yet. */
async function readMail(outboxDir: string, id: string): Promise<OutboxMail | undefined> {
  const request = parseObject(await readFile(join(outboxDir, `${id}.json`), "utf8"));
  if (request === undefined) return undefined;
  const file = join(outboxDir, `${id}.eml`);
  const { mtimeMs: takenAtMs } = await stat(file);
  return { id, raw: await readFile(file), recipients: addressesOf(request), takenAtMs, request };
}

function addressesOf(request: Record<string, unknown>): string[] {
  const { destination } = request;
  if (!isRecord(destination)) return [];
  return ["to", "cc", "bcc"].flatMap((field) => {
    const addresses = destination[field];
    return Array.isArray(addresses) ? addresses.filter((address) => typeof address === "string") : [];
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function emptyIfAbsent(cause: unknown): string[] {
  if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
  throw cause;
}
