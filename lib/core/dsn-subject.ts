/**
 * Subjects of reports: our own as encoded-words, and the original's as text that the human part can show.
 *
 * See RFC 2047. Decoding is for display only and never fails: what cannot be read becomes `?`.
 */

/** Longest text of an original subject that the human part shows, in characters. */
const SHOWN_CHARS_MAX = 200;
/** RFC 2047 §2: an encoded-word has at most 75 characters; `=?UTF-8?B?` and `?=` take 12 of them. */
const ENCODED_OCTETS_MAX = 45;

const ENCODED_WORD = "=\\?[^?\\s]+\\?[BbQq]\\?[^?]*\\?=";
/** Encoded-words with nothing but white space between them. */
const ENCODED_RUNS = new RegExp(`${ENCODED_WORD}(?:\\s*${ENCODED_WORD})*`, "g");

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Charset labels in real mail that the WHATWG decoders know under another name. */
const CHARSET_ALIAS: ReadonlyMap<string, string> = new Map([
  ["cp932", "shift_jis"],
  ["ms932", "shift_jis"],
  ["iso-2022-jp-ms", "iso-2022-jp"],
  ["iso-2022-jp-1", "iso-2022-jp"],
  ["cp51932", "euc-jp"],
  ["cp50220", "iso-2022-jp"],
  ["cp50221", "iso-2022-jp"],
]);

/**
 * Non-ASCII text as base64 encoded-words in UTF-8, folded; no character is torn apart (RFC 2047 §5). Each word holds at
 * most `octetsMax` octets of text.
 */
export function encodeWords(text: string, octetsMax = ENCODED_OCTETS_MAX): string {
  const words: string[] = [];
  let chunk = "";
  for (const char of text) {
    if (Buffer.byteLength(chunk + char) > octetsMax) {
      words.push(chunk);
      chunk = "";
    }
    chunk += char;
  }
  words.push(chunk);
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}

/**
 * The text of a raw Subject field (with or without its name), for a reader: one line, without control and direction
 * characters, at most 200 characters. Empty when there is nothing to show.
 */
export function shownSubject(raw: Uint8Array): string {
  const text = oneLine(decodeUnlabelled(raw).replace(/^subject[ \t]*:/i, ""));
  const chars = Array.from(text);
  return chars.length > SHOWN_CHARS_MAX ? `${chars.slice(0, SHOWN_CHARS_MAX).join("")}\u2026` : text;
}

/** The text of raw octets of a header, for a reader: encoded-words decoded, one line, nothing in it that controls. */
export function headerText(raw: Uint8Array): string {
  return oneLine(decodeUnlabelled(raw));
}

function oneLine(value: string): string {
  return printable(decodeWords(value)).replace(/\s+/g, " ").trim();
}

/** Text from outside with what could move or hide other text replaced: controls, line and direction marks. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, " ");
}

/** Raw octets of a header without a charset of their own: UTF-8, or ISO-2022-JP by its escapes, else `?`. */
function decodeUnlabelled(raw: Uint8Array): string {
  if (raw.includes(0x1b)) return decodeCharset("iso-2022-jp", Buffer.from(raw));
  try {
    return STRICT_UTF8.decode(raw);
  } catch {
    return Buffer.from(raw)
      .toString("latin1")
      .replace(/[\x80-\xff]+/g, "?");
  }
}

/**
 * Replaces encoded-words. Words of one charset that follow each other are joined before they are decoded, because
 * many programs cut multi-byte characters between two words.
 */
function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  return text.replace(ENCODED_RUNS, (run) => {
    let out = "";
    let charset = "";
    let octets: Buffer[] = [];
    const flush = (): void => {
      if (octets.length > 0) out += decodeCharset(charset, Buffer.concat(octets));
      octets = [];
    };
    for (const match of run.matchAll(/=\?([^?*\s]+)(?:\*[^?]*)?\?([BbQq])\?([^?]*)\?=/g)) {
      const next = (match[1] ?? "").toLowerCase();
      if (next !== charset) flush();
      charset = next;
      octets.push((match[2] ?? "").toUpperCase() === "B" ? Buffer.from(match[3] ?? "", "base64") : decodeQ(match[3]));
    }
    flush();
    return out;
  });
}

function decodeQ(text: string | undefined): Buffer {
  const spaced = (text ?? "").replaceAll("_", " ");
  const latin1 = spaced.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(latin1, "latin1");
}

function decodeCharset(charset: string, octets: Buffer): string {
  try {
    const label = CHARSET_ALIAS.get(charset) ?? charset;
    return new TextDecoder(label).decode(label === "iso-2022-jp" ? withoutIdleEscapes(octets) : octets);
  } catch {
    return octets.toString("latin1").replace(/[^\x20-\x7e]+/g, "?");
  }
}

/** Words that are joined end and begin with escapes; two of them in a row are an error to the decoder. */
function withoutIdleEscapes(octets: Buffer): Buffer {
  // oxlint-disable-next-line no-control-regex
  return Buffer.from(octets.toString("latin1").replace(/\x1b\([BJ](?=\x1b)/g, ""), "latin1");
}
