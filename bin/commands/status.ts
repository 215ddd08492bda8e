/** `relayhost status`: one screen that says whether all is well, what needs a person first. */

import type { Command } from "commander";
import { judgeStatus, type Status, type StatusLevel } from "../../lib/core/status.ts";
import { connect } from "./connect.ts";
import { printJson, printTable } from "./output.ts";
import { statusFacts } from "./status-facts.ts";

/** How the levels look, and what the command's exit code is when one is the worst. */
const SHOWN: Readonly<Record<StatusLevel, { readonly mark: string; readonly exitCode: number }>> = {
  act: { mark: "ACT", exitCode: 2 },
  look: { mark: "look", exitCode: 1 },
  unknown: { mark: "?", exitCode: 1 },
  note: { mark: "note", exitCode: 0 },
  good: { mark: "ok", exitCode: 0 },
};

/** Adds the command. */
export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .description("say whether all is well: account, queue, last hour, tenants, domains, certificate, alarms")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--json", "as JSON: the level, the lines, and the facts they were made from")
    .addHelpText(
      "after",
      `
What needs a person comes first, with the command or the section of RUNBOOK.md that helps. ACT: now. look: not urgent.
?: could not be asked. note: meant to be so, such as a tenant that is paused by hand.

Exit codes: 0 all is well, 1 something to look at or that could not be asked, 2 a person is needed (or wrong options),
4 the relay is not reachable. So it can be run by a monitor.

Examples:
  relayhost status
  relayhost status --env prod
  relayhost status --env prod --json | jq -r '.lines[] | select(.level == "act") | .text'`,
    )
    .action(async (options: { env?: string; json?: boolean }) => {
      const connection = await connect(options.env);
      const facts = await statusFacts(connection, options.env);
      const status = judgeStatus(facts);
      if (options.json === true) printJson({ hostName: connection.names.hostName, ...status, facts });
      else print(status, connection.names.hostName, options.env ?? "local");
      process.exitCode = SHOWN[status.level].exitCode;
    });
}

function print({ level, lines }: Status, hostName: string, environment: string): void {
  const many = (wanted: StatusLevel): number => lines.filter((line) => line.level === wanted).length;
  const looks = many("look") + many("unknown");
  const words = [
    ...(many("act") > 0 ? [`${many("act")} ${many("act") === 1 ? "thing needs" : "things need"} you`] : []),
    ...(looks > 0 ? [`${looks} to look at`] : []),
  ];
  const isWell = SHOWN[level].exitCode === 0;
  console.log(`${hostName} (${environment}): ${isWell ? "all is well" : words.join(", ")}\n`);
  printTable(
    ["", "PART", "WHAT"],
    lines.flatMap((line) => [
      [SHOWN[line.level].mark, line.part, line.text],
      ...(line.todo === undefined ? [] : [["", "", `-> ${line.todo}`]]),
    ]),
  );
}
