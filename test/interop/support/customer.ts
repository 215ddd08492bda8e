/** The customer whose mail servers are tested: logins in the directory of a running relay, and the relay's certificate. */

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type Directory, deleteRow, writeRow } from "../../../lib/aws/directory-dynamo.ts";
import { parseRuntimeNames } from "../../../lib/config/runtime-names.ts";
import { type DirectoryRow, networkKey } from "../../../lib/core/directory.ts";
import { hashPassword, PASSWORD_SALT_BYTES } from "../../../lib/core/password-hash.ts";
import { DEMO_TENANT } from "../../../lib/local/demo-tenant.ts";
import { LOCAL_REGION, LOCAL_STATE_FILE } from "../../../lib/local/local-environment.ts";
import type { RelayProcess } from "../../support/relay-process.ts";
import type { SmtpLogin } from "../../support/smtp-client.ts";

/** Made of every kind of character that generated passwords have, in the places where parsers stumble. */
export const LOGIN: SmtpLogin = { user: "srv1", password: "_-9zA-_Qm4x__7tKp--2LwR8e_-" };

/** A second server's, which the tests pause. */
export const SECOND_LOGIN: SmtpLogin = { user: "srv2", password: "Zk_3-w9B__x0-PqLr7tN4sVy1-c" };

/** The right login, mistyped. */
export const MISTYPED_LOGIN: SmtpLogin = { user: LOGIN.user, password: `${LOGIN.password}x` };

/** Writes a login. An edge that has already been asked for it may go by the old row for a minute. */
export async function writeLogin(relay: RelayProcess, login: SmtpLogin, status: "active" | "paused"): Promise<void> {
  const passwordHash = await hashPassword(login.password, randomBytes(PASSWORD_SALT_BYTES));
  const { user } = login;
  await write(relay, { kind: "credential", login: user, tenant: DEMO_TENANT, label: user, status, passwordHash });
}

/** Allow-lists this machine: TLS, no login. */
export async function allowLoopback(relay: RelayProcess): Promise<void> {
  const cidr = LOOPBACK;
  await write(relay, {
    kind: "network",
    cidr,
    tenant: DEMO_TENANT,
    label: "here",
    status: "active",
    tlsRequired: true,
  });
}

/** Takes it off the list again. */
export async function disallowLoopback(relay: RelayProcess): Promise<void> {
  await inDirectory(relay, (directory) => deleteRow(directory, networkKey(LOOPBACK)));
}

/** The relay's certificate, PEM: what a public certification authority is elsewhere. */
export function certificateOf(relay: RelayProcess): Promise<string> {
  return readFile(join(relay.dataDir, "tls", "edge-certificate.pem"), "utf8");
}

const LOOPBACK = "127.0.0.1/32";

function write(relay: RelayProcess, row: DirectoryRow): Promise<void> {
  return inDirectory(relay, (directory) => writeRow(directory, row));
}

/** The relay must run: it is the one that runs the local DynamoDB. */
async function inDirectory(relay: RelayProcess, action: (directory: Directory) => Promise<void>): Promise<void> {
  const file = join(relay.dataDir, LOCAL_STATE_FILE);
  const text = await readFile(file, "utf8");
  const state: unknown = JSON.parse(text);
  const endpoint = typeof state === "object" && state !== null && "endpoint" in state ? state.endpoint : undefined;
  if (typeof endpoint !== "string") throw new Error(`${file} names no endpoint`);
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint, region: LOCAL_REGION, credentials });
  try {
    await action({ client, table: parseRuntimeNames(text, file).directoryTable });
  } finally {
    client.destroy();
  }
}
