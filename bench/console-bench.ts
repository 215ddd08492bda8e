/**
 * How long the console takes before many records: the local table is filled, the last day is counted as the sweep counts
 * it, and each page is asked for over a socket, again and again. All of it is in one process, as in local mode.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../bin/commands/connect.ts";
import { startConsole } from "../bin/console/start-console.ts";
import { countUsage } from "../lambda/sweep/count-usage.ts";
import { provisionLocal } from "../lib/aws/provision.ts";
import { UsageMarker } from "../lib/aws/usage-dynamo.ts";
import type { MessageRecord, RecipientRecord } from "../lib/core/message-record.ts";
import { ENV } from "../lib/core/names.ts";
import { USAGE_SLOT_MS } from "../lib/core/usage.ts";
import { seedDemoTenant } from "../lib/local/demo-tenant.ts";
import { startLocalAws } from "../lib/local/local-aws.ts";
import { LOCAL_STATE_FILE, useLocalAws } from "../lib/local/local-environment.ts";
import { createSesServer } from "../lib/local/ses-server.ts";
import { fillLedger, type LedgerPair, numberedQueueId } from "./fill-ledger.ts";

/** One page, asked for several times. Milliseconds from the request's first octet to the answer's last. */
export interface ConsoleRow {
  readonly page: string;
  readonly path: string;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly worstMs: number;
  /** Of the whole process, local services included; median. */
  readonly cpuMs: number;
  readonly bytes: number;
}

/** What was measured. */
export interface ConsoleBench {
  readonly records: number;
  readonly messages: number;
  readonly fillSeconds: number;
  readonly rounds: number;
  readonly rows: readonly ConsoleRow[];
}

const TENANT = "demo";
const DAYS = 30;
const DAY_MS = 86_400_000;
/** One in so many bounces, for these reasons by turns. */
const FAILED_EVERY = 50;
const FAILURES = [
  ["5.1.1", "Permanent/General smtp; 550 5.1.1 <user@example.net>: Recipient address rejected: User unknown"],
  ["5.2.2", "Transient/MailboxFull smtp; 552 5.2.2 The email account is over quota"],
  ["5.1.1", "Permanent/General smtp; 550 5.1.1 The email account that you tried to reach does not exist"],
] as const;
const SUBJECTS = ["Your order no. #", "\u3054\u8acb\u6c42\u66f8 No. #", "Newsletter of the week", "Re: order no. #"];
const RECEIVERS = ["example.net", "example.org", "mail.example.net"];
const ADDRESSES = 50_000;
/** Slots that a running sweep has not counted yet. */
const FRESH_MS = 2 * USAGE_SLOT_MS;

/** A ledger with much in it. */
export interface FilledLedger {
  readonly messages: number;
  readonly seconds: number;
  readonly nowMs: number;
  /** What was written under a number, the newest first. */
  readonly pair: (index: number) => LedgerPair;
}

/** Measures; each page `rounds` times. */
export async function benchConsole(
  records: number,
  rounds: number,
  progress: (line: string) => void,
): Promise<ConsoleBench> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-console-"));
  const ses = createSesServer({ dataDir, publish: async () => undefined });
  await ses.start();
  const aws = await startLocalAws({ dataDir, port: 0, ses });
  useLocalAws(process.env, aws.endpoint);
  const before = process.env[ENV.dataDir];
  process.env[ENV.dataDir] = dataDir;
  try {
    const names = await provisionLocal();
    await writeFile(join(dataDir, LOCAL_STATE_FILE), JSON.stringify({ endpoint: aws.endpoint, ...names }));
    const connection = await connect(undefined);
    await seedDemoTenant(connection.directory, randomBytes(16));
    const { messages, seconds, nowMs, pair } = await fillForConsole(connection, records, "a bit of each", progress);
    const served = await startConsole({ connection, dataDir, port: 0 });
    try {
      const rows: ConsoleRow[] = [];
      for (const [page, path] of pagesOf(pair(Math.floor(messages / 2)), nowMs)) {
        rows.push(await measure(served.port, page, path, rounds));
      }
      return { records: messages * 2, messages, fillSeconds: seconds, rounds, rows };
    } finally {
      await served.close();
    }
  } finally {
    if (before === undefined) delete process.env[ENV.dataDir];
    else process.env[ENV.dataDir] = before;
    await aws.close();
    await ses.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/**
 * Fills the ledger and counts it as the sweep does: the last day whole but for its last half hour, which stays announced;
 * of the 29 days before all, or a quarter of an hour, which is enough to be read and takes a fraction of the time. Each
 * message has one recipient, so `records` are half of them messages.
 */
export async function fillForConsole(
  { ledger, directory }: Awaited<ReturnType<typeof connect>>,
  records: number,
  days: "whole" | "a bit of each",
  progress: (line: string) => void,
): Promise<FilledLedger> {
  const messages = Math.floor(records / 2);
  const nowMs = Date.now();
  const pair = (index: number): LedgerPair => pairOf(index, nowMs - ageMs((index + 1) / messages));
  progress(`writing ${records} records`);
  const startMs = performance.now();
  await fillLedger(ledger, messages, pair, progress);
  const seconds = (performance.now() - startMs) / 1000;
  progress("counting");
  const marker = new UsageMarker(ledger);
  const announce = async (fromMs: number, toMs: number): Promise<void> => {
    for (let atMs = fromMs; atMs < toMs; atMs += USAGE_SLOT_MS) {
      await marker.announce(TENANT, numberedQueueId(atMs, 0), atMs);
    }
  };
  if (days === "whole") await announce(nowMs - DAYS * DAY_MS, nowMs - DAY_MS);
  else for (let day = 1; day < DAYS; day++) await announce(nowMs - day * DAY_MS, nowMs - day * DAY_MS + 1);
  await announce(nowMs - DAY_MS, nowMs - FRESH_MS);
  const deps = { ledger, directory, recordDays: 400, now: () => nowMs, log: () => undefined };
  await countUsage(deps, Number.POSITIVE_INFINITY);
  await announce(nowMs - FRESH_MS, nowMs + 1);
  return { messages, seconds, nowMs, pair };
}

/** Of a share of all messages: each day has more mail in its middle than at its ends. */
function ageMs(share: number): number {
  const days = share * DAYS;
  const ofDay = days - Math.floor(days);
  return (Math.floor(days) + ofDay + Math.sin(2 * Math.PI * ofDay) / 9) * DAY_MS;
}

/** Every page that reads the ledger, and every way to search. */
function pagesOf({ message, recipient }: LedgerPair, nowMs: number): [page: string, path: string][] {
  const day = new Date(nowMs - 5 * DAY_MS).toISOString().slice(0, 10);
  const ofDay = `/messages?tenant=${TENANT}&day=${day}`;
  return [
    ["overview", "/"],
    ["live numbers", "/live.json"],
    ["one message", `/messages/${message.id}`],
    ["by SES id", `/messages?q=${recipient.sesId}`],
    ["by Message-ID", `/messages?q=${message.messageId}`],
    ["by recipient", `/messages?q=${recipient.address}`],
    ["by a recipient that is not there", "/messages?q=nobody@example.org"],
    ["today", `/messages?tenant=${TENANT}`],
    ["a day", ofDay],
    ["an hour of a day", `${ofDay}&after=12:00&before=13:00`],
    ["bounced on a day", `${ofDay}&state=bounced`],
    ["delivered on a day", `${ofDay}&state=delivered`],
    ["a day, by the sender's domain", `${ofDay}&from=example.com`],
    ["a day, by a sender who is not there", `${ofDay}&from=example.org`],
    ["a day, by a part of the subject", `${ofDay}&subject=${encodeURIComponent("\u8acb\u6c42\u66f8")}`],
    ["a day, by a subject that is not there", `${ofDay}&subject=nothing`],
    ["queue", "/queue"],
    ["bounces of a day", "/bounces?since=24h"],
    ["bounces of a week", "/bounces?since=7d"],
    ["suppression", `/suppression?tenant=${TENANT}`],
    ["tenants", "/tenants"],
    ["one tenant", `/tenants/${TENANT}`],
    ["domains", "/domains"],
  ];
}

async function measure(port: number, page: string, path: string, rounds: number): Promise<ConsoleRow> {
  const times: number[] = [];
  const cpu: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    const startCpu = process.cpuUsage();
    bytes = await ask(port, path);
    times.push(performance.now() - startMs);
    const { user, system } = process.cpuUsage(startCpu);
    cpu.push((user + system) / 1000);
  }
  const middle = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
  return {
    page,
    path,
    firstMs: times[0] ?? Number.NaN,
    medianMs: middle(times),
    worstMs: Math.max(...times),
    cpuMs: middle(cpu),
    bytes,
  };
}

/** Octets of the answer. Rejects on any status but 200. */
async function ask(port: number, path: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${path}: answered ${response.statusCode}`));
      });
    });
    sent.once("error", reject);
    sent.end();
  });
}

/** As the pipeline leaves them. */
function pairOf(index: number, atMs: number): LedgerPair {
  const id = numberedQueueId(atMs, index);
  const time = new Date(atMs).toISOString();
  // Not by a plain count, so that failures do not come as regularly as the days.
  const failed = (index * index + Math.floor(index / 97)) % FAILED_EVERY === 0;
  const [status, reply] = FAILURES[index % FAILURES.length] ?? FAILURES[0];
  const sesId = `0100019a${index.toString(16).padStart(8, "0")}-6b1e5c7a-000000`;
  const expiresAt = Math.floor(atMs / 1000) + 400 * 86_400;
  const message: MessageRecord = {
    id,
    tenant: TENANT,
    credential: TENANT,
    returnPath: `info@d${index % 20}.example.com`,
    time,
    size: 2_000 + (index % 50_000),
    messageId: `m${index}@example.com`,
    subject: SUBJECTS[index % SUBJECTS.length]?.replace("#", String(index)) ?? "",
    clientAddress: "192.0.2.25",
    recipients: 1,
    expiresAt,
  };
  const end = failed
    ? ({ what: "Bounce", detail: reply, status } as const)
    : ({ what: "Delivery", detail: "250 2.0.0 OK" } as const);
  const recipient: RecipientRecord = {
    id,
    index: 0,
    tenant: TENANT,
    address: `user${index % ADDRESSES}@${RECEIVERS[index % RECEIVERS.length]}`,
    version: 3,
    state: failed ? "bounced" : "delivered",
    attempts: 1,
    sesId,
    history: [
      { at: time, what: "claimed" },
      { at: time, what: "sent", detail: sesId },
      { at: time, eventKey: `${sesId}|${end.what}`, ...end },
    ],
    expiresAt,
  };
  return { message, recipient };
}
