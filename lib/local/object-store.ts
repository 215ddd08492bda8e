/**
 * The bytes and descriptions of S3 objects on this machine.
 *
 * Promise:  an object that was answered 200 is whole after kill -9, and after a power cut (fsync before the answer);
 *           one that was not answered is there whole or not at all. The next start removes what nobody refers to.
 * Promise:  small bodies stay in memory, large ones go through files, so many large uploads at once are no problem.
 *
 * Promise:  in a bucket with versioning, an upload or a deletion and the keeping of what was there are one step.
 *
 * One SQLite file holds all descriptions and the bodies of up to 256 KiB; larger bodies are files beside it, complete
 * and synced before the row that names them is committed. Uploads that end while another is being synced share one commit.
 * (fauxqs's own keepers of objects write body and description as two files, neither atomically, or need the whole
 * body in memory.)
 */

import { closeSync, fdatasync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import {
  forgetObject,
  type MultipartPart,
  type MultipartUpload,
  type S3Object,
  type S3Persistence,
  type S3Store,
} from "./fauxqs-parts.ts";
import { BODY_IN_MEMORY_BYTES_MAX, type ReceivedBody, writeBodyFile } from "./object-body.ts";
import { type Expiry, type KeptVersion, type ObjectVersions, openObjectVersions } from "./object-versions.ts";

/** How an object came to be, in the words of S3's event names. */
export type CreatedBy = "Put" | "Copy" | "CompleteMultipartUpload";

/** An object that was stored just now. */
export interface Stored {
  readonly bucket: string;
  readonly object: S3Object;
  readonly by: CreatedBy;
  /** Undefined in a bucket that never had versioning. */
  readonly versionId: string | undefined;
}

/** Called for each object when it is stored, before its maker is answered. Must not throw. */
export type OnStored = (stored: Stored) => void;

/** An object to store, its body already received. */
export interface NewObject {
  readonly bucket: string;
  readonly object: S3Object;
  readonly body: ReceivedBody;
  /** If-None-Match: * */
  readonly onlyIfAbsent: boolean;
  /** If-Match: the ETag that the present object must have. */
  readonly onlyIfEtag: string | undefined;
}

/** What became of it: stored, or a reason why not. Without `stored` the body is discarded. */
export type StoreOutcome = { readonly stored: Stored } | "no-bucket" | "no-key" | "precondition-failed";

/** What a deletion did, for its answer. Without versioning there is nothing to say. */
export interface Deletion {
  /** Of the marker that was made, or of the version that was removed. */
  readonly versionId: string | undefined;
  /** Whether that was a delete marker. */
  readonly marker: boolean;
}

/** Keeps objects for fauxqs, and takes uploads and deletions of its own. */
export interface ObjectStore extends S3Persistence {
  /** Where bodies that do not fit into memory are received. */
  readonly bodyFolder: string;
  /** The versions as they are, to be read. */
  readonly versions: Pick<ObjectVersions, "stateOf" | "setState" | "find" | "bodyOf" | "list" | "hasAny">;
  /** Stores an object; it is on disk when this resolves. Rejects when the disk refuses. */
  put(request: NewObject): Promise<StoreOutcome>;
  /** Removes the object, or hides it behind a delete marker. With a version id, removes that version for good. */
  delete(bucket: string, key: string, versionId?: string): Deletion;
  /** As `expire` of the table of versions, with the files removed. Resolves with where to go on, if anywhere. */
  expire(
    expiryOf: (bucket: string, key: string) => Expiry | undefined,
    untilMs: number,
    after: number,
  ): Promise<number | undefined>;
}

interface Waiting {
  readonly request: NewObject;
  readonly resolve: (outcome: StoreOutcome) => void;
  readonly reject: (error: unknown) => void;
}

const datasync = promisify(fdatasync);

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, type TEXT, created TEXT, lifecycle TEXT);
  CREATE TABLE IF NOT EXISTS upload (id TEXT PRIMARY KEY, description TEXT);
  CREATE TABLE IF NOT EXISTS part (upload TEXT, number INTEGER, description TEXT, body BLOB, PRIMARY KEY (upload, number));
`;

/** Opens the store in a folder, making it if need be. Throws when it cannot be opened. */
export function openObjectStore(folder: string, onStored: OnStored, now: () => number = Date.now): ObjectStore {
  const bodyFolder = join(folder, "objects");
  mkdirSync(bodyFolder, { recursive: true });
  const db = new DatabaseSync(join(folder, "objects.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  db.exec(SCHEMA);
  const versions = openObjectVersions(db, now);
  const putPart = db.prepare("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?)");
  let store: S3Store | undefined;
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;
  /** Descriptor of the write-ahead log, which stays the same file as long as the database is open. */
  let log: number | undefined;

  reconcile(bodyFolder, versions);

  const transaction = <T>(act: () => T): T => {
    db.exec("BEGIN IMMEDIATE");
    try {
      const result = act();
      db.exec("COMMIT");
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };
  const remove = (files: readonly string[]): void => {
    for (const file of files) rmSync(join(bodyFolder, file), { force: true });
  };
  const shown = (bucket: string, id: string): string | undefined =>
    versions.stateOf(bucket) === undefined ? undefined : id;
  /** Makes what was committed survive a power cut: off the event loop, unlike a commit with `synchronous = FULL`. */
  const syncLog = async (): Promise<void> => {
    log ??= openSync(join(folder, "objects.db-wal"), "r+");
    await datasync(log);
  };
  /** One commit for all that wait; whoever comes while it is being synced is in the next. */
  const commitBatch = async (batch: readonly Waiting[]): Promise<void> => {
    const discarded: string[] = [];
    const outcomes = transaction(() =>
      batch.map(({ request: { bucket, object, body, ...request } }): StoreOutcome => {
        const problem =
          store?.hasBucket(bucket) === true ? judge(request, versions.etagOf(bucket, object.key)) : "no-bucket";
        if (problem !== undefined) {
          if (body.kind === "file") discarded.push(body.file);
          return problem;
        }
        const { id, files } = versions.add(bucket, object, body);
        discarded.push(...files);
        return { stored: { bucket, object, by: "Put", versionId: shown(bucket, id) } };
      }),
    );
    for (const outcome of outcomes) {
      if (typeof outcome === "object") store?.restoreObject(outcome.stored.bucket, outcome.stored.object);
    }
    await syncLog();
    remove(discarded);
    for (const [i, { resolve }] of batch.entries()) {
      const outcome = outcomes[i] ?? "no-bucket";
      if (typeof outcome === "object") onStored(outcome.stored);
      resolve(outcome);
    }
  };
  const commitWaiting = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await commitBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    committing = undefined;
  };
  /** For bodies that fauxqs has put together in memory. */
  const storeWhole = (bucket: string, object: S3Object, by: CreatedBy, also: () => void): void => {
    const { body } = object;
    const received: ReceivedBody =
      body.length > BODY_IN_MEMORY_BYTES_MAX
        ? { kind: "file", file: writeBodyFile(bodyFolder, body) }
        : { kind: "memory", bytes: body };
    const { id, files } = transaction(() => {
      also();
      return versions.add(bucket, object, received);
    });
    remove(files);
    onStored({ bucket, object, by, versionId: shown(bucket, id) });
  };
  const dropUpload = (id: string): void => {
    db.prepare("DELETE FROM part WHERE upload = ?").run(id);
    db.prepare("DELETE FROM upload WHERE id = ?").run(id);
  };
  const markDeleted = (bucket: string, key: string): Deletion => {
    const { id, files } = transaction(() => versions.mark(bucket, key));
    remove(files);
    return { versionId: id, marker: id !== undefined };
  };
  /** Makes fauxqs know the current object, or that there is none. */
  const showLatest = (bucket: string, key: string): void => {
    if (store === undefined) return;
    const object = versions.find(bucket, key)?.object;
    if (object === undefined) forgetObject(store, bucket, key);
    else store.restoreObject(bucket, object);
  };
  const bytesOf = (version: KeptVersion): Buffer => {
    const body = versions.bodyOf(version);
    return body.kind === "memory" ? body.bytes : readFileSync(join(bodyFolder, body.file));
  };

  return {
    bodyFolder,
    versions,
    put(request) {
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        committing ??= commitWaiting();
      });
    },
    delete(bucket, key, versionId) {
      if (versionId === undefined) {
        const deletion = markDeleted(bucket, key);
        if (store !== undefined) forgetObject(store, bucket, key);
        return deletion;
      }
      const removed = versions.remove(bucket, key, versionId);
      remove(removed?.files ?? []);
      showLatest(bucket, key);
      return { versionId: shown(bucket, versionId), marker: removed?.wasMarker ?? false };
    },
    async expire(expiryOf, untilMs, after) {
      const { files, next } = transaction(() => versions.expire(expiryOf, untilMs, after));
      await Promise.all(files.map((file) => rm(join(bodyFolder, file), { force: true })));
      return next;
    },
    insertBucket(name, created, type) {
      const row = [name, type, created.toISOString()];
      db.prepare("INSERT OR REPLACE INTO bucket (name, type, created) VALUES (?, ?, ?)").run(...row);
    },
    deleteBucket(name) {
      const files = transaction(() => {
        db.prepare("DELETE FROM bucket WHERE name = ?").run(name);
        versions.forgetState(name);
        return versions.removeAll(name);
      });
      remove(files);
    },
    saveBucketLifecycleConfiguration(name, xml) {
      db.prepare("UPDATE bucket SET lifecycle = ? WHERE name = ?").run(xml, name);
    },
    deleteBucketLifecycleConfiguration(name) {
      db.prepare("UPDATE bucket SET lifecycle = NULL WHERE name = ?").run(name);
    },
    upsertObject(bucket, object) {
      storeWhole(bucket, object, "Copy", () => undefined);
    },
    deleteObject: markDeleted,
    deleteObjectsByBucket: (bucket) => remove(versions.removeAll(bucket)),
    deleteAllObjects: () => remove(versions.removeAll()),
    renameObject: (bucket, from, to) => remove(transaction(() => versions.rename(bucket, from, to))),
    readBody(bucket, key) {
      const version = versions.find(bucket, key);
      if (version === undefined) throw new Error(`${bucket}/${key} is not there`);
      return bytesOf(version);
    },
    insertMultipartUpload(upload) {
      const description = JSON.stringify({ ...upload, parts: undefined });
      db.prepare("INSERT OR REPLACE INTO upload VALUES (?, ?)").run(upload.uploadId, description);
    },
    upsertMultipartPart(id, part) {
      putPart.run(id, part.partNumber, JSON.stringify({ ...part, body: undefined }), part.body);
    },
    deleteMultipartUpload: (id) => transaction(() => dropUpload(id)),
    completeMultipartUpload(id, bucket, object) {
      storeWhole(bucket, object, "CompleteMultipartUpload", () => dropUpload(id));
    },
    deleteAllMultipartUploads: () => db.exec("DELETE FROM part; DELETE FROM upload"),
    loadS3(s3) {
      store = s3;
      load(db, versions, s3);
    },
    purgeAll() {
      remove(versions.removeAll());
      versions.forgetState();
      db.exec("DELETE FROM part; DELETE FROM upload; DELETE FROM bucket");
    },
    close() {
      if (log !== undefined) closeSync(log);
      db.close();
    },
  };
}

/** Why the object may not be stored, given the ETag of the one that is there, if any. */
function judge(
  request: Pick<NewObject, "onlyIfAbsent" | "onlyIfEtag">,
  etag: string | undefined,
): "no-key" | "precondition-failed" | undefined {
  const { onlyIfAbsent, onlyIfEtag } = request;
  if (onlyIfAbsent && etag !== undefined) return "precondition-failed";
  if (onlyIfEtag === undefined) return undefined;
  if (etag === undefined) return "no-key";
  return unquoted(onlyIfEtag) === unquoted(etag) ? undefined : "precondition-failed";
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', "");
}

function load(db: DatabaseSync, versions: ObjectVersions, s3: S3Store): void {
  for (const row of db.prepare("SELECT * FROM bucket").all()) {
    const name = String(row["name"]);
    s3.createBucket(name, row["type"] === "directory" ? "directory" : "general-purpose");
    s3.setBucketCreationDate(name, new Date(String(row["created"])));
    if (typeof row["lifecycle"] === "string") s3.restoreBucketLifecycleConfiguration(name, row["lifecycle"]);
  }
  for (const { bucket, object } of versions.current()) s3.restoreObject(bucket, object);
  for (const row of db.prepare("SELECT id, description FROM upload").all()) {
    const upload = JSON.parse(String(row["description"])) as MultipartUpload;
    const parts = new Map<number, MultipartPart>();
    for (const partRow of db.prepare("SELECT description, body FROM part WHERE upload = ?").all(row["id"] ?? "")) {
      const part = JSON.parse(String(partRow["description"])) as MultipartPart;
      const body = partRow["body"] instanceof Uint8Array ? Buffer.from(partRow["body"]) : Buffer.alloc(0);
      parts.set(part.partNumber, { ...part, body, lastModified: new Date(part.lastModified) });
    }
    s3.restoreMultipartUpload({ ...upload, parts, initiated: new Date(upload.initiated) });
  }
}

/** Removes files that no row names (cut off before the commit) and rows whose file is gone (deleted, then a power cut). */
function reconcile(folder: string, versions: ObjectVersions): void {
  const files = new Set(readdirSync(folder));
  const named = versions.keepOnly(files);
  for (const file of files) if (!named.has(file)) rmSync(join(folder, file), { force: true });
}
