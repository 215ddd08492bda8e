#!/usr/bin/env node
/** The operator's command line; each command has its own file. */

import { Command } from "commander";
import { addBouncesCommand } from "./commands/bounces.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addConsoleCommand } from "./commands/console.ts";
import { addCredentialCommand } from "./commands/credential.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addDomainCommand } from "./commands/domain.ts";
import { addLocalCommand } from "./commands/local.ts";
import { addNetworkCommand } from "./commands/network.ts";
import { addPreflightCommand } from "./commands/preflight.ts";
import { addQueueCommand } from "./commands/queue.ts";
import { addQueueActionCommands } from "./commands/queue-actions.ts";
import { reportAndExit } from "./commands/report.ts";
import { addSendCommand } from "./commands/send.ts";
import { addSetupCommand } from "./commands/setup.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSuppressionCommand } from "./commands/suppression.ts";
import { addTenantCommand } from "./commands/tenant.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { addUsageCommand } from "./commands/usage.ts";
import { addWatchCommand } from "./commands/watch.ts";

const program = new Command("relayhost")
  .description("Runs a mail relay in front of Amazon SES and shows what became of every message.")
  .showHelpAfterError("(relayhost --help shows what there is)")
  .addHelpText(
    "after",
    `
Without --env a command speaks to local mode (npm start) through its data directory, RELAYHOST_DATA_DIR or .relayhost.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 nothing found, 4 the relay is not reachable`,
  );
addLocalCommand(program);
addStatusCommand(program);
addConsoleCommand(program);
addSendCommand(program);
addQueueCommand(program);
addTraceCommand(program);
addBouncesCommand(program);
addQueueActionCommands(program);
addSuppressionCommand(program);
addTenantCommand(program);
addCredentialCommand(program);
addNetworkCommand(program);
addDomainCommand(program);
addSetupCommand(program);
addPreflightCommand(program);
addDoctorCommand(program);
addUsageCommand(program);
addWatchCommand(program);
addCompletionCommand(program);
await program.parseAsync().catch(reportAndExit);
