/**
 * What becomes of a message to a recipient: the mailbox simulator of SES, and the same for what it cannot simulate.
 *
 * At `simulator.amazonses.com`, case and a `+label` aside, the local part decides. As SES has them:
 *
 * | local part | events after Send |
 * |---|---|
 * | success | Delivery |
 * | bounce | Bounce Permanent/General, 5.1.1; not put on the suppression list |
 * | ooto | Delivery (the automatic reply goes to SES's own return path) |
 * | complaint | Delivery, Complaint |
 * | suppressionlist | Bounce Permanent/Suppressed |
 *
 * Local only, for tests and for people who want to see what a failure looks like:
 *
 * | local part | events after Send |
 * |---|---|
 * | delay | DeliveryDelay, later Delivery |
 * | timeout | DeliveryDelay, later Bounce Transient/CustomTimeoutExceeded, 4.4.7 |
 * | softbounce | Bounce Transient/General, 4.0.0 |
 * | mailboxfull | Bounce Transient/MailboxFull, 5.2.2 |
 * | toolarge | Bounce Transient/MessageTooLarge, 5.3.4 |
 * | contentrejected | Bounce Transient/ContentRejected, 5.7.1 |
 * | attachmentrejected | Bounce Transient/AttachmentRejected, 5.7.1 |
 * | noemail | Bounce Permanent/NoEmail, 5.1.1 |
 * | undetermined | Bounce Undetermined/Undetermined, without status and diagnostic code |
 * | barebounce | Bounce Permanent/General with nothing but the address |
 * | latebounce | Delivery, later Bounce Permanent/General |
 * | twice | Delivery, Delivery again |
 * | complaintsuppressed | Complaint with the subtype OnAccountSuppressionList: never sent |
 * | silent | none |
 * | reject | Reject "Bad content" for the whole message, as with the EICAR test string in it |
 *
 * Everything else, there and elsewhere, is delivered.
 * See https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator.
 */

const SIMULATOR_DOMAIN = "simulator.amazonses.com";

/** One thing that happens to one recipient. Undefined members are absent from the event. */
export type Outcome =
  | { readonly type: "Delivery" }
  | { readonly type: "DeliveryDelay"; readonly delayType: string; readonly status: string; readonly text: string }
  | {
      readonly type: "Bounce";
      readonly bounceType: "Permanent" | "Transient" | "Undetermined";
      readonly bounceSubType: string;
      readonly status?: string;
      readonly diagnosticCode?: string;
      /** Bounced by SES itself, which did not try. */
      readonly bySes?: boolean;
    }
  | { readonly type: "Complaint"; readonly subType: string | null };

const DELIVERED: Outcome = { type: "Delivery" };
const UNREACHABLE: Outcome = {
  type: "DeliveryDelay",
  delayType: "TransientCommunicationFailure",
  status: "4.4.1",
  text: "smtp; 421 4.4.1 Unable to connect to remote host",
};
const UNKNOWN_USER = bounce("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown");

const OUTCOMES: Readonly<Record<string, readonly Outcome[]>> = {
  success: [DELIVERED],
  bounce: [UNKNOWN_USER],
  ooto: [DELIVERED],
  complaint: [DELIVERED, { type: "Complaint", subType: null }],
  suppressionlist: [suppressed("Suppressed", "the global suppression list")],
  delay: [UNREACHABLE, DELIVERED],
  timeout: [
    UNREACHABLE,
    bounce("Transient", "CustomTimeoutExceeded", "4.4.7", "smtp; 550 4.4.7 Message expired: unable to deliver in time"),
  ],
  softbounce: [bounce("Transient", "General", "4.0.0", "smtp; 450 4.0.0 try again later")],
  mailboxfull: [bounce("Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 mailbox is full")],
  toolarge: [bounce("Transient", "MessageTooLarge", "5.3.4", "smtp; 552 5.3.4 message is too large")],
  contentrejected: [bounce("Transient", "ContentRejected", "5.7.1", "smtp; 554 5.7.1 message content is not accepted")],
  attachmentrejected: [
    bounce("Transient", "AttachmentRejected", "5.7.1", "smtp; 552 5.7.1 attachment is not accepted"),
  ],
  noemail: [bounce("Permanent", "NoEmail", "5.1.1", "smtp; 550 5.1.1 no such address here")],
  undetermined: [{ type: "Bounce", bounceType: "Undetermined", bounceSubType: "Undetermined" }],
  barebounce: [{ type: "Bounce", bounceType: "Permanent", bounceSubType: "General" }],
  latebounce: [DELIVERED, UNKNOWN_USER],
  twice: [DELIVERED, DELIVERED],
  complaintsuppressed: [{ type: "Complaint", subType: "OnAccountSuppressionList" }],
  silent: [],
  reject: [],
};

/** What happens to a recipient that is on no suppression list, in order. */
export function outcomesFor(address: string): readonly Outcome[] {
  const name = simulatorName(address);
  return (name !== undefined && Object.hasOwn(OUTCOMES, name) ? OUTCOMES[name] : undefined) ?? [DELIVERED];
}

/** What happens to a recipient on the list of the account or of the tenant. */
export function outcomesWhenSuppressed(scope: "ACCOUNT" | "TENANT"): readonly Outcome[] {
  return scope === "TENANT"
    ? [suppressed("OnTenantSuppressionList", "the suppression list for your tenant")]
    : [suppressed("OnAccountSuppressionList", "the suppression list for your account")];
}

/** Mail to the simulator counts against the rate, not against the daily quota. */
export function isSimulator(address: string): boolean {
  return address.toLowerCase().endsWith(`@${SIMULATOR_DOMAIN}`);
}

/** True when SES takes the message and then finds that it may not go out. */
export function isRejectedAfterwards(message: Buffer, recipients: readonly string[]): boolean {
  return recipients.some((address) => simulatorName(address) === "reject") || containsEicar(message);
}

/** In two pieces, so that no virus scanner takes this file for what it describes. */
const EICAR = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
/** An attachment's first line of base64; 72 characters, since lines may end at 76. */
const EICAR_BASE64 = Buffer.from(EICAR).toString("base64").slice(0, 72);

function containsEicar(message: Buffer): boolean {
  return message.includes(EICAR, 0, "latin1") || message.includes(EICAR_BASE64, 0, "latin1");
}

function simulatorName(address: string): string | undefined {
  if (!isSimulator(address)) return undefined;
  const local = address.slice(0, address.lastIndexOf("@")).toLowerCase();
  return local.split("+")[0];
}

function bounce(bounceType: "Permanent" | "Transient", bounceSubType: string, status: string, text: string): Outcome {
  return { type: "Bounce", bounceType, bounceSubType, status, diagnosticCode: text };
}

function suppressed(bounceSubType: string, list: string): Outcome {
  const diagnosticCode = `Amazon SES did not send the message to this address because it is on ${list}.`;
  return { type: "Bounce", bounceType: "Permanent", bounceSubType, status: "5.1.1", diagnosticCode, bySes: true };
}
