/** Each event that SES documents, twice through the real queue and handler: record, report, suppression, books. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { readSendingPermit } from "../../lib/aws/sending-permit.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { messageUsage, NO_USAGE, type UsageCounts } from "../../lib/core/usage.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { pumpUntil } from "../support/pump-until.ts";
import { sesEventJson } from "../support/ses-event-json.ts";

interface Row {
  readonly type: string;
  /** `bounceType/bounceSubType`, delayType or complaintSubType. */
  readonly kind?: string;
  /** As a remote server reported it. */
  readonly status?: string;
  readonly state: string;
  /** Status of the failure report; absent: none is owed, or not yet. */
  readonly told?: string;
  readonly suppressed?: "bounce" | "complaint";
  /** What it adds to the books beside the mail itself. */
  readonly counts: Partial<UsageCounts>;
}

const bounce = (kind: string, told: string, more: Partial<Row> = {}): Row => ({
  type: "Bounce",
  kind,
  state: "bounced",
  told,
  counts: { bounced: 1 },
  ...more,
});
const neverSent = (kind: string): Row =>
  bounce(`Permanent/${kind}`, "5.7.1", { state: "failed", counts: { suppressed: 1 } });

const ROWS: readonly Row[] = [
  { type: "Send", state: "sent", counts: {} },
  { type: "Delivery", state: "delivered", counts: { delivered: 1 } },
  bounce("Permanent/General", "5.0.0", { suppressed: "bounce" }),
  bounce("Permanent/General", "5.1.1", { status: "5.1.1", suppressed: "bounce" }),
  bounce("Permanent/NoEmail", "5.1.1", { suppressed: "bounce" }),
  bounce("Permanent/SomethingNew", "5.0.0", { suppressed: "bounce" }),
  neverSent("Suppressed"),
  neverSent("OnAccountSuppressionList"),
  neverSent("OnTenantSuppressionList"),
  neverSent("EmailValidationSuppressed"),
  neverSent("UnsubscribedRecipient"),
  bounce("Undetermined/Undetermined", "5.0.0"),
  // It may be an automatic answer: told only when no delivery has followed for ten minutes.
  { type: "Bounce", kind: "Transient/General", state: "bounced", counts: { bounced: 1 } },
  bounce("Transient/General", "4.4.2", { status: "4.4.2" }),
  bounce("Transient/MailboxFull", "5.2.2"),
  bounce("Transient/MessageTooLarge", "5.3.4"),
  bounce("Transient/ContentRejected", "5.7.1"),
  bounce("Transient/AttachmentRejected", "5.7.1"),
  bounce("Transient/CustomTimeoutExceeded", "4.4.7"),
  { type: "DeliveryDelay", kind: "MailboxFull", state: "sent", counts: {} },
  { type: "DeliveryDelay", kind: "SomethingNew", state: "sent", counts: {} },
  { type: "Complaint", state: "complained", suppressed: "complaint", counts: { delivered: 1, complained: 1 } },
  { type: "Complaint", kind: "OnAccountSuppressionList", state: "failed", told: "5.7.1", counts: { suppressed: 1 } },
  { type: "Reject", state: "rejected", told: "5.7.0", counts: { refused: 1 } },
  { type: "Rendering Failure", state: "sent", counts: {} },
  { type: "Open", state: "sent", counts: {} },
];

let pipeline: Pipeline;

// SES says nothing of its own, so that each event stands alone.
beforeAll(async () => {
  pipeline = await startPipeline({ publish: async () => undefined });
});
afterAll(async () => await pipeline.close());

function details({ type, kind, status }: Row, { address }: RecipientRecord): object {
  const [bounceType, bounceSubType] = (kind ?? "").split("/");
  const report = { emailAddress: address, ...(status === undefined ? {} : { status, action: "failed" }) };
  switch (type) {
    case "Delivery":
      return { recipients: [address], smtpResponse: "250 2.0.0 OK" };
    case "Bounce":
      return { bounceType, bounceSubType, bouncedRecipients: [report], feedbackId: "f", somethingNew: [1] };
    case "DeliveryDelay":
      return { delayType: kind, delayedRecipients: [report], expirationTime: "2026-11-25T00:00:00.000Z" };
    case "Complaint":
      return { complainedRecipients: [report], ...(kind === undefined ? {} : { complaintSubType: kind }) };
    case "Reject":
      return { reason: "Bad content" };
    default:
      return {};
  }
}

it("lands right, and its second coming changes nothing", async () => {
  const ids = [];
  for (const [index] of ROWS.entries()) {
    const to = [`row${index}@silent.example`];
    ids.push(await pipeline.accept({ from: `row${index}@example.com`, to, bytes: testMail(`row-${index}`) }));
  }
  const forwarded = (): number => pipeline.log.filter(({ event }) => event === "forwarded").length;
  await pumpUntil(pipeline, () => forwarded() >= ROWS.length);
  for (const [index, row] of ROWS.entries()) {
    const id = ids[index];
    const [record] = id === undefined ? [] : await pipeline.recipients(id);
    if (id === undefined || record === undefined) throw new Error("no record");
    const body = sesEventJson(record, row.type, details(row, record));
    await sendToQueue(pipeline.feedbackQueue, body);
    await sendToQueue(pipeline.feedbackQueue, body);
  }
  // What waits to be looked at again is in flight.
  await pumpUntil(pipeline, async () => (await queueDepth(pipeline.feedbackQueue)).waiting === 0);
  const recipients = ROWS.map((_, index) => `row${index}@silent.example`);
  const permit = await readSendingPermit(pipeline, { tenant: "demo", returnPath: null, recipients });
  for (const [index, row] of ROWS.entries()) {
    const id = ids[index];
    const known = id === undefined ? undefined : await readMessage(pipeline.ledger, id);
    const [record] = known?.recipients ?? [];
    if (known?.message === undefined || record === undefined) throw new Error("no record");
    const name = `${row.type} ${row.kind ?? ""} ${row.status ?? ""}`;
    expect(record.state, name).toBe(row.state);
    expect(
      record.history.filter(({ eventKey }) => eventKey !== undefined),
      name,
    ).toHaveLength(1);
    const told = (record.dsns ?? []).map(({ outcome, written }) => [outcome.action, outcome.status, written]);
    expect(told, name).toEqual(row.told === undefined ? [] : [["failed", row.told, true]]);
    expect(permit.suppressed.get(record.address)?.reason, name).toBe(row.suppressed);
    const mail = { ...NO_USAGE, messages: 1, recipients: 1, bytes: known.message.size, sent: 1 };
    expect(messageUsage(known.message, known.recipients), name).toEqual({ ...mail, ...row.counts });
  }
}, 120_000);
