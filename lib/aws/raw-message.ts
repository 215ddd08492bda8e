/**
 * A message on its way into calls of SendEmail, encoded once for all of them.
 *
 * By itself the SDK encodes a message anew for each call: a base64 text, then that text octet by octet into a buffer
 * that doubles until it fits (64 MiB for a message of 28). A function of 512 MB cannot hold that for several recipients
 * at a time. So a command is given an empty message, and this puts the encoded one into the request that the SDK
 * made of it, before it is signed: the same octets on the wire, from one copy however many calls share it.
 */

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { SendEmailCommand } from "@aws-sdk/client-sesv2";

/** What the SDK writes for `Content: { Raw: { Data: EMPTY } }`. No text can hold it: in JSON its quotes are escaped. */
const EMPTY_IN_JSON = '"Data":""';
const EMPTY = new Uint8Array(0);

/** Octets encoded in one go: a multiple of three, so that no padding comes in between. */
const CHUNK_BYTES = 3 * 16 * 1024;

/** Up to this length a request is one buffer, which leaves in one packet with its header; above, it is not copied. */
const COPIED_BYTES_MAX = 64 * 1024;

/** See the head of this file. */
export class RawMessage {
  /** About the octets of a request that carries it. */
  readonly requestBytes: number;
  #bytes: Buffer | undefined;
  #encoded: Buffer | undefined;

  /** `bytes` are the message as SES is to get it, and must not change any more. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.requestBytes = Math.max(1, encodedLength(bytes));
  }

  /** What a command that this is put into has for its `Content`. */
  static readonly content = { Raw: { Data: EMPTY } } as const;

  /** Puts the message into a command made with `RawMessage.content`. Its client must not retry by itself. */
  putInto(command: SendEmailCommand): void {
    command.middlewareStack.add(
      (next) => async (args) => {
        fillIn(args.request, this.#base64());
        return await next(args);
      },
      { step: "build", priority: "high", name: "relayhostRawMessage" },
    );
  }

  /** Encodes at the first call, and then needs the plain octets no more. */
  #base64(): Buffer {
    this.#encoded ??= encodeBase64(this.#bytes ?? EMPTY);
    this.#bytes = undefined;
    return this.#encoded;
  }
}

interface HttpRequest {
  body?: unknown;
  headers: Record<string, string>;
}

/** Throws when the request is not of the form that the SDK gives it today: the version is pinned, and tests would tell. */
function fillIn(request: unknown, encoded: Buffer): void {
  if (!isHttpRequest(request) || !(request.body instanceof Uint8Array)) throw new Error("not a request with a body");
  const body = Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength);
  const at = body.indexOf(EMPTY_IN_JSON);
  if (at === -1) throw new Error("the request has no empty message to fill in");
  const head = body.subarray(0, at + EMPTY_IN_JSON.length - 1);
  const tail = body.subarray(at + EMPTY_IN_JSON.length - 1);
  const length = head.length + encoded.length + tail.length;
  request.headers["content-length"] = String(length);
  // The signature takes the digest from here; see the SDK's signature-v4.
  request.headers["x-amz-content-sha256"] = createHash("sha256")
    .update(head)
    .update(encoded)
    .update(tail)
    .digest("hex");
  const pieces = [head, encoded, tail];
  request.body =
    length <= COPIED_BYTES_MAX ? Buffer.concat(pieces, length) : Readable.from(pieces, { objectMode: false });
}

function isHttpRequest(request: unknown): request is HttpRequest {
  return typeof request === "object" && request !== null && "body" in request && "headers" in request;
}

function encodedLength(bytes: Uint8Array): number {
  return 4 * Math.ceil(bytes.length / 3);
}

function encodeBase64(bytes: Uint8Array): Buffer {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoded = Buffer.allocUnsafeSlow(encodedLength(plain));
  let written = 0;
  for (let start = 0; start < plain.length; start += CHUNK_BYTES) {
    const chunk = plain.toString("base64", start, Math.min(start + CHUNK_BYTES, plain.length));
    written += encoded.write(chunk, written, "latin1");
  }
  return encoded;
}
