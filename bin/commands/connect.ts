/**
 * Finds the environment a command speaks to: local mode by its data directory, a deployed one by its SSM parameter.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import type { Directory } from "../../lib/aws/directory-dynamo.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import type { Queue } from "../../lib/aws/queue-sqs.ts";
import { readRuntimeParameter } from "../../lib/aws/runtime-parameter.ts";
import type { Spool } from "../../lib/aws/spool-s3.ts";
import { readLocalConfig } from "../../lib/config/local-config.ts";
import { parseRuntimeNames, type RuntimeNames } from "../../lib/config/runtime-names.ts";
import { LOCAL_STATE_FILE, useLocalAws } from "../../lib/local/local-environment.ts";
import { CommandError, EXIT } from "./report.ts";

export interface Connection {
  readonly names: RuntimeNames;
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly forwardQueue: Queue;
}

/** `environment` undefined means local mode. Throws `CommandError` when there is none to be found. */
export async function connect(environment: string | undefined): Promise<Connection> {
  const names = environment === undefined ? await localNames() : await readRuntimeParameter(environment);
  const dynamodb = makeDynamoDb();
  return {
    names,
    spool: { client: makeS3(), bucket: names.spoolBucket },
    ledger: { client: dynamodb, table: names.ledgerTable },
    directory: { client: dynamodb, table: names.directoryTable },
    forwardQueue: { client: makeSqs(), url: names.forwardQueueUrl },
  };
}

async function localNames(): Promise<RuntimeNames> {
  const file = join(readLocalConfig(process.env).dataDir, LOCAL_STATE_FILE);
  let json: string;
  try {
    json = await readFile(file, "utf8");
  } catch {
    throw new CommandError(
      `no relay runs here (${file} is not there). Start one with npm start, or name a deployed one with --env.`,
      EXIT.unreachable,
    );
  }
  const endpoint = (JSON.parse(json) as { endpoint?: unknown }).endpoint;
  if (typeof endpoint !== "string") throw new CommandError(`${file} names no endpoint`, EXIT.unreachable);
  useLocalAws(process.env, endpoint);
  return parseRuntimeNames(json, file);
}
