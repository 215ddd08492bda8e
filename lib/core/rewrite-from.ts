/**
 * Another From for mail that SES would refuse for its author, and the fields that go with it.
 *
 * Promise:  whatever the bytes, whole fields that hold one From address, the given one, and show the author beside it;
 *           his address can be read from the display name, from Reply-To (unless the message had one) and, as it
 *           stood, from X-Original-From. Nothing of a message can break out of its field. Lines are short.
 * Fields are to be given to `prepareForSes` as `setFields`. The body is not looked at.
 * See RFC 5322 §3.6.2, RFC 2047 §5 (encoded-words in a phrase), RFC 3834 §5 (Auto-Submitted).
 */

import { encodeWords } from "./dsn-subject.ts";
import { type Author, authorAddress, readAuthors, replyableAddress } from "./header-authors.ts";
import { fieldValue, type HeaderField, readHeader } from "./header-fields.ts";
import { usesSystemAddress } from "./rewrite-address.ts";
import { isLocalName, type RewriteClass } from "./sender-class.ts";

/** What is to be written. */
export interface NewFrom {
  readonly rewrite: RewriteClass;
  /** The address, which SES must know as verified. */
  readonly address: string;
}

/** Authors that are shown; more are counted. */
const SHOWN_AUTHORS_MAX = 3;
const SHOWN_NAME_CHARS_MAX = 100;
/** Characters of a line up to which a field is not folded (RFC 5322 §2.1.1). */
const LINE_CHARS = 78;
/** Octets in an encoded-word: one fits behind `Reply-To: ` into the 76 characters of RFC 2047 §2. */
const WORD_OCTETS_MAX = 36;

/** Accounts that nobody reads, so that an answer to them would be lost. */
const UNREAD = /^(?:mailer-daemon|mail-daemon|mdaemon|double-bounce|no-?reply|do-?not-?reply|nobody)$/i;

/** The fields to set, by lower-case name. Never throws on any message. */
export function rewriteFrom(message: Buffer, { rewrite, address }: NewFrom): ReadonlyMap<string, Buffer> {
  const { fields } = readHeader(message);
  const topmost = (name: string): HeaderField | undefined => fields.find((field) => field.name === name);
  const from = topmost("from");
  const authors = from === undefined ? [] : readAuthors(fieldValue(message, from));
  const set = new Map<string, Buffer>();
  set.set("from", addressField("From", [mailbox(authorsText(authors), address)]));

  const given = topmost("reply-to");
  if (given === undefined || fieldValue(message, given) === "") {
    const replies = authors.flatMap((author) => replyMailbox(rewrite, author));
    if (replies.length > 0) set.set("reply-to", addressField("Reply-To", replies));
  }
  const original = from === undefined ? undefined : renamed(message, from, "X-Original-From");
  if (original !== undefined && topmost("x-original-from") === undefined) set.set("x-original-from", original);
  if (usesSystemAddress(rewrite)) {
    const automatic = automaticFields(message, rewrite === "system" ? "auto-generated" : "auto-replied");
    for (const [name, field] of automatic) set.set(name, field);
    // Exchange and Outlook look at this one only.
    if (topmost("x-auto-response-suppress") === undefined) {
      set.set("x-auto-response-suppress", Buffer.from("X-Auto-Response-Suppress: All\r\n", "latin1"));
    }
  }
  return set;
}

/**
 * Marks mail as automatic unless it says something on that itself. Mail from the null sender has to say so when it
 * leaves through SES, which puts a return path of its own on it: an automatic answer to it would find one to go to.
 */
export function automaticFields(
  message: Buffer,
  how: "auto-replied" | "auto-generated" = "auto-replied",
): ReadonlyMap<string, Buffer> {
  const { fields } = readHeader(message);
  const isMarked = fields.some((field) => field.name === "auto-submitted" && fieldValue(message, field) !== "");
  return isMarked ? new Map() : new Map([["auto-submitted", Buffer.from(`Auto-Submitted: ${how}\r\n`, "latin1")]]);
}

/** All authors in one display name: `Jane Example (jane@example.org), root`. */
function authorsText(authors: readonly Author[]): string {
  const texts = authors.map(authorText).filter((text) => text !== "");
  const more = texts.length - SHOWN_AUTHORS_MAX;
  const shown = texts.slice(0, SHOWN_AUTHORS_MAX).join(", ");
  return more > 0 ? `${shown}, +${more}` : shown;
}

function authorText(author: Author): string {
  const address = authorAddress(author);
  const name = shortened(author.name);
  if (address === "") return name;
  return name === "" || name.toLowerCase() === address.toLowerCase() ? address : `${name} (${address})`;
}

function shortened(name: string): string {
  const chars = Array.from(name);
  return chars.length > SHOWN_NAME_CHARS_MAX ? `${chars.slice(0, SHOWN_NAME_CHARS_MAX).join("")}...` : name;
}

/** Where an answer to this author goes, if it would be read there. */
function replyMailbox(rewrite: RewriteClass, author: Author): string[][] {
  const address = replyableAddress(author);
  if (address === undefined) return [];
  if (isLocalName(author.domain ?? "") || rewrite === "bounce") return [];
  if (usesSystemAddress(rewrite) && UNREAD.test(author.local)) return [];
  return [mailbox(shortened(author.name), address)];
}

/** `name <address>` as pieces between which a fold changes nothing. */
function mailbox(name: string, address: string): string[] {
  return name === "" ? [address] : [...phrase(name), `<${address}>`];
}

/**
 * A display name: a quoted-string if it is ASCII, else encoded-words in UTF-8, which hold no octet that any reader
 * could take for syntax. ASCII that looks like an encoded-word is encoded too, or it would be decoded.
 */
function phrase(name: string): string[] {
  if (!/^[ -~]*$/.test(name) || name.includes("=?")) return encodeWords(name, WORD_OCTETS_MAX).split("\r\n ");
  return `"${name.replace(/["\\]/g, "\\$&")}"`.split(/ (?=[^ ])/);
}

function addressField(name: string, mailboxes: readonly string[][]): Buffer {
  const last = mailboxes.length - 1;
  const pieces = mailboxes.flatMap((box, index) =>
    index === last ? box : [...box.slice(0, -1), `${box.at(-1) ?? ""},`],
  );
  const [first = "", ...others] = pieces;
  let text = `${name}: ${first}`;
  let line = text.length;
  for (const piece of others) {
    const fits = line + 1 + piece.length <= LINE_CHARS;
    text += `${fits ? " " : "\r\n "}${piece}`;
    line = fits ? line + 1 + piece.length : 1 + piece.length;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** The field under another name, octet for octet; undefined when its lines are not whole. */
function renamed(message: Buffer, field: HeaderField, name: string): Buffer | undefined {
  const value = message.toString("latin1", field.colon + 1, field.end).replace(/\r\n$/, "");
  if (/\0|(?:^|[^\r])\n|\r(?:[^\n]|$)|\r\n(?:[^ \t]|$)/.test(value)) return undefined;
  return Buffer.from(`${name}:${value}\r\n`, "latin1");
}
