/** Lambda entry of sweep: called by a schedule, looks at the whole spool. */

import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import { readSweepConfig } from "../../lib/config/function-config.ts";
import { type Log, logJson } from "../../lib/core/log.ts";
import { SWEEP_GRACE, type SweepGrace, type SweepReport, sweepSpool } from "./sweep-spool.ts";

export type SweepHandler = () => Promise<SweepReport>;

/** Builds the handler from an environment. `grace` is shorter where it is known that nobody works. Throws `ConfigurationError`. */
export function makeSweepHandler(
  env: NodeJS.ProcessEnv,
  log: Log = logJson,
  grace: SweepGrace = SWEEP_GRACE,
): SweepHandler {
  const config = readSweepConfig(env);
  const deps = {
    spool: { client: makeS3(), bucket: config.spoolBucket },
    ledger: { client: makeDynamoDb(), table: config.ledgerTable },
    queue: { client: makeSqs(), url: config.forwardQueueUrl },
    region: env["AWS_REGION"] ?? "us-east-1",
    now: Date.now,
    log,
    grace,
  };
  return async () => await sweepSpool(deps);
}

let cached: SweepHandler | undefined;

/** What Lambda calls. */
export const handler: SweepHandler = async () => {
  cached ??= makeSweepHandler(process.env);
  return await cached();
};
