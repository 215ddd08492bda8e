/** What the tests of the header rules share: the usual options, and messages from lines. */

import { type PreparedMessage, type PrepareOptions, prepareForSes } from "../../lib/core/header-rules.ts";

export const RECEIVED = Buffer.from("Received: from web1 ([192.0.2.1])\r\n by relay (relayhost); today\r\n", "latin1");

/** Own domains: example.com and example.jp. */
export const PREPARE_OPTIONS: PrepareOptions = {
  longBodyLines: "fold",
  receivedField: RECEIVED,
  isVerifiedDomain: (domain) => domain === "example.com" || domain === "example.jp",
  defaultDomain: "example.com",
};

/** Header lines, an empty line and a body; strings are octets (latin1). */
export function messageOf(header: readonly string[], body = "x\r\n"): Buffer {
  return Buffer.from([...header, "", body].join("\r\n"), "latin1");
}

export function prepare(message: Buffer | readonly string[], options: Partial<PrepareOptions> = {}): PreparedMessage {
  const bytes = Buffer.isBuffer(message) ? message : messageOf(message);
  return prepareForSes(bytes, { ...PREPARE_OPTIONS, ...options });
}

/** The header of what SES would get, our Received left out, folded fields in one entry. */
export function fieldsOf(prepared: PreparedMessage): string[] {
  const text = prepared.bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return text
    .slice(RECEIVED.length, end)
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== "");
}
