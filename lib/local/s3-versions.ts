/**
 * Versioning of buckets: switched on and off, listed, and deletions, which versioning changes most.
 *
 * Promise:  what was answered holds after kill -9, as for objects.
 * Not here: MFA delete (refused with 501), and `encoding-type`: keys are answered as they are.
 * See https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "./aws-request.ts";
import type { Deletion, ObjectStore } from "./object-store.ts";
import type { KeptVersion, VersionMarker } from "./object-versions.ts";
import { element, elementsOf, escapeXml, makeRequestId, S3Refusal, sendXml, textOf, unescapeXml } from "./s3-xml.ts";

const CONFIGURATION_BYTES_MAX = 64 * 1024;
/** A thousand keys of 1024 octets, escaped. */
const DELETIONS_BYTES_MAX = 8 * 1024 * 1024;
const DELETIONS_MAX = 1000;
const VERSIONS_PER_PAGE_MAX = 1000;

type Store = Pick<ObjectStore, "versions" | "delete">;

/** GetBucketVersioning and PutBucketVersioning. Throws `S3Refusal` for a state that S3 does not know. */
export async function handleVersioning(
  { versions }: Store,
  bucket: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "GET") {
    const state = versions.stateOf(bucket);
    sendXml(
      response,
      200,
      element("VersioningConfiguration", ...(state === undefined ? [] : [element("Status", state)])),
    );
    return;
  }
  if (request.method !== "PUT") throw new S3Refusal(405, "MethodNotAllowed", "This resource takes GET and PUT.");
  const xml = (await readBody(request, CONFIGURATION_BYTES_MAX)).toString();
  const state = textOf(xml, "Status");
  if (textOf(xml, "MfaDelete") === "Enabled") throw new S3Refusal(501, "NotImplemented", "local S3 has no MFA delete");
  if (state !== "Enabled" && state !== "Suspended") {
    throw new S3Refusal(400, "IllegalVersioningConfigurationException", "Status must be Enabled or Suspended.");
  }
  versions.setState(bucket, state);
  response.writeHead(200, { "content-length": 0 }).end();
}

/** DeleteObject: S3 has no error for what is not there. */
export function deleteObject(
  objects: Store,
  target: { readonly bucket: string; readonly key: string; readonly versionId: string | undefined },
  response: ServerResponse,
): void {
  const { versionId, marker } = objects.delete(target.bucket, target.key, target.versionId);
  response.writeHead(204, {
    "x-amz-request-id": makeRequestId(),
    ...(versionId === undefined ? {} : { "x-amz-version-id": versionId }),
    ...(marker ? { "x-amz-delete-marker": "true" } : {}),
  });
  response.end();
}

/** DeleteObjects: up to a thousand deletions, each for itself. */
export async function deleteObjects(
  objects: Store,
  bucket: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const xml = (await readBody(request, DELETIONS_BYTES_MAX)).toString();
  const wanted = elementsOf(xml, "Object").map((inner) => ({
    key: unescapeXml(elementsOf(inner, "Key")[0] ?? ""),
    versionId: textOf(inner, "VersionId"),
  }));
  if (wanted.length === 0 || wanted.length > DELETIONS_MAX || wanted.some(({ key }) => key === "")) {
    throw new S3Refusal(400, "MalformedXML", `The document must name 1 to ${DELETIONS_MAX} objects.`);
  }
  const deleted = wanted.map(({ key, versionId }) =>
    formatDeletion(key, versionId, objects.delete(bucket, key, versionId)),
  );
  sendXml(response, 200, element("DeleteResult", ...(textOf(xml, "Quiet") === "true" ? [] : deleted)));
}

function formatDeletion(key: string, asked: string | undefined, done: Deletion): string {
  const marker = done.marker && done.versionId !== undefined ? done.versionId : undefined;
  return element(
    "Deleted",
    element("Key", escapeXml(key)),
    ...(asked === undefined ? [] : [element("VersionId", escapeXml(asked))]),
    ...(marker === undefined
      ? []
      : [element("DeleteMarker", "true"), element("DeleteMarkerVersionId", escapeXml(marker))]),
  );
}

interface ListingRequest {
  readonly prefix: string;
  readonly delimiter: string;
  readonly after: VersionMarker | undefined;
  readonly maxKeys: number;
}

/** ListObjectVersions. */
export function listVersions(store: Store, bucket: string, query: URLSearchParams, response: ServerResponse): void {
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("version-id-marker") ?? "";
  if (idMarker !== "" && keyMarker === "") {
    throw new S3Refusal(400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.");
  }
  const after = keyMarker === "" ? undefined : { key: keyMarker, id: idMarker === "" ? undefined : idMarker };
  const asked = query.get("max-keys") ?? String(VERSIONS_PER_PAGE_MAX);
  if (!/^\d{1,9}$/.test(asked)) throw new S3Refusal(400, "InvalidArgument", "max-keys must be a number.");
  const listing: ListingRequest = {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    after,
    maxKeys: Math.min(Number(asked), VERSIONS_PER_PAGE_MAX),
  };
  const page = takePage(store, bucket, listing);
  const root = element(
    "ListVersionsResult",
    element("Name", escapeXml(bucket)),
    element("Prefix", escapeXml(listing.prefix)),
    ...(listing.delimiter === "" ? [] : [element("Delimiter", escapeXml(listing.delimiter))]),
    element("KeyMarker", escapeXml(keyMarker)),
    element("VersionIdMarker", escapeXml(idMarker)),
    element("MaxKeys", String(listing.maxKeys)),
    element("IsTruncated", String(page.next !== undefined)),
    ...(page.next === undefined ? [] : [element("NextKeyMarker", escapeXml(page.next.key))]),
    ...(page.next?.id === undefined ? [] : [element("NextVersionIdMarker", escapeXml(page.next.id))]),
    ...page.entries,
  );
  sendXml(response, 200, root);
}

/** The entries in order, and behind what the next page begins, if there is one. */
function takePage(
  { versions }: Store,
  bucket: string,
  { prefix, delimiter, after, maxKeys }: ListingRequest,
): { readonly entries: readonly string[]; readonly next: VersionMarker | undefined } {
  const entries: string[] = [];
  let last: VersionMarker | undefined;
  let key = after?.key;
  for (const version of versions.list(bucket, prefix, after)) {
    const end = delimiter === "" ? -1 : version.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : version.key.slice(0, end + delimiter.length);
    if (group !== undefined && (group === last?.key || group === after?.key)) continue;
    if (entries.length >= maxKeys) return { entries, next: last };
    if (group === undefined) {
      entries.push(formatVersion(version, version.key !== key));
      last = { key: version.key, id: version.id };
    } else {
      entries.push(element("CommonPrefixes", element("Prefix", escapeXml(group))));
      last = { key: group, id: undefined };
    }
    key = version.key;
  }
  return { entries, next: undefined };
}

function formatVersion({ key, id, createdMs, object }: KeptVersion, isLatest: boolean): string {
  const common = [
    element("Key", escapeXml(key)),
    element("VersionId", escapeXml(id)),
    element("IsLatest", String(isLatest)),
    element("LastModified", (object?.lastModified ?? new Date(createdMs)).toISOString()),
  ];
  if (object === undefined) return element("DeleteMarker", ...common);
  return element(
    "Version",
    ...common,
    element("ETag", escapeXml(object.etag)),
    element("Size", String(object.contentLength)),
    element("StorageClass", "STANDARD"),
  );
}
