/** One fault run: the whole relay under steady load, a plan of faults, rest, and the reckoning. */

import { setTimeout as pause } from "node:timers/promises";
import { receiveFromQueue } from "../../lib/aws/queue-sqs.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { SMTP_REPLIES } from "../../lib/core/smtp-reply.ts";
import { parseQueuedWebhook } from "../../lib/core/webhook.ts";
import { DEMO_TENANT } from "../../lib/local/demo-tenant.ts";
import { LOAD_SENDER, type MailLoad, startMailLoad } from "../../test/fault/mail-load.ts";
import { seededRandom } from "../../test/fault/seeded-random.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import type { SmtpReply } from "../../test/support/smtp-client.ts";
import { causesOf } from "./causes.ts";
import { collectEvents, followOutbox } from "./follow-relay.ts";
import { GIVEN_UP_SENDER, letOneBeGivenUp } from "./give-up.ts";
import { type HappenedFault, injectFaults } from "./inject-faults.ts";
import { NEIGHBOUR, startNeighbourLoad } from "./neighbour.ts";
import { type RealSender, startRealSenders } from "./real-senders.ts";
import { type Reckoning, reckon } from "./reckon.ts";
import { type PostedEvent, reckonWebhooks, type WebhookReckoning } from "./reckon-webhooks.ts";
import { type LoggedEvent, type RelayProcesses, startRelayProcesses } from "./relay-processes.ts";
import { isOfTable } from "./reply-table.ts";
import { PROCESSES, planFaults } from "./schedule.ts";
import { allRecipients, type Settled, settleRelay } from "./settle-relay.ts";
import { makeSmallDisk, type SmallDisk } from "./small-disk.ts";
import { STRANGER_PREFIX, startStrangers } from "./strangers.ts";
import { startWebhookReceiver, type WebhookReceiver } from "./webhook-receiver.ts";

/** What to run. */
export interface FaultRunOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Words of which one is in the name of each fault; default all faults. */
  readonly only?: readonly string[];
  readonly progress: (line: string) => void;
}

/** What came of it. */
export interface FaultReport extends Reckoning {
  readonly seed: number;
  readonly minutes: number;
  readonly senders: readonly string[];
  /** What could not be had here, by name. */
  readonly missing: readonly string[];
  readonly faults: readonly HappenedFault[];
  readonly deferrals: number;
  readonly brokenConnections: number;
  readonly refusals: readonly string[];
  readonly stuck: readonly string[];
  /** What did not happen to the mail that SES takes at no time. */
  readonly notGivenUp: readonly string[];
  /** Messages of our senders that a full disk put off, and how many of them were taken later. */
  readonly diskFull: { readonly putOff: number; readonly takenLater: number };
  /** Replies to our clients, and those that do not stand in the table. */
  readonly replies: { readonly count: number; readonly strange: readonly string[] };
  /** Tries of strangers that were refused, by what was tried; mail of theirs that was taken, and what was destroyed. */
  readonly strangers: {
    readonly refused: Readonly<Record<string, number>>;
    readonly taken: readonly string[];
    readonly destroyed: readonly string[];
  };
  readonly webhooks: WebhookReckoning & {
    /** Posts that the tenant's server refused or left without an answer. */
    readonly failures: number;
    /** What was put aside, */
    readonly dead: readonly string[];
    /** and why. */
    readonly deadBecause: readonly string[];
    readonly wrong: readonly string[];
  };
  /** Processes that ended though nobody asked them to. */
  readonly ownDeaths: readonly string[];
  /** How often each event stood in the log. */
  readonly events: Readonly<Record<string, number>>;
  /** How the relay came to rest once nothing went wrong any more. */
  readonly rest: Omit<Settled, "stuck">;
}

const OWN_SENDERS = 6;
/** Of each of our senders, between its messages: about ten messages a second in all. */
const PAUSE_MS = [250, 900] as const;
const BOUNCE_SHARE = 0.02;
/** How long nobody may get a 250 while messages wait for one and everything runs. */
const FINISH_DEADLINE_MS = 600_000;
/** Each is said once, and an endless number of them in a few. */
const STRANGE_REPLIES_MAX = 20;

/** Runs it. Rejects only when the run itself cannot go on; what the relay does wrong is in the report. */
export async function runFault(options: FaultRunOptions): Promise<FaultReport> {
  const { minutes, seed, progress } = options;
  const runMs = minutes * 60_000;
  const plan = planFaults(seed, runMs, options.only);
  const random = seededRandom(seed);
  const disk = await makeSmallDisk();
  const receiver = await startWebhookReceiver(random.fork(4));
  let relay: RelayProcesses | undefined;
  let starting: ReturnType<typeof startRealSenders> | undefined;
  try {
    relay = await startRelayProcesses({
      webhook: { url: receiver.url, secret: receiver.secret },
      ...(typeof disk === "string" ? {} : { temporaryDir: disk.path }),
    });
    const startedAtMs = Date.now() - relay.elapsedMs();
    const log = collectEvents(relay);
    const replies = watchReplies();
    const common = { port: relay.smtpPort, onReply: replies.see };
    const load = startMailLoad({
      ...common,
      login: DEMO_LOGIN,
      senders: OWN_SENDERS,
      random: random.fork(0),
      pauseMs: PAUSE_MS,
      bounceShare: BOUNCE_SHARE,
    });
    const neighbour = startNeighbourLoad({ ...common, random: random.fork(3) });
    const strangers = startStrangers({ ...common, random: random.fork(5) });
    // They need some seconds, and nothing has to wait for them.
    starting = startRealSenders(relay, random.fork(1));
    starting.catch(() => undefined);
    const senders = { [DEMO_TENANT]: LOAD_SENDER, [NEIGHBOUR.tenant]: NEIGHBOUR.sender };
    const books = followOutbox(relay, [...Object.values(senders), GIVEN_UP_SENDER]);
    const startMs = relay.elapsedMs();
    const faults = await injectFaults(plan, runMs, { relay, load, disk, random: random.fork(2), progress });
    await pause(Math.max(0, startMs + runMs - relay.elapsedMs()));
    progress(`${load.acknowledged.size} messages of our own with a 250; no more faults, and no new mail`);
    receiver.recover();
    for (const name of PROCESSES) await relay.start(name);
    await strangers.finish();
    const real = await starting;
    const unsent = await finishSending([load, neighbour], real.senders);
    const settled = await settleRelay(relay, progress);
    const notGivenUp = settled.stuck === undefined ? await letOneBeGivenUp(relay) : [];
    const settledAgain = settled.stuck === undefined ? await settleRelay(relay, progress) : settled;
    const { copies, reports: allReports } = await books.close();
    const reports = allReports.filter(({ recipients }) => !recipients.includes(GIVEN_UP_SENDER));
    const toldOf = new Set(allReports.flatMap((report) => (reports.includes(report) ? [] : [report.action])));
    const records = await allRecipients(relay);
    const taken = [load.acknowledged, neighbour.acknowledged, ...real.senders.map((sender) => sender.taken)];
    const reckoning = reckon({
      acknowledged: taken.flatMap((mails) => [...mails.values()]),
      copies,
      reports,
      records,
      events: log.kept,
      causes: causesOf(faults),
      startedAtMs,
      senders,
    });
    const { stuck: _, ...rest } = settled;
    const left = copies.keys().filter((key) => key.startsWith(STRANGER_PREFIX));
    return {
      ...reckoning,
      seed,
      minutes,
      senders: [`${OWN_SENDERS} of our own`, "a second customer", ...real.senders.map(({ name }) => name)],
      missing: [...missing(disk, faults), ...real.missing],
      faults,
      deferrals: load.deferrals.length + neighbour.deferrals.length + (await deferralsOf(real.senders)),
      brokenConnections: load.broken() + neighbour.broken(),
      refusals: [...load.refusals, ...neighbour.refusals, ...(await bouncedBy(real.senders))],
      stuck: [...unsent, ...inWords(settledAgain)],
      notGivenUp: [
        ...notGivenUp,
        ...["delayed", "failed"].flatMap((action) => (toldOf.has(action) ? [] : [`no report with ${action} has left`])),
      ],
      diskFull: diskFull(load),
      replies: { count: replies.count(), strange: replies.strange },
      strangers: {
        refused: Object.fromEntries(strangers.refused),
        taken: [...strangers.taken, ...left.map((key) => `left: ${key}`)],
        destroyed: strangers.destroyed,
      },
      webhooks: await webhooksOf(relay, receiver, records, log.kept),
      ownDeaths: relay.ownDeaths,
      events: log.counts,
      rest,
    };
  } catch (error) {
    throw new Error(`the run broke off. The relay's last words:\n${relay?.complaints() ?? "none"}`, { cause: error });
  } finally {
    for (const sender of (await starting?.catch(() => undefined))?.senders ?? []) await sender.remove();
    await relay?.stop();
    await receiver.close();
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
    ...all("report that nobody owes", report.strayReports),
    ...all(
      "unexplained duplicate",
      report.duplicates.filter(({ because }) => because === undefined).map(({ key, queueId }) => `${key} (${queueId})`),
    ),
    ...all("refused for good", report.refusals),
    ...all("not given up and told", report.notGivenUp),
    ...all("open relay", report.strangers.taken),
    ...all("mail destroyed by a mistake in a set-up", report.strangers.destroyed),
    ...all("reply not of the table", report.replies.strange),
    ...all("webhook not posted", report.webhooks.untold),
    ...all("webhook of what did not happen", report.webhooks.untrue),
    ...all("webhook not genuine", report.webhooks.wrong),
    ...all("process", report.ownDeaths),
    ...(report.messages === 0 ? ["no message got a 250"] : []),
  ];
}

/** Looks at each reply of the relay. */
function watchReplies(): { see: (reply: SmtpReply) => void; count: () => number; strange: string[] } {
  const strange: string[] = [];
  let count = 0;
  return {
    strange,
    count: () => count,
    see: (reply) => {
      count += 1;
      if (isOfTable(reply)) return;
      const words = `${reply.code} ${reply.lines.join(" / ")}`;
      if (strange.length < STRANGE_REPLIES_MAX && !strange.includes(words)) strange.push(words);
    },
  };
}

function diskFull({ deferrals, acknowledged }: MailLoad): FaultReport["diskFull"] {
  const putOff = new Set(
    deferrals
      .filter(({ large, reply }) => large && reply.includes(SMTP_REPLIES.notStored.text))
      .map(({ marker }) => marker),
  );
  return { putOff: putOff.size, takenLater: [...putOff].filter((marker) => acknowledged.has(marker)).length };
}

async function webhooksOf(
  relay: RelayProcesses,
  receiver: WebhookReceiver,
  records: readonly RecipientRecord[],
  events: readonly LoggedEvent[],
): Promise<FaultReport["webhooks"]> {
  const dead: PostedEvent[] = [];
  const queue = { client: relay.direct.sqs, url: relay.webhookQueues.dlqUrl };
  for (;;) {
    const messages = await receiveFromQueue(queue, 0);
    if (messages.length === 0) break;
    for (const { body } of messages) {
      const { id = "?", body: text = "{}" } = parseQueuedWebhook(body) ?? {};
      const event = JSON.parse(text) as { type?: string; data?: { id: string; recipient: string } };
      dead.push({
        webhookId: id,
        type: event.type ?? "?",
        id: event.data?.id ?? "?",
        recipient: event.data?.recipient ?? "?",
      });
    }
  }
  const reports = new Set(records.flatMap(({ dsns }) => (dsns ?? []).map(({ id }) => id)));
  const own = records.filter(({ tenant, id }) => tenant === NEIGHBOUR.tenant && !reports.has(id));
  return {
    ...reckonWebhooks(own, receiver.posted, dead),
    failures: receiver.failures(),
    dead: dead.map(({ id, recipient, type }) => `${id} ${recipient} ${type}`),
    deadBecause: [
      ...new Set(events.flatMap(({ event }) => (event.event === "webhook-dead" ? [String(event["why"])] : []))),
    ],
    wrong: receiver.wrong,
  };
}

async function deferralsOf(senders: readonly RealSender[]): Promise<number> {
  const counts = await Promise.all(senders.map(async (sender) => await sender.deferrals()));
  return counts.reduce((all, count) => all + count, 0);
}

async function bouncedBy(senders: readonly RealSender[]): Promise<string[]> {
  return (await Promise.all(senders.map(async (sender) => await sender.bounced()))).flat();
}

/** Sentences about mail that did not get its 250 though everything runs again. */
async function finishSending(loads: readonly MailLoad[], real: readonly RealSender[]): Promise<string[]> {
  const ends = await Promise.allSettled([
    ...loads.map(async (load) => await load.finish(FINISH_DEADLINE_MS)),
    ...real.map(async (sender) => await sender.finish()),
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
