/**
 * One report of each kind in both languages: what `docs/dsn-samples` shows, and what the parser tests read.
 *
 * All values are fixed, so the bytes are.
 */

import { composeDsn, type DsnInput, dsnBoundary, dsnMessageId } from "../../lib/core/dsn.ts";
import { dsnQueueId, dsnRecipient, failureOutcome, heldOutcome, ownOutcome } from "../../lib/core/dsn-policy.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { parseSesEvent } from "../../lib/core/ses-event.ts";
import { sesOutcome, type TellingOutcome } from "../../lib/core/ses-outcome.ts";
import type { EnvelopeRecipient } from "../../lib/core/spool-object.ts";

/** A sample: file name in `docs/dsn-samples`, the value it is made from, its bytes. */
export interface DsnSample {
  readonly file: string;
  readonly input: DsnInput;
  readonly bytes: Buffer;
}

/** A queue id for tests; throws when the text is none. */
export function queueId(text: string): QueueId {
  const id = parseQueueId(text);
  if (id === undefined) throw new Error(`${text} is no queue id`);
  return id;
}

const PARENT = queueId("01kqv3m4x0abcdefghjk");
const HOST = "relay.example.net";
const ENVELOPE_ADDRESS: EnvelopeRecipient = {
  address: "user@example.org",
  orcpt: { type: "rfc822", value: "user@example.org" },
};

/** A small Japanese mail as Postfix passes it on, with an 8-bit body. */
export const ORIGINAL = Buffer.from(
  [
    "Received: by web1.a.example (Postfix, from userid 33)",
    "\tid 4C2F11C0A5; Tue, 24 Nov 2026 12:00:00 +0900 (JST)",
    "From: =?UTF-8?B?5bGx55Sw?= <www@a.example>",
    "To: user@example.org",
    "Subject: =?ISO-2022-JP?B?GyRCOCtAUT1xQXdJVSROJCpDTiRpJDsbKEI=?=",
    "Date: Tue, 24 Nov 2026 12:00:00 +0900",
    "Message-ID: <20261124030000.4C2F11C0A5@web1.a.example>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    "見積書をお送りします。",
    "",
  ].join("\r\n"),
);

/** A complete value around the given recipients; `over` replaces what a test is about. */
export function dsnInput(
  recipients: DsnInput["recipients"],
  over: Partial<Omit<DsnInput, "recipients">> = {},
): DsnInput {
  const action = recipients[0]?.action ?? "failed";
  const indexes = recipients.map((recipient) => recipient.index);
  return {
    id: PARENT,
    tenant: "demo",
    from: "mailer-daemon@relay.example.net",
    to: "www@a.example",
    reportingMta: HOST,
    arrival: "2026-11-24T03:00:05.000Z",
    originalMessageId: "<20261124030000.4C2F11C0A5@web1.a.example>",
    originalSubject: Buffer.from("Subject: =?ISO-2022-JP?B?GyRCOCtAUT1xQXdJVSROJCpDTiRpJDsbKEI=?="),
    language: "ja",
    original: ORIGINAL,
    recipients,
    now: "2026-11-24T07:00:30.000Z",
    messageId: dsnMessageId(dsnQueueId(PARENT, indexes, action), HOST),
    boundary: dsnBoundary(PARENT),
    ...over,
  };
}

/** An SES event as JSON, parsed; `details` is the object named like the type. */
export function sesEvent(
  eventType: string,
  details: Record<string, unknown>,
): NonNullable<ReturnType<typeof parseSesEvent>> {
  const key = eventType.charAt(0).toLowerCase() + eventType.slice(1);
  const mail = {
    timestamp: "2026-11-24T03:00:07.000Z",
    messageId: "0106019ab3c4d5e6-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
    source: "www@a.example",
    destination: ["user@example.org"],
    tags: { "relayhost-id": [PARENT], "relayhost-recipient": ["0"], "relayhost-tenant": ["demo"] },
  };
  const event = parseSesEvent(JSON.stringify({ eventType, mail, [key]: details }));
  if (event === undefined) throw new Error(`the ${eventType} event did not parse`);
  return event;
}

/** The outcome of an event that has something to tell; throws when it has not. */
export function tellingOutcome(
  eventType: string,
  details: Record<string, unknown>,
  address = "user@example.org",
): TellingOutcome {
  const outcome = sesOutcome(sesEvent(eventType, details), address, { delivered: false });
  if (outcome.action === "none") throw new Error(`the ${eventType} event tells nothing`);
  return outcome;
}

/** A bounce of one recipient. */
export function bounced(
  bounceType: string,
  bounceSubType: string,
  report: { status?: string; diagnosticCode?: string; action?: string } = {},
  emailAddress = "user@example.org",
): TellingOutcome {
  return tellingOutcome(
    "Bounce",
    {
      bounceType,
      bounceSubType,
      bouncedRecipients: [{ emailAddress, ...report }],
      timestamp: "2026-11-24T03:00:09.000Z",
      feedbackId: "0106019ab3c4-feedback",
      ...(report.status === undefined ? {} : { reportingMTA: "dsn; e234-7.smtp-out.ap-northeast-1.amazonses.com" }),
    },
    emailAddress,
  );
}

const NOT_VERIFIED: Failure = {
  class: "permanent",
  code: "MessageRejected",
  text: "Email address is not verified. The following identities failed the check in region AP-NORTHEAST-1: www@a.example",
  status: "5.7.1",
  ambiguous: false,
  accountWide: false,
};
const BAD_REQUEST: Failure = {
  class: "permanent",
  code: "BadRequestException",
  text: "Duplicate header 'Subject'.",
  status: "5.6.0",
  ambiguous: false,
  accountWide: false,
};
const PAUSED: Failure = {
  class: "transient",
  code: "SendingPausedException",
  text: "Email sending is paused for the account",
  status: "4.3.0",
  ambiguous: false,
  accountWide: true,
};

const DELAYED = tellingOutcome("DeliveryDelay", {
  delayType: "TransientCommunicationFailure",
  delayedRecipients: [
    {
      emailAddress: "user@example.org",
      status: "4.4.1",
      diagnosticCode: "smtp; 421 4.4.1 Unable to connect to remote host",
    },
  ],
  expirationTime: "2026-11-24T17:00:07.000Z",
  timestamp: "2026-11-24T07:00:09.000Z",
});

/** What each kind reports of `user@example.org`. */
const KINDS: Readonly<Record<string, TellingOutcome>> = {
  "failed-no-such-user": bounced("Permanent", "NoEmail", {
    action: "failed",
    status: "5.1.1",
    diagnosticCode:
      "smtp; 550 5.1.1 <user@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
  }),
  "failed-mailbox-full": bounced("Transient", "MailboxFull", {
    action: "failed",
    status: "4.2.2",
    diagnosticCode: "smtp; 452 4.2.2 The email account that you tried to reach is over quota",
  }),
  "failed-too-large": bounced("Transient", "MessageTooLarge"),
  "failed-content-rejected": bounced("Transient", "ContentRejected", {
    action: "failed",
    status: "5.7.1",
    diagnosticCode: "smtp; 554 5.7.1 The message was rejected because it contains prohibited content",
  }),
  "failed-blocked-ip": bounced("Permanent", "General", {
    action: "failed",
    status: "5.7.1",
    diagnosticCode:
      "smtp; 550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
  }),
  "failed-suppressed": ownOutcome("suppressed", "bounced on 2026-11-01: 550 5.1.1 User unknown"),
  "failed-account-suppressed": bounced("Permanent", "OnAccountSuppressionList", {
    action: "failed",
    status: "5.1.1",
    diagnosticCode:
      "Amazon SES did not send the message to this address because it is on the suppression list for your account.",
  }),
  "failed-attachment-rejected": bounced("Transient", "AttachmentRejected", {
    action: "failed",
    status: "5.7.1",
    diagnosticCode: "smtp; 552-5.7.0 This message was blocked because its content presents a potential security issue.",
  }),
  "failed-transient-general": bounced("Transient", "General", {
    action: "failed",
    status: "4.4.7",
    diagnosticCode: "smtp; 451 4.3.0 Temporary server error. Please try again later",
  }),
  "failed-general": bounced("Undetermined", "Undetermined"),
  "failed-globally-suppressed": bounced("Permanent", "Suppressed", {
    action: "failed",
    status: "5.1.1",
    diagnosticCode:
      "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address.",
  }),
  "failed-address-check": bounced("Permanent", "EmailValidationSuppressed"),
  "failed-unsubscribed": bounced("Permanent", "UnsubscribedRecipient"),
  "failed-refused-by-ses": failureOutcome(BAD_REQUEST, false),
  "failed-dropped": ownOutcome("dropped"),
  "failed-virus": tellingOutcome("Reject", { reason: "Bad content" }),
  "failed-not-verified": failureOutcome(NOT_VERIFIED, true),
  "failed-gave-up": bounced("Transient", "CustomTimeoutExceeded"),
  "delayed-receiver": DELAYED,
  "delayed-held": heldOutcome(PAUSED, "2026-11-26T03:00:05.000Z"),
  relayed: tellingOutcome("Delivery", {
    recipients: ["user@example.org"],
    smtpResponse: "250 2.0.0 Ok: queued as 4f9XyZ1abc",
    reportingMTA: "a8-70.smtp-out.amazonses.com",
    timestamp: "2026-11-24T03:00:09.000Z",
  }),
};

/** Three recipients in one report: two causes, one of them a forward. */
function several(): DsnInput["recipients"] {
  const unknown = (address: string): TellingOutcome =>
    bounced("Permanent", "NoEmail", { status: "5.1.1", diagnosticCode: "smtp; 550 5.1.1 User unknown" }, address);
  return [
    dsnRecipient(0, { address: "sato@example.org" }, unknown("sato@example.org")),
    dsnRecipient(2, { address: "suzuki@example.org" }, unknown("suzuki@example.org")),
    dsnRecipient(
      5,
      { address: "fwd@example.com", orcpt: { type: "rfc822", value: "info@a.example" } },
      bounced(
        "Transient",
        "MailboxFull",
        { status: "5.2.2", diagnosticCode: "smtp; 552 5.2.2 Mailbox full" },
        "fwd@example.com",
      ),
    ),
  ];
}

/** All samples, in the order of their file names. */
export function dsnSamples(): DsnSample[] {
  const kinds = Object.entries(KINDS).map(
    ([kind, outcome]) => [kind, [dsnRecipient(0, ENVELOPE_ADDRESS, outcome)]] as const,
  );
  const onlyDelays = [dsnRecipient(0, { ...ENVELOPE_ADDRESS, notify: ["DELAY"] }, DELAYED)];
  return [...kinds, ["delayed-only-delays-asked-for", onlyDelays] as const, ["failed-several", several()] as const]
    .flatMap(([kind, recipients]) =>
      (["en", "ja"] as const).map((language) => {
        const input = dsnInput(recipients, { language, envid: "QQ1+abc" });
        return { file: `${kind}.${language}.eml`, input, bytes: composeDsn(input) };
      }),
    )
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
}
