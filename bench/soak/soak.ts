/** `npm run soak`: the whole relay under steady load for a bounded time; memory, open files and latency must stay level. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { printTable } from "../../bin/commands/output.ts";
import { DEMO_TENANT } from "../../lib/local/demo-tenant.ts";
import { LOAD_SENDER, type MailLoad, startMailLoad } from "../../test/fault/mail-load.ts";
import { seededRandom } from "../../test/fault/seeded-random.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import { collectEvents, followOutbox } from "../fault/follow-relay.ts";
import { reckon } from "../fault/reckon.ts";
import { type RelayProcesses, startRelayProcesses } from "../fault/relay-processes.ts";
import { PROCESSES, type ProcessName } from "../fault/schedule.ts";
import { allRecipients, settleRelay } from "../fault/settle-relay.ts";
import { LatencyMeter } from "./latency-meter.ts";
import { type ProcessSample, type Trend, trends, type Window } from "./level.ts";

const HELP = `Usage: npm run soak [-- --minutes N] [--json FILE]

Runs the whole relay, each part a process of its own, under steady load, and looks at intervals at heaps without garbage,
memory, open files and the time from acceptance to SES. Each must stay level once a third of the time is over, and nothing
may be lost. The local AWS servers are watched and not judged: they keep everything by design.

  --minutes N  how long (default 10; at least 0.5)
  --json FILE  writes windows and trends as JSON

Exit codes: 0 level, 1 something grows or is lost, 2 wrong arguments.`;

const WINDOWS = 15;
const SENDERS = 6;
/** No new mail while so many wait for SES: the load is what the machine can bear. */
const WAITING_MAX = 10;
const FIRST_MESSAGES = 30;
const PAUSE_MS = [150, 500] as const;
/** What is deployed; the others stand for AWS. */
const JUDGED: readonly ProcessName[] = ["edge", "forward-1", "forward-2", "feedback", "sweep"];
const FINISH_DEADLINE_MS = 300_000;

const { values } = parseArgs({
  options: { minutes: { type: "string" }, json: { type: "string" }, help: { type: "boolean" } },
});
const minutes = Number(values.minutes ?? 10);
if (values.help === true) console.log(HELP);
else if (!(minutes >= 0.5)) {
  console.error(`--minutes wants a number of at least 0.5.\n\n${HELP}`);
  process.exitCode = 2;
} else await main();

async function main(): Promise<void> {
  const relay = await startRelayProcesses({ watchHeap: true });
  try {
    const log = collectEvents(relay);
    const meter = new LatencyMeter();
    const { onEvent } = relay;
    relay.onEvent = (logged) => {
      onEvent(logged);
      meter.see(logged);
    };
    const outbox = followOutbox(relay);
    const load = startMailLoad({
      port: relay.smtpPort,
      login: DEMO_LOGIN,
      senders: SENDERS,
      random: seededRandom(1),
      pauseMs: PAUSE_MS,
      bounceShare: 0.02,
      hold: () => meter.waiting >= WAITING_MAX,
    });
    // The first mails pay for code that is compiled and connections that are made.
    while (load.acknowledged.size < FIRST_MESSAGES) await pause(100);
    meter.take();
    const windows = await watch(relay, load, meter);
    await load.finish(FINISH_DEADLINE_MS);
    const settled = await settleRelay(relay, (line) => void process.stderr.write(`  ${line}\n`));
    const { copies, reports } = await outbox.close();
    const acknowledged = [...load.acknowledged.values()];
    const records = await allRecipients(relay);
    const { lost, wrongBytes, duplicates } = reckon({
      acknowledged,
      copies,
      reports,
      records,
      events: log.kept,
      causes: [],
      startedAtMs: Date.now() - relay.elapsedMs(),
      senders: { [DEMO_TENANT]: LOAD_SENDER },
    });
    const found = trends(windows, JUDGED);
    print(windows, found);
    const wrong = [
      ...found.filter(({ isLevel }) => !isLevel).map(({ what }) => `not level: ${what}`),
      ...lost.map((key) => `lost: ${key}`),
      ...wrongBytes.map((key) => `wrong bytes: ${key}`),
      ...duplicates.map(({ key }) => `left twice: ${key}`),
      ...(settled.stuck === undefined ? [] : [`did not come to rest: ${JSON.stringify(settled.stuck)}`]),
      ...load.refusals.map((refusal) => `refused for good: ${refusal}`),
      ...relay.ownDeaths,
    ];
    for (const line of wrong) console.log(`WRONG  ${line}`);
    console.log(
      `\n${acknowledged.length} messages in ${minutes} minutes: ${wrong.length === 0 ? "level, nothing lost" : "not as promised"}`,
    );
    if (values.json !== undefined) {
      const report = { minutes, messages: acknowledged.length, windows, trends: found, violations: wrong };
      await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
    }
    if (wrong.length > 0) process.exitCode = 1;
  } finally {
    await relay.stop();
  }
}

async function watch(relay: RelayProcesses, load: MailLoad, meter: LatencyMeter): Promise<Window[]> {
  const windows: Window[] = [];
  const startMs = relay.elapsedMs();
  let before = load.acknowledged.size;
  for (let number = 1; number <= WINDOWS; number += 1) {
    const dueMs = startMs + (number * minutes * 60_000) / WINDOWS;
    await pause(Math.max(0, dueMs - relay.elapsedMs()));
    const latency = meter.take();
    const samples = await Promise.all(PROCESSES.map(async (name) => [name, await sampleOf(relay, name)] as const));
    const messages = load.acknowledged.size - before;
    before += messages;
    windows.push({
      endSeconds: (relay.elapsedMs() - startMs) / 1000,
      messages,
      // Nothing reached SES: at least as slow as the window is long.
      p50Ms: latency?.p50Ms ?? (minutes * 60_000) / WINDOWS,
      p99Ms: latency?.p99Ms ?? (minutes * 60_000) / WINDOWS,
      waiting: meter.waiting,
      processes: Object.fromEntries(samples),
    });
    const { p50Ms, p99Ms } = windows.at(-1) ?? { p50Ms: 0, p99Ms: 0 };
    process.stderr.write(
      `  window ${number}: ${messages} messages, p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms\n`,
    );
  }
  return windows;
}

async function sampleOf(relay: RelayProcesses, name: ProcessName): Promise<ProcessSample> {
  const pid = relay.pid(name);
  if (pid === undefined) throw new Error(`${name} does not run`);
  const heapBytes = await relay.heapBytes(name);
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const pssBytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) * 1024;
  return { heapBytes, pssBytes, openFiles: (await readdir(`/proc/${pid}/fd`)).length };
}

function print(windows: readonly Window[], found: readonly Trend[]): void {
  console.log("");
  printTable(
    ["SECONDS", "MESSAGES", "P50 MS", "P99 MS", "WAITING", "EDGE MB", "FORWARD MB"],
    windows.map(({ endSeconds, messages, p50Ms, p99Ms, waiting, processes }) => [
      endSeconds.toFixed(0),
      String(messages),
      p50Ms.toFixed(0),
      p99Ms.toFixed(0),
      String(waiting),
      megabytes(processes["edge"]?.heapBytes),
      megabytes(processes["forward-1"]?.heapBytes),
    ]),
  );
  console.log("");
  printTable(
    ["WHAT", "FIRST", "LAST", "SLOPE", "", "LEVEL"],
    found.map(({ what, first, last, slope, unit, isLevel }) => [
      what,
      first.toFixed(0),
      last.toFixed(0),
      slope.toFixed(1),
      unit,
      isLevel ? "yes" : "NO",
    ]),
  );
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "-" : (bytes / 1024 / 1024).toFixed(1);
}
