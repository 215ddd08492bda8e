/**
 * Threads that survive a new Message-ID: SES replaces the Message-ID of every mail, so ours goes into References,
 * and the ids that SES gave to earlier mail can be added beside the ones they replaced.
 *
 * Ids are written with their angle brackets here, as they stand in the fields. See RFC 5322 §3.6.4, and
 * https://docs.aws.amazon.com/ses/latest/dg/header-fields.html for the replaced Message-ID.
 */

import { fieldValue, type HeaderField, readHeader } from "./header-fields.ts";
import { firstOctets } from "./octets.ts";

/**
 * Octets of a References value that we write: the first id and as many of the last ones as fit are kept, for
 * readers thread by those (RFC 5537 §3.4.4 cuts so too). Room for some fifty ids; some servers refuse a header
 * section over 32 KiB.
 */
export const REFERENCES_OCTETS_MAX = 4096;

/** A longer id would not fit in a line of its own, and an id must not be folded. */
const ID_OCTETS_MAX = 900;

/** The message ids in a field value, in order, each once. What is between them (old phrases, commas) is not returned. */
export function messageIds(value: string): string[] {
  const ids = new Set<string>();
  for (const match of value.matchAll(/<[\x21-\x3b\x3d\x3f-\x7e]+>/g)) {
    if (match[0].length <= ID_OCTETS_MAX) ids.add(match[0]);
  }
  return [...ids];
}

/** A value that is no message id may be of any length and of any octets; an index of the ledger takes 2048. */
const ID_TEXT_OCTETS_MAX = 1000;

/** Message-ID of a message without angle brackets, as the ledger keeps it; undefined when there is none. */
export function messageIdText(value: string): string | undefined {
  const text = messageIds(value)[0]?.slice(1, -1) ?? value;
  return text === "" ? undefined : keptMessageId(Buffer.from(text, "latin1").toString("utf8"));
}

/** A Message-ID, without angle brackets, as far as the ledger keeps it: by this it is found. */
export function keptMessageId(text: string): string {
  return firstOctets(text, ID_TEXT_OCTETS_MAX);
}

/**
 * The ids in References and In-Reply-To of a message, without angle brackets: those to look up in the ledger when
 * SES's ids are to be added (`PrepareOptions.sesIdsOf`). Never throws.
 */
export function referencedIds(message: Buffer): string[] {
  const ids = new Set<string>();
  for (const field of readHeader(message).fields) {
    if (field.name !== "references" && field.name !== "in-reply-to") continue;
    for (const id of messageIds(fieldValue(message, field))) ids.add(id.slice(1, -1));
  }
  return [...ids];
}

/**
 * The Message-ID under which SES sends mail that it knows by `sesId`, without angle brackets. The names of the domains are
 * what has been seen on mail from SES; its documentation does not give them.
 */
export function sesMessageId(sesId: string, region: string): string {
  return `${sesId}@${region === "us-east-1" ? "email" : region}.amazonses.com`;
}

/** True for an id (without angle brackets) that SES has given. */
export function isSesMessageId(id: string): boolean {
  return /@[a-z0-9-]+\.amazonses\.com$/i.test(id);
}

/** What a field of ids is to hold. */
export interface WantedIds {
  readonly ids: readonly string[];
  /** True when ids were added. */
  readonly hasNews: boolean;
  /** True when ids in the middle were left out. */
  readonly isCut: boolean;
}

/**
 * Decides on References and In-Reply-To from the ids that a message has in them and its own Message-ID (undefined:
 * none, or not to be kept).
 *
 * A message that has In-Reply-To and no References gets the former's ids into the new References first: readers
 * that find References look at nothing else.
 */
export function threadFields(known: {
  readonly references: readonly string[];
  readonly inReplyTo: readonly string[];
  readonly ownId: string | undefined;
  readonly sesIdsOf: (id: string) => readonly string[];
}): { references: WantedIds; inReplyTo: WantedIds } {
  const { references, inReplyTo, ownId, sesIdsOf } = known;
  const parents = references.length > 0 ? references : inReplyTo;
  const withSesIds = addSesIds(parents, sesIdsOf);
  const wanted = ownId === undefined || withSesIds.includes(ownId) ? withSesIds : [...withSesIds, ownId];
  const hasNews = wanted.length > parents.length;
  const ids = hasNews ? cutReferences(wanted) : wanted;
  const replied = addSesIds(inReplyTo, sesIdsOf);
  return {
    references: { ids, hasNews, isCut: ids.length < wanted.length },
    inReplyTo: { ids: replied, hasNews: replied.length > inReplyTo.length, isCut: false },
  };
}

/** A whole field with one id a line, so that no line is long. `name` is written as given. */
export function formatIdField(name: string, ids: readonly string[]): Buffer {
  return Buffer.from(`${name}: ${ids.join("\r\n ")}\r\n`, "latin1");
}

/** Each id followed by the ones that SES gave to that mail. */
function addSesIds(ids: readonly string[], sesIdsOf: (id: string) => readonly string[]): string[] {
  const result = new Set<string>();
  for (const id of ids) {
    result.add(id);
    for (const sesId of sesIdsOf(id.slice(1, -1))) {
      const bracketed = `<${sesId}>`;
      if (messageIds(bracketed)[0] === bracketed) result.add(bracketed);
    }
  }
  return [...result];
}

function cutReferences(ids: readonly string[]): readonly string[] {
  const octetsOf = (id: string): number => id.length + "\r\n ".length;
  const total = ids.reduce((sum, id) => sum + octetsOf(id), 0);
  const [first] = ids;
  if (total <= REFERENCES_OCTETS_MAX || first === undefined) return ids;
  let room = REFERENCES_OCTETS_MAX - octetsOf(first);
  let from = ids.length;
  while (from > 1) {
    room -= octetsOf(ids[from - 1] ?? "");
    if (room < 0) break;
    from--;
  }
  return [first, ...ids.slice(from)];
}

/** The ids of all copies of a field, in order, each once. */
export function idsOfCopies(message: Buffer, copies: readonly HeaderField[]): string[] {
  return messageIds(copies.map((copy) => fieldValue(message, copy)).join(" "));
}
