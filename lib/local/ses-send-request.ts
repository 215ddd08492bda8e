/**
 * The body of `SendEmail` (POST /v2/email/outbound-emails) as a value.
 *
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.
 */

import { badRequest, SesError } from "./ses-error.ts";
import { type Fields, fieldsOf, objectsOf, optional, requiredTextOf, textOf, textsOf } from "./ses-json.ts";

/** What was asked for, before any check beyond its form. */
export interface SendEmailRequest {
  /** The message, decoded from the JSON's base64. */
  readonly data: Buffer;
  /** Its length in base64, which is what the size limit counts. */
  readonly base64Length: number;
  /** As given: entries may carry display names. */
  readonly destination: { readonly to: string[]; readonly cc: string[]; readonly bcc: string[] };
  readonly fromEmailAddress?: string;
  readonly replyToAddresses: readonly string[];
  readonly feedbackForwardingEmailAddress?: string;
  readonly configurationSetName?: string;
  readonly tenantName?: string;
  readonly tags: Readonly<Record<string, string>>;
}

const TAG_TEXT = /^[A-Za-z0-9_-]{1,256}$/;
const TAGS_MAX = 50;

/** Throws BadRequestException for anything but raw content, and for tags that SES does not take. */
export function parseSendEmail(body: Fields): SendEmailRequest {
  const content = fieldsOf(body, "Content");
  if (content === undefined) throw badRequest("Content must contain Raw, Simple, or Template.");
  const raw = fieldsOf(content, "Raw");
  if (raw === undefined) throw badRequest("The local SES serves Content.Raw only, not Simple or Template.");
  const base64 = requiredTextOf(raw, "Data");
  const data = Buffer.from(base64, "base64");
  const expected = Math.floor((base64.replace(/={1,2}$/, "").length * 3) / 4);
  if (data.length !== expected) throw new SesError("SerializationException", "Content.Raw.Data is not base64.");
  const destination = fieldsOf(body, "Destination") ?? {};
  return {
    data,
    base64Length: base64.length,
    destination: {
      to: textsOf(destination, "ToAddresses"),
      cc: textsOf(destination, "CcAddresses"),
      bcc: textsOf(destination, "BccAddresses"),
    },
    ...optional("fromEmailAddress", textOf(body, "FromEmailAddress")),
    replyToAddresses: textsOf(body, "ReplyToAddresses"),
    ...optional("feedbackForwardingEmailAddress", textOf(body, "FeedbackForwardingEmailAddress")),
    ...optional("configurationSetName", textOf(body, "ConfigurationSetName")),
    ...optional("tenantName", textOf(body, "TenantName")),
    tags: emailTags(body),
  };
}

/** Tags of a message, checked one by one. */
export function checkTag(name: string, value: string): void {
  if (!TAG_TEXT.test(name)) {
    throw badRequest(`Invalid tag name <${name}>: only alphanumeric ASCII characters, '_', and '-' are allowed.`);
  }
  if (!TAG_TEXT.test(value)) {
    throw badRequest(`Invalid tag value <${value}>: only alphanumeric ASCII characters, '_', and '-' are allowed.`);
  }
}

function emailTags(body: Fields): Record<string, string> {
  const tags = new Map<string, string>();
  const given = objectsOf(body, "EmailTags");
  if (given.length > TAGS_MAX) throw badRequest(`The number of tags exceeds ${TAGS_MAX}.`);
  for (const tag of given) {
    const name = textOf(tag, "Name") ?? "";
    const value = textOf(tag, "Value") ?? "";
    checkTag(name, value);
    tags.set(name, value);
  }
  return Object.fromEntries(tags);
}
