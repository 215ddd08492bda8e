/** `relayhost tenant erase`: removes all that is kept of a tenant, and proves it by a search. */

import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { readRow } from "../../lib/aws/directory-dynamo.ts";
import { type ErasureDeps, type ErasureSurvey, eraseTenant, surveyTenant } from "../../lib/aws/erase-tenant.ts";
import { makeSesControl } from "../../lib/aws/ses-control.ts";
import { tenantId } from "../../lib/config/tenant-settings.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import {
  ERASURE_KINDS,
  type ErasureCounts,
  type ErasureKind,
  ErasureTally,
  erasureObstacle,
  NOT_ERASED,
  sumOf,
} from "../../lib/core/erasure.ts";
import { type CommonOptions, note, withChangeOptions } from "./change.ts";
import { connect } from "./connect.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { type Progress, startProgress } from "./progress.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options extends CommonOptions {
  readonly keepUsage?: boolean;
  readonly withWaitingMail?: boolean;
  readonly yes?: boolean;
}

/** Adds the command to the group. */
export function addEraseCommand(group: Command): void {
  withChangeOptions(
    group
      .command("erase")
      .description("remove a tenant's mail, records, lists, books, domains and identities for ever, and prove it")
      .argument("<id>"),
  )
    .option("--keep-usage", "leave what was used by day, login and sender's domain, which invoices are made from")
    .option("--with-waiting-mail", "also mail that waits to be sent: it is lost, and nobody is told")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
The tenant must have been paused, or its contract over, for five minutes. Afterwards everything is searched for what
still belongs to it; if something does, the exit code is 1. May be stopped and run again at any time, also later for
events that SES sends late. Domains that were in SES before the relay stay there. What no command can remove is named.

Examples:
  relayhost tenant erase acme --dry-run
  relayhost usage --tenant acme --month 2026-11 --csv > acme.csv && relayhost tenant erase acme --env prod
  relayhost tenant erase acme --keep-usage --yes --json`,
    )
    .action(async (id: string, options: Options) => {
      const mistakes = new Mistakes();
      mistakes.read("id", id, tenantId);
      mistakes.end();
      const connection = await connect(options.env);
      const { names } = connection;
      const ses = makeSesControl(names.sesCallsPerSecond);
      try {
        await erase({ ...connection, ses, sesTenants: names.sesTenants }, id, options);
      } finally {
        ses.destroy();
      }
    });
}

async function erase(deps: ErasureDeps, id: string, options: Options): Promise<void> {
  const row = await readRow(deps.directory, tenantKey(id));
  const obstacle = row?.kind === "tenant" ? erasureObstacle(row, Date.now()) : undefined;
  if (obstacle !== undefined) throw new CommandError(obstacle);
  const before = await surveyTenant(deps, id);
  refuseHalfDone(before, options);
  if (options.dryRun === true) {
    show(id, before, undefined, options);
    return;
  }
  if (options.yes !== true) await confirm(id, before, options);
  const tally = new ErasureTally();
  const whole = sumOf(before.counts) - (options.keepUsage === true ? before.counts.usage : 0);
  const progress = startProgress(whole, "removed");
  try {
    await eraseTenant(deps, id, before.known, {
      keepUsage: options.keepUsage === true,
      removed: (kind, count) => {
        tally.add(kind, count);
        step(progress, tally, whole, kind);
      },
    });
  } catch (error) {
    progress.end();
    const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new CommandError(
      `stopped after ${sumOf(tally.counts)} of ${whole} things: ${cause}. The same command goes on.`,
    );
  }
  progress.end();
  const after = await surveyTenant(deps, id, before.known);
  show(id, { ...after, adopted: before.adopted }, tally.counts, options);
  if (sumOf(remaining(after.counts, options)) > 0) {
    process.exitCode = EXIT.failed;
    note(`something of tenant ${id} has come in meanwhile; run the same command again`);
  }
}

function step(progress: Progress, tally: ErasureTally, whole: number, kind: ErasureKind): void {
  progress.step(Math.min(whole, sumOf(tally.counts)), ERASURE_KINDS[kind]);
}

/** Mail that nobody has been told of, books that are not closed. */
function refuseHalfDone({ waiting, counts }: ErasureSurvey, options: Options): void {
  const mistakes: string[] = [];
  if (waiting > 0 && options.withWaitingMail !== true && options.dryRun !== true) {
    mistakes.push(
      `${waiting} of its messages wait to be sent (relayhost queue); let them go out, drop them so that their senders are told, or say --with-waiting-mail`,
    );
  }
  if (counts.announcements > 0 && options.keepUsage === true && options.dryRun !== true) {
    mistakes.push("its books are not closed: the last mail is counted within an hour; try again then");
  }
  if (mistakes.length > 0) throw new CommandError(mistakes.join("\n"));
}

/** The name once more, so that a slip of the hand removes nothing. */
async function confirm(id: string, before: ErasureSurvey, options: Options): Promise<void> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw new CommandError("nobody is there to be asked; say --yes", EXIT.usage);
  const going = sumOf(remaining(before.counts, options));
  const prompt = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await prompt.question(
      `All that is kept of tenant ${id} goes for ever: ${before.counts.content} stored mails, ${going} things in all. Type ${id} to go on: `,
    );
    if (answer.trim() !== id) throw new CommandError("not done");
  } finally {
    prompt.close();
  }
}

/** What should not be there any more. */
function remaining(counts: ErasureCounts, options: Options): ErasureCounts {
  return options.keepUsage === true ? { ...counts, usage: 0 } : counts;
}

/** `removed` undefined: a dry run, in which all that is there would be removed. */
function show(id: string, found: ErasureSurvey, removed: ErasureCounts | undefined, options: Options): void {
  const left = remaining(found.counts, options);
  const kept = options.keepUsage === true ? found.counts.usage : 0;
  const { adopted: identitiesKept, unreadable, waiting } = found;
  if (options.json === true) {
    const outcome = removed === undefined ? { wouldRemove: left, waiting } : { removed, remaining: left };
    printJson({
      id,
      dryRun: removed === undefined,
      ...outcome,
      usageKept: kept,
      identitiesKept,
      unreadable,
      notErased: NOT_ERASED,
    });
    return;
  }
  const row = (name: string, of: (counts: ErasureCounts) => number): string[] =>
    removed === undefined ? [name, String(of(left))] : [name, String(of(removed)), String(of(left))];
  const kinds = Object.entries(ERASURE_KINDS) as [ErasureKind, string][];
  printTable(removed === undefined ? ["WHAT", "WOULD BE REMOVED"] : ["WHAT", "REMOVED", "REMAINING"], [
    ...kinds.map(([kind, name]) => row(name, (counts) => counts[kind])),
    row("in all", sumOf),
  ]);
  if (removed === undefined && waiting > 0) console.log(`\nWaiting to be sent: ${waiting} messages`);
  if (kept > 0) console.log(`\nKept: ${kept} lines of usage by day`);
  if (identitiesKept.length > 0) console.log(`\nLeft in SES, where they were before: ${identitiesKept.join(", ")}`);
  if (unreadable > 0) console.log(`\n${unreadable} objects of the bucket do not tell whose they are (relayhost queue)`);
  console.log("\nNot removed by any command:");
  for (const what of NOT_ERASED) console.log(`  ${what}`);
}
