/**
 * Amazon SES events: JSON text to a closed union.
 *
 * See https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. Unknown fields are
 * passed over, an unknown event type becomes `Other`, an unknown subtype stays as its text: SES adds new ones.
 */

import { SES_TAG } from "./names.ts";
import { parseQueueId, type QueueId } from "./queue-id.ts";
import { parseRecipientTag } from "./recipient-tag.ts";

/** What SES says of one recipient of a bounce or delay; each field only if the remote server gave one. */
export interface SesRecipientReport {
  readonly address: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnosticCode?: string;
}

interface Common {
  readonly sesId: string;
  /** Our tags, absent on mail that did not come from this relay. */
  readonly id: QueueId | undefined;
  /** Indexes, within the message, of the recipients that the call had; empty on mail without our tags. */
  readonly recipientIndexes: readonly number[];
  readonly tenant: string | undefined;
  /** RFC 3339 time of the event itself. */
  readonly at: string;
  /** Envelope recipients of the SES call. */
  readonly destination: readonly string[];
}

/** An event, closed: whoever switches over `type` has seen all there are. */
export type SesEvent =
  | (Common & { readonly type: "Send" })
  | (Common & {
      readonly type: "Delivery";
      readonly recipients: readonly string[];
      readonly smtpResponse?: string;
      readonly reportingMta?: string;
    })
  | (Common & {
      readonly type: "Bounce";
      readonly bounceType: string;
      readonly bounceSubType: string;
      readonly recipients: readonly SesRecipientReport[];
      readonly feedbackId?: string;
      readonly reportingMta?: string;
    })
  | (Common & {
      readonly type: "DeliveryDelay";
      readonly delayType: string;
      readonly recipients: readonly SesRecipientReport[];
      readonly expirationTime?: string;
      readonly reportingMta?: string;
    })
  | (Common & {
      readonly type: "Complaint";
      readonly recipients: readonly string[];
      readonly complaintSubType?: string;
      readonly feedbackType?: string;
      readonly feedbackId?: string;
    })
  | (Common & { readonly type: "Reject"; readonly reason: string })
  | (Common & { readonly type: "Other"; readonly eventType: string });

/** The addresses an event speaks of: those it names, else the whole destination. */
export function eventAddresses(event: SesEvent): readonly string[] {
  switch (event.type) {
    case "Delivery":
    case "Complaint":
      return event.recipients;
    case "Bounce":
    case "DeliveryDelay":
      return event.recipients.map((recipient) => recipient.address);
    case "Send":
    case "Reject":
    case "Other":
      return event.destination;
  }
}

/** Parses the SQS body of an event with SNS raw delivery, or the SNS envelope around it. Undefined: not an SES event. */
export function parseSesEvent(body: string): SesEvent | undefined {
  const outer = parseObject(body);
  if (outer === undefined) return undefined;
  const message = outer["Message"];
  const json = outer["mail"] === undefined && typeof message === "string" ? parseObject(message) : outer;
  return json === undefined ? undefined : sesEvent(json);
}

function sesEvent(json: Fields): SesEvent | undefined {
  const mail = json["mail"];
  const eventType = text(json["eventType"]) ?? text(json["notificationType"]);
  if (!isFields(mail) || eventType === undefined) return undefined;
  const sesId = text(mail["messageId"]);
  if (sesId === undefined) return undefined;
  const tag = (name: string): string | undefined => {
    const tags = mail["tags"];
    return isFields(tags) ? texts(tags[name])[0] : undefined;
  };
  const details = detailsOf(json, eventType);
  const common = {
    sesId,
    id: parseQueueId(tag(SES_TAG.id) ?? ""),
    recipientIndexes: parseRecipientTag(tag(SES_TAG.recipient) ?? ""),
    tenant: tag(SES_TAG.tenant),
    at: text(details["timestamp"]) ?? text(mail["timestamp"]) ?? "",
    destination: texts(mail["destination"]),
  };
  const reportingMta = optional("reportingMta", text(details["reportingMTA"]));
  switch (eventType) {
    case "Send":
      return { ...common, type: "Send" };
    case "Delivery":
      return {
        ...common,
        type: "Delivery",
        recipients: texts(details["recipients"]),
        ...optional("smtpResponse", text(details["smtpResponse"])),
        ...reportingMta,
      };
    case "Bounce":
      return {
        ...common,
        type: "Bounce",
        bounceType: text(details["bounceType"]) ?? "Undetermined",
        bounceSubType: text(details["bounceSubType"]) ?? "Undetermined",
        recipients: reports(details["bouncedRecipients"]),
        ...optional("feedbackId", text(details["feedbackId"])),
        ...reportingMta,
      };
    case "DeliveryDelay":
      return {
        ...common,
        type: "DeliveryDelay",
        delayType: text(details["delayType"]) ?? "Undetermined",
        recipients: reports(details["delayedRecipients"]),
        ...optional("expirationTime", text(details["expirationTime"])),
        ...reportingMta,
      };
    case "Complaint":
      return {
        ...common,
        type: "Complaint",
        recipients: reports(details["complainedRecipients"]).map((report) => report.address),
        ...optional("complaintSubType", text(details["complaintSubType"])),
        ...optional("feedbackType", text(details["complaintFeedbackType"])),
        ...optional("feedbackId", text(details["feedbackId"])),
      };
    case "Reject":
      return { ...common, type: "Reject", reason: text(details["reason"]) ?? "" };
    default:
      return { ...common, type: "Other", eventType };
  }
}

type Fields = Record<string, unknown>;

/** The object per type is named like the type with a small first letter: `deliveryDelay`. */
function detailsOf(json: Fields, eventType: string): Fields {
  const details = json[eventType.charAt(0).toLowerCase() + eventType.slice(1)];
  return isFields(details) ? details : {};
}

function reports(value: unknown): SesRecipientReport[] {
  if (!Array.isArray(value)) return [];
  const result: SesRecipientReport[] = [];
  for (const entry of value as unknown[]) {
    if (!isFields(entry)) continue;
    const address = text(entry["emailAddress"]);
    if (address === undefined) continue;
    result.push({
      address,
      ...optional("action", text(entry["action"])),
      ...optional("status", text(entry["status"])),
      ...optional("diagnosticCode", text(entry["diagnosticCode"])),
    });
  }
  return result;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
}

function parseObject(body: string): Fields | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return isFields(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
