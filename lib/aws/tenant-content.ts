/**
 * All that the bucket holds of one tenant: its messages in every version, and the delete markers over them.
 *
 * Whose a message is, its record says; without one, the object itself. A marker alone says nothing: it goes with the
 * message it was put on, and one that is left behind holds nothing of anybody and goes by the bucket's life cycle.
 * Failure:  throws what S3 or DynamoDB throw.
 */

import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import { type QueueId, queueIdOfKey } from "../core/queue-id.ts";
import { decodeSpoolObject, NotASpoolObject } from "../core/spool-object.ts";
import type { Ledger } from "./ledger-dynamo.ts";
import { getSpoolObject, type Spool } from "./spool-s3.ts";
import { messageTenants } from "./tenant-records.ts";

/** One version, or one marker. */
export interface StoredVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isMarker: boolean;
  /** It is what the key holds now: of a message, that it waits to be sent. */
  readonly isLatest: boolean;
}

/** Whose, and what is known of it. */
export interface ContentSearch {
  readonly tenant: string;
  /** Messages known to be the tenant's; those that are found are added. */
  readonly ids: Set<QueueId>;
}

/** A page: what is the tenant's, and how many versions do not tell whose they are. */
export interface ContentPage {
  readonly found: readonly StoredVersion[];
  readonly unreadable: number;
}

/** Gives the tenant's versions and markers, page by page, whatever prefix they have. */
export async function* findTenantContent(
  spool: Spool,
  ledger: Ledger,
  search: ContentSearch,
): AsyncGenerator<ContentPage> {
  let after: { KeyMarker?: string; VersionIdMarker?: string } = {};
  for (;;) {
    const page: ListObjectVersionsCommandOutput = await spool.client.send(
      new ListObjectVersionsCommand({ Bucket: spool.bucket, ...after }),
    );
    yield await judge(spool, ledger, search, versionsOf(page));
    if (page.IsTruncated !== true) return;
    after = {
      ...(page.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }),
      ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
    };
  }
}

/** Messages first: they tell whose the markers of the same page are. */
function versionsOf({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): StoredVersion[] {
  return [
    ...Versions.map((version) => ({ ...version, isMarker: false })),
    ...DeleteMarkers.map((marker) => ({ ...marker, isMarker: true })),
  ].map(({ Key = "", VersionId = "null", IsLatest = false, isMarker }) => ({
    key: Key,
    versionId: VersionId,
    isMarker,
    isLatest: IsLatest,
  }));
}

async function judge(
  spool: Spool,
  ledger: Ledger,
  { tenant, ids }: ContentSearch,
  versions: readonly StoredVersion[],
): Promise<ContentPage> {
  const unknown = new Set<QueueId>();
  for (const { key } of versions) {
    const id = queueIdOfKey(key);
    if (id !== undefined && !ids.has(id)) unknown.add(id);
  }
  const known = await messageTenants(ledger, [...unknown]);
  const found: StoredVersion[] = [];
  let unreadable = 0;
  for (const version of versions) {
    const id = queueIdOfKey(version.key);
    if (id === undefined) {
      unreadable += version.isMarker ? 0 : 1;
      continue;
    }
    if (!ids.has(id)) {
      const owner = known.get(id) ?? (version.isMarker ? "" : await ownerIn(spool, id, version.versionId));
      if (owner === undefined) unreadable += 1;
      if (owner !== tenant) continue;
      ids.add(id);
    }
    found.push(version);
  }
  return { found, unreadable };
}

/** Enough for the envelope of a thousand recipients with long names. */
const ENVELOPE_BYTES_MAX = 1024 * 1024;
const OBJECTS_MAX = 1000;

/** Whose message it is by its own word; undefined: it does not say. */
async function ownerIn(spool: Spool, id: QueueId, version: string): Promise<string | undefined> {
  const spooled = await getSpoolObject(spool, id, { version, bytesMax: ENVELOPE_BYTES_MAX });
  if (spooled === undefined) return "";
  try {
    return decodeSpoolObject(spooled.bytes).envelope.tenant;
  } catch (error) {
    if (error instanceof NotASpoolObject) return undefined;
    throw error;
  }
}

/** Deletes versions for ever. They may be gone already. */
export async function deleteVersions(spool: Spool, versions: readonly StoredVersion[]): Promise<void> {
  for (let start = 0; start < versions.length; start += OBJECTS_MAX) {
    const Objects = versions
      .slice(start, start + OBJECTS_MAX)
      .map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
    const { Errors = [] } = await spool.client.send(
      new DeleteObjectsCommand({ Bucket: spool.bucket, Delete: { Objects, Quiet: true } }),
    );
    const [error] = Errors;
    if (error !== undefined) throw new Error(`S3 keeps ${error.Key}: ${error.Code} ${error.Message}`);
  }
}
