/**
 * The daily look at tenants' own addresses in block lists, and the mail that says that the relay is no longer needed.
 *
 * Promise:  each watch is checked once a UTC day, however often this is called; a mail is written once for each run of
 *           clear days: what is owed stands in the directory before the spool has it, under an id that does not change.
 * Failure:  one tenant's failure keeps no other from its check; all failures are thrown at the end. What time was too
 *           short for leaves no result: it is checked first in the next run.
 */

import { changeRow, type Directory, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import { recentClients } from "../../lib/aws/recent-clients.ts";
import { putSpoolObject, type Spool } from "../../lib/aws/spool-s3.ts";
import { OWN_CREDENTIAL } from "../../lib/aws/write-owed-dsns.ts";
import { askWatched } from "../../lib/core/ask-watched.ts";
import { tenantKey, watchKey } from "../../lib/core/directory.ts";
import type { DnsLookup } from "../../lib/core/dns/dns-lookup.ts";
import { errorText, type Log } from "../../lib/core/log.ts";
import { utcDay } from "../../lib/core/usage.ts";
import {
  dayVerdict,
  listId,
  nextWatchState,
  type Watch,
  type WatchAnswers,
  type WatchState,
  watchableLists,
  watchedAddresses,
  wholeSize,
} from "../../lib/core/watch.ts";
import { watchNotice } from "../../lib/core/watch-notice.ts";

/** What checking needs. */
export interface CheckWatchesDeps {
  readonly directory: Directory;
  readonly ledger: Ledger;
  readonly spool: Spool;
  readonly hostName: string;
  readonly systemAddress: string;
  readonly dns: DnsLookup;
  readonly dqsKey: string | undefined;
  readonly pause: () => Promise<void>;
  readonly now: () => number;
  readonly log: Log;
}

/** What a run did. */
export interface WatchReport {
  readonly checked: number;
  /** Those that time was too short for. */
  readonly left: number;
  readonly told: number;
}

/** See the head of this file. */
export async function checkWatches(deps: CheckWatchesDeps, stopAtMs: number): Promise<WatchReport> {
  const failures: unknown[] = [];
  const count = { checked: 0, left: 0, told: 0 };
  const lastDay = ({ state }: Watch): string => state?.day ?? "";
  const watches = (await scanRows(deps.directory, "watch")).toSorted((a, b) => (lastDay(a) < lastDay(b) ? -1 : 1));
  for (const watch of watches) {
    try {
      const { outcome, watch: now } = await checkOne(deps, watch, stopAtMs);
      if (outcome !== "known") count[outcome] += 1;
      if (await tellIfOwed(deps, now)) count.told += 1;
    } catch (error) {
      failures.push(error);
      deps.log({ event: "watch-error", tenant: watch.tenant, error: errorText(error) });
    }
  }
  if (count.checked + count.left > 0) deps.log({ event: "watches-checked", ...count });
  if (failures.length > 0) throw new AggregateError(failures, failures.map(errorText).join("; "));
  return count;
}

/** What became of a watch. `known`: checked on this day already, or the tenant is gone, or it was changed meanwhile. */
interface Checked {
  readonly outcome: "checked" | "left" | "known";
  readonly watch: Watch;
}

async function checkOne(deps: CheckWatchesDeps, watch: Watch, stopAtMs: number): Promise<Checked> {
  const nowMs = deps.now();
  if (nowMs >= stopAtMs) return { outcome: "left", watch };
  if (watch.state !== undefined && watch.state.day >= utcDay(nowMs)) return { outcome: "known", watch };
  const { tenant: id } = watch;
  const tenant = await readRow(deps.directory, tenantKey(id));
  if (tenant?.kind !== "tenant") return { outcome: "known", watch };
  const answers = await askOne(deps, watch, stopAtMs);
  if (answers === undefined) return { outcome: "left", watch };
  const state = nextWatchState(watch, nowMs, answers, tenant.contact !== undefined);
  if (!(await keepState(deps, watch, state))) {
    deps.log({ event: "watch-changed", tenant: id });
    return { outcome: "known", watch };
  }
  const { asked, run } = state;
  const verdict = dayVerdict(answers);
  deps.log({ event: "watch-checked", tenant: id, verdict, asked, listed: answers.listed.length, run });
  return { outcome: "checked", watch: { ...watch, state } };
}

/** True when the contact was told. The directory holds what is owed before this. */
async function tellIfOwed(deps: CheckWatchesDeps, watch: Watch): Promise<boolean> {
  const { state, tenant: id } = watch;
  if (state?.notice === undefined || state.notice.written) return false;
  const tenant = await readRow(deps.directory, tenantKey(id));
  if (tenant?.kind !== "tenant" || tenant.contact === undefined) return false;
  const lists = watchableLists().filter((list) => watch.lists.includes(listId(list)));
  const { id: queueId, bytes } = watchNotice({
    tenant: id,
    name: tenant.name,
    language: tenant.language,
    notice: state.notice,
    networks: watch.networks,
    lists: lists.map(({ name }) => name),
    asked: state.asked,
    to: tenant.contact,
    from: deps.systemAddress,
    hostName: deps.hostName,
    credential: OWN_CREDENTIAL,
  });
  await putSpoolObject(deps.spool, queueId, bytes);
  await keepState(deps, watch, { ...state, notice: { ...state.notice, written: true } });
  deps.log({ event: "watch-told", tenant: id, id: queueId, run: state.notice.run });
  return true;
}

async function askOne(deps: CheckWatchesDeps, watch: Watch, stopAtMs: number): Promise<WatchAnswers | undefined> {
  const needsKnown = watch.networks.some((cidr) => wholeSize(cidr) === undefined);
  const known = needsKnown ? await recentClients(deps.ledger, watch.tenant, deps.now()) : [];
  const lists = watchableLists(deps.dqsKey).filter((list) => watch.lists.includes(listId(list)));
  const unknown = watch.lists.filter((name) => !lists.some((list) => listId(list) === name));
  return await askWatched(
    { dns: deps.dns, lists, pause: deps.pause, isLate: () => deps.now() >= stopAtMs },
    watchedAddresses(watch.networks, known),
    unknown,
  );
}

async function keepState(deps: CheckWatchesDeps, { tenant, version }: Watch, state: WatchState): Promise<boolean> {
  return await changeRow(deps.directory, watchKey(tenant), { state }, { kind: "watch", version });
}
