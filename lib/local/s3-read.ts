/**
 * GetObject and HeadObject, of the current object or of a version.
 *
 * Promise:  the version that the header names is the one whose bytes follow, also when another is stored meanwhile.
 * Promise:  a large body is never in memory as a whole, and of a range no more than that is read from its file.
 * Not here: response-* overrides, and several ranges in one request (the whole object is answered, as S3 does).
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html.
 */

import { createReadStream, openSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { S3Object } from "./fauxqs-parts.ts";
import type { ObjectStore } from "./object-store.ts";
import { makeRequestId, S3Refusal } from "./s3-xml.ts";

const READ_BYTES = 256 * 1024;

interface Range {
  readonly start: number;
  /** The last octet's place. */
  readonly end: number;
}

/** Answers the request. Throws `S3Refusal`; rejects when the connection or the disk fails. */
export async function readObject(
  objects: Pick<ObjectStore, "bodyFolder" | "versions">,
  target: { readonly bucket: string; readonly key: string; readonly versionId: string | undefined },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { bucket, key, versionId } = target;
  const found = objects.versions.find(bucket, key, versionId);
  if (found === undefined) {
    throw versionId === undefined
      ? noSuchKey()
      : new S3Refusal(404, "NoSuchVersion", "The specified version does not exist.");
  }
  const versionHeaders: Record<string, string> =
    objects.versions.stateOf(bucket) === undefined ? {} : { "x-amz-version-id": found.id };
  const { object } = found;
  if (object === undefined) {
    const headers = { ...versionHeaders, "x-amz-delete-marker": "true" };
    if (versionId === undefined) throw noSuchKey(headers);
    const message = "The specified method is not allowed against this resource.";
    throw new S3Refusal(405, "MethodNotAllowed", message, { ...headers, allow: "DELETE" });
  }
  const common: OutgoingHttpHeaders = { "x-amz-request-id": makeRequestId(), etag: object.etag, ...versionHeaders };
  if (isNotModified(request, object)) {
    response.writeHead(304, common).end();
    return;
  }
  const range = rangeOf(request.headers.range, object.contentLength);
  const { start, end } = range ?? { start: 0, end: object.contentLength - 1 };
  const headers = { ...common, ...describe(object), "content-length": end - start + 1 };
  if (range !== undefined) {
    Object.assign(headers, { "content-range": `bytes ${start}-${end}/${object.contentLength}` });
  } else if (String(request.headers["x-amz-checksum-mode"]).toUpperCase() === "ENABLED") {
    Object.assign(headers, checksumOf(object));
  }
  const status = range === undefined ? 200 : 206;
  if (request.method === "HEAD") {
    response.writeHead(status, headers).end();
    return;
  }
  const body = objects.versions.bodyOf(found);
  if (body.kind === "memory") {
    response.writeHead(status, headers).end(body.bytes.subarray(start, end + 1));
    return;
  }
  // Opened at once: whoever removes the version later does not disturb this reader.
  const fd = openSync(join(objects.bodyFolder, body.file), "r");
  response.writeHead(status, headers);
  await pipeline(createReadStream("", { fd, start, end, highWaterMark: READ_BYTES }), response);
}

function noSuchKey(headers?: Readonly<Record<string, string>>): S3Refusal {
  return new S3Refusal(404, "NoSuchKey", "The specified key does not exist.", headers);
}

/** What the conditions of the request say (RFC 9110 section 13.2.2). Throws when one of them does not hold. */
function isNotModified({ headers }: IncomingMessage, { etag, lastModified }: S3Object): boolean {
  const match = headers["if-match"];
  const noneMatch = headers["if-none-match"];
  const seconds = Math.floor(lastModified.getTime() / 1000) * 1000; // all that a date in a header can say
  const failed = match === undefined ? seconds > Date.parse(headers["if-unmodified-since"] ?? "") : !names(match, etag);
  if (failed) {
    throw new S3Refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
  }
  if (noneMatch !== undefined) return names(noneMatch, etag);
  return seconds <= Date.parse(headers["if-modified-since"] ?? "");
}

function names(list: string, etag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, "").replaceAll('"', "");
  return list.split(",").some((entry) => entry.trim() === "*" || bare(entry) === bare(etag));
}

/** The range asked for (RFC 9110 section 14.1.2); undefined when there is none, or one that is to be ignored. */
function rangeOf(header: string | undefined, size: number): Range | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null) return undefined;
  const [first = "", last = ""] = match.slice(1);
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(first) > Number(last)) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) {
    const message = "The requested range is not satisfiable";
    throw new S3Refusal(416, "InvalidRange", message, { "content-range": `bytes */${size}` });
  }
  return { start, end };
}

function describe(object: S3Object): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    "accept-ranges": "bytes",
    "content-type": object.contentType,
    "last-modified": object.lastModified.toUTCString(),
  };
  for (const [name, value] of Object.entries(object.metadata)) headers[`x-amz-meta-${name}`] = value;
  const system = [
    ["content-language", object.contentLanguage],
    ["content-disposition", object.contentDisposition],
    ["cache-control", object.cacheControl],
    ["content-encoding", object.contentEncoding],
  ] as const;
  for (const [name, value] of system) if (value !== undefined) headers[name] = value;
  return headers;
}

function checksumOf({ checksumAlgorithm, checksumValue, checksumType }: S3Object): OutgoingHttpHeaders {
  if (checksumAlgorithm === undefined || checksumValue === undefined) return {};
  return {
    [`x-amz-checksum-${checksumAlgorithm.toLowerCase()}`]: checksumValue,
    ...(checksumType === undefined ? {} : { "x-amz-checksum-type": checksumType }),
  };
}
