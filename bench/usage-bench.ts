/**
 * A month of 100,000 ledger entries in a local table, counted as the sweep counts it, and how long the invoice takes then:
 * `relayhost usage --month` as a process of its own, beside a recount of every record.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { countUsage } from "../lambda/sweep/count-usage.ts";
import { makeDynamoDb } from "../lib/aws/clients.ts";
import { writeRow } from "../lib/aws/directory-dynamo.ts";
import { provisionLocal } from "../lib/aws/provision.ts";
import { UsageMarker } from "../lib/aws/usage-dynamo.ts";
import { parseCsv } from "../lib/core/csv.ts";
import type { MessageRecord, RecipientRecord } from "../lib/core/message-record.ts";
import { ENV } from "../lib/core/names.ts";
import { makeQueueId } from "../lib/core/queue-id.ts";
import { addUsage, messageUsage, NO_USAGE, USAGE_FIELDS, type UsageCounts } from "../lib/core/usage.ts";
import { startLocalAws } from "../lib/local/local-aws.ts";
import { LOCAL_STATE_FILE, useLocalAws } from "../lib/local/local-environment.ts";
import { createSesServer } from "../lib/local/ses-server.ts";
import { fillLedger, type LedgerPair, numberedQueueId } from "./fill-ledger.ts";

/** What was measured. */
export interface UsageBench {
  /** Entries of the ledger: messages and their recipients. */
  readonly entries: number;
  readonly messages: number;
  /** Making the books from all records: what the sweep does over the month. */
  readonly countMs: number;
  /** The command from its start to its end, the fastest and the slowest of the runs. */
  readonly commandMs: readonly [number, number];
  /** Its CPU time, the same. */
  readonly commandCpuMs: readonly [number, number];
  /** Fields of the invoice that differ from a recount of all records: none. */
  readonly differences: readonly string[];
}

const MONTH = "2026-10";
const MONTH_START = Date.UTC(2026, 9, 1);
const DAYS = 31;
const LOGINS = 3;
const DOMAINS = 20;

/** Each message has one recipient, so `entries` are half of them messages. The command runs `runs` times. */
export async function benchUsage(entries: number, runs: number, progress: (line: string) => void): Promise<UsageBench> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-usage-"));
  const ses = createSesServer({ dataDir, publish: async () => undefined });
  await ses.start();
  const aws = await startLocalAws({ dataDir, port: 0, ses });
  useLocalAws(process.env, aws.endpoint);
  try {
    const names = await provisionLocal();
    await writeFile(join(dataDir, LOCAL_STATE_FILE), JSON.stringify({ endpoint: aws.endpoint, ...names }));
    const client = makeDynamoDb();
    const ledger = { client, table: names.ledgerTable };
    const directory = { client, table: names.directoryTable };
    await writeRow(directory, {
      kind: "tenant",
      id: "acme",
      name: "Acme Web",
      status: "active",
      language: "en",
      price: { per: "recipient", per1000: "0.35", currency: "USD" },
    });
    const count = Math.floor(entries / 2);
    progress(`writing ${entries} entries`);
    let total = NO_USAGE;
    const counted = (index: number): LedgerPair => {
      const pair = pairOf(index, count);
      total = addUsage(total, messageUsage(pair.message, [pair.recipient]));
      return pair;
    };
    await fillLedger(ledger, count, counted, progress);
    const marker = new UsageMarker(ledger);
    for (let index = 0; index < count; index++) {
      const atMs = timeOf(index, count);
      await marker.announce("acme", makeQueueId(atMs, Buffer.alloc(11)), atMs);
    }
    progress("counting");
    const startedMs = performance.now();
    const nowMs = MONTH_START + (DAYS + 2) * 86_400_000;
    const deps = { ledger, directory, recordDays: 90, now: () => nowMs, log: () => undefined };
    await countUsage(deps, Number.POSITIVE_INFINITY);
    const countMs = performance.now() - startedMs;
    client.destroy();
    progress("asking for the invoice");
    const times: number[] = [];
    const cpuTimes: number[] = [];
    let csv = "";
    for (let run = 0; run < runs; run++) {
      const { stdout, ms, cpuMs } = await runUsage(dataDir);
      csv = stdout;
      times.push(ms);
      cpuTimes.push(cpuMs);
    }
    const differences = compare(csv, total);
    const range = (all: readonly number[]): [number, number] => [Math.min(...all), Math.max(...all)];
    return { entries, messages: count, countMs, commandMs: range(times), commandCpuMs: range(cpuTimes), differences };
  } finally {
    await aws.close();
    await ses.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Spread over the eight working hours of each day, which are 1,488 slots of the books. */
function timeOf(index: number, count: number): number {
  const perDay = Math.ceil(count / DAYS);
  const day = Math.floor(index / perDay);
  return MONTH_START + day * 86_400_000 + Math.floor(((index % perDay) * 8 * 3_600_000) / perDay);
}

/** One in twenty bounces, one in fifty is refused by SES. */
function pairOf(index: number, count: number): LedgerPair {
  const atMs = timeOf(index, count);
  const id = numberedQueueId(atMs, index);
  const expiresAt = Math.floor(atMs / 1000) + 90 * 86_400;
  const message: MessageRecord = {
    id,
    tenant: "acme",
    credential: `srv${index % LOGINS}`,
    returnPath: `info@d${index % DOMAINS}.example`,
    time: new Date(atMs).toISOString(),
    size: 2_000 + (index % 50_000),
    clientAddress: "192.0.2.25",
    recipients: 1,
    expiresAt,
  };
  const state = index % 50 === 7 ? "failed" : index % 20 === 3 ? "bounced" : "delivered";
  const recipient: RecipientRecord = {
    id,
    index: 0,
    tenant: "acme",
    address: `u${index}@example.net`,
    version: 3,
    state,
    attempts: 1,
    ...(state === "failed" ? {} : { sesId: `010001a2${index.toString(16).padStart(8, "0")}` }),
    history: [],
    expiresAt,
  };
  return { message, recipient };
}

/** The shell that starts it tells how much CPU it took, in the second line of `times`. */
async function runUsage(dataDir: string): Promise<{ stdout: string; ms: number; cpuMs: number }> {
  const startedMs = performance.now();
  const { stdout, stderr } = await promisify(execFile)(
    "bash",
    ["-c", '"$@" && times >&2', "-", process.execPath, "bin/relayhost.ts", "usage", "--month", MONTH, "--csv"],
    { cwd: join(import.meta.dirname, ".."), env: { ...process.env, [ENV.dataDir]: dataDir } },
  );
  const times = [...(stderr.trim().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  const cpuMs = times.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0);
  return { stdout, ms: performance.now() - startedMs, cpuMs };
}

/** Every number of the invoice against the sum over all records. */
function compare(csv: string, total: UsageCounts): string[] {
  const [heads = [], cells = []] = parseCsv(csv);
  const line = new Map(heads.map((head, index) => [head, cells[index] ?? ""]));
  const wanted: [string, string][] = USAGE_FIELDS.map((field) => [field, String(total[field])]);
  wanted.push(["charged_count", String(total.sent)], ["amount", (Math.round(total.sent * 0.035) / 100).toFixed(2)]);
  return wanted
    .filter(([name, value]) => line.get(name) !== value)
    .map(([name, value]) => `${name}: ${line.get(name)} instead of ${value}`);
}
