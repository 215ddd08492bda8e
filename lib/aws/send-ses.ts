/**
 * One SES call, for one recipient or a few.
 *
 * `Destination` is the envelope and always set; `FromEmailAddress` and `ReplyToAddresses` never, because they
 * replace header fields. See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html.
 */

import { type SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import type { Failure } from "../core/failure.ts";
import { SES_TAG } from "../core/names.ts";
import type { QueueId } from "../core/queue-id.ts";
import { formatRecipientTag } from "../core/recipient-tag.ts";
import { failureFromSdk } from "./failure-from-sdk.ts";
import { RawMessage } from "./raw-message.ts";

/** How mail is sent; the client must not retry by itself. */
export interface Sender {
  readonly client: SESv2Client;
  readonly configurationSet: string;
  /** Send under the SES tenant named like ours. */
  readonly sesTenants: boolean;
}

/** One mail, ready to go. */
export interface OutgoingMail {
  readonly id: QueueId;
  readonly tenant: string;
  /** Mail of the relay itself: its address is verified for the account, not for the tenant. */
  readonly own: boolean;
  /** 1 to 50, no address twice, with their indexes within the message. */
  readonly recipients: readonly { readonly index: number; readonly address: string }[];
  /** The same for all recipients of a message: it is encoded once. */
  readonly raw: RawMessage;
}

/** What SES said, or what went wrong. */
export type SendResult =
  | { readonly kind: "accepted"; readonly sesId: string }
  | { readonly kind: "failed"; readonly failure: Failure };

/** Sends and says what came of it; never throws. The client must not retry by itself. */
export async function sendMail(sender: Sender, mail: OutgoingMail): Promise<SendResult> {
  try {
    const command = new SendEmailCommand({
      Destination: { ToAddresses: mail.recipients.map(({ address }) => address) },
      Content: RawMessage.content,
      ConfigurationSetName: sender.configurationSet,
      ...(sender.sesTenants && !mail.own ? { TenantName: mail.tenant } : {}),
      EmailTags: [
        { Name: SES_TAG.id, Value: mail.id },
        { Name: SES_TAG.recipient, Value: formatRecipientTag(mail.recipients.map(({ index }) => index)) },
        { Name: SES_TAG.tenant, Value: mail.tenant },
      ],
    });
    mail.raw.putInto(command);
    const { MessageId } = await sender.client.send(command);
    if (MessageId !== undefined) return { kind: "accepted", sesId: MessageId };
    return { kind: "failed", failure: failureFromSdk(new Error("SES answered without a message id")) };
  } catch (error) {
    return { kind: "failed", failure: failureFromSdk(error) };
  }
}
