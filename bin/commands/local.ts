/** `relayhost local`: everything on one machine, without an AWS account. `npm start` is this. */

import type { Command } from "commander";
import { type LocalConfig, readLocalConfig } from "../../lib/config/local-config.ts";
import { errorText } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import type { LocalRelay } from "../../lib/local/start-local.ts";
import type { Console } from "../console/start-console.ts";
import { connect } from "./connect.ts";

/** Adds the command. */
export function addLocalCommand(program: Command): void {
  program
    .command("local")
    .description("run the whole relay on this machine, with local AWS services on loopback")
    .addHelpText(
      "after",
      `
Settings (environment): RELAYHOST_DATA_DIR (.relayhost), RELAYHOST_SMTP_PORT (2525), RELAYHOST_SMTPS_PORT (2465),
RELAYHOST_CONSOLE_PORT (8025), RELAYHOST_LOCAL_AWS_PORT (4566; 0 = any), RELAYHOST_RESOLVERS
(name servers that the console asks).`,
    )
    .action(async () => {
      const print = (line: string): void => void process.stdout.write(`${line}\n`);
      // Loaded only here: the local services would make every other command slow to start.
      const { startLocal } = await import("../../lib/local/start-local.ts");
      const config = readLocalConfig(process.env);
      const relay = await startLocal(config, print);
      const served = await serveConsole(config, print);
      await stopSignal();
      await served?.close();
      await stop(relay, print);
    });
}

/** The relay matters more than its console: without a port for it, mail still flows. */
async function serveConsole(config: LocalConfig, print: (line: string) => void): Promise<Console | undefined> {
  const { startConsole } = await import("../console/start-console.ts");
  try {
    const served = await startConsole({
      connection: await connect(undefined),
      dataDir: config.dataDir,
      resolvers: config.resolvers,
      port: config.consolePort,
    });
    print(`  Console              ${served.address}\n`);
    return served;
  } catch (error) {
    print(`  Console              none: ${errorText(error)} (${ENV.consolePort})\n`);
    return undefined;
  }
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
