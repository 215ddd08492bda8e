/**
 * DynamoDB on this machine: dynalite's operations on a LevelDB folder.
 *
 * Promise:  a write that was answered is there after kill -9, and every index agrees with its table. dynalite writes
 *           index entries and item one after the other; here they go into one LevelDB batch, which is all or nothing.
 * Promise:  a request that is cut off or fails inside harms nothing else. (dynalite's own HTTP server throws on both,
 *           which ends the process, so only its operations are used and the dispatch is ours.)
 * Failure:  an unexpected error is answered 500, which the SDK retries.
 * Not here: transactions, which dynalite does not have. A TTL is remembered, but nothing is deleted by it.
 */

import { mkdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { RefusedRequest, readBody, send } from "./aws-request.ts";
import { createIndexes, fillIndexes, type RunOperation } from "./dynamodb-index.ts";
import { checkKeySizes } from "./dynamodb-key-sizes.ts";
import {
  atomicWrites,
  type Callback,
  type DynaliteStore,
  finishTableChanges,
  rememberTables,
} from "./dynamodb-store.ts";
import { describeTimeToLive, updateTimeToLive } from "./dynamodb-ttl.ts";

/** DynamoDB as a request handler. */
export interface LocalDynamoDb {
  /** Answers one request. Rejects only when the connection is lost. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Waits for what is under way and closes the folder. */
  close(): Promise<void>;
}

/** As DynamoDB: no request is larger than this. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

const READS = ["BatchGetItem", "GetItem", "Query", "Scan"] as const;
const WRITES = ["BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"] as const;
const CONTROL = [
  "CreateTable",
  "DeleteTable",
  "DescribeTable",
  "ListTables",
  "ListTagsOfResource",
  "TagResource",
  "UntagResource",
  "UpdateTable",
] as const;

/** A validated request to its result. */
type Operation = (input: Record<string, unknown>) => Promise<object>;

interface DynaliteValidations {
  checkTypes(input: unknown, types: object): Record<string, unknown>;
  checkValidations(input: object, types: object, custom: unknown, store: DynaliteStore): void;
}
type DynaliteAction = (store: DynaliteStore, input: object, callback: Callback<object>) => void;

/**
 * Opens the folder, making it if need be. Throws when it cannot be opened, among other reasons because another
 * process has it open; the lock of a killed process is gone with that process.
 */
export async function openLocalDynamoDb(folder: string, region: string): Promise<LocalDynamoDb> {
  mkdirSync(folder, { recursive: true });
  const require = createRequire(import.meta.url);
  const dynalite = require("dynalite/db") as { create(options: object): DynaliteStore };
  const store = dynalite.create({ path: folder, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  Object.assign(store.tableDb, { awsRegion: region, awsAccountId: "000000000000" }); // not what the environment says
  try {
    await store.db.open();
  } catch (cause) {
    const locked = cause instanceof Error && cause.cause instanceof Error && /lock/i.test(cause.cause.message);
    throw new Error(locked ? `${folder} is in use by another process` : `cannot open ${folder}`, { cause });
  }
  await finishTableChanges(store);

  const remembering = rememberTables(store);
  const atomic = atomicWrites(remembering);
  const operations = new Map<string, Operation>([
    ["UpdateTimeToLive", (input) => updateTimeToLive(store, input)],
    ["DescribeTimeToLive", (input) => describeTimeToLive(store, input)],
  ]);
  for (const name of READS) operations.set(name, dynaliteOperation(require, name, remembering));
  for (const name of CONTROL) operations.set(name, dynaliteOperation(require, name, store));
  for (const name of WRITES) operations.set(name, dynaliteOperation(require, name, atomic));
  const run: RunOperation = async (name, input) => await operationNamed(operations, name)(input);
  const updateTable = operationNamed(operations, "UpdateTable");
  operations.set(
    "UpdateTable",
    async (input) => (await createIndexes(store, run, input)) ?? (await updateTable(input)),
  );
  const { TableNames } = (await run("ListTables", {})) as { readonly TableNames: readonly string[] };
  for (const name of TableNames) await fillIndexes(store, run, name);

  return {
    async handle(request, response) {
      const body = (await readBody(request, REQUEST_BYTES_MAX)).toString();
      const name = String(request.headers["x-amz-target"] ?? "").replace(/^DynamoDB_20120810\./, "");
      try {
        answer(response, 200, await operationNamed(operations, name)(parseInput(body)));
      } catch (error) {
        const refusal = refusalOf(error);
        answer(response, refusal.status, refusal.body);
      }
    },
    async close() {
      await store.db.close();
    },
  };
}

function operationNamed(operations: ReadonlyMap<string, Operation>, name: string): Operation {
  const operation = operations.get(name);
  if (operation !== undefined) return operation;
  throw new RefusedRequest(400, "UnknownOperationException", `local DynamoDB has no operation "${name}"`);
}

function dynaliteOperation(require: NodeJS.Require, name: string, store: DynaliteStore): Operation {
  const file = name.charAt(0).toLowerCase() + name.slice(1);
  const action = require(`dynalite/actions/${file}`) as DynaliteAction;
  const rules = require(`dynalite/validations/${file}`) as { types: object; custom?: unknown };
  const validations = require("dynalite/validations") as DynaliteValidations;
  return async (input) => {
    const checked = validations.checkTypes(input, rules.types);
    validations.checkValidations(checked, rules.types, rules.custom, store);
    await checkKeySizes(store, name, checked);
    return await new Promise<object>((resolve, reject) => {
      action(store, checked, (error, result) => {
        if (error !== null && error !== undefined) reject(error);
        else resolve(result ?? {});
      });
    });
  };
}

function parseInput(body: string): Record<string, unknown> {
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    input = undefined;
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new RefusedRequest(400, "SerializationException", "the body is not a JSON object");
  }
  return input as Record<string, unknown>;
}

/** dynalite's refusals carry status and body; anything else is a fault of ours or of the disk. */
function refusalOf(error: unknown): { status: number; body: object } {
  if (error instanceof RefusedRequest) {
    return { status: error.status, body: { __type: `com.amazon.coral.service#${error.code}`, message: error.message } };
  }
  if (error instanceof Error && "statusCode" in error && "body" in error) {
    const { statusCode, body } = error;
    if (typeof statusCode === "number" && typeof body === "object" && body !== null)
      return { status: statusCode, body };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { status: 500, body: { __type: "com.amazonaws.dynamodb.v20120810#InternalServerError", message } };
}

function answer(response: ServerResponse, status: number, body: object): void {
  send(response, status, "application/x-amz-json-1.0", JSON.stringify(body));
}
