/** Where the relay of this machine listens. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readLocalConfig } from "../../lib/config/local-config.ts";
import { LOCAL_STATE_FILE } from "../../lib/local/local-environment.ts";
import { CommandError, EXIT } from "./report.ts";

/** Its port with STARTTLS. Throws `CommandError` when none runs. */
export async function localPort(): Promise<number> {
  const file = join(readLocalConfig(process.env).dataDir, LOCAL_STATE_FILE);
  try {
    const state = JSON.parse(await readFile(file, "utf8")) as { smtpPort?: unknown };
    if (typeof state.smtpPort === "number") return state.smtpPort;
  } catch {
    // Said below in words that help.
  }
  throw new CommandError(`no relay runs here (${file}); start one with npm start or give --port`, EXIT.unreachable);
}
