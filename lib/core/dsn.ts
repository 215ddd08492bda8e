/**
 * A delivery status notification: a value in, the bytes of a mail out.
 *
 * Promise:  multipart/report of RFC 3464 and 6522 that Amazon SES takes as it is: each top field once, no line above
 *           998 octets, CRLF line ends, a boundary that occurs nowhere inside. Same value, same bytes.
 * Privacy:  names the recipients it is given and no others.
 * Failure:  strange values cost a field, never the report; RangeError only for what a caller must not ask for.
 */

import { isAddress, parseAddress } from "./address.ts";
import { mailDate, UTC_OFFSET_MINUTES } from "./dsn-date.ts";
import { deliveryStatus, type RecipientFields } from "./dsn-fields.ts";
import {
  isEightBit,
  ORIGINAL_BYTES_MAX,
  originalSubject,
  type ReturnedOriginal,
  returnedOriginal,
} from "./dsn-original.ts";
import { type DsnReason, isContentTheCause } from "./dsn-reasons.ts";
import type { DsnAction } from "./dsn-status.ts";
import { encodeWords } from "./dsn-subject.ts";
import { type DsnLanguage, dsnSubject, dsnText } from "./dsn-text.ts";
import type { QueueId } from "./queue-id.ts";

/** One recipient that the report speaks of. */
export interface DsnRecipient extends RecipientFields {
  /** Index of the recipient within the message. */
  readonly index: number;
  /** What the human part explains. */
  readonly reason: DsnReason;
  /** The remote server's own words; without them the human part quotes the Diagnostic-Code. */
  readonly remoteText?: string;
  /** The sender asked for no notice of failure, so the text must not promise one. */
  readonly failureNotAskedFor?: true;
}

/** All that a report is made from. Times are RFC 3339. */
export interface DsnInput {
  /** Of the message reported on. */
  readonly id: QueueId;
  /** Whose suppression list the text names. */
  readonly tenant?: string;
  /** The relay's verified system address. */
  readonly from: string;
  /** Return path of the original. */
  readonly to: string;
  /** Our own host name. */
  readonly reportingMta: string;
  /** Decoded ENVID. */
  readonly envid?: string;
  /** When the edge took the message. */
  readonly arrival: string;
  /** With or without angle brackets. */
  readonly originalMessageId?: string;
  /** Raw octets of the original's Subject field, with or without its name; left out, it is read from `original`. */
  readonly originalSubject?: Uint8Array;
  readonly language: DsnLanguage;
  readonly ret?: "FULL" | "HDRS";
  /** The message as received, header and body; empty when it is kept no longer: the report then returns nothing. */
  readonly original: Buffer;
  /** Default `ORIGINAL_BYTES_MAX`. */
  readonly originalBytesMax?: number;
  /** At least one, all with the same action. */
  readonly recipients: readonly DsnRecipient[];
  readonly now: string;
  /** Without angle brackets; SES puts its own in its place. */
  readonly messageId: string;
  /** Wish for the boundary; another one is derived from it when this occurs in the content. */
  readonly boundary: string;
}

/** The boundary of the report on a message. */
export function dsnBoundary(id: QueueId): string {
  return `=_dsn_${id}`;
}

/** The Message-ID (without angle brackets) of the report with the queue id `dsnId`. */
export function dsnMessageId(dsnId: QueueId, hostName: string): string {
  return `${dsnId}@${hostName}`;
}

/**
 * Writes the report. Throws RangeError when there is no recipient, when recipients have different actions, when
 * `from` or `to` is no address, or when `boundary` is no MIME boundary of at most 60 characters.
 */
export function composeDsn(input: DsnInput): Buffer {
  const action = checkedAction(input);
  const returned = returnedOriginal(input.original, returnsAll(input, action), bytesMax(input));
  const text = textPart(input, action, returned);
  const status = Buffer.from(deliveryStatus(input, input.recipients, UTC_OFFSET_MINUTES[input.language]), "latin1");
  const boundary = freeBoundary(input.boundary, [text, status, returned.bytes]);
  const delimiter = `\r\n--${boundary}`;
  const textIsEightBit = isEightBit(text);
  const originalIsEightBit = isEightBit(returned.bytes);
  return Buffer.concat([
    Buffer.from(topHeader(input, action, boundary, textIsEightBit || originalIsEightBit), "latin1"),
    partHeader(
      delimiter,
      "Notification",
      `text/plain; charset=${textIsEightBit ? "utf-8" : "us-ascii"}`,
      textIsEightBit,
    ),
    text,
    partHeader(delimiter, "Delivery report", "message/delivery-status", false),
    status,
    ...(input.original.length === 0 ? [] : [originalHeader(delimiter, returned, originalIsEightBit), returned.bytes]),
    Buffer.from(`${delimiter}--\r\n`, "latin1"),
  ]);
}

function checkedAction(input: DsnInput): DsnAction {
  const actions = new Set(input.recipients.map((recipient) => recipient.action));
  const [action] = actions;
  if (action === undefined || actions.size !== 1) {
    throw new RangeError(`a DSN needs recipients with one action, got ${actions.size} actions`);
  }
  for (const address of [input.from, input.to]) {
    if (!isAddress(parseAddress(address))) throw new RangeError("a DSN needs an address to come from and to go to");
  }
  // RFC 2046 §5.1.1, less the characters that would need care inside quotes; 70 less what `freeBoundary` may add.
  if (!/^[A-Za-z0-9'()+_,./:=?-]{1,60}$/.test(input.boundary)) throw new RangeError("that is no MIME boundary");
  return action;
}

/**
 * RET concerns failures; other reports return the header (RFC 3461 §4.3). So does a failure that the content itself
 * caused: SES or the next server would refuse the report along with it.
 */
function returnsAll(input: DsnInput, action: DsnAction): boolean {
  const contentIsCause = input.recipients.some((recipient) => isContentTheCause(recipient.reason));
  return action === "failed" && input.ret !== "HDRS" && !contentIsCause;
}

function bytesMax(input: DsnInput): number {
  return input.originalBytesMax ?? ORIGINAL_BYTES_MAX;
}

function topHeader(input: DsnInput, action: DsnAction, boundary: string, eightBit: boolean): string {
  const { keyword, translation } = dsnSubject(action, input.language);
  const date = mailDate(input.now, UTC_OFFSET_MINUTES[input.language]);
  const messageId = bareMessageId(input.messageId);
  const references = bareMessageId(input.originalMessageId ?? "");
  return [
    `From: Mail Delivery System <${input.from}>`,
    `To: <${input.to}>`,
    `Subject: ${keyword}${translation === undefined ? "" : ` /\r\n ${encodeWords(translation)}`}`,
    ...(date === undefined ? [] : [`Date: ${date}`]),
    ...(messageId === undefined ? [] : [`Message-ID: <${messageId}>`]),
    ...(references === undefined ? [] : [`References: <${references}>`]),
    "Auto-Submitted: auto-replied",
    // Exchange answers mail that looks personal; this is how it is told not to.
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
    `Content-Transfer-Encoding: ${eightBit ? "8bit" : "7bit"}`,
    "",
  ].join("\r\n");
}

/** A Message-ID without its brackets if it can stand in a header field, else undefined. */
function bareMessageId(text: string): string | undefined {
  const id = text.trim().replace(/^<|>$/g, "");
  return /^[!-;=?-~]{1,900}$/.test(id) ? id : undefined;
}

function partHeader(delimiter: string, description: string, type: string, eightBit: boolean): Buffer {
  const lines = [
    delimiter,
    `Content-Description: ${description}`,
    `Content-Type: ${type}`,
    `Content-Transfer-Encoding: ${eightBit ? "8bit" : "7bit"}`,
    "",
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}

function originalHeader(delimiter: string, returned: ReturnedOriginal, eightBit: boolean): Buffer {
  const whole = returned.type === "message/rfc822";
  const charset = !whole && eightBit && isUtf8(returned.bytes) ? "; charset=utf-8" : "";
  return partHeader(delimiter, whole ? "Original message" : "Original header", returned.type + charset, eightBit);
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const TEXT_LINE_OCTETS_MAX = 990;

function textPart(input: DsnInput, action: DsnAction, returned: ReturnedOriginal): Buffer {
  const { originalMessageId } = input;
  const subject = input.originalSubject ?? originalSubject(input.original);
  const value = {
    id: input.id,
    action,
    arrival: input.arrival,
    ...(originalMessageId === undefined ? {} : { originalMessageId }),
    ...(subject === undefined ? {} : { originalSubject: subject }),
    ...(input.original.length === 0 ? {} : { returned: returned.type }),
    recipients: input.recipients,
  };
  return Buffer.from(`${dsnText(value, input.language).flatMap(foldText).join("\r\n")}\r\n`);
}

/** Cuts a line between characters so that no piece has more octets than a line may have. */
function foldText(line: string): string[] {
  if (Buffer.byteLength(line) <= TEXT_LINE_OCTETS_MAX) return [line];
  const out: string[] = [];
  let piece = "";
  let octets = 0;
  for (const char of line) {
    const size = Buffer.byteLength(char);
    if (octets + size > TEXT_LINE_OCTETS_MAX) {
      out.push(piece);
      piece = "    ";
      octets = piece.length;
    }
    piece += char;
    octets += size;
  }
  return [...out, piece];
}

/**
 * A boundary that occurs in no part. A number goes in front, not behind: a parser compares only the beginning of a
 * line (RFC 2046 §5.1.1), so an inner boundary that ours merely extends would end the inner part too early.
 */
function freeBoundary(wish: string, parts: readonly Buffer[]): string {
  let boundary = wish;
  for (let n = 1; parts.some((part) => part.includes(`--${boundary}`)); n++) boundary = `${n}${wish}`;
  return boundary;
}
