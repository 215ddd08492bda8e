/**
 * Whatever the order of events, however often they come, together or one by one, before or after there is a record: they
 * end in the same record, reports, suppression list and counts.
 *
 * Each message is made twice, for two tenants: one gets each event once, in order; the other gets them as chance has it.
 * FEEDBACK_SEED repeats a run whose seed was printed, FEEDBACK_RUNS says how many of ten messages there are.
 */

import { randomBytes, randomInt } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { offerKeptEvents } from "../../lambda/sweep/offer-kept-events.ts";
import { readBuckets } from "../../lib/aws/breaker-dynamo.ts";
import { createMessage, readMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { queueDepth, sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { listSuppressions } from "../../lib/aws/suppression-dynamo.ts";
import { addBreakerCounts } from "../../lib/core/breaker.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { firstClaim, type MessageRecord, type RecipientRecord, recordSent } from "../../lib/core/message-record.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";
import { formatRecipientTag } from "../../lib/core/recipient-tag.ts";
import type { Notify } from "../../lib/core/spool-object.ts";
import { addUsage, messageUsage, NO_USAGE } from "../../lib/core/usage.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";

const SEED = Number(process.env["FEEDBACK_SEED"] ?? randomInt(2 ** 31 - 1));
const RUNS = Number(process.env["FEEDBACK_RUNS"] ?? 2);
const MESSAGES = 10;
const MINUTE = 60_000;

/** An event as SES documents it: type, subtype (of a bounce `type/subtype`), and the status of a remote server. */
type Kind = readonly [type: string, kind?: string, status?: string];

const KINDS: readonly Kind[] = [
  ["Send"],
  ["Delivery"],
  ["Bounce", "Permanent/General", "5.1.1"],
  ["Bounce", "Permanent/NoEmail"],
  ["Bounce", "Permanent/Suppressed"],
  ["Bounce", "Permanent/OnAccountSuppressionList"],
  ["Bounce", "Permanent/OnTenantSuppressionList"],
  ["Bounce", "Permanent/EmailValidationSuppressed"],
  ["Bounce", "Permanent/UnsubscribedRecipient"],
  ["Bounce", "Permanent/SomethingNew"],
  ["Bounce", "Undetermined/Undetermined"],
  ["Bounce", "Transient/General"],
  ["Bounce", "Transient/MailboxFull"],
  ["Bounce", "Transient/MessageTooLarge"],
  ["Bounce", "Transient/ContentRejected"],
  ["Bounce", "Transient/AttachmentRejected"],
  ["Bounce", "Transient/CustomTimeoutExceeded"],
  ["DeliveryDelay", "MailboxFull"],
  ["DeliveryDelay", "SomethingNew"],
  ["Complaint"],
  ["Complaint", "OnAccountSuppressionList"],
  ["Complaint", "OnTenantSuppressionList"],
  ["Reject"],
  ["Rendering Failure"],
  ["Open"],
  ["SomethingNew"],
];
/** Types that name those of the call's recipients whom they are about. */
const NAMING = ["Delivery", "Bounce", "DeliveryDelay", "Complaint"];

interface Fact {
  readonly kind: Kind;
  /** Indexes of those it is about, of three at most. */
  readonly who: readonly number[];
  readonly atMs: number;
}

interface Case {
  readonly recipients: number;
  readonly notify: readonly Notify[] | undefined;
  readonly facts: readonly Fact[];
  readonly together: boolean;
  /** How often each event comes, and in which order all of them do. */
  readonly times: readonly number[];
  readonly order: readonly number[];
  /** Of all that comes, so much comes before the record does. */
  readonly early: number;
  /** Without our tags: what comes after the record is found by SES's id alone. */
  readonly untagged: boolean;
}

const fact = fc.record({
  kind: fc.constantFrom(...KINDS),
  who: fc.subarray([0, 1, 2], { minLength: 1 }),
  atMs: fc.nat(4_000),
});
const oneCase: fc.Arbitrary<Case> = fc.record({
  recipients: fc.integer({ min: 1, max: 3 }),
  notify: fc.constantFrom<readonly Notify[] | undefined>(
    undefined,
    ["NEVER"],
    ["FAILURE", "DELAY"],
    ["SUCCESS", "FAILURE"],
  ),
  // SES tells a kind of a recipient once.
  facts: fc.uniqueArray(fact, { minLength: 1, maxLength: 5, selector: ({ kind: [type, kind] }) => `${type} ${kind}` }),
  together: fc.boolean(),
  times: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 15, maxLength: 15 }),
  order: fc.array(fc.nat(), { minLength: 45, maxLength: 45 }),
  early: fc.constantFrom(0, 0, 0.3, 1),
  untagged: fc.boolean(),
});

let pipeline: Pipeline;
let run = 0;
const log: LogEvent[] = [];
let handler: ReturnType<typeof makeFeedbackHandler>;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  pipeline = await startPipeline();
  handler = makeFeedbackHandler(pipeline.env, (event) => void log.push(event));
});
afterAll(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

/** A message with its recipients, as forward leaves them; not yet in the ledger. */
function makeMessage({ recipients, notify }: Case, tenant: string, number: number): [MessageRecord, RecipientRecord[]] {
  const nowMs = Date.now();
  const id = makeQueueId(nowMs, randomBytes(11));
  const message: MessageRecord = {
    id,
    tenant,
    credential: "web",
    returnPath: "a@example.com",
    time: new Date(nowMs).toISOString(),
    size: 100,
    clientAddress: "192.0.2.1",
    recipients,
    expiresAt: Math.floor(nowMs / 1000) + 86_400,
  };
  const records = Array.from({ length: recipients }, (_, index) => {
    const to = { address: `r${index}-${run}-${number}@example.net`, ...(notify === undefined ? {} : { notify }) };
    return recordSent(firstClaim(message, index, to, nowMs, { claimedBy: "i", claimUntil: 0 }), `ses-${id}`, nowMs);
  });
  return [message, records];
}

/** One event about these recipients. */
function body(
  records: readonly RecipientRecord[],
  who: readonly number[],
  { kind, atMs }: Fact,
  baseMs: number,
  untagged: boolean,
): string {
  const [type, sub = "", status] = kind;
  const timestamp = new Date(baseMs + atMs).toISOString();
  const named = records.filter(({ index }) => who.includes(index));
  const reports = named.map(({ address }) => ({ emailAddress: address, ...(status === undefined ? {} : { status }) }));
  const [bounceType, bounceSubType] = sub.split("/");
  const details: Record<string, object> = {
    Delivery: { recipients: named.map(({ address }) => address), smtpResponse: "250 2.0.0 OK" },
    Bounce: { bounceType, bounceSubType, bouncedRecipients: reports, somethingNew: [1] },
    DeliveryDelay: { delayType: sub, delayedRecipients: reports },
    Complaint: { complainedRecipients: reports, ...(sub === "" ? {} : { complaintSubType: sub }) },
    Reject: { reason: "Bad content" },
  };
  const tags = {
    "relayhost-id": [records[0]?.id],
    "relayhost-recipient": [formatRecipientTag(records.map(({ index }) => index))],
  };
  const destination = records.map(({ address }) => address);
  const mail = { timestamp, messageId: records[0]?.sesId, destination, ...(untagged ? {} : { tags }) };
  const name = type.charAt(0).toLowerCase() + type.slice(1);
  return JSON.stringify({ eventType: type, mail, [name]: { timestamp, ...details[type] } });
}

/** All events of a case: about each recipient alone, or about all of them at once. */
function bodies(of: Case, records: readonly RecipientRecord[], isPlain: boolean, baseMs: number): string[] {
  const together = !isPlain && of.together;
  const untagged = !isPlain && of.untagged;
  return of.facts.flatMap((one) => {
    const who = one.who.filter((index) => index < of.recipients);
    if (!NAMING.includes(one.kind[0])) return [body(records, [], one, baseMs, untagged)];
    if (together) return who.length === 0 ? [] : [body(records, who, one, baseMs, untagged)];
    return who.map((index) => body(records, [index], one, baseMs, untagged));
  });
}

/** The same events as chance has them. */
function shuffled({ times, order }: Case, events: readonly string[]): string[] {
  const all = events.flatMap((event, index) => Array.from({ length: times[index] ?? 1 }, () => event));
  return all
    .map((event, index) => ({ event, key: order[index] ?? 0 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ event }) => event);
}

/** Lets feedback handle what is in its queue. */
async function work(): Promise<void> {
  const options = { name: "feedback", timeoutSeconds: 60, concurrency: 1, queue: pipeline.feedbackQueue, handler };
  const silent = { ...options, log: () => undefined };
  while ((await Promise.all([runOnce(silent), runOnce(silent), runOnce(silent)])).some((count) => count > 0)) continue;
}

async function send(events: readonly string[]): Promise<void> {
  for (let start = 0; start < events.length; start += 20) {
    await Promise.all(events.slice(start, start + 20).map((event) => sendToQueue(pipeline.feedbackQueue, event)));
  }
}

async function offer(): Promise<void> {
  const deps = { ledger: pipeline.ledger, feedbackQueue: pipeline.feedbackQueue, now: Date.now, log: () => undefined };
  await offerKeptEvents(deps, Number.POSITIVE_INFINITY);
}

/** What must be the same. */
async function endOf(of: Case, { id }: MessageRecord): Promise<object[]> {
  const { recipients } = await readMessage(pipeline.ledger, id);
  return recipients.map((record) => {
    const ends = of.facts.filter(
      ({ kind, who }) => tellsEnd(kind) && (kind[0] === "Reject" || who.includes(record.index)),
    );
    const told = (record.dsns ?? []).filter(
      // A success that was told before the bounce came stays told; after a failure none is.
      ({ outcome }) =>
        outcome.action !== "relayed" || !(record.dsns ?? []).some((note) => note.outcome.action === "failed"),
    );
    return {
      address: record.address,
      state: record.state,
      reason: record.reason,
      events: new Set(record.history.map(({ eventKey }) => eventKey?.replace(/^ses-[^|]+/, ""))),
      // Of several ends the first to come is told.
      dsns: told
        .map(({ outcome, written }) => `${outcome.action} ${ends.length > 1 ? "" : outcome.status} ${written}`)
        .toSorted((a, b) => a.localeCompare(b)),
    };
  });
}

const tellsEnd = ([type, kind]: Kind): boolean =>
  type === "Bounce" || type === "Reject" || (type === "Complaint" && kind !== undefined);

async function totals(tenant: string, messages: readonly MessageRecord[]): Promise<object> {
  let usage = NO_USAGE;
  for (const message of messages) {
    const { recipients } = await readMessage(pipeline.ledger, message.id);
    usage = addUsage(usage, messageUsage(message, recipients));
  }
  const suppressed: string[] = [];
  for await (const { address, reason } of listSuppressions(pipeline.ledger, tenant))
    suppressed.push(`${address} ${reason}`);
  const buckets = await readBuckets(pipeline.ledger, tenant, Date.now());
  const breaker = buckets.reduce(addBreakerCounts, { mails: 0, bounced: 0, complained: 0 });
  return { usage, suppressed, breaker };
}

describe("events of SES", () => {
  it(
    `end in the same state in any order and number, alone and together, early and late (seed ${SEED})`,
    async () => {
      const property = fc.asyncProperty(
        fc.array(oneCase, { minLength: MESSAGES, maxLength: MESSAGES }),
        async (cases) => {
          run += 1;
          const baseMs = Date.now();
          const [plain, mixed] = [`plain-${run}`, `mixed-${run}`];
          const made = cases.map((of, number) => ({
            of,
            plain: makeMessage(of, plain, number),
            mixed: makeMessage(of, mixed, number),
          }));
          const store = async ([message, records]: [MessageRecord, RecipientRecord[]]): Promise<void> => {
            await createMessage(pipeline.ledger, message);
            for (const record of records) await saveRecipient(pipeline.ledger, { ...record, version: 1 });
          };
          const late: string[] = [];
          const early: string[] = [];
          for (const { of, plain: first, mixed: second } of made) {
            await store(first);
            await send(bodies(of, first[1], true, baseMs));
            const events = shuffled(of, bodies(of, second[1], false, baseMs));
            early.push(...events.slice(0, Math.ceil(of.early * events.length)));
            late.push(...events.slice(Math.ceil(of.early * events.length)));
          }
          await send(early);
          await work();
          for (const { mixed: second } of made) await store(second);
          await send(late);
          await work();
          // Kept events are looked at again, doubts end, delays become old enough to be told.
          for (const minutes of [5, 11, 240]) {
            vi.setSystemTime(Date.now() + minutes * MINUTE);
            await offer();
            await work();
          }
          const { waiting, inFlight } = await queueDepth(pipeline.feedbackQueue);
          expect(waiting + inFlight).toBe(0);
          expect(log.filter(({ event }) => event.endsWith("-error"))).toEqual([]);
          for (const { of, plain: first, mixed: second } of made) {
            expect(await endOf(of, second[0])).toEqual(await endOf(of, first[0]));
          }
          const of = (key: "plain" | "mixed"): MessageRecord[] => made.map((one) => one[key][0]);
          expect(await totals(mixed, of("mixed"))).toEqual(await totals(plain, of("plain")));
        },
      );
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
    },
    60_000 + RUNS * 30_000,
  );
});
