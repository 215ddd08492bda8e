/** One fault run: the whole relay under steady load, a plan of faults, rest, and the reckoning. */

import { setTimeout as pause } from "node:timers/promises";
import { LOAD_SENDER, type MailLoad, startMailLoad } from "../../test/fault/mail-load.ts";
import { seededRandom } from "../../test/fault/seeded-random.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import { collectEvents, followOutbox } from "./follow-relay.ts";
import { type HappenedFault, injectFaults } from "./inject-faults.ts";
import { type PostfixSender, startPostfixSender } from "./postfix-sender.ts";
import { type Duplicate, type Reckoning, reckon } from "./reckon.ts";
import { type RelayProcesses, startRelayProcesses } from "./relay-processes.ts";
import { mayCauseSecondCopy, PROCESSES, planFaults } from "./schedule.ts";
import { allRecipients, type Settled, settleRelay } from "./settle-relay.ts";
import { makeSmallDisk, type SmallDisk } from "./small-disk.ts";

/** What to run. */
export interface FaultRunOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Words of which one is in the name of each fault; default all faults. */
  readonly only?: readonly string[];
  readonly progress: (line: string) => void;
}

/** A second copy, with the fault that came before it. */
export interface ExplainedDuplicate extends Duplicate {
  /** The last faults that had begun before the relay said it; absent when the client sent again. */
  readonly after?: readonly string[];
}

/** What came of it. */
export interface FaultReport extends Omit<Reckoning, "duplicates"> {
  readonly seed: number;
  readonly minutes: number;
  readonly senders: readonly string[];
  /** What could not be had here, by name. */
  readonly missing: readonly string[];
  readonly faults: readonly HappenedFault[];
  readonly deferrals: number;
  readonly brokenConnections: number;
  readonly duplicates: readonly ExplainedDuplicate[];
  readonly refusals: readonly string[];
  readonly stuck: readonly string[];
  /** Processes that ended though nobody asked them to. */
  readonly ownDeaths: readonly string[];
  /** How often each event stood in the log. */
  readonly events: Readonly<Record<string, number>>;
  readonly settleMs: number;
  readonly clockSteps: number;
}

const OWN_SENDERS = 6;
/** Of each of our senders, between its messages: about ten messages a second in all. */
const PAUSE_MS = [250, 900] as const;
const BOUNCE_SHARE = 0.02;
/** How long nobody may get a 250 while messages wait for one and everything runs. */
const FINISH_DEADLINE_MS = 600_000;
const AFTER_MAX = 3;

/** Runs it. Rejects only when the run itself cannot go on; what the relay does wrong is in the report. */
export async function runFault(options: FaultRunOptions): Promise<FaultReport> {
  const { minutes, seed, progress } = options;
  const runMs = minutes * 60_000;
  const plan = planFaults(seed, runMs, options.only);
  const random = seededRandom(seed);
  const disk = await makeSmallDisk();
  let relay: RelayProcesses | undefined;
  let postfix: PostfixSender | string = "not started";
  try {
    relay = await startRelayProcesses(typeof disk === "string" ? {} : { temporaryDir: disk.path });
    const log = collectEvents(relay);
    const load = startMailLoad({
      port: relay.smtpPort,
      login: DEMO_LOGIN,
      senders: OWN_SENDERS,
      random: random.fork(0),
      pauseMs: PAUSE_MS,
      bounceShare: BOUNCE_SHARE,
    });
    postfix = await startPostfixSender(relay, random.fork(1), PAUSE_MS);
    const books = followOutbox(relay);
    const startMs = relay.elapsedMs();
    const faults = await injectFaults(plan, runMs, { relay, load, disk, random: random.fork(2), progress });
    await pause(Math.max(0, startMs + runMs - relay.elapsedMs()));
    progress(`${load.acknowledged.size} messages with a 250; no more faults, and no new mail`);
    for (const name of PROCESSES) await relay.start(name);
    const unsent = await finishSending(load, postfix);
    const settled = await settleRelay(relay, progress);
    const { copies, reports } = await books.close();
    const taken = [...load.acknowledged.values(), ...(typeof postfix === "string" ? [] : postfix.taken.values())];
    const reckoning = reckon({
      acknowledged: taken,
      copies,
      reports,
      records: await allRecipients(relay),
      events: log.kept,
      causes: faults.filter(({ fault }) => mayCauseSecondCopy(fault)).map(({ atMs }) => atMs),
      sender: LOAD_SENDER,
    });
    return {
      ...reckoning,
      seed,
      minutes,
      senders: [`${OWN_SENDERS} of our own`, ...(typeof postfix === "string" ? [] : [postfix.name])],
      missing: [...missing(disk, faults), ...(typeof postfix === "string" ? [`Postfix as a sender: ${postfix}`] : [])],
      faults,
      deferrals: load.deferrals() + (typeof postfix === "string" ? 0 : await postfix.deferrals()),
      brokenConnections: load.broken(),
      duplicates: reckoning.duplicates.map((duplicate) => explained(duplicate, faults)),
      refusals: [...load.refusals, ...(typeof postfix === "string" ? [] : await postfix.bounced())],
      stuck: [...unsent, ...inWords(settled)],
      ownDeaths: relay.ownDeaths,
      events: log.counts,
      settleMs: settled.ms,
      clockSteps: settled.clockSteps,
    };
  } catch (error) {
    throw new Error(`the run broke off. The relay's last words:\n${relay?.complaints() ?? "none"}`, { cause: error });
  } finally {
    if (typeof postfix !== "string") await postfix.remove();
    await relay?.stop();
    if (typeof disk !== "string") await disk.remove();
  }
}

/** What must not be there, in words; empty after a good run. */
export function violations(report: FaultReport): string[] {
  const all = (what: string, found: readonly string[]): string[] => found.map((one) => `${what}: ${one}`);
  return [
    ...all("lost", report.lost),
    ...all("wrong bytes", report.wrongBytes),
    ...all("misdirected", report.misdirected),
    ...all("stuck", report.stuck),
    ...all("wrong in the ledger", report.wrongLedger),
    ...all("sender not told", report.untold),
    ...all(
      "unexplained duplicate",
      report.duplicates.filter(({ because }) => because === undefined).map(({ key, queueId }) => `${key} (${queueId})`),
    ),
    ...all("refused for good", report.refusals),
    ...all("process", report.ownDeaths),
    ...(report.messages === 0 ? ["no message got a 250"] : []),
  ];
}

/** Sentences about mail that did not get its 250 though everything runs again. */
async function finishSending(load: MailLoad, postfix: PostfixSender | string): Promise<string[]> {
  const ends = await Promise.allSettled([
    load.finish(FINISH_DEADLINE_MS),
    ...(typeof postfix === "string" ? [] : [postfix.finish()]),
  ]);
  return ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
}

function inWords({ stuck }: Settled): string[] {
  if (stuck === undefined) return [];
  const queues = Object.entries(stuck.queues).filter(([, count]) => count > 0);
  return [
    ...stuck.spool.map((key) => `in the spool: ${key}`),
    ...queues.map(([name, count]) => `in the queue ${name}: ${count}`),
    ...stuck.recipients.map((recipient) => `not at its end: ${recipient}`),
  ];
}

function missing(disk: SmallDisk | string, faults: readonly HappenedFault[]): string[] {
  const skipped = faults.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`${name}: ${skipped}`]));
  return [...new Set([...skipped, ...(typeof disk === "string" ? [`disk-full: ${disk}`] : [])])];
}

function explained(duplicate: Duplicate, faults: readonly HappenedFault[]): ExplainedDuplicate {
  const { atMs } = duplicate;
  if (atMs === undefined) return duplicate;
  const before = faults.filter((fault) => fault.atMs <= atMs);
  return { ...duplicate, after: before.slice(-AFTER_MAX).map(({ name }) => name) };
}
