/**
 * HTTP of the local SES: bodies in, REST-JSON answers and errors out.
 *
 * An error carries its name in `x-amzn-errortype`, which is where the SDK looks first, and its text in the body.
 * See https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization.
 */

import type { IncomingMessage, ServerResponse } from "node:http";

import { SesError } from "./ses-error.ts";

/** More than the largest message makes in base64; nothing beyond it is kept in memory. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Who calls, by the request's Authorization header. Its signature is not verified.
 * Throws with 403 when there is none, or one for another service.
 */
export function callerOf(req: IncomingMessage): { sourceIp: string; callerIdentity: string } {
  const authorization = req.headers.authorization;
  if (authorization === undefined) {
    throw new SesError("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const credential = /Credential=([^/,\s]+)\/\d{8}\/(?:[^/,\s]+\/)?ses\/aws4_request/.exec(authorization);
  if (credential === null) {
    throw new SesError("InvalidSignatureException", "Credential should be scoped to correct service: 'ses'.");
  }
  return { sourceIp: req.socket.remoteAddress ?? "127.0.0.1", callerIdentity: credential[1] ?? "" };
}

/** The whole body as text. Throws RequestEntityTooLargeException, or the cause when the connection ends early. */
export async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early must not cut the connection: the refusal still has to be answered.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new SesError("RequestEntityTooLargeException", `The request is larger than ${BODY_BYTES_MAX} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString("utf8");
}

/** Answers in JSON; `errorType` marks an error. Does nothing when the connection is gone. */
export function reply(res: ServerResponse, status: number, requestId: string, body: object, errorType?: string): void {
  if (res.headersSent || res.destroyed) return;
  const text = JSON.stringify(body);
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": requestId,
    ...(errorType !== undefined && { "x-amzn-errortype": errorType }),
  });
  res.end(text);
}

/** Answers with a refusal, or with 500 for anything that is not one; no internal text is told. */
export function replyError(res: ServerResponse, requestId: string, cause: unknown): void {
  if (cause instanceof SesError) {
    // AWS spells this key differently for refusals by IAM; the SDK reads both.
    const key = cause.type === "AccessDeniedException" ? "Message" : "message";
    reply(res, cause.status, requestId, { [key]: cause.message }, cause.type);
    return;
  }
  reply(res, 500, requestId, { message: "An internal failure has occurred." }, "InternalServiceErrorException");
}
