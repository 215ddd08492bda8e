/**
 * Header lines over 998 octets, made shorter.
 *
 * Folding puts CRLF in front of a blank that is there, so unfolding gives the same value again (RFC 5322 §2.2.3).
 * Only where a line has no blank to fold at is a space added. Never made: an empty line or a line of blanks only
 * (it would end the header for some readers), a fold before the colon, and, where it can be avoided, a cut inside
 * an encoded-word (RFC 2047 §2), a quoted-pair or a UTF-8 character.
 */

import { characterStart, LINE_OCTETS_MAX, type LineRange } from "./message-lines.ts";

const TAB = 0x09;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const CRLF = Buffer.from("\r\n", "latin1");
const CRLF_SPACE = Buffer.from("\r\n ", "latin1");
/** `, ; >`: a space after one of these changes nothing in a list of addresses, ids or parameters. */
const AFTER_THESE: ReadonlySet<number> = new Set([0x2c, 0x3b, 0x3e]);

/**
 * Returns the whole lines in `field` (one field, CRLF at its end) with those over 998 octets folded, and the very
 * same Buffer when there are none. `colon` is the offset of the field's colon, which no fold may precede.
 *
 * Blanks at the end of a line, or a run of blanks that alone overflows a line, cannot be folded and are shortened:
 * the one case in which octets are lost.
 */
export function foldHeaderField(field: Buffer, colon: number): Buffer {
  const pieces: Buffer[] = [];
  let hasLongLine = false;
  let start = 0;
  while (start < field.length) {
    const found = field.indexOf(CRLF, start);
    const end = found === -1 ? field.length : found;
    if (end - start > LINE_OCTETS_MAX) {
      hasLongLine = true;
      foldLine(field, start, end, Math.max(start, colon + 1), pieces);
    } else pieces.push(field.subarray(start, end));
    if (found !== -1) pieces.push(CRLF);
    start = end + CRLF.length;
  }
  return hasLongLine ? Buffer.concat(pieces) : field;
}

/** Pushes the line `[start, end)` in pieces of at most 998 octets; no cut is made before `cutFrom`. */
function foldLine(bytes: Buffer, start: number, end: number, cutFrom: number, pieces: Buffer[]): void {
  const inkEnd = endOfInk(bytes, start, end);
  let from = start;
  /** Octets left in the line being made: one less after an added space. */
  let room = LINE_OCTETS_MAX;
  let lineEnd = end;
  while (lineEnd - from > room) {
    if (inkEnd - from <= room) {
      lineEnd = from + room;
      break;
    }
    const ink = startOfInk(bytes, from, inkEnd);
    const blank = blankToFoldAt(bytes, Math.max(ink + 1, cutFrom), from + room);
    if (blank !== -1) {
      pieces.push(bytes.subarray(from, blank), CRLF);
      from = blank;
      room = LINE_OCTETS_MAX;
    } else if (ink > from + 1) {
      from = ink - 1;
    } else {
      const cut = cutInText(bytes, Math.max(ink + 1, cutFrom), from + room, inkEnd);
      pieces.push(bytes.subarray(from, cut), CRLF_SPACE);
      from = cut;
      room = LINE_OCTETS_MAX - 1;
    }
  }
  pieces.push(bytes.subarray(from, lineEnd));
}

/** The last blank in `[min, limit]` that is not part of a quoted-pair, or -1. Ink stands before `min`. */
function blankToFoldAt(bytes: Buffer, min: number, limit: number): number {
  for (let offset = limit; offset >= min; offset--) {
    if (isBlank(bytes[offset]) && !isQuoted(bytes, offset)) return offset;
  }
  return -1;
}

/** Where to cut text that holds no blank: in `[min, limit]`, where it does the least harm. */
function cutInText(bytes: Buffer, min: number, limit: number, inkEnd: number): number {
  const words = encodedWords(bytes, Math.max(min - 1, limit - 2 * LINE_OCTETS_MAX), limit, inkEnd);
  const wordAround = (offset: number): LineRange | undefined =>
    words.find((word) => word.start < offset && offset < word.end);
  const half = Math.max(min, limit - LINE_OCTETS_MAX / 2);
  for (let offset = limit; offset >= half; offset--) {
    const delimiter = AFTER_THESE.has(bytes[offset - 1] ?? 0) && !isQuoted(bytes, offset - 1);
    if (delimiter && wordAround(offset) === undefined) return offset;
  }
  const word = wordAround(limit);
  if (word !== undefined && word.start >= min) return word.start;
  const character = characterStart(bytes, limit);
  const unquoted = isQuoted(bytes, character) ? character - 1 : character;
  return unquoted >= min ? unquoted : limit;
}

/** The encoded-words that start in `[from, to)`, those over two lines long left out. */
function encodedWords(bytes: Buffer, from: number, to: number, inkEnd: number): LineRange[] {
  const text = bytes.toString("latin1", from, Math.min(inkEnd, to + LINE_OCTETS_MAX));
  const words: LineRange[] = [];
  for (const match of text.matchAll(/=\?[^?\s]+\?[bq]\?[^?\s]*\?=/gi)) {
    const start = from + match.index;
    if (start >= to) break;
    words.push({ start, end: start + match[0].length });
  }
  return words;
}

/** True when an odd number of backslashes stands before; more than a line of them is not counted. */
function isQuoted(bytes: Buffer, offset: number): boolean {
  let count = 0;
  while (count < LINE_OCTETS_MAX && bytes[offset - 1 - count] === BACKSLASH) count++;
  return count % 2 === 1;
}

function startOfInk(bytes: Buffer, start: number, end: number): number {
  let offset = start;
  while (offset < end && isBlank(bytes[offset])) offset++;
  return offset;
}

function endOfInk(bytes: Buffer, start: number, end: number): number {
  let offset = end;
  while (offset > start && isBlank(bytes[offset - 1])) offset--;
  return offset;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}
