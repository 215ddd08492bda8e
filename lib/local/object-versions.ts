/**
 * The versions of all objects, as rows of one table.
 *
 * A row is written once and never changed. The latest of a key is what a plain read finds; a delete marker is a row
 * without a description. So an upload or a deletion is one new row, and what was there before stays where it is: no
 * body is copied, and current and older versions can never disagree. In a bucket whose versioning is not enabled there
 * is at most one version called `null`, which the next upload replaces.
 * See https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html.
 *
 * Not here: transactions and files. Functions that say so return the files that no row names any more; the caller
 * removes them after the commit.
 */

import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { S3Object } from "./fauxqs-parts.ts";
import type { ReceivedBody } from "./object-body.ts";

/** What PutBucketVersioning can say; a bucket of which it said nothing has no state. */
export type VersioningState = "Enabled" | "Suspended";

/** A version of an object, or a delete marker. */
export interface KeptVersion {
  readonly key: string;
  /** The word `null` for what came while versioning was not enabled. */
  readonly id: string;
  readonly createdMs: number;
  /** Undefined: a delete marker. The body in it is empty. */
  readonly object: S3Object | undefined;
  /** Place in the order of all versions. */
  readonly sequence: number;
}

/** Where to go on with a listing: behind this key, or behind this version of it. */
export interface VersionMarker {
  readonly key: string;
  readonly id: string | undefined;
}

/** How long the past of a key is kept. */
export interface Expiry {
  /** Versions that were replaced or deleted up to then go. */
  readonly noncurrentUntilMs: number;
  /** Whether a delete marker goes when nothing is left under it. */
  readonly loneMarkers: boolean;
}

/** The table. */
export interface ObjectVersions {
  stateOf(bucket: string): VersioningState | undefined;
  setState(bucket: string, state: VersioningState): void;
  /** The ETag of the current object; undefined when there is none. */
  etagOf(bucket: string, key: string): string | undefined;
  /** Makes this the latest version. */
  add(bucket: string, object: S3Object, body: ReceivedBody): { readonly id: string; readonly files: string[] };
  /** Deletes without a version: makes a marker (its id is returned) or, without versioning, removes the object. */
  mark(bucket: string, key: string): { readonly id: string | undefined; readonly files: string[] };
  /** Removes one version for good; undefined when it is not there. */
  remove(
    bucket: string,
    key: string,
    id: string,
  ): { readonly wasMarker: boolean; readonly files: string[] } | undefined;
  /** That version, or the latest; undefined when there is none. */
  find(bucket: string, key: string, id?: string): KeptVersion | undefined;
  /** Throws for a delete marker, and when the version has been removed since it was found. */
  bodyOf(version: KeptVersion): ReceivedBody;
  /** All versions by key (in the order of octets), of one key the latest first. To be used up or left in one turn. */
  list(bucket: string, prefix: string, after?: VersionMarker): Generator<KeptVersion>;
  /** Whether the bucket holds any version or marker. */
  hasAny(bucket: string): boolean;
  /** The current objects of all buckets. */
  current(): Generator<{ readonly bucket: string; readonly object: S3Object }>;
  /** Gives the object and all its past another key. Returns the files of what was there. */
  rename(bucket: string, from: string, to: string): string[];
  /** Removes all versions in a bucket, or in all. Returns files. */
  removeAll(bucket?: string): string[];
  /** Makes a bucket, or all, as if PutBucketVersioning had never been. */
  forgetState(bucket?: string): void;
  /**
   * Looks at some versions behind `after` (0: the first) and removes those that are past their time. Returns files and
   * where to go on; that is undefined when everything stored up to `untilMs` has been looked at.
   */
  expire(
    expiryOf: (bucket: string, key: string) => Expiry | undefined,
    untilMs: number,
    after: number,
  ): { readonly files: string[]; readonly next: number | undefined };
  /** Removes the rows whose file is not among these, and returns the files of the others. */
  keepOnly(files: ReadonlySet<string>): Set<string>;
}

const NULL_ID = "null";
/** Few enough for one turn of the event loop. */
const ROWS_PER_EXPIRY = 50;

/** The body comes last, so that the other columns are read without it. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS versioning (bucket TEXT PRIMARY KEY, state TEXT);
  CREATE TABLE IF NOT EXISTS version (
    sequence INTEGER PRIMARY KEY, bucket TEXT, key TEXT, id TEXT, created INTEGER, etag TEXT, description TEXT,
    file TEXT, body BLOB
  );
  CREATE INDEX IF NOT EXISTS version_of_key ON version (bucket, key);
  CREATE INDEX IF NOT EXISTS version_in_file ON version (file) WHERE file IS NOT NULL;
`;
const COLUMNS = "sequence, key, id, created, description";

type Row = Record<string, unknown>;

/** Makes the table if need be, and takes over objects kept without versions. Throws when the database refuses. */
export function openObjectVersions(db: DatabaseSync, now: () => number): ObjectVersions {
  db.exec(SCHEMA);
  takeOverObjects(db, now());
  const states = new Map<string, VersioningState>();
  for (const row of db.prepare("SELECT * FROM versioning").all()) {
    states.set(String(row["bucket"]), row["state"] === "Enabled" ? "Enabled" : "Suspended");
  }
  const ofKey = "FROM version WHERE bucket = ? AND key = ?";
  const sql = {
    etag: db.prepare(`SELECT etag ${ofKey} ORDER BY sequence DESC LIMIT 1`),
    latest: db.prepare(`SELECT ${COLUMNS} ${ofKey} ORDER BY sequence DESC LIMIT 1`),
    byId: db.prepare(`SELECT ${COLUMNS} ${ofKey} AND id = ?`),
    body: db.prepare("SELECT file, body FROM version WHERE sequence = ?"),
    add: db.prepare(
      "INSERT INTO version (bucket, key, id, created, etag, description, file, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    remove: db.prepare(`DELETE ${ofKey} AND id = ? RETURNING file, etag IS NULL AS marker`),
    removeOlder: db.prepare(`DELETE ${ofKey} AND sequence < ? RETURNING file`),
    others: db.prepare(`SELECT 1 ${ofKey} AND sequence <> ? LIMIT 1`),
    removeRow: db.prepare("DELETE FROM version WHERE sequence = ?"),
    behind: db.prepare(
      `SELECT sequence, bucket, key, created, etag IS NULL AS marker FROM version
       WHERE sequence > ? ORDER BY sequence LIMIT ${ROWS_PER_EXPIRY}`,
    ),
  };

  /** Makes room for a version and returns its id. */
  const nextId = (bucket: string, key: string): { id: string; files: string[] } =>
    states.get(bucket) === "Enabled"
      ? { id: randomBytes(24).toString("base64url"), files: [] }
      : { id: NULL_ID, files: filesOf(sql.remove.all(bucket, key, NULL_ID)) };

  return {
    stateOf: (bucket) => states.get(bucket),
    setState(bucket, state) {
      db.prepare("INSERT OR REPLACE INTO versioning VALUES (?, ?)").run(bucket, state);
      states.set(bucket, state);
    },
    etagOf(bucket, key) {
      const etag = sql.etag.get(bucket, key)?.["etag"];
      return typeof etag === "string" ? etag : undefined;
    },
    add(bucket, object, body) {
      const next = nextId(bucket, object.key);
      const description = JSON.stringify({ ...object, body: undefined });
      const [file, bytes] = body.kind === "file" ? [body.file, null] : [null, body.bytes];
      sql.add.run(bucket, object.key, next.id, now(), object.etag, description, file, bytes);
      return next;
    },
    mark(bucket, key) {
      const next = nextId(bucket, key);
      if (!states.has(bucket)) return { ...next, id: undefined };
      sql.add.run(bucket, key, next.id, now(), null, null, null, null);
      return next;
    },
    remove(bucket, key, id) {
      const rows = sql.remove.all(bucket, key, id);
      return rows.length === 0 ? undefined : { wasMarker: rows[0]?.["marker"] === 1, files: filesOf(rows) };
    },
    find(bucket, key, id) {
      const row = id === undefined ? sql.latest.get(bucket, key) : sql.byId.get(bucket, key, id);
      return row === undefined ? undefined : versionOf(row);
    },
    bodyOf(version) {
      const row = sql.body.get(version.sequence);
      if (typeof row?.["file"] === "string") return { kind: "file", file: row["file"] };
      if (!(row?.["body"] instanceof Uint8Array))
        throw new Error(`version ${version.id} of ${version.key} has no body`);
      const { buffer, byteOffset, byteLength } = row["body"];
      return { kind: "memory", bytes: Buffer.from(buffer, byteOffset, byteLength) };
    },
    *list(bucket, prefix, after) {
      const { key, id } = after ?? { key: "", id: undefined };
      const before = id === undefined ? 0 : Number(sql.byId.get(bucket, key, id)?.["sequence"] ?? 0);
      const rows = db
        .prepare(
          `SELECT ${COLUMNS} FROM version WHERE bucket = ?1 AND key >= max(?2, ?3) AND (key > ?3 OR sequence < ?4)
           ORDER BY key, sequence DESC`,
        )
        .iterate(bucket, prefix, key, before);
      for (const row of rows) {
        const version = versionOf(row);
        if (!version.key.startsWith(prefix)) return;
        yield version;
      }
    },
    hasAny: (bucket) => db.prepare("SELECT 1 FROM version WHERE bucket = ? LIMIT 1").get(bucket) !== undefined,
    *current() {
      const rows = db.prepare(
        `SELECT bucket, ${COLUMNS} FROM version
         WHERE sequence IN (SELECT max(sequence) FROM version GROUP BY bucket, key) AND etag IS NOT NULL`,
      );
      for (const row of rows.iterate()) {
        const { object } = versionOf(row);
        if (object !== undefined) yield { bucket: String(row["bucket"]), object };
      }
    },
    rename(bucket, from, to) {
      if (from === to) return [];
      const replaced = db.prepare(`DELETE ${ofKey} RETURNING file`).all(bucket, to);
      db.prepare(
        `UPDATE version SET key = ?2, description = json_set(description, '$.key', ?2) WHERE bucket = ?1 AND key = ?3`,
      ).run(bucket, to, from);
      return filesOf(replaced);
    },
    removeAll(bucket) {
      const [where, values] = bucket === undefined ? ["", []] : ["WHERE bucket = ?", [bucket]];
      return filesOf(db.prepare(`DELETE FROM version ${where} RETURNING file`).all(...values));
    },
    forgetState(bucket) {
      for (const name of bucket === undefined ? [...states.keys()] : [bucket]) {
        db.prepare("DELETE FROM versioning WHERE bucket = ?").run(name);
        states.delete(name);
      }
    },
    expire(expiryOf, untilMs, after) {
      const rows = sql.behind.all(after);
      const files: string[] = [];
      for (const row of rows) {
        const [sequence, created] = [Number(row["sequence"]), Number(row["created"])];
        if (created > untilMs) return { files, next: undefined };
        const [bucket, key] = [String(row["bucket"]), String(row["key"])];
        const expiry = states.has(bucket) ? expiryOf(bucket, key) : undefined;
        if (expiry === undefined || created > expiry.noncurrentUntilMs) continue;
        files.push(...filesOf(sql.removeOlder.all(bucket, key, sequence))); // they ended when this one came
        const alone = row["marker"] === 1 && sql.others.get(bucket, key, sequence) === undefined;
        if (alone && expiry.loneMarkers) sql.removeRow.run(sequence);
      }
      const last = rows.at(-1)?.["sequence"];
      return { files, next: rows.length < ROWS_PER_EXPIRY || last === undefined ? undefined : Number(last) };
    },
    keepOnly(files) {
      const named = filesOf(db.prepare("SELECT file FROM version WHERE file IS NOT NULL").all());
      const removeFile = db.prepare("DELETE FROM version WHERE file = ?");
      for (const file of named) if (!files.has(file)) removeFile.run(file);
      return new Set(named);
    },
  };
}

function filesOf(rows: readonly Row[]): string[] {
  return rows.flatMap(({ file }) => (typeof file === "string" ? [file] : []));
}

function versionOf(row: Row): KeptVersion {
  const { description } = row;
  const kept = typeof description === "string" ? (JSON.parse(description) as S3Object) : undefined;
  return {
    sequence: Number(row["sequence"]),
    key: String(row["key"]),
    id: String(row["id"]),
    createdMs: Number(row["created"]),
    object:
      kept === undefined ? undefined : { ...kept, body: Buffer.alloc(0), lastModified: new Date(kept.lastModified) },
  };
}

/** Data folders made before there were versions have a table of objects. */
function takeOverObjects(db: DatabaseSync, nowMs: number): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'object'").get() === undefined) return;
  db.exec("BEGIN IMMEDIATE");
  db.prepare(
    `INSERT INTO version (bucket, key, id, created, etag, description, file, body)
     SELECT bucket, key, ?, ?, etag, description, file, body FROM object`,
  ).run(NULL_ID, nowMs);
  db.exec("DROP TABLE object; COMMIT");
}
