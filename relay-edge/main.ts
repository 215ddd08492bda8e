/**
 * The edge as a process: settings, clients, ports; signals and exit codes.
 *
 * Exit codes: 0 stopped in order, 1 failed, 2 wrong settings. SIGTERM and SIGINT stop it in order; a second one at
 * once. SIGHUP takes up a renewed certificate. An error that nobody expected ends the process: what a client got no 250 for is still with the client.
 */

import { randomBytes } from "node:crypto";
import { makeDynamoDb, makeS3 } from "../lib/aws/clients.ts";
import { makeSecretsManager, readSecret, readSecretIfAny } from "../lib/aws/secret.ts";
import { ConfigurationError } from "../lib/config/declare.ts";
import { type EdgeConfig, readEdgeConfig } from "../lib/config/edge-config.ts";
import { errorText, logJson } from "../lib/core/log.ts";
import { startEdge } from "./edge.ts";

const FAILED = 1;
const WRONG_SETTINGS = 2;

function readConfigOrExit(): EdgeConfig {
  try {
    return readEdgeConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(WRONG_SETTINGS);
  }
}

function crash(error: unknown): never {
  logJson({ event: "edge-failed", error: errorText(error) });
  if (error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  process.exit(FAILED);
}

process.on("uncaughtException", crash);
process.on("unhandledRejection", crash);

const config = readConfigOrExit();
const { tlsSecretArn, tlsAwaitSecret } = config.settings;
const tlsSecret = tlsSecretArn === undefined ? undefined : { client: makeSecretsManager(), id: tlsSecretArn };
const edge = await startEdge({
  config: config.settings,
  ...(tlsSecret === undefined
    ? {}
    : {
        readTlsSecret: async () =>
          tlsAwaitSecret ? ((await readSecretIfAny(tlsSecret)) ?? "") : await readSecret(tlsSecret),
      }),
  spool: { client: makeS3(), bucket: config.spoolBucket },
  directory: { client: makeDynamoDb(), table: config.directoryTable },
  now: Date.now,
  randomBytes,
  log: logJson,
});
logJson({
  event: "edge-started",
  host: config.settings.hostName,
  smtpPort: edge.smtpPort,
  smtpsPort: edge.smtpsPort,
  healthPort: edge.healthPort,
});

let stopping = false;
function stop(signal: NodeJS.Signals): void {
  if (stopping) process.exit(FAILED);
  stopping = true;
  logJson({ event: "edge-stopping", signal });
  edge.close().then(() => {
    logJson({ event: "edge-stopped" });
    process.exit(0);
  }, crash);
}
process.on("SIGHUP", () => void edge.checkCertificate());
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
