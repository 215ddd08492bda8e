/** `relayhost console`: the operator's console in a browser, with the operator's own credentials. */

import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { readLocalConfig } from "../../lib/config/local-config.ts";
import { connect } from "./connect.ts";
import { resolverFor } from "./domain-dns.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options {
  readonly env?: string;
  readonly port: string;
  readonly bind?: string;
  readonly allowHost?: string[];
  readonly resolver?: string[];
}

/** Adds the command. */
export function addConsoleCommand(program: Command): void {
  program
    .command("console")
    .description("serve the console on this machine: is mail flowing, where is a message, what needs a person")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--port <n>", "port on loopback; 0: any", "8026")
    .option("--bind <address>", "listen there instead of on 127.0.0.1; whoever has the printed address can then use it")
    .option("--allow-host <name...>", "with --bind: names under which browsers reach it, with :port or for every port")
    .option("--resolver <address...>", "name servers to ask, with :port if not 53 (default: the system's)")
    .addHelpText(
      "after",
      `
It runs until Ctrl-C, costs nothing, and does what the commands do, with your own AWS credentials. The printed address holds
a key, so that other people on the machine cannot use it. Every change is asked for again and stands in the audit record.
Local mode serves the same by itself, on RELAYHOST_CONSOLE_PORT. It has no DNS to ask for the records of domains, unless
--resolver or RELAYHOST_RESOLVERS names a server.

Examples:
  relayhost console --env prod
  relayhost console --env prod --port 0
  ssh -L 8026:127.0.0.1:8026 admin.example.net relayhost console --env prod`,
    )
    .action(async (options: Options) => {
      const port = Number(options.port);
      if (!/^\d{1,5}$/.test(options.port) || port > 65_535) {
        throw new CommandError(`--port: got ${JSON.stringify(options.port)}; allowed: 0 to 65535`, EXIT.usage);
      }
      if (options.bind === undefined && options.allowHost !== undefined) {
        throw new CommandError("--allow-host goes with --bind", EXIT.usage);
      }
      // A wrong address is told now, not on a page.
      resolverFor(options.resolver);
      const local = options.env === undefined ? readLocalConfig(process.env) : undefined;
      const connection = await connect(options.env);
      // Loaded only here: every other command starts sooner without it.
      const { startConsole } = await import("../console/start-console.ts");
      const served = await startConsole({
        connection,
        environment: options.env,
        dataDir: local?.dataDir,
        resolvers: options.resolver ?? local?.resolvers,
        port,
        bind: options.bind,
        hosts: [...(options.allowHost ?? []), ...(options.bind === undefined ? [] : [`${options.bind}:${port}`])],
        key: randomBytes(24).toString("base64url"),
      });
      process.stdout.write(`The console of ${options.env ?? "local mode"}: ${served.address}\nCtrl-C ends it.\n`);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", resolve);
        process.once("SIGTERM", resolve);
      });
      await served.close();
    });
}
