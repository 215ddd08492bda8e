/**
 * Kills the whole of local mode again and again while mail comes in, and counts what became of the mail.
 *
 * What must hold: every recipient of every message that got a 250 is in the outbox, with the same body. What is only
 * counted: mail that left more than once, apart for messages that the sender itself sent again (it had no reply).
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { DEMO_LOGIN, type RelayProcess, startRelay } from "../support/relay-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { type MailLoad, startMailLoad } from "./mail-load.ts";
import { alteredIn, extraCopies, missingFrom, OutboxCopies } from "./outbox-copies.ts";
import { seededRandom } from "./seeded-random.ts";

/** How to kill. */
export type KillRelayOptions = {
  readonly kills: number;
  readonly seed: number;
  readonly senders: number;
  /** How long, after the last restart, everything may take to leave. */
  readonly settleDeadlineMs: number;
  /** Told what happens, one line at a time. */
  readonly progress: (line: string) => void;
};

/** What became of the mail. */
export type KillReport = {
  readonly kills: number;
  /** Kills that came while the relay was still starting. */
  readonly killsWhileStarting: number;
  /** Messages with a 250, and the sum of their recipients. */
  readonly acknowledged: number;
  readonly recipients: number;
  /** Messages that were sent more than once by their sender, because a kill cut the first try off. */
  readonly resentBySender: number;
  /** `marker recipient` of what got a 250 and did not leave. */
  readonly missing: readonly string[];
  /** `marker recipient` of what left with another body. */
  readonly altered: readonly string[];
  /** Extra copies of messages that were sent once: the crash between SES's answer and our record. */
  readonly duplicates: number;
  /** Extra copies of messages whose sender sent again: the 250 was lost, or the crash above. */
  readonly duplicatesAfterResend: number;
  readonly refusals: readonly string[];
  /** Why the wait ended without everything having left and an empty spool; undefined when all went well. */
  readonly unsettled: string | undefined;
  /** The slowest restart until mail was taken again; at least 1,000. */
  readonly slowestStartMs: number;
  /** From the last restart until the spool was empty. */
  readonly settleMs: number;
};

const ACKNOWLEDGE_DEADLINE_MS = 120_000;
const FINISH_DEADLINE_MS = 120_000;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs the whole exercise. Rejects when the relay does not start again or mail is still missing at the deadline. */
export async function killRelayUnderLoad(options: KillRelayOptions): Promise<KillReport> {
  const random = seededRandom(options.seed);
  const relay = await startRelay();
  try {
    const load = startMailLoad({
      port: relay.smtpPort,
      login: DEMO_LOGIN,
      senders: options.senders,
      random: random.fork(0),
    });
    const counts = { whileStarting: 0, slowestStartMs: 1_000 };
    for (let kill = 1; kill <= options.kills; kill += 1) {
      if (relay.pid() === undefined && random.chance(0.2)) {
        await killWhileStarting(relay, random.between(0, counts.slowestStartMs));
        counts.whileStarting += 1;
      } else {
        if (relay.pid() === undefined)
          counts.slowestStartMs = Math.max(counts.slowestStartMs, await timedRestart(relay));
        // Counted in messages, not in seconds: a slow machine must not be killed before any work is under way.
        await moreAcknowledged(load, random.between(1, 80), relay);
        await pause(random.between(0, 300));
        await relay.kill();
      }
      options.progress(`kill ${kill} of ${options.kills}: ${load.acknowledged.size} messages acknowledged`);
    }
    const settleStart = performance.now();
    counts.slowestStartMs = Math.max(counts.slowestStartMs, await timedRestart(relay));
    await load.finish(FINISH_DEADLINE_MS);

    const copies = new OutboxCopies();
    const wanted = [...load.acknowledged.values()];
    let queue = "not asked yet";
    const unsettled = await waitFor(
      async () => {
        copies.add(await relay.outbox());
        if (missingFrom(wanted, copies).length > 0) return undefined;
        queue = await listQueue(relay);
        return isEmptyList(queue) ? true : undefined;
      },
      {
        deadlineMs: options.settleDeadlineMs,
        intervalMs: 1_000,
        otherwise: () =>
          `${missingFrom(wanted, copies).length} missing, queue: ${queue}, relay output:\n${relay.output()}`,
      },
    ).then(() => undefined, String);
    copies.add(await relay.outbox());
    return {
      kills: options.kills,
      killsWhileStarting: counts.whileStarting,
      acknowledged: wanted.length,
      recipients: wanted.reduce((sum, mail) => sum + mail.recipients.length, 0),
      resentBySender: wanted.filter((mail) => mail.attempts > 1).length,
      missing: missingFrom(wanted, copies),
      altered: alteredIn(wanted, copies),
      duplicates: extraCopies(
        wanted.filter((mail) => mail.attempts === 1),
        copies,
      ),
      duplicatesAfterResend: extraCopies(
        wanted.filter((mail) => mail.attempts > 1),
        copies,
      ),
      refusals: load.refusals,
      unsettled,
      slowestStartMs: counts.slowestStartMs,
      settleMs: Math.round(performance.now() - settleStart),
    };
  } finally {
    await relay.remove();
  }
}

/** The report as lines for a terminal. */
export function formatKillReport(report: KillReport, seed: number): string {
  return [
    `kill -9 under load: ${report.kills} kills (${report.killsWhileStarting} of them while starting), seed ${seed}`,
    `  acknowledged: ${report.acknowledged} messages, ${report.recipients} recipients`,
    `  lost:         ${report.missing.length}`,
    `  altered:      ${report.altered.length}`,
    `  duplicates:   ${report.duplicates} of messages sent once, ${report.duplicatesAfterResend} of ${report.resentBySender} that their sender sent again`,
    `  slowest start ${report.slowestStartMs} ms; ${report.unsettled === undefined ? "all had left" : "NOT all had left"} ${report.settleMs} ms after the last restart began`,
  ].join("\n");
}

async function timedRestart(relay: RelayProcess): Promise<number> {
  const start = performance.now();
  await relay.restart();
  return Math.round(performance.now() - start);
}

/** Kills at a moment that the start may or may not have survived until; either way it does not run afterwards. */
async function killWhileStarting(relay: RelayProcess, afterMs: number): Promise<void> {
  const started = relay.restart().catch(() => undefined);
  await pause(afterMs);
  await relay.kill();
  await started;
}

/** Waits until this many more messages have their 250. Rejects when a running relay takes no mail. */
async function moreAcknowledged(load: MailLoad, messages: number, relay: RelayProcess): Promise<void> {
  const wanted = load.acknowledged.size + messages;
  await waitFor(() => (load.acknowledged.size >= wanted ? true : undefined), {
    deadlineMs: ACKNOWLEDGE_DEADLINE_MS,
    intervalMs: 10,
    otherwise: () => `${load.acknowledged.size} of ${wanted} messages acknowledged. Relay output:\n${relay.output()}`,
  });
}

/** What the relay's own command line says about the queue, as an operator would see it, errors included. */
function listQueue(relay: RelayProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["bin/relayhost.ts", "queue", "--json"], { cwd: ROOT, env: relay.env });
    const out: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => out.push(chunk));
    child.on("error", reject);
    child.on("close", () => resolve(Buffer.concat(out).toString("utf8").trim()));
  });
}

function isEmptyList(json: string): boolean {
  try {
    const messages: unknown = JSON.parse(json);
    return Array.isArray(messages) && messages.length === 0;
  } catch {
    return false;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
