#!/usr/bin/env node

/** The operator's command line. */

import { makeProgram } from "./commands/program.ts";
import { reportAndExit } from "./commands/report.ts";

await makeProgram().parseAsync().catch(reportAndExit);
