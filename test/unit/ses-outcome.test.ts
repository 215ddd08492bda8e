import { describe, expect, it } from "vitest";
import type { DsnReason } from "../../lib/core/dsn-reasons.ts";
import { type KnownBefore, type SesOutcome, sesOutcome } from "../../lib/core/ses-outcome.ts";
import { sesEvent } from "../support/dsn-samples.ts";

const ADDRESS = "user@example.org";
const NEW: KnownBefore = { delivered: false };
const DELIVERED: KnownBefore = { delivered: true };

interface Report {
  readonly emailAddress?: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnosticCode?: string;
}

function bounce(bounceType: string, bounceSubType: string, report: Report = {}, known = NEW): SesOutcome {
  const bouncedRecipients = [{ emailAddress: ADDRESS, ...report }];
  return sesOutcome(sesEvent("Bounce", { bounceType, bounceSubType, bouncedRecipients }), ADDRESS, known);
}

function delay(delayType: string, report: Report = {}): SesOutcome {
  const delayedRecipients = [{ emailAddress: ADDRESS, ...report }];
  const details = { delayType, delayedRecipients, expirationTime: "2026-11-24T17:00:00.000Z" };
  return sesOutcome(sesEvent("DeliveryDelay", details), ADDRESS, NEW);
}

describe("an SES bounce", () => {
  it.each<[string, string, string, DsnReason]>([
    ["Permanent", "General", "5.0.0", "general"],
    ["Undetermined", "Undetermined", "5.0.0", "general"],
    ["Permanent", "NoEmail", "5.1.1", "no-such-user"],
    ["Permanent", "Suppressed", "5.7.1", "globally-suppressed"],
    ["Permanent", "OnAccountSuppressionList", "5.7.1", "account-suppressed"],
    ["Permanent", "OnTenantSuppressionList", "5.7.1", "suppressed"],
    ["Permanent", "EmailValidationSuppressed", "5.7.1", "address-check-failed"],
    ["Permanent", "UnsubscribedRecipient", "5.7.1", "unsubscribed"],
    ["Transient", "MailboxFull", "5.2.2", "mailbox-full"],
    ["Transient", "MessageTooLarge", "5.3.4", "too-large"],
    ["Transient", "ContentRejected", "5.7.1", "content-rejected"],
    ["Transient", "AttachmentRejected", "5.7.1", "attachment-rejected"],
    ["Transient", "CustomTimeoutExceeded", "4.4.7", "gave-up"],
    ["Permanent", "BrandNewSubtype", "5.0.0", "general"],
    ["Transient", "BrandNewSubtype", "4.0.0", "gave-up"],
    ["BrandNewType", "BrandNewSubtype", "5.0.0", "general"],
    ["Permanent", "OnSomeOtherSuppressionList", "5.7.1", "account-suppressed"],
  ])("%s/%s without a status of its own is a failure with %s (%s)", (type, subType, status, reason) => {
    expect(bounce(type, subType)).toMatchObject({ action: "failed", final: true, status, reason });
  });

  it("keeps its own status and the remote server's words", () => {
    expect(
      bounce("Transient", "MailboxFull", { status: "4.2.2", diagnosticCode: "smtp; 452 4.2.2 over quota" }),
    ).toMatchObject({
      status: "4.2.2",
      diagnosticCode: "smtp; 452 4.2.2 over quota",
      remoteText: "452 4.2.2 over quota",
    });
    expect(bounce("Permanent", "NoEmail", { status: "5.0.0" })).toMatchObject({
      status: "5.0.0",
      reason: "no-such-user",
    });
  });

  it("takes the code in the quoted reply when it has no status, and the table's when it contradicts a failure", () => {
    expect(bounce("Permanent", "General", { diagnosticCode: "smtp; 550 5.7.26 unauthenticated" })).toMatchObject({
      status: "5.7.26",
      reason: "sender-authentication",
    });
    expect(bounce("Permanent", "NoEmail", { status: "2.0.0" })).toMatchObject({ status: "5.1.1" });
    expect(bounce("Permanent", "General", { status: "5.01.010 (bad)" })).toMatchObject({ status: "5.1.10" });
  });

  it("that SES calls no address is explained by the reply when that is known to mean another thing", () => {
    const said = (diagnosticCode: string): SesOutcome => bounce("Permanent", "NoEmail", { diagnosticCode });
    expect(said("smtp; 550 Unknown user taro@docomo.ne.jp")).toMatchObject({ reason: "no-such-user-or-filtered" });
    expect(said("smtp; 550 5.7.1 blocked using zen.spamhaus.org")).toMatchObject({ reason: "blocked-ip" });
    expect(said("smtp; 550 5.7.1 go away")).toMatchObject({ reason: "no-such-user" });
  });

  it("that never left SES is 5.7.1 whatever SES writes, and quotes no SMTP server", () => {
    const outcome = bounce("Permanent", "OnAccountSuppressionList", {
      action: "failed",
      status: "5.1.1",
      diagnosticCode: "Amazon SES did not send the message to this address",
    });
    expect(outcome).toMatchObject({
      status: "5.7.1",
      diagnosticCode: "x-amazon-ses; Amazon SES did not send the message to this address",
    });
    expect(outcome).not.toHaveProperty("sesReportingMta");
  });

  it("picks the report of its recipient among several, without regard to case", () => {
    const bouncedRecipients = [
      { emailAddress: "other@example.org", status: "5.2.2" },
      { emailAddress: "User@EXAMPLE.org", status: "5.1.1" },
    ];
    const event = sesEvent("Bounce", { bounceType: "Permanent", bounceSubType: "General", bouncedRecipients });
    expect(sesOutcome(event, ADDRESS, NEW)).toMatchObject({ status: "5.1.1" });
    expect(sesOutcome(event, "third@example.org", NEW)).toMatchObject({ status: "5.0.0" });
  });

  it("carries SES's reporting MTA and message id for the extension fields", () => {
    const event = sesEvent("Bounce", {
      bounceType: "Permanent",
      bounceSubType: "General",
      bouncedRecipients: [{ emailAddress: ADDRESS }],
      reportingMTA: "dsn; a8-70.smtp-out.amazonses.com",
    });
    expect(sesOutcome(event, ADDRESS, NEW)).toMatchObject({
      sesReportingMta: "dsn; a8-70.smtp-out.amazonses.com",
      sesMessageId: event.sesId,
    });
  });

  it("after a delivery is a failure all the same", () => {
    expect(bounce("Permanent", "NoEmail", {}, DELIVERED)).toMatchObject({ action: "failed" });
    expect(bounce("Transient", "MailboxFull", {}, DELIVERED)).toMatchObject({ action: "failed" });
  });

  it.each<[string, string, DsnReason]>([
    ["5.7.1", "550 5.7.1 Service unavailable; Client host [192.0.2.0] blocked using zen.spamhaus.org", "blocked-ip"],
    ["5.7.1", "550 5.7.1 Unfortunately, messages from [192.0.2.0] weren't sent. (S3150)", "blocked-ip"],
    ["5.7.606", "550 5.7.606 Access denied, banned sending IP [192.0.2.0]", "blocked-ip"],
    ["5.7.25", "550 5.7.25 The IP address sending this message does not have a PTR record", "blocked-ip"],
    [
      "5.7.515",
      "550 5.7.515 Access denied, sending domain a.example does not meet the required level",
      "sender-authentication",
    ],
    ["5.7.1", "550 5.7.1 not accepted due to domain's DMARC policy", "sender-authentication"],
    ["5.7.1", "550 5.7.1 Message refused", "policy-refused"],
    ["5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "no-such-user"],
    ["5.0.0", "554 delivery error: dd This user doesn't have a yahoo.co.jp account", "no-such-user"],
    ["5.1.2", "550 5.1.2 Host unknown", "no-such-domain"],
    ["5.2.1", "550 5.2.1 The email account that you tried to reach is inactive", "mailbox-disabled"],
    ["5.4.6", "554 5.4.6 Message exceeded 50 hops", "mail-loop"],
    ["5.6.0", "550 5.6.0 headers", "content-rejected"],
    ["4.7.1", "451 4.7.1 Try again later", "policy-refused"],
    ["4.4.2", "421 4.4.2 Connection timed out", "unreachable"],
    ["4.3.2", "421 4.3.2 Service not available", "gave-up"],
  ])("of a general kind with %s %j is explained as %s", (status, reply, reason) => {
    expect(bounce("Permanent", "General", { status, diagnosticCode: `smtp; ${reply}` })).toMatchObject({
      reason,
      status,
    });
  });
});

describe("a general transient bounce, which may be an out-of-office answer", () => {
  it("is a failure when a remote server reported it and nothing was delivered before", () => {
    expect(bounce("Transient", "General", { diagnosticCode: "smtp; 451 try later" })).toMatchObject({
      action: "failed",
      status: "4.0.0",
      remoteText: "451 try later",
    });
    expect(bounce("Transient", "General", { status: "4.4.7" })).toMatchObject({ action: "failed", status: "4.4.7" });
  });

  it("tells nothing after a delivery, unless the setting says so", () => {
    expect(bounce("Transient", "General", {}, DELIVERED)).toEqual({ action: "none", final: true, why: "auto-reply" });
    expect(bounce("Transient", "General", { status: "4.4.7" }, DELIVERED)).toMatchObject({ action: "none" });
    const setting = { delivered: true, failTransientAfterDelivery: true };
    expect(bounce("Transient", "General", {}, setting)).toMatchObject({ action: "failed", status: "4.0.0" });
  });

  it("stays open without report and without delivery, and is a failure once no delivery can come any more", () => {
    expect(bounce("Transient", "General")).toEqual({ action: "none", final: false, why: "unclear" });
    expect(bounce("Transient", "General", {}, { delivered: false, noDeliveryWillCome: true })).toMatchObject({
      action: "failed",
      status: "4.0.0",
      final: true,
    });
  });

  it("is no failure when the report itself says that the mail is only delayed", () => {
    expect(bounce("Transient", "General", { action: "delayed", status: "4.4.1" })).toMatchObject({ action: "none" });
  });
});

describe("an SES delay", () => {
  it.each<[string, string, DsnReason]>([
    ["MailboxFull", "4.2.2", "mailbox-full"],
    ["TransientCommunicationFailure", "4.4.1", "unreachable"],
    ["IPFailure", "4.7.0", "blocked-ip"],
    ["SpamDetected", "4.7.1", "content-rejected"],
    ["InternalFailure", "4.0.0", "held"],
    ["SendingDeferral", "4.0.0", "held"],
    ["General", "4.0.0", "delayed"],
    ["RecipientServerError", "4.0.0", "delayed"],
    ["Undetermined", "4.0.0", "delayed"],
    ["BrandNewType", "4.0.0", "delayed"],
  ])("%s is delayed with %s (%s), not final, and says until when SES tries", (type, status, reason) => {
    expect(delay(type)).toMatchObject({
      action: "delayed",
      final: false,
      status,
      reason,
      willRetryUntil: "2026-11-24T17:00:00.000Z",
    });
  });

  it("of a general kind is explained by a reply that is known", () => {
    expect(delay("General", { diagnosticCode: "smtp; 421 4.7.0 [TSS04] Messages temporarily deferred" })).toMatchObject(
      {
        reason: "rate-limited",
      },
    );
  });

  it("keeps its own status, under class 4", () => {
    expect(delay("General", { status: "4.3.2" })).toMatchObject({ status: "4.3.2" });
    expect(delay("General", { status: "5.7.1" })).toMatchObject({ status: "4.7.1" });
    expect(delay("MailboxFull", { diagnosticCode: "smtp; 452 4.2.1 try" })).toMatchObject({ status: "4.2.1" });
  });
});

describe("other SES events", () => {
  it("a delivery is relayed with the code of the reply, else 2.0.0", () => {
    const outcome = (smtpResponse?: string): SesOutcome =>
      sesOutcome(
        sesEvent("Delivery", { recipients: [ADDRESS], ...(smtpResponse === undefined ? {} : { smtpResponse }) }),
        ADDRESS,
        NEW,
      );
    expect(outcome("250 2.6.0 Message received")).toMatchObject({
      action: "relayed",
      status: "2.6.0",
      final: true,
      diagnosticCode: "smtp; 250 2.6.0 Message received",
    });
    expect(outcome("250 ok")).toMatchObject({ status: "2.0.0" });
    expect(outcome()).toMatchObject({ status: "2.0.0" });
  });

  it("a complaint tells the sender nothing", () => {
    for (const complaintSubType of [undefined, "SomethingNew"]) {
      const details = {
        complainedRecipients: [{ emailAddress: ADDRESS }],
        ...(complaintSubType && { complaintSubType }),
      };
      expect(sesOutcome(sesEvent("Complaint", details), ADDRESS, NEW)).toEqual({
        action: "none",
        final: true,
        why: "complaint",
      });
    }
  });

  it.each<[string, DsnReason]>([
    ["OnAccountSuppressionList", "account-suppressed"],
    ["OnTenantSuppressionList", "suppressed"],
  ])("a complaint of subtype %s was never sent: failed 5.7.1", (complaintSubType, reason) => {
    const details = { complainedRecipients: [{ emailAddress: ADDRESS }], complaintSubType };
    expect(sesOutcome(sesEvent("Complaint", details), ADDRESS, NEW)).toMatchObject({
      action: "failed",
      status: "5.7.1",
      final: true,
      reason,
    });
  });

  it("a reject is a virus: failed 5.7.0", () => {
    expect(sesOutcome(sesEvent("Reject", { reason: "Bad content" }), ADDRESS, NEW)).toMatchObject({
      action: "failed",
      status: "5.7.0",
      final: true,
      reason: "virus",
    });
    expect(sesOutcome(sesEvent("Reject", { reason: "New rule" }), ADDRESS, NEW)).toMatchObject({
      reason: "ses-refused",
    });
  });

  it.each(["Send", "Open", "Rendering Failure", "SomethingNew"])("%s tells nothing and ends nothing", (type) => {
    expect(sesOutcome(sesEvent(type, {}), ADDRESS, NEW)).toEqual({
      action: "none",
      final: false,
      why: "informational",
    });
  });
});
