/**
 * What SES refuses of a raw message and its destination, before any look at who may send it.
 *
 * Every refusal is a BadRequestException in SES's wording where senders have reported it. One bad recipient refuses the
 * whole call. The message itself is only read.
 * See https://docs.aws.amazon.com/ses/latest/dg/header-fields.html and .../quotas.html.
 */

import { badRequest } from "./ses-error.ts";
import { addressProblem, readMailboxes } from "./ses-mailboxes.ts";
import { fieldsNamed, type HeaderField, hasLongLine, readHeader } from "./ses-mime-header.ts";
import type { SendEmailRequest } from "./ses-send-request.ts";

/** "40 MB after base64" (quotas page). Read as the smaller of the two megabytes: which one SES means is not known. */
export const SES_BASE64_BYTES_MAX = 40_000_000;
/** Recipients of one call, over To, Cc and Bcc (quotas page). */
export const SES_RECIPIENTS_MAX = 50;

/** Fields that may stand once (header-fields page). Compared without case. */
export const ONCE_ONLY_FIELDS: ReadonlySet<string> = new Set(
  [
    "Accept-Language acceptLanguage Archived-At Auto-Submitted Bounces-to Comments",
    "Content-Alternative Content-Base Content-Class Content-Description Content-Disposition Content-Duration",
    "Content-ID Content-Language Content-Length Content-Location Content-MD5 Content-Transfer-Encoding Content-Type",
    "Date Delivered-To Disposition-Notification-Options Disposition-Notification-To DKIM-Signature",
    "DomainKey-Signature Errors-To From Importance In-Reply-To Keywords",
    "List-Archive List-Help List-Id List-Owner List-Post List-Subscribe List-Unsubscribe List-Unsubscribe-Post",
    "Message-Context Message-ID MIME-Version Organization",
    "Original-From Original-Message-ID Original-Recipient Original-Subject Precedence Priority",
    "References Reply-To Return-Path Return-Receipt-To Sender Solicitation Sensitivity Subject",
    "Thread-Index Thread-Topic User-Agent VBR-Info",
  ].flatMap((line) => line.toLowerCase().split(" ")),
);

/** A message that SES would take from a sender who may send it. */
export interface CheckedMessage {
  readonly header: readonly HeaderField[];
  /** Bare addresses: the destination, or To, Cc and Bcc of the message where the request names none. */
  readonly recipients: readonly string[];
  /** Addresses that must be verified, in the order in which SES names them. */
  readonly senders: readonly string[];
  /** The address that the events call the source. */
  readonly source: string;
}

/** Throws BadRequestException for the first thing that is wrong. */
export function checkMessage(request: SendEmailRequest, options: { refuseLongLines: boolean }): CheckedMessage {
  if (request.data.length === 0) throw badRequest("Content.Raw.Data must not be empty.");
  if (request.base64Length > SES_BASE64_BYTES_MAX) {
    throw badRequest(`Message length is more than ${SES_BASE64_BYTES_MAX} bytes long: '${request.base64Length}'.`);
  }
  const header = readHeader(request.data);
  if (options.refuseLongLines && hasLongLine(request.data)) {
    throw badRequest("The message contains a line longer than 1000 characters.");
  }
  checkOnceOnly(header);
  checkRecipientField(header, "To");
  checkRecipientField(header, "Cc");
  const recipients = recipientsOf(request, header);
  const from = fromAddresses(request, header);
  const others = ["Sender", "Return-Path"].flatMap((name) => addressesOf(header, name));
  const feedback = request.feedbackForwardingEmailAddress;
  if (feedback !== undefined) others.push(bareAddress(feedback));
  return { header, recipients, senders: [...new Set([...from, ...others])], source: from[0] ?? "" };
}

function checkOnceOnly(header: readonly HeaderField[]): void {
  const seen = new Set<string>();
  for (const { name } of header) {
    const key = name.toLowerCase();
    if (!ONCE_ONLY_FIELDS.has(key)) continue;
    if (seen.has(key)) throw badRequest(`Duplicate header '${name}'.`);
    seen.add(key);
  }
}

/** An empty field is refused, an absent one is not: `Bcc`-only mail passes without a To. */
function checkRecipientField(header: readonly HeaderField[], name: "To" | "Cc"): void {
  for (const field of fieldsNamed(header, name)) {
    const { addresses, hasGroup } = readMailboxes(field.value);
    if (name === "To" && addresses.length === 0 && !hasGroup) throw badRequest("Empty required header 'To'.");
    for (const address of addresses) refuse(addressProblem(address));
  }
}

function recipientsOf(request: SendEmailRequest, header: readonly HeaderField[]): string[] {
  const { to, cc, bcc } = request.destination;
  const given = [...to, ...cc, ...bcc];
  const recipients =
    given.length > 0 ? given.map(bareAddress) : ["To", "Cc", "Bcc"].flatMap((name) => addressesOf(header, name));
  for (const recipient of recipients) refuse(addressProblem(recipient));
  if (recipients.length === 0) throw badRequest("Missing required header 'To'.");
  if (recipients.length > SES_RECIPIENTS_MAX) throw badRequest(`Recipient count exceeds ${SES_RECIPIENTS_MAX}.`);
  return recipients;
}

/** `FromEmailAddress` replaces the From of the message, so that one is then not looked at. */
function fromAddresses(request: SendEmailRequest, header: readonly HeaderField[]): string[] {
  const given = request.fromEmailAddress;
  const addresses = given === undefined ? addressesOf(header, "From") : [bareAddress(given)];
  if (addresses.length === 0) throw badRequest("Missing required header 'From'.");
  for (const address of addresses) refuse(addressProblem(address));
  return addresses;
}

function addressesOf(header: readonly HeaderField[], name: string): string[] {
  return fieldsNamed(header, name).flatMap((field) => readMailboxes(field.value).addresses);
}

/** The address of one entry of a request, which may carry a display name. */
function bareAddress(entry: string): string {
  const { addresses } = readMailboxes(entry);
  return addresses.length === 1 ? (addresses[0] ?? "") : entry.trim();
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw badRequest(problem);
}
