/** What commands that change or list something have in common. */

import type { Command } from "commander";
import { plainText, printJson } from "./output.ts";

export interface CommonOptions {
  readonly env?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `--env` and `--json`. */
export function withListOptions(command: Command): Command {
  return command.option("--env <name>", "a deployed environment instead of local mode").option("--json", "as JSON");
}

/** `--env`, `--json` and `--dry-run`. */
export function withChangeOptions(command: Command): Command {
  return withListOptions(command).option("--dry-run", "say what would be done, and do nothing");
}

/** Says what was done, or would be. `sentence` begins with the verb's past participle: "added tenant acme". */
export function reportChange(options: CommonOptions, sentence: string, facts: object): void {
  const dryRun = options.dryRun === true;
  if (options.json === true) printJson({ ...facts, dryRun });
  else
    console.log(
      plainText(dryRun ? `would have ${sentence}` : `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`),
    );
}

/** To standard error, so that the output stays what a script expects. */
export function note(sentence: string): void {
  process.stderr.write(`relayhost: ${plainText(sentence)}\n`);
}

/** A time as people read it, in the operator's zone with its offset; a midnight without the time of day. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}
