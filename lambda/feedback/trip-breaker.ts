/**
 * Counts what a batch of events says of tenants and senders, and pauses those whose mail comes back too often.
 *
 * Promise:  a pause stands in the directory, where edge and forward read it; the operator has a line in the log, which
 *           rings, and a mail if the tenant's row names an address for that.
 * Failure:  throws what DynamoDB and S3 throw; the events are on record by then, so the caller logs it and goes on: the
 *           next bounce asks again.
 */

import { addToBucket, readBreakerStates, readBuckets, writeBreakerState } from "../../lib/aws/breaker-dynamo.ts";
import { changeRow, readRow, readRows, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { putSpoolObject } from "../../lib/aws/spool-s3.ts";
import { type DsnDeps, OWN_CREDENTIAL } from "../../lib/aws/write-owed-dsns.ts";
import {
  addBreakerCounts,
  type BreakerAction,
  type BreakerCounts,
  breakerActions,
  breakerHour,
  isOneSender,
  WHOLE_TENANT,
} from "../../lib/core/breaker.ts";
import { breakerNotice } from "../../lib/core/breaker-notice.ts";
import { type BreakerSettings, type Pause, senderPauseKey, type Tenant, tenantKey } from "../../lib/core/directory.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";

/** What one event adds to a sender's counts. */
export interface BreakerFact {
  readonly tenant: string;
  readonly sender: string;
  readonly counts: BreakerCounts;
  readonly id: QueueId;
}

/** What it needs. */
export interface BreakerDeps extends DsnDeps {
  /** For tenants without values of their own. */
  readonly breaker: BreakerSettings;
}

/** See the head of this file. */
export async function tripBreaker(deps: BreakerDeps, facts: readonly BreakerFact[]): Promise<void> {
  const hourMs = breakerHour(deps.now());
  for (const [tenant, ofTenant] of Map.groupBy(facts, (fact) => fact.tenant)) {
    const bySender = Map.groupBy(ofTenant, ({ sender }) => sender);
    await Promise.all(
      [...bySender].map(async ([sender, group]) => {
        const sum = group.map(({ counts }) => counts).reduce(addBreakerCounts);
        await addToBucket(deps.ledger, tenant, { sender, hourMs }, sum);
      }),
    );
    const bad = ofTenant.filter(({ counts }) => counts.bounced > 0 || counts.complained > 0);
    const [cause] = bad;
    if (cause !== undefined) await judgeTenant(deps, tenant, new Set(bad.map(({ sender }) => sender)), cause.id);
  }
}

async function judgeTenant(deps: BreakerDeps, id: string, touched: ReadonlySet<string>, cause: QueueId): Promise<void> {
  const nowMs = deps.now();
  const [tenant, buckets, states] = await Promise.all([
    readRow(deps.directory, tenantKey(id)),
    readBuckets(deps.ledger, id, nowMs),
    readBreakerStates(deps.ledger, id),
  ]);
  if (tenant?.kind !== "tenant") return;
  const remembered = [...states].filter(([, state]) => state.phase === "paused").map(([scope]) => scope);
  const senders = [...new Set([...touched, ...remembered])].filter(
    (scope) => scope !== WHOLE_TENANT && isOneSender(scope),
  );
  const rows = await readRows(
    deps.directory,
    senders.map((sender) => senderPauseKey(id, sender)),
  );
  const paused = new Set(rows.flatMap((row) => (row.kind === "sender-pause" ? [row.sender] : [])));
  if (tenant.status === "paused") paused.add(WHOLE_TENANT);
  const settings = { ...deps.breaker, ...tenant.breaker };
  for (const action of breakerActions({ nowMs, settings, buckets, states, paused, touched })) {
    await carryOut(deps, tenant, action, cause);
    await writeBreakerState(deps.ledger, id, action.scope, action.state, nowMs);
  }
}

/** The pause comes before the memory of it: without the memory a lifted pause would fall again at once, no worse. */
async function carryOut(deps: DsnDeps, tenant: Tenant, action: BreakerAction, cause: QueueId): Promise<void> {
  const { scope } = action;
  const sender = scope === WHOLE_TENANT ? undefined : scope;
  const of = { tenant: tenant.id, ...(sender === undefined ? {} : { sender }) };
  if (action.kind === "lifted") {
    deps.log({ event: "breaker-lifted", ...of });
    return;
  }
  const { reason } = action;
  if (action.kind === "warn") deps.log({ event: "breaker-warning", ...of, reason });
  else {
    const pause: Pause = { by: "breaker", reason, atMs: deps.now() };
    if (sender === undefined) await changeRow(deps.directory, tenantKey(tenant.id), { status: "paused", pause });
    else await writeRow(deps.directory, { kind: "sender-pause", tenant: tenant.id, sender, pause });
    deps.log({ event: "breaker-paused", ...of, reason });
  }
  if (tenant.contact === undefined) return;
  const notice = breakerNotice({
    ...of,
    language: tenant.language,
    kind: action.kind,
    reason,
    to: tenant.contact,
    from: deps.systemAddress,
    hostName: deps.hostName,
    credential: OWN_CREDENTIAL,
    cause,
    nowMs: deps.now(),
  });
  await putSpoolObject(deps.spool, notice.id, notice.bytes);
}
