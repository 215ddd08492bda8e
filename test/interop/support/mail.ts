/** Mails to inject, and the comparison of what came out of the relay with what went in. */

import { randomUUID } from "node:crypto";

import { expect } from "vitest";

import type { OutboxMail } from "../../support/outbox.ts";
import { headerFields, type RawField, splitMessage } from "../../support/raw-message.ts";
import { HOST_NAME } from "./postfix-configuration.ts";

/** A mail that can be found again, wherever it went, by its marker. */
export type MarkedMail = { readonly marker: string; readonly bytes: Buffer };

/** Header field that carries the marker; no rule of the relay or of Postfix touches it. */
const MARKER_FIELD = "X-Interop-Marker";

/** Fields that never leave (as the header rules say), in lower case. */
const REMOVED = /^(?:bcc|resent-bcc|return-path|dkim-signature|relayhost-.*|x-ses-.*)$/;

/** Ordinary fields, those given in addition (whole, without CRLF), and a body of exactly these octets. */
export function markedMail(
  body: Buffer | string,
  fields: readonly string[] = [],
  from = "user@example.com",
): MarkedMail {
  const marker = randomUUID();
  const header = [
    `From: ${from}`,
    "To: someone@recipient.test",
    "Subject: interop",
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${marker}@${HOST_NAME}>`,
    `${MARKER_FIELD}: ${marker}`,
    ...fields,
  ];
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
  return { marker, bytes: Buffer.concat([Buffer.from(`${header.join("\r\n")}\r\n\r\n`, "utf8"), bytes]) };
}

/** True for mails whose own header block carries the marker; a bounce that quotes it does not count. */
export function carries(mail: MarkedMail): (candidate: OutboxMail) => boolean {
  const line = `${MARKER_FIELD}: ${mail.marker}\r\n`;
  return (candidate) => splitMessage(candidate.raw).header.includes(line);
}

/**
 * Asserts that the relay sent what was injected: the same body octets, and the same header fields in the same order
 * apart from the rules: two Received fields in front (the relay's, then that of the mail server, which contains
 * `trace`; null: it adds none), fields that never leave, and References, which ends with the mail's own Message-ID
 * (SES gives it a new one; the thread must survive that).
 */
export function expectSameMail(
  sent: OutboxMail,
  injected: MarkedMail,
  trace: string | null = `${HOST_NAME} (Postfix)`,
): void {
  const before = splitMessage(injected.bytes);
  const after = splitMessage(sent.raw);
  expect(firstDifference(after.body, before.body), "first differing octet of the body").toBeUndefined();

  const fields = headerFields(after.header);
  const traces = trace === null ? ["received"] : ["received", "received"];
  expect(fields.slice(0, traces.length).map((field) => field.name)).toEqual(traces);
  if (trace !== null) expect(fields[1]?.raw).toContain(trace);
  const given = headerFields(before.header).filter((field) => !REMOVED.test(field.name));
  expect(rawExceptReferences(fields.slice(traces.length))).toEqual(rawExceptReferences(given));
  expect(idsIn(fields, "references")).toEqual([...idsIn(given, "references"), ...idsIn(given, "message-id")]);
}

function rawExceptReferences(fields: readonly RawField[]): string[] {
  return fields.filter((field) => field.name !== "references").map((field) => field.raw);
}

function idsIn(fields: readonly RawField[], name: string): string[] {
  return fields.filter((field) => field.name === name).flatMap((field) => field.raw.match(/<[^<>\s]+>/g) ?? []);
}

/** Where two buffers part, with the octets around; undefined when they are equal. A plain diff of 20 MB is no help. */
export function firstDifference(actual: Buffer, expected: Buffer): string | undefined {
  if (actual.equals(expected)) return undefined;
  let at = 0;
  while (at < actual.length && at < expected.length && actual[at] === expected[at]) at += 1;
  const around = (bytes: Buffer): string => JSON.stringify(bytes.toString("latin1", Math.max(0, at - 20), at + 20));
  return `octet ${at} of ${actual.length}, expected ${expected.length}: ${around(actual)}, expected ${around(expected)}`;
}
