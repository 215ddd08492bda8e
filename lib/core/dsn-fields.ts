/**
 * Part 2 of a report: `message/delivery-status`, for machines (RFC 3464 §2).
 *
 * Everything here is US-ASCII whatever came in: a value can neither break a line, nor end its group, nor leave
 * 7 bits. One blank line stands between groups.
 */

import { mailDate } from "./dsn-date.ts";
import { type DsnAction, isOwnDiagnostic, normalStatus, typedDiagnostic } from "./dsn-status.ts";

/** Values of the fields about the message (RFC 3464 §2.2). */
export interface MessageFields {
  readonly id: string;
  /** Our own host name. */
  readonly reportingMta: string;
  /** Decoded ENVID; only if the client gave one. */
  readonly envid?: string;
  /** RFC 3339. */
  readonly arrival: string;
}

/** Values of the fields about one recipient (RFC 3464 §2.3). */
export interface RecipientFields {
  readonly finalRecipient: string;
  /** Decoded ORCPT; only if the client gave one. */
  readonly originalRecipient?: { readonly type: string; readonly value: string };
  readonly action: DsnAction;
  readonly status: string;
  /** With its type: `smtp; 550 5.1.1 ...`. */
  readonly diagnosticCode?: string;
  /** Name of the remote server; left out when the diagnostic shows that none was involved. */
  readonly remoteMta?: string;
  /** RFC 3339; written for `delayed` only. */
  readonly willRetryUntil?: string;
  /** RFC 3339. */
  readonly lastAttempt?: string;
  readonly sesReportingMta?: string;
  readonly sesMessageId?: string;
}

/** The part's content with CRLF line ends; ends with one. Times are shown at the given minutes east of UTC. */
export function deliveryStatus(
  message: MessageFields,
  recipients: readonly RecipientFields[],
  offsetMinutes: number,
): string {
  const groups = [
    [
      field("Reporting-MTA", typed("dns", message.reportingMta)),
      field("Original-Envelope-Id", asciiXtext(message.envid ?? "")),
      field("Arrival-Date", mailDate(message.arrival, offsetMinutes)),
      field("X-Relayhost-Queue-Id", message.id),
    ],
    ...recipients.map((recipient) => recipientGroup(recipient, offsetMinutes)),
  ];
  return groups.map((fields) => fields.join("")).join("\r\n");
}

/** The order of RFC 3464 §2.3. */
function recipientGroup(recipient: RecipientFields, offsetMinutes: number): string[] {
  const { originalRecipient: original, diagnosticCode } = recipient;
  const diagnostic = diagnosticCode === undefined ? "" : typedDiagnostic(ascii(diagnosticCode));
  return [
    field("Original-Recipient", original === undefined ? undefined : originalAddress(original)),
    field("Final-Recipient", typed("rfc822", recipient.finalRecipient)),
    field("Action", recipient.action),
    field("Status", normalStatus(recipient.status, recipient.action)),
    field(
      "Remote-MTA",
      isOwnDiagnostic(diagnostic) || !recipient.remoteMta ? undefined : typed("dns", recipient.remoteMta),
    ),
    field("Diagnostic-Code", diagnostic),
    field("Last-Attempt-Date", mailDate(recipient.lastAttempt, offsetMinutes)),
    field(
      "Will-Retry-Until",
      recipient.action === "delayed" ? mailDate(recipient.willRetryUntil, offsetMinutes) : undefined,
    ),
    field("X-SES-Reporting-MTA", ascii(recipient.sesReportingMta ?? "")),
    field("X-SES-Message-Id", ascii(recipient.sesMessageId ?? "")),
  ];
}

/** Type as given; the value decoded, in its own letter case (RFC 3461 §4.2). `utf-8` has its own escapes (RFC 6533 §3). */
function originalAddress(original: { readonly type: string; readonly value: string }): string {
  const type = /^[A-Za-z0-9-]+$/.test(original.type) ? original.type : "unknown";
  const value = type.toLowerCase() === "utf-8" ? asciiUnitext(original.value) : asciiXtext(original.value);
  return value.trim() === "" ? "" : `${type}; ${value}`;
}

/** Puts a type in front of a name that has none. */
function typed(type: string, value: string): string {
  const name = ascii(value);
  return name === "" || /^[A-Za-z0-9-]+\s*;/.test(name) ? name : `${type}; ${name}`;
}

/** One line of printable ASCII: line ends and controls become spaces, what is not ASCII `?`. */
function ascii(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .replace(/[^\x20-\x7e]/gu, "?")
    .replace(/ +/g, " ")
    .trim();
}

/** Printable ASCII as it is; any other octet stays in xtext, so that the value can still be told from others. */
function asciiXtext(text: string): string {
  return text.replace(/[^\x20-\x7e]+/gu, (part) =>
    [...Buffer.from(part)].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** `\x{...}` for what is not printable ASCII (RFC 6533 §3, utf-8-addr-xtext). */
function asciiUnitext(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (char) => `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

const LINE_SOFT_MAX = 76;
/** With the longest field name in front a line still stays below 998 octets. */
const WORD_MAX = 900;

/** One field with its line end, folded at spaces; nothing at all when there is no value. `value` is ASCII. */
function field(name: string, value: string | undefined): string {
  if (value === undefined || value.trim() === "") return "";
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(" ").flatMap(pieces)) {
    if (line.length + 1 + word.length > LINE_SOFT_MAX && line !== `${name}:` && line.trim() !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return `${[...lines, line].join("\r\n")}\r\n`;
}

/** A word that no line could hold is cut; it can only be nonsense, but it must not cost the report. */
function pieces(word: string): string[] {
  return word.length <= WORD_MAX ? [word] : (word.match(new RegExp(`.{1,${WORD_MAX}}`, "g")) ?? []);
}
