/**
 * The header section of a raw message, read the way SES reads it before it takes a message.
 *
 * An own reader on purpose: the relay's header rules are checked by something that shares no code with them.
 * See RFC 5322 §2.2 and §3.6.8.
 */

import { badRequest } from "./ses-error.ts";

/** One field in the order of the message. */
export interface HeaderField {
  /** As written. */
  readonly name: string;
  /** Unfolded, without the space around it; octets above 127 read as UTF-8. */
  readonly value: string;
}

/**
 * The fields before the first empty line; a message without one is all header.
 * Throws BadRequestException for a bare CR or LF, a line that is no field, or a field without a name.
 * SES's wording is known for the last only. That it refuses bare LF is stricter than what is known of SES.
 */
export function readHeader(message: Buffer): HeaderField[] {
  const lines = headerLines(message);
  const fields: { name: string; lines: Buffer[] }[] = [];
  for (const line of lines) {
    const first = line[0];
    if (first === 0x20 || first === 0x09) {
      const open = fields.at(-1);
      if (open === undefined) throw badRequest("Malformed header: the message begins with a continuation line.");
      open.lines.push(line);
      continue;
    }
    const colon = line.indexOf(0x3a);
    const name = line
      .subarray(0, Math.max(0, colon))
      .toString("latin1")
      .replace(/[ \t]+$/, "");
    if (colon !== -1 && name === "") throw badRequest("Empty header names are illegal.");
    if (colon === -1 || !/^[\x21-\x39\x3b-\x7e]+$/.test(name)) {
      throw badRequest(`Malformed header line: '${line.toString("latin1").slice(0, 60)}'.`);
    }
    fields.push({ name, lines: [line.subarray(colon + 1)] });
  }
  return fields.map(({ name, lines: parts }) => ({ name, value: Buffer.concat(parts).toString("utf8").trim() }));
}

/** The fields of a name, which is compared without case. */
export function fieldsNamed(header: readonly HeaderField[], name: string): HeaderField[] {
  const wanted = name.toLowerCase();
  return header.filter((field) => field.name.toLowerCase() === wanted);
}

/** True when a line of header or body is longer than 998 octets without its end (RFC 5322 §2.1.1). */
export function hasLongLine(message: Buffer): boolean {
  let start = 0;
  while (message.length - start > 998) {
    const end = message.indexOf("\n", start);
    const length = (end === -1 ? message.length : end) - start;
    const withoutCr = end > start && message[end - 1] === 0x0d ? length - 1 : length;
    if (withoutCr > 998) return true;
    if (end === -1) return false;
    start = end + 1;
  }
  return false;
}

function headerLines(message: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < message.length) {
    const lf = message.indexOf(0x0a, start);
    const end = lf === -1 ? message.length : lf;
    const hasCr = lf > start && message[lf - 1] === 0x0d;
    const line = message.subarray(start, hasCr ? end - 1 : end);
    if (lf !== -1 && !hasCr) throw badRequest("Bare LF in the header section.");
    if (line.includes(0x0d)) throw badRequest("Bare CR in the header section.");
    if (line.length === 0) break;
    lines.push(line);
    if (lf === -1) break;
    start = lf + 1;
  }
  return lines;
}
