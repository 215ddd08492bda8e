/** How a process is pointed at the local AWS services: by the standard variables, with fixed credentials. */

import { devNull } from "node:os";

/** Written into the data directory while local mode runs: process id, ports, endpoint and names. */
export const LOCAL_STATE_FILE = "local.json";

/** Region that local mode signs for. */
export const LOCAL_REGION = "us-east-1";

/**
 * Sets the AWS variables so that real credentials are never looked up and no service is reached but ours. Anything
 * else of AWS in the environment (profiles, roles, single endpoints) is removed from it, and the files in which a
 * person keeps such settings are not read.
 */
export function useLocalAws(env: NodeJS.ProcessEnv, endpoint: string): void {
  for (const name of Object.keys(env)) if (name.startsWith("AWS_")) delete env[name];
  env["AWS_ENDPOINT_URL"] = endpoint;
  env["AWS_REGION"] = LOCAL_REGION;
  env["AWS_ACCESS_KEY_ID"] = "local";
  env["AWS_SECRET_ACCESS_KEY"] = "local";
  env["AWS_EC2_METADATA_DISABLED"] = "true";
  env["AWS_CONFIG_FILE"] = devNull;
  env["AWS_SHARED_CREDENTIALS_FILE"] = devNull;
}
