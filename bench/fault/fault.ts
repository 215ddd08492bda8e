/** `npm run fault`: what the relay survives, and what became of every message meanwhile. */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { printTable } from "../../bin/commands/output.ts";
import { type FaultReport, runFault, violations } from "./run-fault.ts";

const HELP = `Usage: npm run fault [-- --minutes N] [--seed S] [--only WORD]... [--json FILE]

Starts the whole relay on this machine, each part a process of its own, sends mail to it, and lets go wrong what can:
processes are killed, local servers restarted, calls to AWS time out, fail, are slow or lose their answers, queue
messages come twice and in another order, clocks jump, the disk under temporary files is full, clients lose their
connection. Then it waits until nothing is left to do and compares every message that got a 250 with what SES took, the
ledger, the reports and the spool.

  --minutes N  how long things go wrong (default 5; fractions allowed); coming to rest takes a minute or so more
  --seed S     repeats the choices of an earlier run (default: from the clock, printed)
  --only WORD  only faults with this in their names, such as kill, "slow ses" or disk-full; may be given again
  --json FILE  writes the whole report as JSON

Exit codes: 0 nothing is wrong, 1 something is, 2 wrong arguments.

Full disks take root (a tmpfs is mounted), and Postfix, Exim and OpenSMTPD as senders take root and Debian's packages
(bash test/interop/install.sh); what is not there is named in the summary.

Examples:
  npm run fault
  npm run fault -- --minutes 30 --seed 4711 --json /tmp/fault.json`;

// An order to end runs what is to be done at the exit: processes end with this one, the disk is unmounted, Postfix stops.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    only: { type: "string", multiple: true },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
const minutes = Number(values.minutes ?? 5);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (values.help === true) console.log(HELP);
else if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(`--minutes wants a number above 0, --seed a whole number.\n\n${HELP}`);
  process.exitCode = 2;
} else await main();

async function main(): Promise<void> {
  console.log(`fault run of ${minutes} minutes, --seed ${seed}`);
  const report = await runFault({
    minutes,
    seed,
    only: values.only ?? [],
    progress: (line) => void process.stderr.write(`  ${line}\n`),
  });
  print(report);
  const wrong = violations(report);
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ ...report, violations: wrong }, undefined, 2)}\n`);
  }
  if (wrong.length > 0) process.exitCode = 1;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}

function print(report: FaultReport): void {
  console.log("");
  printTable(
    ["FAULT", "TIMES", "MET"],
    [...Map.groupBy(report.faults, ({ name }) => name)]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, all]) => [name, String(all.length), String(all.reduce((sum, { met }) => sum + met, 0))]),
  );
  console.log("");
  const unexplained = report.duplicates.filter(({ because }) => because === undefined).length;
  const rows: [string, string][] = [
    ["senders", report.senders.join(", ")],
    ["messages with a 250", `${report.messages}, to ${report.recipients} recipients`],
    ["put off (4xx)", String(report.deferrals)],
    ["put off by a full disk", `${report.diskFull.putOff} messages, ${report.diskFull.takenLater} of them taken later`],
    ["connections broken", String(report.brokenConnections)],
    ["delivered / bounced", `${report.delivered} / ${report.bounced}, ${report.reports} reports to senders`],
    ["second copies stopped", String(report.duplicatesStopped)],
    ["possible duplicates", `${report.possibleDuplicates} logged`],
    ["duplicates", `${report.duplicates.length}, of them unexplained ${unexplained}`],
    ["lost", String(report.lost.length)],
    ["wrong bytes", String(report.wrongBytes.length)],
    ["misdirected", String(report.misdirected.length)],
    ["stuck", String(report.stuck.length)],
    ["wrong in the ledger", String(report.wrongLedger.length)],
    ["senders not told", String(report.untold.length)],
    ["refused for good", String(report.refusals.length)],
    ["not given up and told", String(report.notGivenUp.length)],
    [
      "strangers refused",
      Object.entries(report.strangers.refused)
        .map(([name, count]) => `${name} ${count}`)
        .join(", "),
    ],
    ["strangers' mail taken", String(report.strangers.taken.length)],
    ["mail destroyed by a mistake", String(report.strangers.destroyed.length)],
    ["replies not of the table", `${report.replies.strange.length} of ${report.replies.count}`],
    [
      "webhooks posted / wanted",
      `${report.webhooks.posted} / ${report.webhooks.wanted}, ${report.webhooks.again} again, ${report.webhooks.failures} tries failed, ${report.webhooks.dead.length} put aside`,
    ],
    ["webhooks not posted", String(report.webhooks.untold.length)],
    [
      "came to rest",
      `${seconds(report.rest.ms)}, of them ${seconds(report.rest.stillMs)} waiting; ${report.rest.backlog} messages were left`,
    ],
  ];
  printTable(["WHAT", "HOW MANY"], rows);
  for (const name of report.missing) console.log(`\nNot in this run: ${name}`);
  if (report.duplicates.length > 0) console.log("\nDuplicates, one by one:\n");
  for (const { key, queueId, because } of report.duplicates) {
    console.log(`  ${key} (${queueId}): ${because ?? "NOT EXPLAINED"}`);
  }
  if (report.webhooks.dead.length > 0) console.log(`\nWebhooks put aside: ${report.webhooks.deadBecause.join("; ")}\n`);
  for (const line of report.webhooks.dead) console.log(`  ${line}`);
  const wrong = violations(report);
  for (const line of wrong) console.log(`WRONG  ${line}`);
  const verdict = wrong.length === 0 ? "all as promised" : `${wrong.length} violations`;
  console.log(`\n${verdict}; --minutes ${report.minutes} --seed ${report.seed} repeats this schedule`);
}
