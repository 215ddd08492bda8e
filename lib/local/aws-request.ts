/**
 * What every local AWS server has in common: whose request this is, its body, and how it is refused.
 *
 * Signatures are not checked: the servers listen on loopback only and any credentials will do. The credential scope
 * is read because it alone names the service when all of them share one port.
 * See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html (credential scope).
 */

import type { IncomingMessage, ServerResponse } from "node:http";

/** The region and service that a request was signed for. */
export interface CredentialScope {
  readonly region: string;
  readonly service: string;
}

/** Region used where a request names none. */
export const DEFAULT_REGION = "us-east-1";

/** A request that is answered with this status and text instead of being served. */
export class RefusedRequest extends Error {
  override readonly name = "RefusedRequest";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Reads the scope from the Authorization header or a presigned URL; undefined when the request is not signed. */
export function credentialScope(request: IncomingMessage): CredentialScope | undefined {
  const header = /Credential=([^\s,]+)/.exec(request.headers.authorization ?? "")?.[1];
  const credential = header ?? queryOf(request).get("X-Amz-Credential");
  if (credential === null) return undefined;
  // key/date/region/service/aws4_request; SigV4A leaves the region out, and a key may contain slashes.
  const parts = credential.split("/");
  const service = parts.at(-2);
  if (service === undefined || parts.at(-1) !== "aws4_request") return undefined;
  const region = parts.length >= 5 ? parts.at(-3) : undefined;
  return { region: region ?? DEFAULT_REGION, service };
}

/** The query of the request's URL. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
}

/** The body as it comes. Leaving the loop early does not cut the connection, so that a refusal can still be sent. */
export function bodyOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
}

/** Reads the body whole. Throws `RefusedRequest` (413) above the limit and the stream's error when it is cut off. */
export async function readBody(request: IncomingMessage, sizeBytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(request)) {
    size += chunk.length;
    if (size > sizeBytesMax) throw new RefusedRequest(413, "RequestEntityTooLarge", `more than ${sizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/** Answers in JSON; nothing when the answer has begun or its connection is gone. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, "application/json", JSON.stringify(body));
}

/** Answers with text of a given type; nothing when the answer has begun or its connection is gone. */
export function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
