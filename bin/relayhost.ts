#!/usr/bin/env node
/** The operator's command line. */

import { enableCompileCache } from "node:module";
import { reportAndExit } from "./commands/report.ts";

// Most of a short command's time goes into compiling; the next one finds it done, in the system's temporary folder.
enableCompileCache();
const { makeProgram } = await import("./commands/program.ts");
await makeProgram().parseAsync().catch(reportAndExit);
