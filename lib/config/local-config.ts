/** Settings of local mode; all have defaults. */

import { ENV } from "../core/names.ts";
import { nameServers, optional, port, readSettings, text, type Values, wholeNumber } from "./declare.ts";

const local = {
  dataDir: optional(ENV.dataDir, text, ".relayhost", "folder of everything local mode keeps"),
  smtpPort: optional(ENV.smtpPort, port, 2525, "SMTP with STARTTLS"),
  smtpsPort: optional(ENV.smtpsPort, port, 2465, "SMTP with TLS from the first byte"),
  consolePort: optional(ENV.consolePort, port, 8025, "web console"),
  localAwsPort: optional(ENV.localAwsPort, port, 4566, "local AWS services"),
  resolvers: optional(ENV.resolvers, nameServers, undefined, "name servers that the console asks"),
  localSesCallsPerSecond: optional(
    ENV.localSesCallsPerSecond,
    wholeNumber(0, 10_000),
    0,
    "calls of local SES in a second, sending apart; 0: no limit (AWS: 1)",
  ),
};

/** Settings of local mode. */
export type LocalConfig = Values<typeof local>;

/** Throws `ConfigurationError` naming every wrong setting. */
export function readLocalConfig(env: Readonly<Record<string, string | undefined>>): LocalConfig {
  return readSettings(local, env);
}
