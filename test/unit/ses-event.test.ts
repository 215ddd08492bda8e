/** SES events: each documented type as SES writes it, what SES may add, and anything else an SQS body may hold. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SES_TAG } from "../../lib/core/names.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import { eventAddresses, parseSesEvent } from "../../lib/core/ses-event.ts";

const ID = firstQueueIdAt(1_790_000_000_000);
const mail = {
  timestamp: "2026-11-24T00:00:00.000Z",
  messageId: "0100-ses",
  source: "a@example.com",
  destination: ["b@example.org"],
  headersTruncated: false,
  tags: {
    [SES_TAG.id]: [ID],
    [SES_TAG.recipient]: ["7"],
    [SES_TAG.tenant]: ["demo"],
    "ses:outgoing-ip": ["192.0.2.9"],
  },
};
const common = { sesId: "0100-ses", id: ID, recipientIndexes: [7], tenant: "demo", destination: ["b@example.org"] };
const at = "2026-11-24T00:00:05.000Z";
const parse = (json: unknown) => parseSesEvent(JSON.stringify(json));

describe("parseSesEvent", () => {
  it("reads a Send, whose time is the mail's own", () => {
    expect(parse({ eventType: "Send", mail, send: {} })).toEqual({ ...common, type: "Send", at: mail.timestamp });
  });

  it("reads a Delivery", () => {
    const delivery = {
      timestamp: at,
      recipients: ["b@example.org"],
      smtpResponse: "250 2.0.0 OK",
      reportingMTA: "a8-1.smtp-out.amazonses.com",
      remoteMtaIp: "192.0.2.25",
    };
    expect(parse({ eventType: "Delivery", mail, delivery })).toEqual({
      ...common,
      type: "Delivery",
      at,
      recipients: ["b@example.org"],
      smtpResponse: "250 2.0.0 OK",
      reportingMta: "a8-1.smtp-out.amazonses.com",
    });
  });

  it("reads a Bounce with what the remote server said", () => {
    const report = { emailAddress: "b@example.org", action: "failed", status: "5.1.1", diagnosticCode: "smtp; 550 no" };
    const bounce = {
      timestamp: at,
      bounceType: "Permanent",
      bounceSubType: "NoEmail",
      bouncedRecipients: [report],
      feedbackId: "f-1",
      reportingMTA: "dns; a8-1",
    };
    expect(parse({ eventType: "Bounce", mail, bounce })).toEqual({
      ...common,
      type: "Bounce",
      at,
      bounceType: "Permanent",
      bounceSubType: "NoEmail",
      recipients: [{ address: "b@example.org", action: "failed", status: "5.1.1", diagnosticCode: "smtp; 550 no" }],
      feedbackId: "f-1",
      reportingMta: "dns; a8-1",
    });
  });

  it("reads a bounce of several recipients of which the remote server said nothing", () => {
    const bouncedRecipients = [{ emailAddress: "b@example.org" }, { emailAddress: "c@example.org" }];
    const event = parse({ eventType: "Bounce", mail, bounce: { bounceType: "Transient", bouncedRecipients } });
    expect(event).toMatchObject({
      bounceType: "Transient",
      bounceSubType: "Undetermined",
      recipients: [{ address: "b@example.org" }, { address: "c@example.org" }],
    });
    expect(event === undefined ? [] : eventAddresses(event)).toEqual(["b@example.org", "c@example.org"]);
  });

  it("reads a DeliveryDelay", () => {
    const deliveryDelay = {
      timestamp: at,
      delayType: "MailboxFull",
      expirationTime: "2026-11-24T14:00:00.000Z",
      delayedRecipients: [{ emailAddress: "b@example.org", status: "4.2.2", diagnosticCode: "smtp; 452 full" }],
    };
    expect(parse({ eventType: "DeliveryDelay", mail, deliveryDelay })).toMatchObject({
      type: "DeliveryDelay",
      at,
      delayType: "MailboxFull",
      expirationTime: "2026-11-24T14:00:00.000Z",
      recipients: [{ address: "b@example.org", status: "4.2.2", diagnosticCode: "smtp; 452 full" }],
    });
  });

  it("reads a Complaint, with and without its optional words", () => {
    const complainedRecipients = [{ emailAddress: "b@example.org" }];
    const bare = parse({ eventType: "Complaint", mail, complaint: { complainedRecipients, complaintSubType: null } });
    expect(bare).toEqual({ ...common, type: "Complaint", at: mail.timestamp, recipients: ["b@example.org"] });
    const words = { complaintSubType: "OnAccountSuppressionList", complaintFeedbackType: "abuse", feedbackId: "f" };
    expect(parse({ eventType: "Complaint", mail, complaint: { complainedRecipients, ...words } })).toMatchObject({
      complaintSubType: "OnAccountSuppressionList",
      feedbackType: "abuse",
      feedbackId: "f",
    });
  });

  it("reads a Reject, which speaks of the whole destination", () => {
    const event = parse({ eventType: "Reject", mail, reject: { reason: "Bad content" } });
    expect(event).toMatchObject({ type: "Reject", reason: "Bad content" });
    expect(event === undefined ? [] : eventAddresses(event)).toEqual(["b@example.org"]);
  });

  it.each(["Rendering Failure", "Open", "SomethingNew", "__proto__", "constructor"])(
    "keeps the name of %s",
    (eventType) => {
      expect(parse({ eventType, mail })).toMatchObject({ type: "Other", eventType });
    },
  );

  it("reads the notification of an identity as the event of the same name", () => {
    expect(parse({ notificationType: "Delivery", mail, delivery: {} })?.type).toBe("Delivery");
  });

  it("unwraps an event that SNS did not deliver raw", () => {
    const Message = JSON.stringify({ eventType: "Send", mail });
    expect(parse({ Type: "Notification", MessageId: "m", TopicArn: "arn", Message })).toMatchObject({
      type: "Send",
      id: ID,
    });
  });

  it.each([
    ["no tags", { tags: undefined }],
    ["an id that is not ours", { tags: { [SES_TAG.id]: ["hello"] } }],
    ["an id that is no list", { tags: { [SES_TAG.id]: ID } }],
    ["an empty list", { tags: { [SES_TAG.id]: [] } }],
  ])("knows no message for %s", (_, change) => {
    expect(parse({ eventType: "Send", mail: { ...mail, ...change } })?.id).toBeUndefined();
  });

  it.each(["", "-1", "1.5", "x", "1e3"])("knows no recipient for the index %j", (index) => {
    const tags = { ...mail.tags, [SES_TAG.recipient]: [index] };
    expect(parse({ eventType: "Send", mail: { ...mail, tags } })?.recipientIndexes).toEqual([]);
  });

  it("passes over what it does not know, and over parts that have the wrong form", () => {
    const bounce = {
      bouncedRecipients: [null, 5, {}, { emailAddress: 5 }, { emailAddress: "b@example.org", status: 5 }],
    };
    expect(
      parse({ eventType: "Bounce", mail: { ...mail, new: 1, destination: ["b", 5] }, bounce, also: 1 }),
    ).toMatchObject({
      destination: ["b"],
      bounceType: "Undetermined",
      recipients: [{ address: "b@example.org" }],
    });
  });

  it.each([
    ["no JSON", "hello"],
    ["null", "null"],
    ["a list", "[]"],
    ["an S3 event", JSON.stringify({ Records: [] })],
    ["a mail without an event", JSON.stringify({ mail })],
    ["an event without a mail", JSON.stringify({ eventType: "Send" })],
    ["a mail without an id", JSON.stringify({ eventType: "Send", mail: { ...mail, messageId: undefined } })],
    ["SNS's own words", JSON.stringify({ Type: "Notification", Message: "Successfully validated SNS topic" })],
  ])("says of %s that it is no SES event", (_, text) => {
    expect(parseSesEvent(text)).toBeUndefined();
  });

  it("answers any JSON in any of its parts without throwing", () => {
    const types = ["Send", "Delivery", "Bounce", "DeliveryDelay", "Complaint", "Reject", "X"];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.jsonValue(), fc.jsonValue(), (eventType, part, tags) => {
        const name = eventType.charAt(0).toLowerCase() + eventType.slice(1);
        const event = parse({ eventType, mail: { messageId: "x", tags, destination: part }, [name]: part });
        expect(event === undefined ? [] : eventAddresses(event)).toBeInstanceOf(Array);
      }),
    );
  });
});
