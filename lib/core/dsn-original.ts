/**
 * Part 3 of a report: the message it is about, whole or its header only (RFC 3464 §2, RFC 6522 §2).
 *
 * What comes out is safe to carry as 7bit or 8bit: CRLF line ends, no NUL, no bare CR or LF, no line above 998
 * octets. It is otherwise the sender's own bytes: fields that SES refuses at the top of a message are harmless here.
 */

import { readHeader } from "./header-fields.ts";
import { characterStart, LINE_OCTETS_MAX } from "./message-lines.ts";

/** Above this many octets only the header goes back. Postfix returns 50,000, Exim 100 KB. */
export const ORIGINAL_BYTES_MAX = 100_000;

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const QUESTION_MARK = 0x3f;
const CRLF = Buffer.from("\r\n");

/** The returned part. */
export interface ReturnedOriginal {
  readonly type: "message/rfc822" | "text/rfc822-headers";
  readonly bytes: Buffer;
}

/**
 * What of the original goes back: all of it when `full` is wanted and it has at most `bytesMax` octets, else its
 * header, cut after the last whole field within `bytesMax`.
 */
export function returnedOriginal(original: Buffer, full: boolean, bytesMax: number): ReturnedOriginal {
  if (full && original.length <= bytesMax) {
    const bytes = sevenOrEightBit(original);
    if (bytes.length <= bytesMax + LINE_OCTETS_MAX) return { type: "message/rfc822", bytes };
  }
  return { type: "text/rfc822-headers", bytes: wholeFields(sevenOrEightBit(headerOf(original, bytesMax)), bytesMax) };
}

/** Octets in front of a message in which its Subject is looked for. */
const SUBJECT_SEARCH_OCTETS = 64 * 1024;

/** The raw octets of the original's Subject field, folds included; undefined when it has none. */
export function originalSubject(original: Buffer): Buffer | undefined {
  const start = original.subarray(0, SUBJECT_SEARCH_OCTETS);
  const field = readHeader(start).fields.find(({ name }) => name === "subject");
  return field === undefined ? undefined : start.subarray(field.colon + 1, field.end);
}

/** True when an octet above 127 is in it. */
export function isEightBit(bytes: Uint8Array): boolean {
  return bytes.some((octet) => octet > 0x7f);
}

/** The header with its last line end, without the empty line; at most a little more than `bytesMax` of it. */
function headerOf(original: Buffer, bytesMax: number): Buffer {
  if (original[0] === LF || (original[0] === CR && original[1] === LF)) return original.subarray(0, 0);
  const start = original.subarray(0, bytesMax + 2 * LINE_OCTETS_MAX);
  const ends = [start.indexOf("\n\r\n"), start.indexOf("\n\n")].filter((at) => at !== -1);
  return ends.length === 0 ? start : start.subarray(0, Math.min(...ends) + 1);
}

/** Leaves out the field that crosses the limit and all after it. */
function wholeFields(header: Buffer, bytesMax: number): Buffer {
  if (header.length <= bytesMax) return header;
  let end = header.lastIndexOf("\r\n", bytesMax - 2);
  while (end > 0 && (header[end + 2] === SPACE || header[end + 2] === TAB)) end = header.lastIndexOf("\r\n", end - 1);
  return header.subarray(0, end <= 0 ? 0 : end + 2);
}

function sevenOrEightBit(bytes: Buffer): Buffer {
  const out: Buffer[] = [];
  let inHeader = true;
  for (let start = 0; start < bytes.length; ) {
    const lf = bytes.indexOf(LF, start);
    const end = lf === -1 ? bytes.length : lf;
    const line = cleaned(bytes.subarray(start, lf > start && bytes[lf - 1] === CR ? lf - 1 : end));
    if (line.length === 0) inHeader = false;
    out.push(...folded(line, inHeader));
    if (lf !== -1) out.push(CRLF);
    start = end + 1;
  }
  return Buffer.concat(out);
}

/** CR and NUL may not stand inside a line (RFC 2045 §2.8). */
function cleaned(line: Buffer): Buffer {
  if (!line.includes(CR) && !line.includes(0)) return line;
  return Buffer.from(line.map((octet) => (octet === CR ? SPACE : octet === 0 ? QUESTION_MARK : octet)));
}

/** Pieces of a line with CRLF between them: a header breaks before white space if it can, else CRLF and a space go in. */
function folded(line: Buffer, inHeader: boolean): Buffer[] {
  if (line.length <= LINE_OCTETS_MAX) return [line];
  const out: Buffer[] = [];
  let rest = line;
  while (rest.length > LINE_OCTETS_MAX) {
    const space = inHeader ? lastSpace(rest) : -1;
    const cut = space > 0 ? space : characterStart(rest, LINE_OCTETS_MAX);
    out.push(rest.subarray(0, cut), CRLF);
    rest = space > 0 ? rest.subarray(cut) : Buffer.concat([Buffer.from(" "), rest.subarray(cut)]);
  }
  out.push(rest);
  return out;
}

/** Last white space with something other than white space in front of it, or -1. */
function lastSpace(line: Buffer): number {
  const first = line.findIndex((octet) => octet !== SPACE && octet !== TAB);
  if (first === -1) return -1;
  for (let at = LINE_OCTETS_MAX; at > first; at--) {
    if (line[at] === SPACE || line[at] === TAB) return at;
  }
  return -1;
}
