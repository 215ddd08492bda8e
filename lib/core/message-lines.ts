/**
 * The lines of a message as SMTP sees them: what no line may hold, and lines longer than the standard allows.
 *
 * Octets only: nothing is decoded, and a message without fault is looked at in place. A line ends with CRLF and
 * holds at most 998 octets before it (RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1); CR and LF stand nowhere else
 * (RFC 5321 §2.3.8), and NUL nowhere (RFC 5322 §4).
 */

/** Octets of one line without its CRLF. */
export const LINE_OCTETS_MAX = 998;

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const FOLD = Buffer.from("\r\n ", "latin1");

/** A line without its CRLF: `[start, end)`. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** What a look over all lines of a message found. */
export interface LineScan {
  /** Offset of the first bare CR, bare LF or NUL; undefined when there is none. */
  readonly badOctetAt: number | undefined;
  /** The lines over `LINE_OCTETS_MAX` that start at or after `longFrom`, in order; unfinished after a bad octet. */
  readonly longLines: readonly LineRange[];
}

/**
 * Looks at every line of a message once; never throws.
 *
 * Two native searches a line are several times faster than a loop over the octets, and an unmatched CR or LF ends
 * the scan at once, so the cost stays linear for any input.
 */
export function scanLines(bytes: Buffer, longFrom: number): LineScan {
  const longLines: LineRange[] = [];
  const nul = bytes.indexOf(NUL);
  let start = 0;
  for (;;) {
    const cr = bytes.indexOf(CR, start);
    const lf = bytes.indexOf(LF, start);
    const last = cr === -1 && lf === -1;
    if (!last && (cr === -1 || lf !== cr + 1)) return { badOctetAt: firstOffset(cr, lf, nul), longLines };
    const end = last ? bytes.length : cr;
    if (end - start > LINE_OCTETS_MAX && start >= longFrom) longLines.push({ start, end });
    if (last) break;
    start = cr + 2;
  }
  return { badOctetAt: nul === -1 ? undefined : nul, longLines };
}

/**
 * The bytes from `from` on with each of `longLines` folded as Postfix does it (`smtp_line_length_limit`): CRLF and
 * one space after 998 octets, so that every line made counts at most 998. Returned as pieces to be joined once.
 *
 * Unlike Postfix it takes up to three octets less where the cut would fall inside a UTF-8 character, since mail
 * readers show that as two broken ones. The other octets stay as they are.
 */
export function foldLongLines(bytes: Buffer, from: number, longLines: readonly LineRange[]): Buffer[] {
  const pieces: Buffer[] = [];
  let pending = from;
  for (const line of longLines) {
    let room = LINE_OCTETS_MAX;
    let start = line.start;
    while (line.end - start > room) {
      const cut = characterStart(bytes, start + room);
      pieces.push(bytes.subarray(pending, cut), FOLD);
      pending = cut;
      start = cut;
      room = LINE_OCTETS_MAX - 1;
    }
  }
  pieces.push(bytes.subarray(pending));
  return pieces;
}

/** The given offset, or that of the UTF-8 character which it would cut in two. */
export function characterStart(bytes: Buffer, offset: number): number {
  for (let back = 0; back <= 3; back++) {
    const octet = bytes[offset - back] ?? 0;
    if ((octet & 0xc0) !== 0x80) return octet >= 0xc0 ? offset - back : offset;
  }
  return offset;
}

function firstOffset(...offsets: number[]): number {
  return Math.min(...offsets.filter((offset) => offset !== -1));
}
