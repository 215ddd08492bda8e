/**
 * The authors of a From field as a reader sees them: name and address of each.
 *
 * Promise:  any field gives an answer, and the cost is linear. A well-formed field gives every author; of one that is
 *           not, what can be made out of it.
 * For showing and for replies only: who may send is decided by `fromDomains`, which never guesses.
 * The field comes as it is on the wire, one character per octet. See RFC 5322 §3.4, RFC 2047 §5.
 */

import { formatAddress, isAddress, parseAddress, toAsciiDomain } from "./address.ts";
import { headerText } from "./dsn-subject.ts";
import { type MailboxToken, mailboxTokens, splitMailboxes, withoutRoute } from "./header-from.ts";

/** One author. */
export interface Author {
  /** Decoded; empty when there is none. */
  readonly name: string;
  /** As written, the quotes of a quoted-string kept; empty when there is no address at all. */
  readonly local: string;
  /** Lower case, in A-labels where it is a host name; undefined for a bare name such as `root`. */
  readonly domain: string | undefined;
}

/** More are nobody's mail; `fromDomains` takes no more either. */
const AUTHORS_MAX = 50;
/** Octets that are looked at where nothing can be told apart. */
const GUESSED_OCTETS_MAX = 2_000;
const ADDRESS_CHARS_MAX = 320;
/** From an escape into a Japanese set to the escape back, or a quoted pair. */
// oxlint-disable-next-line no-control-regex
const JIS_OR_PAIR = /\x1b(?:\$[@B]|\$\(D|\(I)[\x1b\x20-\x7e]*?\x1b\([BJ]|\\([\s\S])/g;

/** See the head of this file. */
export function readAuthors(field: string): Author[] {
  const tokens = mailboxTokens(field);
  if (tokens === undefined) return guessedAuthors(field);
  return splitMailboxes(tokens)
    .filter((mailbox) => mailbox.some((token) => token.kind !== "comment"))
    .slice(0, AUTHORS_MAX)
    .map(authorOf);
}

/** `local@domain`, or what there is of it. */
export function authorAddress(author: Author): string {
  return author.domain === undefined ? author.local : `${author.local}@${author.domain}`;
}

/** The address if mail can be sent to it, else undefined. */
export function replyableAddress(author: Author): string | undefined {
  if (author.domain === undefined) return undefined;
  const address = parseAddress(authorAddress(author));
  return isAddress(address) ? formatAddress(address) : undefined;
}

function authorOf(mailbox: readonly MailboxToken[]): Author {
  const isOpen = (token: MailboxToken): boolean => token.kind === "special" && token.text === "<";
  const open = mailbox.findIndex(isOpen);
  if (open !== -1) {
    const close = mailbox.findIndex((token, at) => at > open && token.kind === "special" && token.text === ">");
    const inside = close === -1 ? mailbox.slice(open + 1) : mailbox.slice(open + 1, close);
    return { ...addressOf(withoutRoute(withoutComments(inside))), name: nameOf(mailbox, mailbox.slice(0, open)) };
  }
  const address = addressOf(withoutComments(mailbox));
  // Old style: the name in a comment behind the address.
  return address.local === "" ? { ...address, name: phraseText(mailbox) } : { ...address, name: nameOf(mailbox, []) };
}

/** The phrase before the address; without one, the comments. */
function nameOf(mailbox: readonly MailboxToken[], before: readonly MailboxToken[]): string {
  const phrase = phraseText(withoutComments(before));
  return phrase === "" ? phraseText(mailbox.filter((token) => token.kind === "comment")) : phrase;
}

function withoutComments(tokens: readonly MailboxToken[]): readonly MailboxToken[] {
  return tokens.filter((token) => token.kind !== "comment");
}

/** `local@domain`, or one word; else nothing. */
function addressOf(tokens: readonly MailboxToken[]): Omit<Author, "name"> {
  const at = tokens.findLastIndex((token) => token.kind === "special" && token.text === "@");
  if (at === -1) {
    const [only, ...others] = tokens;
    const isName = others.length === 0 && (only?.kind === "word" || only?.kind === "quoted");
    return { local: isName ? shown(joined([only])) : "", domain: undefined };
  }
  const local = joined(tokens.slice(0, at));
  const domain = joined(tokens.slice(at + 1));
  const name = toAsciiDomain(Buffer.from(domain, "latin1").toString("utf8")) ?? shown(domain).toLowerCase();
  if (local === "" || name === "") return { local: "", domain: undefined };
  return { local: shown(local), domain: name };
}

function joined(tokens: readonly MailboxToken[]): string {
  return tokens
    .map((token) => token.text)
    .join("")
    .slice(0, ADDRESS_CHARS_MAX);
}

/** What no address may hold made harmless; plain ASCII stays as it is. */
function shown(text: string): string {
  return /^[ -~]*$/.test(text) ? text : headerText(Buffer.from(text, "latin1"));
}

function phraseText(tokens: readonly MailboxToken[]): string {
  return headerText(Buffer.from(tokens.map(tokenText).join(" "), "latin1"));
}

function tokenText(token: MailboxToken): string {
  const isWrapped = token.kind === "quoted" || token.kind === "comment";
  if (!isWrapped) return token.text;
  return token.text.slice(1, -1).replace(JIS_OR_PAIR, (all, pair: string | undefined) => pair ?? all);
}

/** Of a field whose quotes or comments have no end: what looks like addresses, else all of it as a name. */
function guessedAuthors(field: string): Author[] {
  const text = field.slice(0, GUESSED_OCTETS_MAX);
  const found = [...text.matchAll(/([!#-'*+./0-9=?A-Z^-~-]{1,64})@([A-Za-z0-9.-]{1,253})/g)];
  const authors = found.slice(0, AUTHORS_MAX).flatMap(([, local = "", domain = ""]) => {
    const name = toAsciiDomain(domain);
    return name === undefined ? [] : [{ name: "", local, domain: name }];
  });
  if (authors.length > 0) return authors;
  const name = headerText(Buffer.from(text, "latin1"));
  return name === "" ? [] : [{ name, local: "", domain: undefined }];
}
