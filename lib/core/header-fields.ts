/**
 * The header of a message as byte ranges: which fields there are and exactly where each one stands.
 *
 * Promise:  the ranges cover the header without gap or overlap, nothing is decoded or copied, and any bytes at all
 *           give an answer; the cost is linear.
 * Lines end with CRLF and only with CRLF; a bare CR or LF is an octet like any other here (`scanLines` finds it).
 * See RFC 5322 §2.2, and §4.5 for the blank before the colon that old software writes.
 */

import { LINE_OCTETS_MAX } from "./message-lines.ts";

/** One or more whole lines of a header: `[start, end)`, the last CRLF included where there is one. */
export interface HeaderLines {
  readonly start: number;
  readonly end: number;
  /** True when one of the lines is over `LINE_OCTETS_MAX`. */
  readonly hasLongLine: boolean;
}

/** A field with its continuation lines. */
export interface HeaderField extends HeaderLines {
  /** Lower case, without the blanks that may stand before the colon. */
  readonly name: string;
  /** Offset of the colon. */
  readonly colon: number;
}

/** A message's header, taken apart by octet offsets. */
export interface MessageHeader {
  /** In the order of the message. */
  readonly fields: readonly HeaderField[];
  /** Lines among the fields that are no field (no colon, or no legal name before it), with their continuations. */
  readonly strays: readonly HeaderLines[];
  /** End of the `From ` lines of an mbox file at the very top; 0 when there are none. */
  readonly mboxEnd: number;
  /** Where the header ends: offset of the empty line, or of the first body octet when the empty line is missing. */
  readonly end: number;
  /** False when no empty line stands between header and body. */
  readonly hasSeparator: boolean;
  /** Offset of the first octet of the body; the length of the message when there is no body. */
  readonly bodyStart: number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** So many stray lines in a row are text, and the header ended before them. */
const STRAY_LINES_MAX = 16;

/**
 * Fields that show, when they come after a stray line and for the first time, that the header goes on.
 * Only fields that nearly every mail has: a text that quotes some other mail repeats what was seen already.
 */
const HEADER_GOES_ON: ReadonlySet<string> = new Set([
  "from",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "reply-to",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
]);

/**
 * Finds the fields of a message; never throws.
 *
 * A line that is no field: Postfix, Exim and sendmail let the header end there and the body begin, which is right
 * when the empty line was forgotten. But where a field such as Content-Type follows for the first time before the
 * next empty line, the header plainly goes on, and ending it would show the reader raw MIME; then the line is
 * reported as a stray.
 */
export function readHeader(bytes: Buffer): MessageHeader {
  const fields: HeaderField[] = [];
  const strays: HeaderLines[] = [];
  const seen = new Set<string>();
  const mboxEnd = endOfMboxLines(bytes);
  /** Counts when the first stray line came that no later field has put into the header yet. */
  let doubtful: { fields: number; strays: number; start: number } | undefined;
  let current: { start: number; end: number; hasLongLine: boolean } | undefined;
  let offset = mboxEnd;
  let separator = -1;
  while (offset < bytes.length) {
    const cr = endOfLine(bytes, offset);
    const contentEnd = cr === -1 ? bytes.length : cr;
    const end = cr === -1 ? bytes.length : cr + 2;
    if (contentEnd === offset) {
      separator = offset;
      break;
    }
    const hasLongLine = contentEnd - offset > LINE_OCTETS_MAX;
    const first = bytes[offset];
    if (current !== undefined && (first === SPACE || first === TAB)) {
      current.end = end;
      current.hasLongLine ||= hasLongLine;
    } else {
      const nameLimit = Math.min(contentEnd, offset + LINE_OCTETS_MAX);
      const nameEnd = endOfName(bytes, offset, nameLimit);
      const colon = nameEnd === offset ? -1 : colonAfter(bytes, nameEnd, nameLimit);
      if (colon === -1) {
        doubtful ??= { fields: fields.length, strays: strays.length, start: offset };
        const stray = { start: offset, end, hasLongLine };
        strays.push(stray);
        current = stray;
        if (strays.length - doubtful.strays > STRAY_LINES_MAX) break;
      } else {
        const name = bytes.toString("latin1", offset, nameEnd).toLowerCase();
        const field = { start: offset, end, hasLongLine, name, colon };
        fields.push(field);
        current = field;
        if (HEADER_GOES_ON.has(name) && !seen.has(name)) {
          seen.add(name);
          doubtful = undefined;
        }
      }
    }
    offset = end;
  }
  if (doubtful !== undefined) {
    const { start } = doubtful;
    fields.length = doubtful.fields;
    strays.length = doubtful.strays;
    return { fields, strays, mboxEnd, end: start, hasSeparator: false, bodyStart: start };
  }
  const hasSeparator = separator !== -1;
  const end = hasSeparator ? separator : offset;
  return { fields, strays, mboxEnd, end, hasSeparator, bodyStart: hasSeparator ? end + 2 : end };
}

/**
 * The value of a field as text: unfolded (RFC 5322 §2.2.3), blanks at both ends removed, other blanks as they are.
 * Octets become characters one by one (latin1), so none is lost.
 */
export function fieldValue(bytes: Buffer, field: HeaderField): string {
  return trimBlanks(bytes.toString("latin1", field.colon + 1, field.end).replaceAll("\r\n", ""));
}

/** Removes spaces and tabs (and no other character) at both ends. */
export function trimBlanks(text: string): string {
  return trimChars(text, " \t");
}

/** Removes the given characters at both ends, in linear time. */
export function trimChars(text: string, chars: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && chars.includes(text.charAt(start))) start++;
  while (end > start && chars.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/** `From ` and `>From ` lines that a mailbox file or a delivery agent puts on top of a message. */
function endOfMboxLines(bytes: Buffer): number {
  let offset = 0;
  for (;;) {
    const text = bytes.toString("latin1", offset, offset + 6);
    if (!text.startsWith("From ") && text !== ">From ") return offset;
    const cr = endOfLine(bytes, offset);
    // `From : x@example.com` is a field in the old form.
    if (cr === -1 || colonAfter(bytes, offset + 4, cr) !== -1) return offset;
    offset = cr + 2;
  }
}

/** Offset of the next CRLF, or -1. */
function endOfLine(bytes: Buffer, start: number): number {
  let cr = bytes.indexOf(CR, start);
  while (cr !== -1 && bytes[cr + 1] !== LF) cr = bytes.indexOf(CR, cr + 1);
  return cr;
}

/** A name is printable ASCII without colon; `start` is returned when it is empty or does not end before `limit`. */
function endOfName(bytes: Buffer, start: number, limit: number): number {
  for (let offset = start; offset < limit; offset++) {
    const octet = bytes[offset] ?? 0;
    if (octet <= SPACE || octet >= 0x7f || octet === COLON) return offset;
  }
  return start;
}

/** Offset of the colon that follows before `limit`, blanks allowed before it; -1 when something else follows. */
function colonAfter(bytes: Buffer, start: number, limit: number): number {
  for (let offset = start; offset < limit; offset++) {
    const octet = bytes[offset] ?? 0;
    if (octet === COLON) return offset;
    if (octet !== SPACE && octet !== TAB) return -1;
  }
  return -1;
}
