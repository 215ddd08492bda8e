/**
 * The `aws-chunked` content encoding, in which SDKs send a body whose checksum follows it.
 *
 * `<hex size>[;chunk-signature=...]CRLF <data> CRLF`, again and again, then a chunk of size 0 and trailing header
 * fields. Signatures are not checked.
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and .../sigv4-streaming-trailers.html.
 */

import { RefusedRequest } from "./aws-request.ts";

const LINE_BYTES_MAX = 16 * 1024;
const CRLF = "\r\n";

/** Yields the data; fills `trailers` (names in lower case) at its end. Throws `RefusedRequest` for a broken or cut body. */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  /** Data octets of the present chunk that are still to come; undefined: a line comes next. */
  let dataLeft: number | undefined;
  let inTrailers = false;
  let afterData = false;

  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (dataLeft !== undefined) {
        const data = rest.subarray(0, dataLeft);
        rest = rest.subarray(data.length);
        dataLeft -= data.length;
        if (data.length > 0) yield data;
        if (dataLeft > 0) break;
        dataLeft = undefined;
        afterData = true;
      }
      const end = rest.indexOf(CRLF);
      if (end < 0) {
        if (rest.length > LINE_BYTES_MAX) throw broken("a chunk header without an end");
        break;
      }
      const line = rest.toString("latin1", 0, end);
      rest = rest.subarray(end + CRLF.length);
      if (afterData) {
        if (line !== "") throw broken("a chunk longer than it says");
        afterData = false;
      } else if (inTrailers) {
        const colon = line.indexOf(":");
        if (colon > 0) trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
      } else {
        const size = /^[0-9a-f]{1,12}(?=;|$)/i.exec(line)?.[0];
        if (size === undefined) throw broken("a chunk without a size");
        dataLeft = Number.parseInt(size, 16);
        if (dataLeft === 0) {
          inTrailers = true;
          dataLeft = undefined;
        }
      }
    }
  }
  if (!inTrailers) throw broken("no last chunk");
}

function broken(what: string): RefusedRequest {
  return new RefusedRequest(400, "IncompleteBody", `The aws-chunked body is not well-formed: ${what}.`);
}
