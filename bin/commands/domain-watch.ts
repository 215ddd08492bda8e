/** `relayhost domain watch`: a board of domains that wait for SES, until all are verified. */

import type { Command } from "commander";
import { setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import { makeSesControl } from "../../lib/aws/ses-control.ts";
import { listIdentities } from "../../lib/aws/ses-identities.ts";
import { span } from "../../lib/config/tenant-settings.ts";
import { connect } from "./connect.ts";
import { domainsNamed } from "./domains-named.ts";
import { Mistakes } from "./mistakes.ts";
import { ageText, printJson } from "./output.ts";
import { EXIT } from "./report.ts";

interface Options {
  readonly env?: string;
  readonly tenant?: string;
  readonly every: string;
  readonly timeout?: string;
  readonly json?: boolean;
}

/** Adds the command. */
export function addWatchCommand(group: Command): void {
  group
    .command("watch")
    .description("show which domains still wait for SES, until all are verified")
    .argument("[domain...]", "default: all of --tenant")
    .option("--tenant <id>", "all domains of this tenant")
    .option("--every <time>", "how often SES is asked (one call for each thousand domains of the account)", "15s")
    .option("--timeout <time>", "end with exit code 1 after this long")
    .option("--json", "a line of JSON for each change")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost domain watch --tenant acme --env prod\n  relayhost domain watch a.example --timeout 30m",
    )
    .action(async (words: string[], options: Options) => {
      const mistakes = new Mistakes();
      const everyMs = Math.max(1_000, mistakes.read("--every", options.every, span) ?? 0);
      const timeoutMs = mistakes.read("--timeout", options.timeout, span) ?? Number.POSITIVE_INFINITY;
      mistakes.end();
      const { directory, names } = await connect(options.env);
      const rows = await domainsNamed(directory, words, options);
      const waiting = new Set(rows.filter(({ status }) => status === "pending").map(({ domain }) => domain));
      const ses = makeSesControl(names.sesCallsPerSecond);
      const startedMs = Date.now();
      const board = makeBoard(rows.length, options.json === true);
      board.show(waiting);
      while (waiting.size > 0) {
        const sending = await listIdentities(ses);
        for (const domain of waiting) {
          if (sending.get(domain) !== true) continue;
          await setDomainStatus(directory, domain, "verified");
          waiting.delete(domain);
          board.verified(domain);
        }
        board.show(waiting);
        if (waiting.size === 0) break;
        if (Date.now() - startedMs + everyMs > timeoutMs) {
          process.exitCode = EXIT.failed;
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
      board.end(waiting, Date.now() - startedMs);
      ses.destroy();
    });
}

interface Board {
  show(waiting: ReadonlySet<string>): void;
  verified(domain: string): void;
  end(waiting: ReadonlySet<string>, afterMs: number): void;
}

/** On a terminal the board is drawn anew in place; elsewhere there is a line for each change. */
function makeBoard(whole: number, json: boolean): Board {
  const { stdout } = process;
  const live = stdout.isTTY && !json;
  let lines = 0;
  const clear = (): void => {
    if (lines > 0) stdout.write(`\u001b[${lines}A\u001b[J`);
    lines = 0;
  };
  return {
    show(waiting) {
      if (!live) return;
      clear();
      const room = Math.max(3, (stdout.rows || 24) - 4);
      const names = [...waiting];
      const shown = names.slice(0, room).map((name) => `  ${name.slice(0, (stdout.columns || 80) - 4)}`);
      const more = names.length > room ? [`  and ${names.length - room} more`] : [];
      const board = [
        `${whole - waiting.size} of ${whole} verified; waiting for SES to see the records of:`,
        ...shown,
        ...more,
      ];
      stdout.write(`${board.join("\n")}\n`);
      lines = board.length;
    },
    verified(domain) {
      if (json) stdout.write(`${JSON.stringify({ domain, status: "verified" })}\n`);
      else if (!live) stdout.write(`verified  ${domain}\n`);
    },
    end(waiting, afterMs) {
      clear();
      if (json) {
        if (waiting.size > 0) printJson({ waiting: [...waiting] });
      } else if (waiting.size === 0) console.log(`All ${whole} are verified.`);
      else {
        console.log(`After ${ageText(afterMs / 1000)}, ${waiting.size} of ${whole} are not verified:`);
        for (const domain of waiting) console.log(`  ${domain}`);
        console.log("relayhost domain check says what is missing.");
      }
    },
  };
}
