/**
 * The bytes and descriptions of S3 objects on this machine.
 *
 * Promise:  an object that was answered 200 is whole after kill -9, and after a power cut (fsync before the answer);
 *           one that was not answered is there whole or not at all. The next start removes what nobody refers to.
 * Promise:  small bodies stay in memory, large ones go through files, so many large uploads at once are no problem.
 *
 * One SQLite file holds all descriptions and the bodies of up to 256 KiB; larger bodies are files beside it, complete
 * and synced before the row that names them is committed. Uploads that end in the same turn share one commit.
 * (fauxqs's own keepers of objects write body and description as two files, neither atomically, or need the whole
 * body in memory.)
 */

import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { MultipartPart, MultipartUpload, S3Object, S3Persistence, S3Store } from "./fauxqs-parts.ts";
import { BODY_IN_MEMORY_BYTES_MAX, type ReceivedBody, writeBodyFile } from "./object-body.ts";

/** How an object came to be, in the words of S3's event names. */
export type CreatedBy = "Put" | "Copy" | "CompleteMultipartUpload";

/** Called for each object when it is stored, before its maker is answered. Must not throw. */
export type OnStored = (bucket: string, object: S3Object, by: CreatedBy) => void;

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

/** What became of it. In all cases but `stored` the body is discarded. */
export type StoreOutcome = "stored" | "no-bucket" | "no-key" | "precondition-failed";

export interface ObjectStore extends S3Persistence {
  /** Where bodies that do not fit into memory are received. */
  readonly bodyFolder: string;
  /** Stores an object; it is on disk when this resolves. Rejects when the disk refuses. */
  put(request: NewObject): Promise<StoreOutcome>;
}

interface Waiting {
  readonly request: NewObject;
  readonly resolve: (outcome: StoreOutcome) => void;
  readonly reject: (error: unknown) => void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, type TEXT, created TEXT, lifecycle TEXT);
  CREATE TABLE IF NOT EXISTS object (
    bucket TEXT, key TEXT, etag TEXT, description TEXT, body BLOB, file TEXT, PRIMARY KEY (bucket, key)
  );
  CREATE TABLE IF NOT EXISTS upload (id TEXT PRIMARY KEY, description TEXT);
  CREATE TABLE IF NOT EXISTS part (upload TEXT, number INTEGER, description TEXT, body BLOB, PRIMARY KEY (upload, number));
`;

/** Opens the store in a folder, making it if need be. Throws when it cannot be opened. */
export function openObjectStore(folder: string, onStored: OnStored): ObjectStore {
  const bodyFolder = join(folder, "objects");
  mkdirSync(bodyFolder, { recursive: true });
  const db = new DatabaseSync(join(folder, "objects.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  db.exec(SCHEMA);
  const sql = {
    object: db.prepare("SELECT etag, body, file FROM object WHERE bucket = ? AND key = ?"),
    putObject: db.prepare("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?)"),
    deleteObject: db.prepare("DELETE FROM object WHERE bucket = ? AND key = ?"),
    files: db.prepare("SELECT file FROM object WHERE file IS NOT NULL"),
    putPart: db.prepare("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?)"),
  };
  let store: S3Store | undefined;
  let waiting: Waiting[] = [];

  removeUnnamedFiles(bodyFolder, new Set(sql.files.all().map((row) => String(row["file"]))));

  const fileOf = (bucket: string, key: string): string | undefined => {
    const file = sql.object.get(bucket, key)?.["file"];
    return typeof file === "string" ? join(bodyFolder, file) : undefined;
  };
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
  /** Writes the row; returns the file that it made superfluous. */
  const write = (bucket: string, object: S3Object, body: ReceivedBody): string | undefined => {
    const before = fileOf(bucket, object.key);
    const description = JSON.stringify({ ...object, body: undefined });
    const [bytes, file] = body.kind === "memory" ? [body.bytes, null] : [null, body.file];
    sql.putObject.run(bucket, object.key, object.etag, description, bytes, file);
    return before;
  };
  const commitWaiting = (): void => {
    const batch = waiting;
    waiting = [];
    const discarded: (string | undefined)[] = [];
    let outcomes: StoreOutcome[];
    try {
      db.exec("PRAGMA synchronous = FULL"); // this commit is fsynced
      outcomes = transaction(() =>
        batch.map(({ request }) => {
          const outcome = judge(request, store, sql.object.get(request.bucket, request.object.key)?.["etag"]);
          if (outcome === "stored") discarded.push(write(request.bucket, request.object, request.body));
          else if (request.body.kind === "file") discarded.push(join(bodyFolder, request.body.file));
          return outcome;
        }),
      );
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    } finally {
      db.exec("PRAGMA synchronous = NORMAL");
    }
    for (const file of discarded) remove(file);
    for (const [i, { request, resolve }] of batch.entries()) {
      const outcome = outcomes[i] ?? "no-bucket";
      if (outcome === "stored") {
        store?.restoreObject(request.bucket, request.object);
        onStored(request.bucket, request.object, "Put");
      }
      resolve(outcome);
    }
  };
  /** For bodies that fauxqs has put together in memory. */
  const storeWhole = (bucket: string, object: S3Object, by: CreatedBy, also: () => void): void => {
    const { body } = object;
    const received: ReceivedBody =
      body.length > BODY_IN_MEMORY_BYTES_MAX
        ? { kind: "file", file: writeBodyFile(bodyFolder, body) }
        : { kind: "memory", bytes: body };
    remove(
      transaction(() => {
        also();
        return write(bucket, object, received);
      }),
    );
    onStored(bucket, object, by);
  };
  const dropUpload = (id: string): void => {
    db.prepare("DELETE FROM part WHERE upload = ?").run(id);
    db.prepare("DELETE FROM upload WHERE id = ?").run(id);
  };
  const dropObjects = (where: string, ...values: string[]): void => {
    const files = db.prepare(`SELECT file FROM object ${where}`).all(...values);
    db.prepare(`DELETE FROM object ${where}`).run(...values);
    for (const { file } of files) if (typeof file === "string") remove(join(bodyFolder, file));
  };

  return {
    bodyFolder,
    put(request) {
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commitWaiting);
        waiting.push({ request, resolve, reject });
      });
    },
    insertBucket(name, created, type) {
      const row = [name, type, created.toISOString()];
      db.prepare("INSERT OR REPLACE INTO bucket (name, type, created) VALUES (?, ?, ?)").run(...row);
    },
    deleteBucket(name) {
      dropObjects("WHERE bucket = ?", name);
      db.prepare("DELETE FROM bucket WHERE name = ?").run(name);
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
    deleteObject(bucket, key) {
      const file = fileOf(bucket, key);
      sql.deleteObject.run(bucket, key);
      remove(file);
    },
    deleteObjectsByBucket: (bucket) => dropObjects("WHERE bucket = ?", bucket),
    deleteAllObjects: () => dropObjects(""),
    renameObject(bucket, from, to) {
      const file = from === to ? undefined : fileOf(bucket, to);
      db.prepare(
        "UPDATE OR REPLACE object SET key = ?2, description = json_set(description, '$.key', ?2) WHERE bucket = ?1 AND key = ?3",
      ).run(bucket, to, from);
      remove(file);
    },
    readBody(bucket, key) {
      const row = sql.object.get(bucket, key);
      if (row?.["body"] instanceof Uint8Array) return Buffer.from(row["body"]);
      if (typeof row?.["file"] === "string") return readFileSync(join(bodyFolder, row["file"]));
      throw new Error(`${bucket}/${key} has no body`);
    },
    insertMultipartUpload(upload) {
      const description = JSON.stringify({ ...upload, parts: undefined });
      db.prepare("INSERT OR REPLACE INTO upload VALUES (?, ?)").run(upload.uploadId, description);
    },
    upsertMultipartPart(id, part) {
      sql.putPart.run(id, part.partNumber, JSON.stringify({ ...part, body: undefined }), part.body);
    },
    deleteMultipartUpload: (id) => transaction(() => dropUpload(id)),
    completeMultipartUpload(id, bucket, object) {
      storeWhole(bucket, object, "CompleteMultipartUpload", () => dropUpload(id));
    },
    deleteAllMultipartUploads: () => db.exec("DELETE FROM part; DELETE FROM upload"),
    loadS3(s3) {
      store = s3;
      load(db, s3);
    },
    purgeAll() {
      dropObjects("");
      db.exec("DELETE FROM part; DELETE FROM upload; DELETE FROM bucket");
    },
    close: () => db.close(),
  };
}

/** Whether the object may be stored, given the ETag of the one that is there (undefined or null: none). */
function judge(request: NewObject, store: S3Store | undefined, etag: unknown): StoreOutcome {
  if (store?.hasBucket(request.bucket) !== true) return "no-bucket";
  const present = typeof etag === "string";
  if (request.onlyIfAbsent && present) return "precondition-failed";
  if (request.onlyIfEtag !== undefined && !present) return "no-key";
  if (request.onlyIfEtag !== undefined && unquoted(request.onlyIfEtag) !== unquoted(etag)) return "precondition-failed";
  return "stored";
}

function unquoted(etag: unknown): string {
  return String(etag).replaceAll('"', "");
}

function load(db: DatabaseSync, s3: S3Store): void {
  for (const row of db.prepare("SELECT * FROM bucket").all()) {
    const name = String(row["name"]);
    s3.createBucket(name, row["type"] === "directory" ? "directory" : "general-purpose");
    s3.setBucketCreationDate(name, new Date(String(row["created"])));
    if (typeof row["lifecycle"] === "string") s3.restoreBucketLifecycleConfiguration(name, row["lifecycle"]);
  }
  for (const row of db.prepare("SELECT bucket, description FROM object").iterate()) {
    const object = JSON.parse(String(row["description"])) as S3Object;
    s3.restoreObject(String(row["bucket"]), {
      ...object,
      body: Buffer.alloc(0),
      lastModified: new Date(object.lastModified),
    });
  }
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

function removeUnnamedFiles(folder: string, named: ReadonlySet<string>): void {
  for (const file of readdirSync(folder)) if (!named.has(file)) remove(join(folder, file));
}

function remove(file: string | undefined): void {
  if (file !== undefined) rmSync(file, { force: true });
}
