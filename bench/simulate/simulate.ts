/** `npm run simulate`: a burst of mail through a model of the relay; with `--write`, the tables of docs/scale.md. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { printTable } from "../../bin/commands/output.ts";
import { type BurstCase, REMEDIES } from "./burst-model.ts";
import { withTables } from "./scale-document.ts";
import { DEFAULT_BURST, duration, scaleTables, simulate } from "./scale-page.ts";

const OPTIONS = {
  messages: "messages",
  "burst-seconds": "burstSeconds",
  "ses-rate": "sesPerSecond",
  concurrency: "concurrency",
  "batch-seconds": "batchSeconds",
  tasks: "tasks",
  "tasks-max": "tasksMax",
  "task-seconds": "taskSeconds",
  "task-rate": "taskPerSecond",
  "give-up-hours": "giveUpAfterHours",
} as const satisfies Record<string, keyof BurstCase>;

const HELP = `Usage: npm run simulate [-- OPTIONS] [--json FILE]
       npm run simulate -- --write

How long a burst of mail waits, what it costs (us-east-1, SES a la carte, without what stands by), and what holds it up first.

${Object.entries(OPTIONS)
  .map(([name, field]) => `  --${name.padEnd(14)} default ${DEFAULT_BURST[field]}`)
  .join("\n")}
  --json FILE      writes case and result as JSON
  --write          writes the tables of docs/scale.md anew

Exit codes: 0, and 2 for wrong arguments.

Example: a hundred thousand messages in ten minutes, at 14 a second
  npm run simulate -- --messages 100000 --burst-seconds 600 --ses-rate 14`;

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: "string" as const }])),
    json: { type: "string" },
    write: { type: "boolean" },
    help: { type: "boolean" },
  },
});
const given = values as Readonly<Record<string, string | boolean | undefined>>;
const change = Object.fromEntries(
  Object.entries(OPTIONS).flatMap(([name, field]) => (given[name] === undefined ? [] : [[field, Number(given[name])]])),
) as Partial<BurstCase>;
if (values.help === true) console.log(HELP);
else if (Object.values(change).some((value) => !(value > 0))) {
  console.error(`Every option wants a number above 0.\n\n${HELP}`);
  process.exitCode = 2;
} else if (values.write === true) {
  const page = join(import.meta.dirname, "../../docs/scale.md");
  await writeFile(page, withTables(await readFile(page, "utf8"), scaleTables()));
} else await main();

async function main(): Promise<void> {
  const tasksMax = change.tasksMax ?? change.tasks;
  const simulated = simulate({ ...change, ...(tasksMax === undefined ? {} : { tasksMax }) });
  const { result, dollars } = simulated;
  printTable(
    ["WHAT", ""],
    [
      ["last 250 after", duration(result.acceptedSeconds)],
      ["waits at its sender, at most", duration(result.atSenderSeconds)],
      ["250 to SES, p50", duration(result.p50Seconds)],
      ["250 to SES, p99", duration(result.p99Seconds)],
      ["all sent after", duration(result.drainedSeconds)],
      ["in the spool, at most", result.backlogMax.toLocaleString("en-US")],
      ["returned to senders", result.givenUp.toLocaleString("en-US")],
      ["dollars", dollars.toFixed(2)],
      ["first limit", result.firstLimit ?? "none"],
      ["what to raise", result.firstLimit === undefined ? "nothing" : REMEDIES[result.firstLimit]],
    ],
  );
  if (typeof values.json === "string") await writeFile(values.json, `${JSON.stringify(simulated, undefined, 2)}\n`);
}
