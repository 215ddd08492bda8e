/** A running edge with a filled directory, for tests that speak SMTP to it. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRow } from "../../lib/aws/directory-dynamo.ts";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import type { DirectoryRow } from "../../lib/core/directory.ts";
import type { EdgeSettings } from "../../lib/core/edge-settings.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { hashPassword } from "../../lib/core/password-hash.ts";
import { type Edge, type EdgeDeps, startEdge } from "../../relay-edge/edge.ts";
import type { TestAws } from "./aws.ts";
import { SmtpClient, type SmtpClientOptions, type SmtpReply } from "./smtp-client.ts";

/** An edge and what it said. */
export interface TestEdge {
  readonly edge: Edge;
  readonly settings: EdgeSettings;
  readonly events: LogEvent[];
  /** Connects to the STARTTLS port. */
  connect(options?: Partial<SmtpClientOptions>): Promise<SmtpClient>;
  /** Connects, starts TLS, logs in as srv1. */
  logIn(options?: Partial<SmtpClientOptions>): Promise<SmtpClient>;
  /** Resolves with the first event of this name that is or comes. */
  event(name: string): Promise<LogEvent>;
  close(): Promise<void>;
}

/** A login of tenant acme. */
export const LOGIN = { user: "srv1", password: "correct-horse" } as const;

/** Tenant acme with example.com and pending.example, tenant other with other.example. */
export async function fillDirectory(aws: Pick<TestAws, "directory">): Promise<void> {
  const passwordHash = await hashPassword(LOGIN.password, randomBytes(16));
  const tenant = (id: string, status: "active" | "paused" = "active"): DirectoryRow => ({
    kind: "tenant",
    id,
    name: id,
    status,
    language: "en",
  });
  const credential = (login: string, of: string, status: "active" | "paused" = "active"): DirectoryRow => ({
    kind: "credential",
    login,
    tenant: of,
    label: `server ${login}`,
    status,
    passwordHash,
  });
  const domain = (name: string, of: string, status: "verified" | "pending" = "verified"): DirectoryRow => ({
    kind: "domain",
    domain: name,
    tenant: of,
    status,
  });
  const rows: DirectoryRow[] = [
    tenant("acme"),
    tenant("other"),
    tenant("stopped", "paused"),
    credential("srv1", "acme"),
    credential("srv2", "acme", "paused"),
    credential("srv3", "stopped"),
    credential("srv4", "nobody"),
    domain("example.com", "acme"),
    domain("xn--wgv71a119e.example", "acme"),
    domain("pending.example", "acme", "pending"),
    domain("other.example", "other"),
    domain("branch.example.com", "other"),
    domain("stopped.example", "stopped"),
  ];
  for (const row of rows) await writeRow(aws.directory, row);
}

/** Starts an edge on free ports. */
export async function startTestEdge(
  aws: Pick<TestAws, "bucket" | "directoryTable" | "spool" | "directory">,
  changes: Partial<EdgeSettings> = {},
  others: Partial<Pick<EdgeDeps, "randomBytes" | "readTlsSecret">> = {},
): Promise<TestEdge> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-edge-"));
  const { settings: defaults } = readEdgeConfig({
    [ENV.hostName]: "relay.example.net",
    [ENV.spoolBucket]: aws.bucket,
    [ENV.directoryTable]: aws.directoryTable,
    [ENV.bindAddress]: "127.0.0.1",
    [ENV.smtpPort]: "0",
    [ENV.smtpsPort]: "0",
    [ENV.dataDir]: join(dir, "tls"),
    [ENV.temporaryDir]: join(dir, "tmp"),
  });
  const settings = { ...defaults, deadlineCheckMs: 50, closeTimeoutMs: 5_000, ...changes };
  const events: LogEvent[] = [];
  let told: (() => void)[] = [];
  const edge = await startEdge({
    config: settings,
    spool: aws.spool,
    directory: aws.directory,
    now: Date.now,
    randomBytes,
    ...others,
    log: (event) => {
      events.push(event);
      for (const tell of told) tell();
    },
  });
  const connect: TestEdge["connect"] = (options) => SmtpClient.connect({ port: edge.smtpPort, ...options });
  return {
    edge,
    settings,
    events,
    connect,
    logIn: async (options) => {
      const client = await connect(options);
      await client.logIn(LOGIN);
      return client;
    },
    event: (name) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find((event) => event.event === name);
          if (found === undefined) return;
          told = told.filter((tell) => tell !== look);
          resolve(found);
        };
        told.push(look);
        look();
      }),
    close: async () => {
      await edge.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Code, enhanced code and text of a reply, as it stood on the wire. */
export function line(reply: SmtpReply): string {
  return `${reply.code} ${reply.lines.join(" / ")}`;
}

/** A small message from an address, with CRLF. */
export function message(from: string, body = "Hello\r\n"): string {
  return `From: ${from}\r\nTo: someone@elsewhere.example\r\nSubject: test\r\nMessage-ID: <1@example.com>\r\n\r\n${body}`;
}
