/**
 * Writes the reports that a message's records say are owed, as messages into the spool.
 *
 * Promise:  once this returns, every report that was owed is in the spool, once. Called again after a crash at any
 *           point it writes the same report under the same queue id, and the ledger knows that id if it was sent.
 * Failure:  what S3 or DynamoDB throw goes to the caller, who is called again by his queue.
 *
 * Order: the record says "owed"; then every recipient that shares a report gets its queue id; then the object is
 * put; then the record says "written". An id, once set, never changes, and whoever writes a report first completes its
 * ids, so that two writers at once compose the same one.
 */

import { isAddress, parseAddress } from "../core/address.ts";
import { tenantKey } from "../core/directory.ts";
import { composeDsn, dsnBoundary, dsnMessageId } from "../core/dsn.ts";
import { dsnQueueId, dsnRecipient } from "../core/dsn-policy.ts";
import type { DsnAction } from "../core/dsn-status.ts";
import type { Log } from "../core/log.ts";
import { assignDsn, type MessageRecord, markDsnWritten, noteOf, type RecipientRecord } from "../core/message-record.ts";
import type { QueueId } from "../core/queue-id.ts";
import { type Envelope, encodeSpoolHeader } from "../core/spool-object.ts";
import { type Directory, readRow } from "./directory-dynamo.ts";
import { type Ledger, readMessage, readRecipient, saveRecipient } from "./ledger-dynamo.ts";
import { putSpoolObject, type Spool } from "./spool-s3.ts";

/** What writing reports needs. */
export interface DsnDeps {
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly directory: Directory;
  /** Our FQDN, for `Reporting-MTA`. */
  readonly hostName: string;
  /** Verified address that reports come from. */
  readonly systemAddress: string;
  readonly now: () => number;
  readonly log: Log;
}

/** The credential under which the relay's own mail stands in spool and ledger. */
export const OWN_CREDENTIAL = "relayhost";

const ACTIONS: readonly DsnAction[] = ["failed", "delayed", "relayed"];

/**
 * See the head of this file. `original` gives the message as received (header and body), or undefined when it is
 * kept no longer; it is asked only if a report is owed.
 */
export async function writeOwedDsns(
  deps: DsnDeps,
  id: QueueId,
  original: () => Promise<Buffer | undefined>,
): Promise<void> {
  let stored = await readMessage(deps.ledger, id);
  for (const action of ACTIONS) {
    const { message, recipients } = stored;
    if (message === undefined) return;
    const owed = recipients.filter((record) => noteOf(record, action)?.written === false);
    if (owed.length === 0) continue;
    const fresh = owed.filter((record) => noteOf(record, action)?.id === undefined).map((record) => record.index);
    const all = new Map(recipients.map((record) => [record.index, record]));
    const assign = async (index: number, dsnId: QueueId, sharedWith: readonly number[]): Promise<void> => {
      const record = all.get(index);
      if (record === undefined || noteOf(record, action) === undefined) return;
      all.set(index, await update(deps, record, (current) => assignDsn(current, action, dsnId, sharedWith)));
    };
    if (fresh.length > 0) {
      const dsnId = dsnQueueId(id, fresh, action, deps.now());
      for (const index of fresh) await assign(index, dsnId, fresh);
    }
    for (const [dsnId, sharedWith] of openReports([...all.values()], action)) {
      for (const index of sharedWith) await assign(index, dsnId, sharedWith);
      const sharing = [...all.values()].filter((record) => noteOf(record, action)?.id === dsnId);
      await writeReport(deps, message, dsnId, sharing, action, (await original()) ?? Buffer.alloc(0));
    }
    stored = await readMessage(deps.ledger, id);
  }
}

/** Reports with an id that some recipient does not show as written, with the recipients meant to share each. */
function openReports(records: readonly RecipientRecord[], action: DsnAction): Map<QueueId, readonly number[]> {
  const reports = new Map<QueueId, readonly number[]>();
  for (const record of records) {
    const note = noteOf(record, action);
    if (note?.id !== undefined && !note.written) reports.set(note.id, note.sharedWith ?? [record.index]);
  }
  return reports;
}

async function writeReport(
  deps: DsnDeps,
  message: MessageRecord,
  dsnId: QueueId,
  sharing: readonly RecipientRecord[],
  action: DsnAction,
  original: Buffer,
): Promise<void> {
  const to = message.returnPath;
  if (to === null || !isAddress(parseAddress(to))) throw new Error(`a report is owed to <${to ?? ""}>`);
  const tenant = await readRow(deps.directory, tenantKey(message.tenant));
  const nowMs = deps.now();
  const report = composeDsn({
    id: message.id,
    tenant: message.tenant,
    from: deps.systemAddress,
    to,
    reportingMta: deps.hostName,
    arrival: message.time,
    language: tenant?.kind === "tenant" ? tenant.language : "en",
    original,
    recipients: sharing.flatMap((record) => {
      const note = noteOf(record, action);
      return note === undefined ? [] : [dsnRecipient(record.index, record, note.outcome)];
    }),
    now: new Date(nowMs).toISOString(),
    messageId: dsnMessageId(dsnId, deps.hostName),
    boundary: dsnBoundary(dsnId),
    ...(message.envid === undefined ? {} : { envid: message.envid }),
    ...(message.ret === undefined ? {} : { ret: message.ret }),
    ...(message.messageId === undefined ? {} : { originalMessageId: message.messageId }),
  });
  const envelope: Envelope = {
    id: dsnId,
    tenant: message.tenant,
    credential: OWN_CREDENTIAL,
    returnPath: null,
    recipients: [{ address: to, notify: ["NEVER"] }],
    body: "8BITMIME",
    time: new Date(nowMs).toISOString(),
    client: { address: "127.0.0.1", port: 0, helo: deps.hostName },
    dsnFor: message.id,
  };
  const received = `Received: by ${deps.hostName} (relayhost)\r\n id ${dsnId}; ${rfc5322Date(nowMs)}\r\n`;
  const body = Buffer.concat([encodeSpoolHeader(envelope, received), report]);
  await putSpoolObject(deps.spool, dsnId, body);
  for (const record of sharing) await update(deps, record, (r) => markDsnWritten(r, action));
  deps.log({ event: "dsn-written", id: message.id, dsnId, action, recipients: sharing.length });
}

/** Saves a change, deciding again on the stored record when somebody else was first; undefined: nothing to change. */
async function update(
  deps: DsnDeps,
  record: RecipientRecord,
  change: (record: RecipientRecord) => RecipientRecord | undefined,
): Promise<RecipientRecord> {
  let current = record;
  for (;;) {
    const next = change(current);
    if (next === undefined) return current;
    if (await saveRecipient(deps.ledger, next)) return next;
    const stored = await readRecipient(deps.ledger, record.id, record.index);
    if (stored === undefined) throw new Error(`the record of recipient ${record.index} is gone`);
    current = stored;
  }
}

function rfc5322Date(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}
