/** The operator's commands, put together; each has its own file. */

import { Command } from "commander";
import { addBouncesCommand } from "./bounces.ts";
import { addCompletionCommand } from "./completion.ts";
import { addConsoleCommand } from "./console.ts";
import { addCredentialCommand } from "./credential.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addDomainCommand } from "./domain.ts";
import { addLocalCommand } from "./local.ts";
import { addNetworkCommand } from "./network.ts";
import { addPreflightCommand } from "./preflight.ts";
import { addQueueCommand } from "./queue.ts";
import { addQueueActionCommands } from "./queue-actions.ts";
import { addResendCommand } from "./resend.ts";
import { addSendCommand } from "./send.ts";
import { addSetupCommand } from "./setup.ts";
import { addStandbyCommand } from "./standby.ts";
import { addStatusCommand } from "./status.ts";
import { addSuppressionCommand } from "./suppression.ts";
import { addTenantCommand } from "./tenant.ts";
import { addTraceCommand } from "./trace.ts";
import { addUsageCommand } from "./usage.ts";
import { addWatchCommand } from "./watch.ts";

/** All of it. `parseAsync` runs what stands on the command line. */
export function makeProgram(): Command {
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
  addStandbyCommand(program);
  addConsoleCommand(program);
  addSendCommand(program);
  addQueueCommand(program);
  addTraceCommand(program);
  addBouncesCommand(program);
  addQueueActionCommands(program);
  addResendCommand(program);
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
  return program;
}
