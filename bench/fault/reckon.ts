/**
 * The reckoning: every message with a 250 against what SES took, the ledger, the reports and the spool.
 *
 * Pure: it is given what was sent, what left, what the ledger says and what was logged, and returns what does not fit.
 */

import { LIMITS } from "../../lib/core/limits.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import type { DsnNote, RecipientRecord } from "../../lib/core/message-record.ts";
import { parseQueueId, queueIdTimeMs } from "../../lib/core/queue-id.ts";
import type { AcknowledgedMail } from "../../test/fault/mail-load.ts";
import { alteredIn, type Copy, keysOf, missingFrom, type OutboxCopies } from "../../test/fault/outbox-copies.ts";
import { type Cause, explain } from "./causes.ts";

/** What there is to reckon with. */
export interface Books {
  readonly acknowledged: readonly Pick<AcknowledgedMail, "marker" | "recipients" | "bodyHash" | "queueId">[];
  readonly copies: OutboxCopies;
  /** Reports that SES took: queue id of the report, recipient, and how it was named in the outbox. */
  readonly reports: readonly {
    readonly queueId: string;
    readonly recipients: readonly string[];
    readonly sesId: string;
    readonly takenAtMs: number;
    /** Of the report's first recipient (RFC 3464 §2.3.3). */
    readonly action: string;
  }[];
  readonly records: readonly RecipientRecord[];
  readonly events: readonly { readonly atMs: number; readonly event: LogEvent }[];
  /** What went wrong after which a second copy may come. */
  readonly causes: readonly Cause[];
  /** When the relay was first up, by the machine's clock (epoch milliseconds). */
  readonly startedAtMs: number;
  /** Envelope sender of each tenant's mail: reports go there. */
  readonly senders: Readonly<Record<string, string>>;
}

/** A second copy, and why there is one. */
export interface Duplicate {
  readonly key: string;
  readonly queueId: string;
  readonly sesId: string;
  /** Undefined: nothing explains it. */
  readonly because: string | undefined;
}

/** What became of all mail. */
export interface Reckoning {
  readonly messages: number;
  readonly recipients: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly reports: number;
  /** Copies that a client sent again and that the relay found out and did not send. */
  readonly duplicatesStopped: number;
  /** Logged as possible; most of them turn out to be none. */
  readonly possibleDuplicates: number;
  readonly lost: readonly string[];
  readonly wrongBytes: readonly string[];
  /** Left for somebody who is not in the message's envelope. */
  readonly misdirected: readonly string[];
  readonly wrongLedger: readonly string[];
  readonly untold: readonly string[];
  /** Reports that no record owes. */
  readonly strayReports: readonly string[];
  readonly duplicates: readonly Duplicate[];
}

const LOG_LINE_MS = 2_000;

/** See the head of this file. */
export function reckon(books: Books): Reckoning {
  const { acknowledged, copies, records, events } = books;
  const possible = possibleDuplicates(events);
  const bounces = records.filter(({ state }) => state === "bounced");
  const recordsByCopy = new Map(records.map((record) => [`${record.id} ${record.address}`, record]));
  return {
    messages: acknowledged.length,
    recipients: acknowledged.reduce((sum, mail) => sum + mail.recipients.length, 0),
    delivered: records.filter(({ state }) => state === "delivered").length,
    bounced: bounces.length,
    reports: books.reports.length,
    duplicatesStopped: records.filter(({ state }) => state === "duplicate").length,
    possibleDuplicates: [...possible.values()].reduce((sum, times) => sum + times.length, 0),
    lost: missingFrom(acknowledged, copies),
    wrongBytes: alteredIn(acknowledged, copies),
    misdirected: misdirected(books),
    wrongLedger: wrongLedger(books, recordsByCopy),
    untold: bounces.flatMap((record) => untold(record, books)),
    strayReports: strayReports(books),
    duplicates: [...duplicatesOf(books, possible, recordsByCopy), ...secondReports(books, possible)],
  };
}

function misdirected({ acknowledged, copies }: Books): string[] {
  const wanted = new Set(acknowledged.flatMap(keysOf));
  const markers = new Set(acknowledged.map(({ marker }) => marker));
  // A marker that nobody has a 250 for is mail whose sender lost the answer and has not sent it again yet.
  return copies.keys().filter((key) => !wanted.has(key) && markers.has(key.slice(0, key.indexOf(" "))));
}

/** Each recipient of each acknowledged message has a record under the id of its 250, that names a copy which left. */
function wrongLedger({ acknowledged, copies }: Books, recordsByCopy: ReadonlyMap<string, RecipientRecord>): string[] {
  return acknowledged.flatMap((mail) =>
    mail.queueId === undefined
      ? []
      : mail.recipients.flatMap((recipient) => {
          const key = `${mail.marker} ${recipient}`;
          const record = recordsByCopy.get(`${mail.queueId} ${recipient}`);
          if (record === undefined) return [`${key}: no record under ${mail.queueId}`];
          if (record.state === "duplicate") return [];
          const ends = recipient.startsWith("bounce+") ? "bounced" : "delivered";
          if (record.state !== ends) return [`${key}: ${record.state} and not ${ends}`];
          const left = copies.of(key).some(({ sesId }) => sesId === record.sesId);
          return left ? [] : [`${key}: the ledger names ${record.sesId ?? "no mail"}, which did not leave`];
        }),
  );
}

/** Who bounced, and whose sender was not told so. */
function untold(record: RecipientRecord, { reports, senders }: Books): string[] {
  const sender = senders[record.tenant ?? ""] ?? "";
  const name = `${record.id}/${record.index} ${record.address}`;
  const note: DsnNote | undefined = record.dsns?.find(({ outcome }) => outcome.action === "failed");
  if (note === undefined) return [`${name}: no report is noted`];
  if (!note.written || note.id === undefined) return [`${name}: the report is not written`];
  const sent = reports.filter(({ queueId, recipients }) => queueId === note.id && recipients.includes(sender));
  return sent.length > 0 ? [] : [`${name}: the report ${note.id} did not leave`];
}

function strayReports({ reports, records }: Books): string[] {
  const owed = new Set<string>(records.flatMap(({ dsns }) => (dsns ?? []).flatMap(({ id }) => id ?? [])));
  return reports
    .filter(({ queueId }) => !owed.has(queueId))
    .map(({ queueId, recipients, action }) => `${queueId} to ${recipients.join(", ")}: ${action}`);
}

function* duplicatesOf(
  books: Books,
  possible: ReadonlyMap<string, readonly number[]>,
  recordsByCopy: ReadonlyMap<string, RecipientRecord>,
): Generator<Duplicate> {
  const { copies } = books;
  for (const key of copies.keys()) {
    const all = copies.of(key);
    if (all.length < 2) continue;
    const recipient = key.slice(key.indexOf(" ") + 1);
    const byId = Map.groupBy(all, ({ queueId }) => queueId ?? "");
    const ids = [...byId.keys()].sort();
    for (const [number, id] of ids.entries()) {
      const first = ids[0] ?? "";
      const [copy] = byId.get(id) ?? [];
      if (number > 0 && copy !== undefined) {
        const because = whySentTwice(first, id, recordsByCopy.get(`${first} ${recipient}`));
        yield { key, queueId: id, sesId: copy.sesId, because };
      }
      yield* repeated(books, key, id, byId.get(id) ?? [], possible.get(`${id} ${recipient}`) ?? []);
    }
  }
}

/**
 * Second copies under one queue id. Each needs an event that said it might come, and a fault that was at work when the
 * copy before it was sent.
 */
function* repeated(
  { causes, startedAtMs }: Books,
  key: string,
  queueId: string,
  all: readonly Pick<Copy, "sesId" | "takenAtMs">[],
  told: readonly number[],
): Generator<Duplicate> {
  const inOrder = all.toSorted((a, b) => a.takenAtMs - b.takenAtMs);
  for (const [number, { sesId, takenAtMs }] of inOrder.entries()) {
    const before = inOrder[number - 1];
    if (before === undefined) continue;
    // An event stands in the log before its copy leaves; its line may come a little later.
    const toldMs = told.findLast((atMs) => atMs <= takenAtMs - startedAtMs + LOG_LINE_MS);
    const firstMs = before.takenAtMs - startedAtMs;
    yield { key, queueId, sesId, because: toldMs === undefined ? undefined : explain(causes, { firstMs, toldMs }) };
  }
}

/** The client sent again what it had lost the answer to; the relay compares for a quarter of an hour. */
function whySentTwice(first: string, second: string, original: RecipientRecord | undefined): string | undefined {
  const [one, two] = [parseQueueId(first), parseQueueId(second)];
  if (one === undefined || two === undefined) return undefined;
  const apartMs = Math.abs(queueIdTimeMs(two) - queueIdTimeMs(one));
  if (apartMs > LIMITS.forward.duplicateWindowMs) {
    return `sent again by its client ${Math.round(apartMs / 60_000)} minutes after ${first}, by the relay's clock`;
  }
  return original?.state === "failed" ? `sent again by its client after ${first} had failed` : undefined;
}

function* secondReports(books: Books, possible: ReadonlyMap<string, readonly number[]>): Generator<Duplicate> {
  const single = books.reports.flatMap(({ recipients, ...report }) =>
    recipients.map((recipient) => ({ ...report, recipient })),
  );
  for (const [key, all] of Map.groupBy(single, ({ queueId, recipient }) => `${queueId} ${recipient}`)) {
    yield* repeated(books, `report ${key}`, all[0]?.queueId ?? "", all, possible.get(key) ?? []);
  }
}

/** Times at which the relay said so, by `queue id recipient`. */
function possibleDuplicates(events: Books["events"]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { atMs, event } of events) {
    if (event.event !== "possible-duplicate") continue;
    const key = `${String(event["id"])} ${String(event["recipient"])}`;
    times.set(key, [...(times.get(key) ?? []), atMs]);
  }
  return times;
}
