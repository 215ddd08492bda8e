/** How every command ends when it cannot do its work: one clear sentence and an exit code. */

import { CommanderError } from "commander";
import { ConfigurationError } from "../../lib/config/declare.ts";

export const EXIT = { failed: 1, usage: 2, notFound: 3, unreachable: 4 } as const;

/** Ends a command with a sentence for the person and an exit code for the script. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Prints what went wrong on standard error and sets the exit code. */
export function reportAndExit(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
    return;
  }
  process.stderr.write(`relayhost: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof CommandError) process.exitCode = error.exitCode;
  else if (error instanceof ConfigurationError) process.exitCode = EXIT.usage;
  else if (isUnreachable(error)) process.exitCode = EXIT.unreachable;
  else process.exitCode = EXIT.failed;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ECONNREFUSED", "ENOTFOUND"].includes(String(error.code));
}
