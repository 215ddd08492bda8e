/** `npm run mutate`: plants one bug after the other in a copy of the tree and looks whether it is noticed. */

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { printTable } from "../../bin/commands/output.ts";
import { runProgram } from "../../test/interop/support/run-program.ts";
import { type Check, MUTATIONS, type Mutation, mutated } from "./mutations.ts";

const HELP = `Usage: npm run mutate [-- --only N]... [--no-baseline] [--json FILE]

For each promise of the relay a deliberate bug is planted in a copy of the tree, and the test or fault run that has to
notice it is run there. Without bugs the same tests and runs must pass.

  --only N       the bugs of promise N only (1 to 10, or webhooks); may be given again
  --no-baseline  does not run them without bugs first
  --json FILE    writes the table as JSON

Exit codes: 0 every bug was noticed, 1 one was not, 2 wrong arguments. Takes up to two minutes for each bug.`;

/** What came of a bug. */
interface Outcome {
  readonly promise: string;
  readonly bug: string;
  readonly check: string;
  readonly result: "caught" | "NOT CAUGHT" | "failed otherwise" | "fails without it too";
  readonly seconds: number;
  /** The line that showed it. */
  readonly shown: string;
}

const ROOT = join(import.meta.dirname, "../..");
const CHECK_DEADLINE_MS = 15 * 60_000;
/** Long enough for some twenty faults of the kinds that a bug needs. */
const FAULT_ARGUMENTS = ["--minutes", "0.25", "--seed", "1"];

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    "no-baseline": { type: "boolean" },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
const chosen = MUTATIONS.filter(({ promise }) => values.only?.includes(promise.split(/[ :]/)[0] ?? "") ?? true);
if (values.help === true) console.log(HELP);
else if (chosen.length === 0) {
  console.error(`There is no such promise.\n\n${HELP}`);
  process.exitCode = 2;
} else await main();

async function main(): Promise<void> {
  const copy = await copyTree();
  try {
    const outcomes: Outcome[] = [];
    const broken = values["no-baseline"] === true ? new Set<string>() : await failingWithout(copy, chosen);
    for (const mutation of chosen) outcomes.push(await plant(copy, mutation, broken));
    printTable(
      ["PROMISE", "BUG", "CAUGHT BY", "RESULT", "SECONDS"],
      outcomes.map(({ promise, bug, check, result, seconds }) => [promise, bug, check, result, seconds.toFixed(0)]),
    );
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(outcomes, undefined, 2)}\n`);
    if (outcomes.some(({ result }) => result !== "caught")) process.exitCode = 1;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** What git knows of the tree, changes that are not committed included, with the same installed packages. */
async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "relayhost-mutate-"));
  const listed = await runProgram(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]);
  if (listed.status !== 0) throw new Error(`git cannot list the tree: ${listed.output}`);
  for (const path of listed.output.split("\n").filter((line) => line !== "")) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    // One that was deleted and is not committed is listed too.
    await cp(join(ROOT, path), join(copy, path)).catch(ignoreMissing);
  }
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Checks, in words, that fail without any bug: what they show of a bug means nothing. */
async function failingWithout(copy: string, mutations: readonly Mutation[]): Promise<Set<string>> {
  const checks = new Map(mutations.map(({ check }) => [inWords(check), check]));
  const broken = new Set<string>();
  for (const [words, check] of checks) {
    process.stderr.write(`  without a bug: ${words}\n`);
    const { status, output } = await run(copy, check);
    if (status === 0) continue;
    broken.add(words);
    process.stderr.write(`${output.slice(-4_000)}\n`);
  }
  return broken;
}

async function plant(copy: string, mutation: Mutation, broken: ReadonlySet<string>): Promise<Outcome> {
  const { promise, bug, check } = mutation;
  const file = join(copy, mutation.file);
  const original = await readFile(file, "utf8");
  const startMs = performance.now();
  await writeFile(file, mutated(mutation, original));
  process.stderr.write(`  ${bug}\n`);
  try {
    const { status, output } = await run(copy, check);
    const shown =
      output
        .split("\n")
        .find((line) => mutation.shows.test(line))
        ?.trim() ?? "";
    const result = broken.has(inWords(check))
      ? "fails without it too"
      : status === 0
        ? "NOT CAUGHT"
        : mutation.shows.test(output)
          ? "caught"
          : "failed otherwise";
    if (result === "failed otherwise") process.stderr.write(`${output.slice(-4_000)}\n`);
    process.stderr.write(`    ${result}: ${shown.slice(0, 160)}\n`);
    return { promise, bug, check: inWords(check), result, seconds: (performance.now() - startMs) / 1000, shown };
  } finally {
    await writeFile(file, original);
  }
}

function inWords(check: Check): string {
  return "fault" in check ? `fault ${check.fault.join(" ")}` : `${check.test} "${check.name}"`;
}

async function run(copy: string, check: Check): Promise<{ status: number | null; output: string }> {
  const args =
    "fault" in check
      ? ["bench/fault/fault.ts", ...FAULT_ARGUMENTS, ...check.fault]
      : ["node_modules/vitest/vitest.mjs", "run", check.test, "-t", check.name, "--no-color"];
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: copy, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const overdue = setTimeout(() => child.kill("SIGTERM"), CHECK_DEADLINE_MS);
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(overdue);
      resolve({ status, output });
    });
  });
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
}
