/** What the edge is measured with: its directory, a stand-in for S3, and processes of it. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDynamoDb } from "../lib/aws/clients.ts";
import { writeRow } from "../lib/aws/directory-dynamo.ts";
import { provisionLocal } from "../lib/aws/provision.ts";
import { ENV } from "../lib/core/names.ts";
import { hashPassword } from "../lib/core/password-hash.ts";
import { useLocalAws } from "../lib/local/local-environment.ts";
import { type Program, startProgram } from "./program.ts";
import type { LoadOrder } from "./programs/smtp-generator.ts";

/** A program that listens for SMTP. */
export type SmtpProgram = Program<{ readonly port: number }>;

/** Services that stay up through all parts. */
export interface EdgeServices {
  /** Another edge, in a process of its own: what earlier loads left in a heap is not measured with the next. */
  readonly startEdge: () => Promise<SmtpProgram>;
  readonly stop: () => Promise<void>;
}

/** The login that the directory knows. */
export const LOGIN = { user: "bench", password: "correct-horse-battery" } as const;

/** Starts them, and points the AWS variables of this process at them. */
export async function startEdgeServices(): Promise<EdgeServices> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-bench-"));
  const aws = await startProgram<{ endpoint: string }>("aws-services", { args: [dataDir] });
  const s3 = await startProgram<{ endpoint: string }>("s3-sink");
  const stop = async (): Promise<void> => {
    await s3.stop();
    await aws.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    useLocalAws(process.env, aws.ready.endpoint);
    const names = await provisionLocal();
    await fillDirectory(names.directoryTable);
    const env = { ...edgeEnvironment(names, dataDir), AWS_ENDPOINT_URL_S3: s3.ready.endpoint };
    return { startEdge: async () => await startProgram("edge", { env }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A program that sends what it is ordered to. */
export async function startGenerator(): Promise<Generator> {
  const program = await startProgram("smtp-generator");
  return {
    send: async (order) => (await program.order<{ seconds: number }>(order)).seconds,
    order: program.order,
    stop: program.stop,
  };
}

/** See `startGenerator`. */
export interface Generator {
  /** Seconds it took. Rejects when a message was refused. */
  readonly send: (order: LoadOrder) => Promise<number>;
  readonly order: Program<unknown>["order"];
  readonly stop: () => Promise<void>;
}

async function fillDirectory(table: string): Promise<void> {
  const directory = { client: makeDynamoDb(), table };
  const passwordHash = await hashPassword(LOGIN.password, randomBytes(16));
  const ofTenant = { tenant: "bench", label: "bench", status: "active" } as const;
  await writeRow(directory, { kind: "tenant", id: "bench", name: "bench", status: "active", language: "en" });
  await writeRow(directory, { ...ofTenant, kind: "network", cidr: "127.0.0.0/8", tlsRequired: false });
  await writeRow(directory, { ...ofTenant, kind: "credential", login: LOGIN.user, passwordHash });
  await writeRow(directory, { kind: "domain", domain: "example.com", tenant: "bench", status: "verified" });
  directory.client.destroy();
}

function edgeEnvironment(names: { spoolBucket: string; directoryTable: string }, dataDir: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // As in the image.
    MALLOC_ARENA_MAX: "2",
    [ENV.hostName]: "relay.localhost",
    [ENV.spoolBucket]: names.spoolBucket,
    [ENV.directoryTable]: names.directoryTable,
    [ENV.bindAddress]: "127.0.0.1",
    [ENV.smtpPort]: "0",
    [ENV.smtpsPort]: "0",
    [ENV.dataDir]: join(dataDir, "tls"),
    [ENV.temporaryDir]: join(dataDir, "tmp"),
    [ENV.connectionsMax]: "10000",
    [ENV.connectionsPerAddressMax]: "10000",
  };
}
