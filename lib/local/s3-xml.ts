/**
 * The little XML that S3 needs here: errors out, and flat elements in and out.
 *
 * Not a parser for XML at large: no attributes that matter, no CDATA, no comments, which is what SDKs send.
 */

import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { send } from "./aws-request.ts";

/** An S3 error, answered in S3's form. See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
export class S3Refusal extends Error {
  override readonly name = "S3Refusal";
  readonly status: number;
  readonly code: string;
  /** Header fields that the answer has beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The refusal of a request for a bucket that is not there. */
export function noSuchBucket(bucket: string): S3Refusal {
  return new S3Refusal(404, "NoSuchBucket", `The specified bucket does not exist: ${bucket}`);
}

/** A request id as S3 makes them: sixteen characters. */
export function makeRequestId(): string {
  return randomBytes(8).toString("hex").toUpperCase();
}

/** Answers with the error. */
export function sendS3Refusal(response: ServerResponse, refusal: S3Refusal, resource: string): void {
  const body = element(
    "Error",
    element("Code", escapeXml(refusal.code)),
    element("Message", escapeXml(refusal.message)),
    element("Resource", escapeXml(resource)),
    element("RequestId", makeRequestId()),
  );
  if (!response.headersSent)
    for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value);
  sendXml(response, refusal.status, body);
}

/** Answers with a document. */
export function sendXml(response: ServerResponse, status: number, root: string): void {
  send(response, status, "application/xml", `<?xml version="1.0" encoding="UTF-8"?>\n${root}`);
}

/** One element around content that is XML already. */
export function element(name: string, ...content: readonly string[]): string {
  return `<${name}>${content.join("")}</${name}>`;
}

/** Text made fit to stand in an element. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** The inner XML of every element of that name, in order; elements of one name must not be nested in each other. */
export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*?)</${name}>)`, "g"))].map(
    (match) => match[1] ?? "",
  );
}

/** The text of the first element of that name, or undefined when there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const inner = elementsOf(xml, name)[0];
  return inner === undefined ? undefined : unescapeXml(inner.trim());
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** The text that an element's inner XML stands for, its white space kept. */
export function unescapeXml(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (/^#x/i.test(entity)) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return String.fromCodePoint(Number.parseInt(entity.slice(1), 10));
    return ENTITIES[entity] ?? whole;
  });
}
