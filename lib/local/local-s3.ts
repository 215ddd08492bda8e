/**
 * S3 on this machine: objects, versions and bucket notifications here, all other operations by fauxqs.
 *
 * Promise:  a PutObject is answered 200 only when the whole body came, agreed with every length and checksum that the
 *           client gave (Content-MD5, x-amz-content-sha256, CRC32, SHA1, SHA256), and is on disk.
 * Promise:  If-None-Match: * and If-Match hold against concurrent uploads.
 * Promise:  in a bucket with versioning nothing is lost by an upload or a deletion, whoever serves it: copies and
 *           multipart uploads make versions too, though their answers do not name them.
 * (fauxqs 2.4.1 has no versions, looks at no checksum, keeps bodies in memory and refuses them above 11 MiB.)
 * Not here: tags, ACLs, locks, copies of older versions. On objects they are refused with 501, so that nothing is
 *           answered or overwritten by a request meant for them. CRC32C and CRC64NVME are accepted and not checked.
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { decodeAwsChunked } from "./aws-chunked.ts";
import { bodyOf, queryOf, RefusedRequest, readBody } from "./aws-request.ts";
import type { S3Object, S3Store } from "./fauxqs-parts.ts";
import { type ChecksumName, type Reception, receiveBody } from "./object-body.ts";
import type { ObjectCreatedNotifier } from "./object-created-notifier.ts";
import type { ObjectStore } from "./object-store.ts";
import { readObject } from "./s3-read.ts";
import { deleteObject, deleteObjects, handleVersioning, listVersions } from "./s3-versions.ts";
import { makeRequestId, noSuchBucket, S3Refusal, sendS3Refusal, sendXml } from "./s3-xml.ts";

/** What S3 is made of: fauxqs's store of descriptions, the keeper of bytes, and who tells of new objects. */
export interface LocalS3Parts {
  readonly store: S3Store;
  readonly objects: ObjectStore;
  readonly notifier: ObjectCreatedNotifier;
  /** Serves everything that is not served here. */
  fallback(request: IncomingMessage, response: ServerResponse): void;
}

const CONFIGURATION_BYTES_MAX = 1024 * 1024;
/** S3's limit for one PUT. */
const OBJECT_BYTES_MAX = 5 * 1024 ** 3;
const KEY_BYTES_MAX = 1024;
const CHECKSUMS = [
  { name: "crc32", header: "x-amz-checksum-crc32", algorithm: "CRC32" },
  { name: "sha1", header: "x-amz-checksum-sha1", algorithm: "SHA1" },
  { name: "sha256", header: "x-amz-checksum-sha256", algorithm: "SHA256" },
] as const;
/** Sub-resources of an object; fauxqs would take the request for one about the object itself. */
const OTHER_SUBRESOURCES = ["acl", "tagging", "retention", "legal-hold", "torrent", "encryption"] as const;

/** Answers one request. Rejects only when the connection or the disk fails. */
export async function handleS3(parts: LocalS3Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { bucket, key } = targetOf(request);
  const query = queryOf(request);
  try {
    if (key === "") await handleBucket(parts, bucket, query, request, response);
    else await handleObject(parts, bucket, key, query, request, response);
  } catch (error) {
    const refusal = error instanceof RefusedRequest ? new S3Refusal(error.status, error.code, error.message) : error;
    if (!(refusal instanceof S3Refusal)) throw error;
    sendS3Refusal(response, refusal, `/${bucket}/${key}`);
    request.resume(); // the rest of a refused body is read and dropped, or its connection would hang
  }
}

async function handleBucket(
  parts: LocalS3Parts,
  bucket: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { store, objects } = parts;
  const isDelete = request.method === "DELETE" && !query.has("lifecycle");
  const ours =
    isDelete ||
    ["notification", "versioning", "versions"].some((name) => query.has(name)) ||
    (request.method === "POST" && query.has("delete"));
  if (!ours) {
    parts.fallback(request, response);
    return;
  }
  if (!store.hasBucket(bucket)) throw noSuchBucket(bucket);
  if (query.has("notification")) await handleNotification(parts, bucket, request, response);
  else if (query.has("versioning")) await handleVersioning(objects, bucket, request, response);
  else if (query.has("versions")) listVersions(objects, bucket, query, response);
  else if (request.method === "POST") await deleteObjects(objects, bucket, request, response);
  else if (objects.versions.hasAny(bucket)) {
    const message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
    throw new S3Refusal(409, "BucketNotEmpty", message);
  } else parts.fallback(request, response);
}

async function handleObject(
  parts: LocalS3Parts,
  bucket: string,
  key: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { store, objects } = parts;
  const other = OTHER_SUBRESOURCES.find((name) => query.has(name));
  if (other !== undefined) throw new S3Refusal(501, "NotImplemented", `local S3 does not know ?${other}`);
  const versionId = query.get("versionId") ?? undefined;
  const copySource = request.headers["x-amz-copy-source"];
  const fauxqsOnly = ["uploadId", "uploads", "renameObject", "attributes", "partNumber"].some((name) =>
    query.has(name),
  );
  const { method } = request;
  const known = method === "GET" || method === "HEAD" || method === "PUT" || method === "DELETE";
  if (fauxqsOnly || !known || copySource !== undefined) {
    if (versionId !== undefined || copySource?.includes("?versionId=")) {
      throw new S3Refusal(501, "NotImplemented", "local S3 cannot do this with a version");
    }
    parts.fallback(request, response);
    return;
  }
  if (!store.hasBucket(bucket)) throw noSuchBucket(bucket);
  if (method === "DELETE") deleteObject(objects, { bucket, key, versionId }, response);
  else if (method !== "PUT") await readObject(objects, { bucket, key, versionId }, request, response);
  else if (versionId !== undefined) throw new S3Refusal(400, "InvalidArgument", "A version cannot be overwritten.");
  else await putObject(parts, bucket, key, request, response);
}

async function handleNotification(
  { notifier }: LocalS3Parts,
  bucket: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "PUT") {
    const xml = (await readBody(request, CONFIGURATION_BYTES_MAX)).toString();
    notifier.configure(bucket, xml, request.headers["x-amz-skip-destination-validation"] !== "true");
    response.writeHead(200, { "content-length": 0 }).end();
  } else if (request.method === "GET") {
    sendXml(response, 200, notifier.describe(bucket));
  } else throw new S3Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
}

async function putObject(
  { objects }: LocalS3Parts,
  bucket: string,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw new S3Refusal(400, "KeyTooLongError", "Your key is too long");
  const onlyIfAbsent = parseIfNoneMatch(request);

  const trailers = new Map<string, string>();
  const reception = await receive(request, objects.bodyFolder, trailers);
  const checksum = CHECKSUMS.map((entry) => ({ ...entry, given: given(request, trailers, entry.header) })).find(
    (entry) => entry.given !== undefined,
  );
  const object: S3Object = {
    key,
    body: Buffer.alloc(0),
    contentType: request.headers["content-type"] ?? "binary/octet-stream",
    contentLength: reception.sizeBytes,
    etag: `"${reception.digests.get("md5")?.toString("hex") ?? ""}"`,
    lastModified: new Date(),
    metadata: metadataOf(request),
    ...systemMetadataOf(request),
    ...(checksum?.given === undefined
      ? {}
      : { checksumAlgorithm: checksum.algorithm, checksumValue: checksum.given, checksumType: "FULL_OBJECT" }),
  };
  const outcome = await objects.put({
    bucket,
    object,
    body: reception.body,
    onlyIfAbsent,
    onlyIfEtag: request.headers["if-match"],
  });
  if (outcome === "no-bucket") throw noSuchBucket(bucket);
  if (outcome === "no-key") throw new S3Refusal(404, "NoSuchKey", "The specified key does not exist.");
  if (outcome === "precondition-failed") {
    const message = "At least one of the pre-conditions you specified did not hold";
    throw new S3Refusal(412, "PreconditionFailed", message);
  }
  const { versionId } = outcome.stored;
  response.writeHead(200, {
    etag: object.etag,
    "x-amz-request-id": makeRequestId(),
    "content-length": 0,
    ...(versionId === undefined ? {} : { "x-amz-version-id": versionId }),
    ...(checksum?.given === undefined
      ? {}
      : { [checksum.header]: checksum.given, "x-amz-checksum-type": "FULL_OBJECT" }),
  });
  response.end();
}

/** Receives the body and holds it against what the client said of it. */
async function receive(request: IncomingMessage, folder: string, trailers: Map<string, string>): Promise<Reception> {
  const { headers } = request;
  const chunked = headers["content-encoding"]?.includes("aws-chunked") ?? false;
  const lengthText = chunked ? headers["x-amz-decoded-content-length"] : headers["content-length"];
  if (typeof lengthText !== "string" || !/^\d+$/.test(lengthText)) {
    throw new S3Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  }
  const length = Number(lengthText);
  if (length > OBJECT_BYTES_MAX) throw new S3Refusal(400, "EntityTooLarge", "The upload exceeds the maximum size.");

  const announced = headers["x-amz-trailer"];
  const wanted = new Set<ChecksumName>(
    CHECKSUMS.filter(({ header }) => headers[header] !== undefined || announced === header).map(({ name }) => name),
  );
  const payloadHash = headers["x-amz-content-sha256"];
  const signedHash = typeof payloadHash === "string" && /^[0-9a-f]{64}$/.test(payloadHash) ? payloadHash : undefined;
  if (signedHash !== undefined) wanted.add("sha256");

  const source = chunked ? decodeAwsChunked(bodyOf(request), trailers) : bodyOf(request);
  return await receiveBody(source, folder, wanted, (whole) => {
    if (whole.sizeBytes !== length) {
      throw new S3Refusal(400, "IncompleteBody", "The body does not have the length that its header says.");
    }
    if (signedHash !== undefined && whole.digests.get("sha256")?.toString("hex") !== signedHash) {
      const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
      throw new S3Refusal(400, "XAmzContentSHA256Mismatch", message);
    }
    check(whole, "md5", given(request, trailers, "content-md5"), "Content-MD5");
    for (const { name, header, algorithm } of CHECKSUMS)
      check(whole, name, given(request, trailers, header), algorithm);
  });
}

function check(
  whole: Pick<Reception, "digests">,
  name: ChecksumName | "md5",
  base64: string | undefined,
  called: string,
): void {
  if (base64 === undefined || whole.digests.get(name)?.toString("base64") === base64) return;
  throw new S3Refusal(400, "BadDigest", `The ${called} you specified did not match the calculated checksum.`);
}

function given(request: IncomingMessage, trailers: ReadonlyMap<string, string>, header: string): string | undefined {
  const value = request.headers[header] ?? trailers.get(header);
  return typeof value === "string" ? value : undefined;
}

function parseIfNoneMatch(request: IncomingMessage): boolean {
  const value = request.headers["if-none-match"];
  if (value === undefined) return false;
  if (value !== "*") throw new S3Refusal(501, "NotImplemented", "If-None-Match takes * only.");
  return true;
}

function metadataOf(request: IncomingMessage): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith("x-amz-meta-")) metadata[name.slice("x-amz-meta-".length)] = String(value);
  }
  return metadata;
}

function systemMetadataOf({ headers }: IncomingMessage): Partial<S3Object> {
  const encoding = headers["content-encoding"]
    ?.split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "aws-chunked")
    .join(",");
  return {
    ...(headers["content-language"] === undefined ? {} : { contentLanguage: headers["content-language"] }),
    ...(headers["content-disposition"] === undefined ? {} : { contentDisposition: headers["content-disposition"] }),
    ...(headers["cache-control"] === undefined ? {} : { cacheControl: headers["cache-control"] }),
    ...(encoding === undefined || encoding === "" ? {} : { contentEncoding: encoding }),
  };
}

/** Bucket and key, from a path (`/bucket/key`) or, when the host has a dot, a host name (`bucket.localhost`). */
function targetOf(request: IncomingMessage): { bucket: string; key: string } {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const host = (request.headers.host ?? "").split(":", 1)[0] ?? "";
  const virtual = host.includes(".") && !/^[\d.]+$/.test(host) ? host.slice(0, host.indexOf(".")) : undefined;
  const whole = virtual === undefined ? path.slice(1) : `${virtual}${path}`;
  const slash = whole.indexOf("/");
  try {
    return {
      bucket: decodeURIComponent(slash < 0 ? whole : whole.slice(0, slash)),
      key: slash < 0 ? "" : decodeURIComponent(whole.slice(slash + 1)),
    };
  } catch {
    throw new RefusedRequest(400, "InvalidURI", "Couldn't parse the specified URI.");
  }
}
