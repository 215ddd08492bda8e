/**
 * To and Cc in a form that SES takes. The envelope alone decides who gets the mail; these fields are for reading.
 *
 * SES parses them all the same and refuses the whole mail over an empty `To:`, over `To: root` ("Missing final
 * '@domain'"), over semicolons between addresses ("Illegal semicolon, not in group") and the like. So a bare name
 * gets a domain, an entry that is no address is left out, and a field with nothing usable is renamed. Entries that
 * need no repair keep their octets. Groups, encoded display names and comments are understood (RFC 5322 §3.4).
 *
 * SES sees octets. Raw 8-bit and ISO-2022-JP text is therefore read the same way, though what looks like syntax in
 * it may be half a character; but such a field is never repaired in parts: it goes as it is or is renamed whole.
 */

import { toAsciiDomain } from "./address.ts";
import { trimBlanks, trimChars } from "./header-fields.ts";

/** A recipient field after repair. */
export type RecipientRepair =
  | { readonly kind: "good" }
  /** `value` stands between the colon and the field's last CRLF. */
  | { readonly kind: "repaired"; readonly value: string }
  | { readonly kind: "empty" }
  | { readonly kind: "unusable" };

/** One entry between commas, as octets of the value. */
interface Entry {
  readonly raw: string;
  /** Without comments and folding, blanks at the ends removed. */
  readonly text: string;
  readonly group: "none" | "closed" | "open";
  /** Inside of the angle brackets, offsets into `raw`. */
  readonly angle: { readonly start: number; readonly end: number } | undefined;
}

const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$/;
/** What SES takes: ASCII, no blanks, dots anywhere in the local part but not around an empty label of the domain. */
const ADDRESS =
  /^(?:"(?:[ !#-[\]-~]|\\[ -~])*"|[!#-'*+./0-9=?A-Z^-~-]+)@(?:\[[!-Z^-~]*\]|[!#-'*+/0-9=?A-Z^-~-]+(?:\.[!#-'*+/0-9=?A-Z^-~-]+)*)$/;
/** RFC 5321 §4.5.3.1. What is longer is no address, and could not be folded. */
const LOCAL_OCTETS_MAX = 64;
const ADDRESS_OCTETS_MAX = LOCAL_OCTETS_MAX + 1 + 255;
/** `@one,@two:` before an address (RFC 5322 §4.4), which everybody skips. */
const ROUTE = /^@[^:]*:/;
const HIDDEN_LIST = /^(undisclosed|unlisted)[- ]?recipients?$/i;

/**
 * Judges the value of a To or Cc field: all octets after the colon but the last CRLF, as latin1, folding included.
 * Never throws. Bare names get `defaultDomain`; without one they count as entries that are no address.
 */
export function repairRecipients(value: string, defaultDomain: string | undefined): RecipientRepair {
  if (trimBlanks(value.replaceAll("\r\n", "")) === "") return { kind: "empty" };
  const entries = splitEntries(value);
  if (entries === undefined) return { kind: "unusable" };
  const isPlain = /^[\t\r\n -~]*$/.test(value);
  const kept: string[] = [];
  let usable = 0;
  for (const entry of entries) {
    const raw = entry.text === "" && entry.angle === undefined ? entry.raw : repairEntry(entry, defaultDomain);
    if (raw === undefined) continue;
    kept.push(raw);
    if (entry.text !== "") usable++;
  }
  if (usable === 0) return entries.every((entry) => entry.text === "") ? { kind: "empty" } : { kind: "unusable" };
  if (kept.join(",") === value) return { kind: "good" };
  if (!isPlain) return { kind: "unusable" };
  return { kind: "repaired", value: kept.filter((raw) => trimBlanks(raw) !== "").join(",") };
}

/**
 * The values of several copies as one list: entries of all, copies with an equal value once. The first value keeps
 * its octets, and is returned as it is when there is nothing to add.
 */
export function joinRecipients(values: readonly string[]): string {
  const byKey = new Map<string, string>();
  for (const value of values) {
    const key = comparable(value);
    if (!byKey.has(key)) byKey.set(key, value);
  }
  const [first = "", ...others] = byKey.values();
  if (others.length === 0) return first;
  return ` ${[first, ...others].map((value) => trimChars(value, " \t\r\n,")).join(",\r\n ")}`;
}

function comparable(value: string): string {
  return trimBlanks(value.replace(/[ \t\r\n]+/g, " "));
}

/**
 * The domain of the one address in a value (for Sender), lower-case A-labels; undefined when it cannot be told.
 * Takes any octets; `value` is unfolded.
 */
export function domainOfMailbox(value: string): string | undefined {
  const angle = /<([^<>]*)>[^<>]*$/.exec(value)?.[1];
  const address = trimBlanks(angle ?? value.replace(/\([^()]*\)/g, ""));
  const at = address.lastIndexOf("@");
  if (at <= 0) return undefined;
  return toAsciiDomain(Buffer.from(address.slice(at + 1), "latin1").toString("utf8"));
}

/** The entry's octets, repaired where needed; undefined when it is no address. */
function repairEntry(entry: Entry, defaultDomain: string | undefined): string | undefined {
  const { raw, text, angle } = entry;
  if (entry.group !== "none") {
    if (text.startsWith(":")) return undefined;
    // `undisclosed-recipients:` without its semicolon is a common slip.
    return entry.group === "closed" ? raw : `${raw};`;
  }
  if (angle !== undefined) {
    const inside = trimBlanks(raw.slice(angle.start, angle.end).replaceAll("\r\n", ""));
    if (isAddressText(inside.replace(ROUTE, ""))) return raw;
    if (defaultDomain === undefined || !isName(inside)) return undefined;
    const nameEnd = raw.indexOf(inside, angle.start) + inside.length;
    return `${raw.slice(0, nameEnd)}@${defaultDomain}${raw.slice(nameEnd)}`;
  }
  if (isAddressText(text)) return raw;
  if (defaultDomain === undefined || !isName(text) || HIDDEN_LIST.test(text)) return undefined;
  const nameStart = startOutsideComments(raw);
  const nameEnd = nameStart + text.length;
  if (raw.slice(nameStart, nameEnd) !== text) return undefined;
  return `${raw.slice(0, nameEnd)}@${defaultDomain}${raw.slice(nameEnd)}`;
}

function isAddressText(text: string): boolean {
  return text.length <= ADDRESS_OCTETS_MAX && ADDRESS.test(text);
}

function isName(text: string): boolean {
  return text.length <= LOCAL_OCTETS_MAX && ATOMS.test(text);
}

/** Splits at commas and at semicolons outside a group; undefined when quotes or brackets are left open. */
function splitEntries(value: string): Entry[] | undefined {
  const list: Entry[] = [];
  let start = 0;
  let text = "";
  let group: Entry["group"] = "none";
  let angleStart = -1;
  let angle: Entry["angle"];
  const push = (end: number): void => {
    list.push({ raw: value.slice(start, end), text: trimBlanks(text), group, angle });
    start = end + 1;
    text = "";
    group = "none";
    angle = undefined;
  };
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === '"' || char === "[" || char === "(") {
      const end = char === "(" ? endOfComment(value, i) : endOfQuoted(value, i, char === '"' ? '"' : "]");
      if (end === -1) return undefined;
      if (char !== "(") text += value.slice(i, end).replaceAll("\r\n", "");
      i = end - 1;
      continue;
    }
    if (char === ")" || char === "]") return undefined;
    if (char === "<") {
      if (angleStart !== -1 || (angle !== undefined && group === "none")) return undefined;
      angleStart = i + 1;
    } else if (char === ">") {
      if (angleStart === -1) return undefined;
      angle = { start: angleStart - start, end: i - start };
      angleStart = -1;
    } else if (angleStart === -1 && char === ":") {
      if (group !== "none") return undefined;
      group = "open";
    } else if (angleStart === -1 && char === ";" && group === "open") {
      group = "closed";
    } else if (angleStart === -1 && group !== "open" && (char === "," || char === ";")) {
      push(i);
      continue;
    }
    if (char !== "\r" && char !== "\n") text += char;
  }
  if (angleStart !== -1) return undefined;
  push(value.length);
  return list;
}

/** Offset after the closing mark of a quoted-string or domain-literal that opens at `open`, or -1. */
function endOfQuoted(value: string, open: number, mark: string): number {
  for (let i = open + 1; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === "\\") i++;
    else if (char === mark) return i + 1;
  }
  return -1;
}

/** Offset after the comment that opens at `open`, comments inside it included, or -1. */
function endOfComment(value: string, open: number): number {
  let depth = 0;
  for (let i = open; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === "\\") i++;
    else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return i + 1;
  }
  return -1;
}

/** Offset of the first character that is neither blank, folding nor comment. */
function startOutsideComments(raw: string): number {
  let i = 0;
  while (i < raw.length) {
    const char = raw.charAt(i);
    if (char === "(") i = endOfComment(raw, i);
    else if (/\s/.test(char)) i++;
    else break;
  }
  return i;
}
