/**
 * Removes all that the relay keeps of a tenant, and searches for what is left.
 *
 * Promise:  may be stopped anywhere and run again: what tells whose a thing is goes after the thing, and the tenant's
 *           row last of all. What belongs to another tenant is never touched.
 * Cost:     each search and the removal read the ledger whole; SES takes one call a second.
 * Failure:  throws what S3, DynamoDB or SES throw.
 */

import type { SenderDomain } from "../core/directory.ts";
import { type ErasureCounts, type ErasureKind, ErasureTally } from "../core/erasure.ts";
import { forEachInFlight } from "../core/in-flight.ts";
import type { QueueId } from "../core/queue-id.ts";
import { type Directory, deleteRow, deleteRowOf, setDomainStatus } from "./directory-dynamo.ts";
import { type Ledger, MESSAGE_SORT, messagePartition } from "./ledger-dynamo.ts";
import type { SesControl } from "./ses-control.ts";
import { listIdentities, readIdentity, removeIdentity } from "./ses-identities.ts";
import { hasSesTenant, removeSesTenant } from "./ses-tenants.ts";
import type { Spool } from "./spool-s3.ts";
import { deleteVersions, findTenantContent, type StoredVersion } from "./tenant-content.ts";
import { deleteItems, findMessageItems, findTenantItems, type TenantItem } from "./tenant-records.ts";
import { findTenantRows } from "./tenant-rows.ts";
import { clearDirtySlot, listDirtySlots } from "./usage-dynamo.ts";

/** Where it all is. */
export interface ErasureDeps {
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly ses: SesControl;
  /** The environment gives each tenant one of SES. */
  readonly sesTenants: boolean;
}

/** What a tenant's things are known by, some of which vanishes with the first of them. */
export interface ErasureKnowledge {
  readonly ids: ReadonlySet<QueueId>;
  /** Identities that go with the tenant. */
  readonly identities: ReadonlySet<string>;
}

/** What a search found. */
export interface ErasureSurvey {
  readonly counts: ErasureCounts;
  /** Messages that wait to be sent. */
  readonly waiting: number;
  /** Objects that do not tell whose they are. */
  readonly unreadable: number;
  /** Identities that were in SES before the relay: they stay. */
  readonly adopted: readonly string[];
  readonly known: ErasureKnowledge;
}

/** How it is done. */
export interface ErasureOptions {
  /** Leave the books of the months, for invoices. */
  readonly keepUsage: boolean;
  /** Called as things go. */
  readonly removed: (kind: ErasureKind, count: number) => void;
}

/** Searches everything for what is the tenant's. With what was known before an erasure it finds its remains. */
export async function surveyTenant(
  deps: ErasureDeps,
  tenant: string,
  known: ErasureKnowledge = { ids: new Set(), identities: new Set() },
): Promise<ErasureSurvey> {
  const tally = new ErasureTally();
  const ids = new Set(known.ids);
  const rows = await findTenantRows(deps.directory, tenant);
  for (const { kind } of rows) tally.add(kind);
  const domains = rows.flatMap(({ domain }) => domain ?? []);
  const own = await identitiesOf(deps, domains);
  const identities = new Set([...known.identities, ...own]);
  if (identities.size > 0) {
    const present = await listIdentities(deps.ses);
    tally.add("identities", [...identities].filter((name) => present.has(name)).length);
  }
  if (deps.sesTenants && (await hasSesTenant(deps.ses, tenant))) tally.add("sesTenant");
  for await (const items of findTenantItems(deps.ledger, { tenant, ids, consistent: true })) {
    for (const { kind } of items) tally.add(kind);
  }
  const onRecord = new Set(ids);
  let waiting = 0;
  let unreadable = 0;
  for await (const page of findTenantContent(deps.spool, deps.ledger, { tenant, ids })) {
    unreadable += page.unreadable;
    for (const { isMarker, isLatest } of page.found) {
      tally.add(isMarker ? "deleteMarkers" : "content");
      if (isLatest && !isMarker) waiting += 1;
    }
  }
  // Whose a message without a record is, only its object has told.
  await forEachInFlight(
    [...ids].filter((id) => !onRecord.has(id)),
    IN_FLIGHT,
    async (id) => {
      for (const { kind } of await findMessageItems(deps.ledger, id)) tally.add(kind);
    },
  );
  const adopted = domains
    .filter(({ domain, ses }) => ses !== undefined && !own.has(domain))
    .map(({ domain }) => domain);
  return { counts: tally.counts, waiting, unreadable, adopted, known: { ids, identities } };
}

/** Removes all of it. `known` is what a survey has learnt just now. */
export async function eraseTenant(
  deps: ErasureDeps,
  tenant: string,
  known: ErasureKnowledge,
  options: ErasureOptions,
): Promise<void> {
  await eraseAnnouncements(deps.ledger, tenant, options);
  const ids = new Set(known.ids);
  await eraseContent(deps, tenant, ids, options);
  await eraseRecords(deps, tenant, ids, options);
  await eraseRows(deps, tenant, known.identities, options);
}

/** First, so that no sweep counts anew what is going. */
async function eraseAnnouncements(ledger: Ledger, tenant: string, { removed }: ErasureOptions): Promise<void> {
  const own = (await listDirtySlots(ledger)).filter((slot) => slot.tenant === tenant);
  for (const slot of own) await clearDirtySlot(ledger, slot);
  removed("announcements", own.length);
}

/** Markers last: a message whose marker went first would be back in the spool, and be sent. */
async function eraseContent(
  deps: ErasureDeps,
  tenant: string,
  ids: Set<QueueId>,
  { removed }: ErasureOptions,
): Promise<void> {
  const markers: StoredVersion[] = [];
  for await (const { found } of findTenantContent(deps.spool, deps.ledger, { tenant, ids })) {
    const messages = found.filter(({ isMarker }) => !isMarker);
    await deleteVersions(deps.spool, messages);
    removed("content", messages.length);
    for (const version of found) if (version.isMarker) markers.push(version);
  }
  await deleteVersions(deps.spool, markers);
  removed("deleteMarkers", markers.length);
}

/** A message's own record last: it tells whose the others are. */
async function eraseRecords(
  deps: ErasureDeps,
  tenant: string,
  ids: Set<QueueId>,
  { removed, keepUsage }: ErasureOptions,
): Promise<void> {
  const stays = ({ kind }: TenantItem): boolean => kind === "messages" || (keepUsage && kind === "usage");
  const recorded = new Set<QueueId>();
  for await (const items of findTenantItems(deps.ledger, { tenant, ids, consistent: true })) {
    for (const { kind, id } of items) if (kind === "messages" && id !== undefined) recorded.add(id);
    const going = items.filter((item) => !stays(item));
    await deleteItems(deps.ledger, going);
    for (const [kind, group] of Map.groupBy(going, (item) => item.kind)) removed(kind, group.length);
  }
  const batches = [...recorded].map((id) => ({ partition: messagePartition(id), sort: MESSAGE_SORT }));
  for (let start = 0; start < batches.length; start += BATCH) {
    const batch = batches.slice(start, start + BATCH);
    await deleteItems(deps.ledger, batch);
    removed("messages", batch.length);
  }
}

/** A domain's row after its identity, the SES tenant after its identities, the tenant's row last. */
async function eraseRows(
  deps: ErasureDeps,
  tenant: string,
  identities: ReadonlySet<string>,
  { removed }: ErasureOptions,
): Promise<void> {
  const rows = await findTenantRows(deps.directory, tenant);
  const [own, others] = [rows.filter(({ kind }) => kind === "tenant"), rows.filter(({ kind }) => kind !== "tenant")];
  for (const row of others) {
    if (row.domain !== undefined && identities.has(row.domain.domain)) {
      const { domain } = row.domain;
      await setDomainStatus(deps.directory, domain, "pending");
      await removeIdentity(deps.ses, domain, deps.sesTenants ? tenant : undefined);
      removed("identities", 1);
    }
    await deleteRowOf(deps.directory, row.key, tenant);
    removed(row.kind, 1);
  }
  if (deps.sesTenants && (await hasSesTenant(deps.ses, tenant))) {
    await removeSesTenant(deps.ses, tenant);
    removed("sesTenant", 1);
  }
  for (const { key } of own) {
    await deleteRow(deps.directory, key);
    removed("tenant", 1);
  }
}

/** Identities of these domains that are the relay's to delete: those that it made. */
async function identitiesOf(deps: ErasureDeps, domains: readonly SenderDomain[]): Promise<Set<string>> {
  const own = new Set<string>();
  for (const { domain, ses } of domains) {
    // A row without it is of a set-up that was cut off, or from before it was kept: only SES knows.
    const identity = ses ?? (await readIdentity(deps.ses, domain, ""))?.identity;
    if (identity !== undefined && identity.adopted !== true) own.add(domain);
  }
  return own;
}

const IN_FLIGHT = 8;
/** Between two steps of the progress. */
const BATCH = 100;
