/** `relayhost local`: everything on one machine, without an AWS account. `npm start` is this. */

import type { Command } from "commander";
import { readLocalConfig } from "../../lib/config/local-config.ts";
import type { LocalRelay } from "../../lib/local/start-local.ts";

/** Adds the command. */
export function addLocalCommand(program: Command): void {
  program
    .command("local")
    .description("run the whole relay on this machine, with local AWS services on loopback")
    .addHelpText(
      "after",
      `
Settings (environment): RELAYHOST_DATA_DIR (.relayhost), RELAYHOST_SMTP_PORT (2525), RELAYHOST_SMTPS_PORT (2465),
RELAYHOST_CONSOLE_PORT (8025), RELAYHOST_LOCAL_AWS_PORT (4566; 0 = any).`,
    )
    .action(async () => {
      const print = (line: string): void => void process.stdout.write(`${line}\n`);
      // Loaded only here: the local services would make every other command slow to start.
      const { startLocal } = await import("../../lib/local/start-local.ts");
      const relay = await startLocal(readLocalConfig(process.env), print);
      await stopSignal();
      await stop(relay, print);
    });
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}

async function stop(relay: LocalRelay, print: (line: string) => void): Promise<void> {
  print("Stopping: no new mail, what is under way is finished. (Ctrl-C again stops at once; nothing would be lost.)");
  const atOnce = (): void => process.exit(130);
  process.once("SIGINT", atOnce);
  await relay.stop();
  process.off("SIGINT", atOnce);
  print("Stopped.");
}
