/**
 * The parts of fauxqs that its package does not export, and their types.
 *
 * `startFauxqs` would be the public way, but it listens on all interfaces and keeps its stores to itself; `buildApp`
 * takes stores, whose classes are not exported. They are loaded by path from the installed package, so package.json
 * pins its version.
 */

import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { buildApp } from "fauxqs";

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>;

/** All queues. */
export type SqsStore = Stores["sqsStore"];
/** One queue with its messages in memory. */
export type SqsQueue = NonNullable<ReturnType<SqsStore["getQueueByArn"]>>;
/** A message as fauxqs keeps it. */
export type SqsMessage = Parameters<SqsQueue["enqueue"]>[0];
/** All topics and subscriptions. */
export type SnsStore = Stores["snsStore"];
/** The descriptions of all buckets and objects. */
export type S3Store = Stores["s3Store"];
/** What an S3 store asks of whoever keeps its objects. */
export type S3Persistence = NonNullable<S3Store["persistence"]>;
/** The description of an object; its body is empty where a persistence keeps it. */
export type S3Object = Parameters<S3Persistence["upsertObject"]>[1];
/** A multipart upload that is under way. */
export type MultipartUpload = Parameters<S3Persistence["insertMultipartUpload"]>[0];
/** One uploaded part, its body in memory. */
export type MultipartPart = Parameters<S3Persistence["upsertMultipartPart"]>[1];
/** Keeps queues, messages, topics and subscriptions in SQLite. */
export type QueuePersistence = NonNullable<SqsStore["persistence"]>;

/** The classes, and the connection of a persistence, which its type calls private. */
export interface FauxqsParts {
  makeSqsStore(): SqsStore;
  makeSnsStore(): SnsStore;
  makeS3Store(): S3Store;
  makeMessage(body: string): SqsMessage;
  openPersistence(folder: string): { readonly persistence: QueuePersistence; readonly database: DatabaseSync };
}

/** Loads them. Throws when fauxqs is not installed as package.json says. */
export async function loadFauxqsParts(): Promise<FauxqsParts> {
  const manifest = findPackageJSON("fauxqs", import.meta.url);
  if (manifest === undefined) throw new Error("fauxqs is not installed: run npm ci");
  const load = async (file: string): Promise<unknown> =>
    (await import(pathToFileURL(join(dirname(manifest), "dist", file)).href)) as unknown;

  const sqs = (await load("sqs/sqsStore.js")) as {
    SqsStore: (new () => SqsStore) & { createMessage(body: string): SqsMessage };
  };
  const sns = (await load("sns/snsStore.js")) as { SnsStore: new () => SnsStore };
  const s3 = (await load("s3/s3Store.js")) as { S3Store: new () => S3Store };
  const disk = (await load("persistence.js")) as { PersistenceManager: new (folder: string) => QueuePersistence };
  return {
    makeSqsStore: () => new sqs.SqsStore(),
    makeSnsStore: () => new sns.SnsStore(),
    makeS3Store: () => new s3.S3Store(),
    makeMessage: (body) => sqs.SqsStore.createMessage(body),
    openPersistence(folder) {
      const persistence = new disk.PersistenceManager(folder);
      return { persistence, database: (persistence as unknown as { db: DatabaseSync }).db };
    },
  };
}

/** Takes an object out of the store's memory; its keeper is not told. (`buckets` is private only by its type.) */
export function forgetObject(store: S3Store, bucket: string, key: string): void {
  const { buckets } = store as unknown as { readonly buckets: Map<string, Map<string, S3Object>> };
  buckets.get(bucket)?.delete(key);
}
