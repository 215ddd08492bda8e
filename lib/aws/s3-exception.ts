/**
 * What S3 says when it refuses, as the exception that the SDK would throw.
 *
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
 */

import type { Readable } from "node:stream";
import { S3ServiceException } from "@aws-sdk/client-s3";
import type { HttpResponse } from "@smithy/core/protocols";

/** More of an error document is not read. */
const DOCUMENT_BYTES_MAX = 64 * 1024;

/** The exception, and the time that S3 gives when a client's clock is wrong. */
export interface Refusal {
  readonly exception: S3ServiceException;
  /** Milliseconds since 1970. */
  readonly serverTimeMs: number | undefined;
}

/** Reads the answer to its end. An answer without a document, as of a proxy in between, is told by its status. */
export async function readRefusal(response: HttpResponse): Promise<Refusal> {
  const document = await readText(response.body as Readable).catch(() => "");
  const { statusCode, headers } = response;
  const requestId = headers["x-amz-request-id"];
  const extendedRequestId = headers["x-amz-id-2"];
  const exception = new S3ServiceException({
    name: elementOf(document, "Code") ?? (statusCode === 404 ? "NotFound" : "Unknown"),
    message: elementOf(document, "Message") ?? "UnknownError",
    $fault: statusCode < 500 ? "client" : "server",
    $metadata: {
      httpStatusCode: statusCode,
      ...(requestId === undefined ? {} : { requestId }),
      ...(extendedRequestId === undefined ? {} : { extendedRequestId }),
    },
  });
  // Says how long to wait before the next attempt. The constructor does not take it over.
  exception.$response = response;
  // An answer from a cache tells an old time.
  const time = elementOf(document, "ServerTime") ?? (headers["age"] === undefined ? headers["date"] : undefined);
  const serverTimeMs = Date.parse(time ?? "");
  return { exception, serverTimeMs: Number.isNaN(serverTimeMs) ? undefined : serverTimeMs };
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > DOCUMENT_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** No element of an error document has others in it: `<Error><Code>SlowDown</Code>...`. */
function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}
