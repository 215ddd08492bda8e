/** SES events as SES writes them, for mail that a test has sent. */

import type { RecipientRecord } from "../../lib/core/message-record.ts";

/** One event with our tags; `details` is the object named like the type. */
export function sesEventJson(record: RecipientRecord, eventType: string, details: object): string {
  const timestamp = new Date().toISOString();
  const name = eventType.charAt(0).toLowerCase() + eventType.slice(1);
  return JSON.stringify({
    eventType,
    mail: {
      timestamp,
      messageId: record.sesId,
      destination: [record.address],
      tags: { "relayhost-id": [record.id], "relayhost-recipient": [String(record.index)] },
    },
    [name]: { timestamp, ...details },
  });
}

/** A hard bounce of an address that is not there. */
export function noSuchUserJson(record: RecipientRecord): string {
  return sesEventJson(record, "Bounce", {
    bounceType: "Permanent",
    bounceSubType: "General",
    bouncedRecipients: [
      {
        emailAddress: record.address,
        action: "failed",
        status: "5.1.1",
        diagnosticCode: "smtp; 550 5.1.1 no such user",
      },
    ],
  });
}

/** A complaint. */
export function complaintJson(record: RecipientRecord): string {
  return sesEventJson(record, "Complaint", {
    complainedRecipients: [{ emailAddress: record.address }],
    complaintFeedbackType: "abuse",
  });
}
