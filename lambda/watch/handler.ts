/**
 * Lambda entry of watch: called once a day, looks whether tenants' own addresses are still on block lists.
 *
 * Outside the way of a message: mail comes and goes while it fails.
 */

import { setTimeout as wait } from "node:timers/promises";
import type { Context } from "aws-lambda";
import { makeDynamoDb, makeS3 } from "../../lib/aws/clients.ts";
import { makeSecretsManager, readSecret } from "../../lib/aws/secret.ts";
import { readWatchConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { type Log, logJson } from "../../lib/core/log.ts";
import { makeResolver } from "../../lib/dns/resolver.ts";
import { checkWatches, type WatchReport } from "./check-watches.ts";

/** The part of Lambda's context that is used; local mode gives the same. */
export type WatchInvocation = Pick<Context, "getRemainingTimeInMillis">;
/** A Lambda handler for a schedule; the event does not matter. */
export type WatchHandler = (event: unknown, invocation: WatchInvocation) => Promise<WatchReport>;

/** Left of an invocation's time when it asks for no further address: a resolver may take that long to be silent. */
const LAST_ADDRESS_MS = 60_000;

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeWatchHandler(
  env: NodeJS.ProcessEnv,
  log: Log = logJson,
  now: () => number = Date.now,
): WatchHandler {
  const config = readWatchConfig(env);
  const dynamodb = makeDynamoDb();
  const common = {
    directory: { client: dynamodb, table: config.directoryTable },
    ledger: { client: dynamodb, table: config.ledgerTable },
    spool: { client: makeS3(), bucket: config.spoolBucket },
    hostName: config.hostName,
    systemAddress: config.systemAddress,
    pause: () => wait(LIMITS.watch.pauseMs),
    now,
    log,
  };
  return async (_event, invocation) => {
    const stopAtMs = now() + invocation.getRemainingTimeInMillis() - LAST_ADDRESS_MS;
    const { dqsKey, dqsSecretArn, resolvers } = config;
    const key =
      dqsSecretArn === undefined
        ? dqsKey
        : (await readSecret({ client: makeSecretsManager(), id: dqsSecretArn })).trim();
    // A resolver remembers its answers, and so must be a new one for each day.
    const dns = makeResolver(resolvers === undefined ? {} : { servers: resolvers });
    return await checkWatches({ ...common, dns, dqsKey: key }, stopAtMs);
  };
}

let cached: WatchHandler | undefined;

/** What Lambda calls. */
export const handler: WatchHandler = async (event, invocation) => {
  cached ??= makeWatchHandler(process.env);
  return await cached(event, invocation);
};
