/**
 * Finds every address that a reader could see as the author in a From field.
 *
 * Promise:  errs on the side of more: a domain that any common reader would show as the author's is among those
 *           returned. What cannot be read for certain is undefined, never half an answer.
 * The field comes as it is on the wire, one character per octet: encoded-words, comments, quoted strings, groups, raw
 * ISO-2022-JP and raw 8-bit text all occur. See RFC 5322 §3.4 and §4.4, RFC 2047.
 */

import { toAsciiDomain } from "./address.ts";

/** More authors than this are nobody's mail, and each domain costs a look-up. */
const AUTHORS_MAX = 50;

/** Domains of all authors, in lower-case A-labels where they are host names; undefined: not readable, or none. */
export function fromDomains(field: string): string[] | undefined {
  const tokens = mailboxTokens(field)?.filter((token) => token.kind !== "comment");
  if (tokens === undefined) return undefined;
  const domains = new Set<string>();
  for (const mailbox of splitMailboxes(tokens)) {
    if (mailbox.length === 0) continue;
    const found = mailboxDomains(mailbox);
    if (found === undefined) return undefined;
    for (const domain of found) domains.add(domain);
  }
  if (domains.size === 0) return undefined;
  for (const token of tokens) {
    if (token.kind === "opaque") for (const domain of hiddenDomains(token.text)) domains.add(domain);
  }
  return domains.size > AUTHORS_MAX ? undefined : [...domains];
}

/** A piece of a list of mailboxes, as it stands there. */
export type MailboxToken =
  /** A run of characters that are not special here; 8-bit ones included. */
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "quoted"; readonly text: string }
  /** With its parentheses. */
  | { readonly kind: "comment"; readonly text: string }
  /** An encoded-word or ISO-2022-JP text: no structure for a reader that knows it. */
  | { readonly kind: "opaque"; readonly text: string }
  | { readonly kind: "special"; readonly text: string };

const SPECIAL = new Set(["<", ">", "@", ",", ";", ":"]);
/** White space is not allowed in one, but programs write it, and readers take it. */
const ENCODED_WORD = /=\?[^?\s]{1,75}\?[bq]\?[^?]*\?=/iy;
/** From an escape into JIS X 0208 (or the older set, or katakana) to the escape back to ASCII or JIS-Roman. */
// oxlint-disable-next-line no-control-regex
const JIS_TEXT = /\x1b(?:\$[@B]|\$\(D|\(I)[\x1b\x20-\x7e]*?\x1b\([BJ]/y;

/** Takes a field apart. Undefined: a comment or quoted string has no end, or there are control characters. */
export function mailboxTokens(field: string): MailboxToken[] | undefined {
  const tokens: MailboxToken[] = [];
  let at = 0;
  let word = "";
  const endWord = (): void => {
    if (word !== "") tokens.push({ kind: "word", text: word });
    word = "";
  };
  const push = (kind: Exclude<MailboxToken["kind"], "word">, text: string): void => {
    endWord();
    tokens.push({ kind, text });
  };
  while (at < field.length) {
    const char = field.charAt(at);
    const opaque =
      char === "\x1b" ? matchAt(JIS_TEXT, field, at) : char === "=" ? matchAt(ENCODED_WORD, field, at) : undefined;
    if (opaque !== undefined) {
      push("opaque", opaque);
      at += opaque.length;
    } else if (char === " " || char === "\t") {
      endWord();
      at++;
    } else if (char === "(") {
      const end = endOfComment(field, at);
      if (end === undefined) return undefined;
      push("comment", field.slice(at, end));
      at = end;
    } else if (char === '"') {
      const end = endOfQuoted(field, at);
      if (end === undefined) return undefined;
      push("quoted", field.slice(at, end));
      at = end;
    } else if (SPECIAL.has(char)) {
      push("special", char);
      at++;
    } else if (char < " " || char === "\x7f") {
      // An ISO-2022-JP text that is cut off, or worse.
      return undefined;
    } else {
      word += char;
      at++;
    }
  }
  endWord();
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Comments nest (RFC 5322 §3.2.2). Returns the position after the closing parenthesis. */
function endOfComment(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\x1b") {
      const jis = matchAt(JIS_TEXT, text, at);
      if (jis === undefined) return undefined;
      at += jis.length - 1;
    } else if (char === "\\") at++;
    else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return at + 1;
  }
  return undefined;
}

function endOfQuoted(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\x1b") {
      const jis = matchAt(JIS_TEXT, text, at);
      if (jis === undefined) return undefined;
      at += jis.length - 1;
    } else if (char === "\\") at++;
    else if (char === '"') return at + 1;
  }
  return undefined;
}

/** Splits at commas, at semicolons (some programs write them for commas) and at the colon that opens a group. */
export function splitMailboxes(tokens: readonly MailboxToken[]): MailboxToken[][] {
  const mailboxes: MailboxToken[][] = [];
  let current: MailboxToken[] = [];
  let inAngle = false;
  let plain = true;
  const next = (): void => {
    mailboxes.push(current);
    current = [];
    plain = true;
  };
  for (const token of tokens) {
    const special = token.kind === "special" ? token.text : "";
    if (special === "<") inAngle = true;
    if (special === ">") inAngle = false;
    if (!inAngle && (special === "," || special === ";")) next();
    else if (!inAngle && special === ":" && plain) {
      // A group's name says nothing of an author, unless it looks like an address.
      current = [];
    } else {
      current.push(token);
      plain &&= special === "";
    }
  }
  next();
  return mailboxes;
}

/** The domains of one mailbox: of the address in angle brackets, and of anything before it that looks like one. */
function mailboxDomains(tokens: readonly MailboxToken[]): string[] | undefined {
  const open = tokens.findIndex((token) => token.kind === "special" && token.text === "<");
  if (open === -1) {
    const domain = addressDomain(tokens);
    return domain === undefined ? undefined : [domain];
  }
  const last = tokens.at(-1);
  if (last?.kind !== "special" || last.text !== ">") return undefined;
  const inner = tokens.slice(open + 1, -1);
  if (inner.some((token) => token.kind === "special" && (token.text === "<" || token.text === ">"))) return undefined;
  const domain = addressDomain(withoutRoute(inner));
  if (domain === undefined) return undefined;
  return [domain, ...phraseDomains(tokens.slice(0, open))];
}

/** `@one,@two:` before an address (RFC 5322 §4.4) is ignored by everybody. */
export function withoutRoute(tokens: readonly MailboxToken[]): readonly MailboxToken[] {
  const [first] = tokens;
  if (first?.kind !== "special" || first.text !== "@") return tokens;
  const colon = tokens.findIndex((token) => token.kind === "special" && token.text === ":");
  return colon === -1 ? tokens : tokens.slice(colon + 1);
}

/** The domain of `local@domain`, white space and comments around its parts allowed (RFC 5322 §4.4). */
function addressDomain(tokens: readonly MailboxToken[]): string | undefined {
  const at = tokens.findIndex((token) => token.kind === "special");
  const sign = tokens[at];
  if (sign === undefined || sign.text !== "@" || at === 0 || at === tokens.length - 1) return undefined;
  const local = tokens.slice(0, at);
  const domain = tokens.slice(at + 1);
  if (!isLocalPart(local) || !isDotSeparated(domain)) return undefined;
  const name = domain.map((token) => token.text).join("");
  if (domain.some((token) => token.kind !== "word")) return undefined;
  if (name.startsWith("[")) return name.toLowerCase();
  return toAsciiDomain(Buffer.from(name, "latin1").toString("utf8"));
}

/** A local part is ASCII (SES has no SMTPUTF8) and its words are joined by dots. */
function isLocalPart(tokens: readonly MailboxToken[]): boolean {
  return (
    isDotSeparated(tokens) &&
    tokens.every((token) => (token.kind === "word" || token.kind === "quoted") && /^[\x20-\x7e]*$/.test(token.text))
  );
}

/** True when no two tokens stand side by side without a dot between them, so that joining them is what was meant. */
function isDotSeparated(tokens: readonly MailboxToken[]): boolean {
  return tokens.every((token, index) => {
    const before = tokens[index - 1];
    if (before === undefined) return true;
    if (before.kind === "word" && before.text.endsWith(".")) return true;
    return token.kind === "word" && token.text.startsWith(".");
  });
}

/** Something like an address in an unquoted display name: not allowed there, and shown as the author by some. */
function phraseDomains(tokens: readonly MailboxToken[]): string[] {
  return tokens.flatMap((token, index) => {
    const next = tokens[index + 1];
    const isSign = index > 0 && token.kind === "special" && token.text === "@";
    return isSign && next?.kind === "word" ? hostNames(next.text) : [];
  });
}

/** An address between separators, in text that has no structure for one reader but has for another. */
function hiddenDomains(text: string): string[] {
  return text.split(/[\s,;:<>]/).flatMap((part) => {
    const at = part.lastIndexOf("@");
    return at > 0 ? hostNames(part.slice(at + 1)) : [];
  });
}

/** The name in A-labels if it is one of several labels, else nothing. */
function hostNames(name: string): string[] {
  const domain = toAsciiDomain(Buffer.from(name, "latin1").toString("utf8"));
  return domain?.includes(".") === true ? [domain] : [];
}
