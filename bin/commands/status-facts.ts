/** Asks everything that `relayhost status` judges, each part by itself, so that one that fails hides no other. */

import { hostname } from "node:os";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { queueDepth } from "../../lib/aws/queue-sqs.ts";
import { recentUsage } from "../../lib/aws/recent-usage.ts";
import { ringingAlarms } from "../../lib/aws/ringing-alarms.ts";
import { readSendingQuota } from "../../lib/aws/sending-quota.ts";
import { makeSesControl, type SesControl } from "../../lib/aws/ses-control.ts";
import { listIdentities } from "../../lib/aws/ses-identities.ts";
import { listSpool, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import { listDirtySlots } from "../../lib/aws/usage-dynamo.ts";
import { coveringDomains } from "../../lib/core/address.ts";
import type { SenderPause, Tenant } from "../../lib/core/directory.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { errorText } from "../../lib/core/log.ts";
import type {
  Asked,
  CertificateFacts,
  DomainFacts,
  PauseFact,
  QueueFacts,
  StatusFacts,
} from "../../lib/core/status.ts";
import { addUsage, NO_USAGE, type UsageCounts } from "../../lib/core/usage.ts";
import { probeMxTls } from "../../lib/dns/mx-tls.ts";
import type { Connection } from "./connect.ts";
import { localPort } from "./local-port.ts";
import { queueRow } from "./queue.ts";

/** More are not counted. */
const COUNTED_MAX = 10_000;
/** Of the oldest, so many are looked up: held ones do not count as waiting. */
const LOOKED_UP_MAX = 50;
const TENANTS_IN_FLIGHT = 8;
const HOUR_MS = 3_600_000;
const PORT = 587;

/** Gathers them. Throws the first error if nothing of AWS could be asked: there is no relay to be judged then. */
export async function statusFacts(connection: Connection, environment: string | undefined): Promise<StatusFacts> {
  const nowMs = Date.now();
  const { names, directory } = connection;
  const on = environment === undefined ? "" : ` --env ${environment}`;
  const ses = makeSesControl(names.sesCallsPerSecond);
  const failures: unknown[] = [];
  let answers = 0;
  const ask = async <T>(read: () => Promise<T>): Promise<Asked<T>> => {
    try {
      const value = await read();
      answers += 1;
      return { value };
    } catch (error) {
      failures.push(error);
      return { error: errorText(error) };
    }
  };
  try {
    const [tenants, senders, account, queue, deadLetters, domains, alarms] = await Promise.all([
      ask(async () => await scanRows(directory, "tenant")),
      ask(async () => await scanRows(directory, "sender-pause")),
      ask(async () => await ses.call(readSendingQuota)),
      ask(async () => await queueFacts(connection, nowMs)),
      ask(async () => await deadLetterFacts(connection)),
      ask(async () => await domainFacts(connection, ses)),
      environment === undefined ? undefined : ask(async () => await ringingAlarms(`relayhost-${environment}-`)),
    ]);
    if (answers === 0) throw failures[0];
    const rows = "value" in tenants ? tenants.value : [];
    return {
      nowMs,
      environment,
      account,
      queue,
      deadLetters,
      lastHour: "error" in tenants ? tenants : await ask(async () => await lastHourFacts(connection, rows, nowMs)),
      pauses:
        "error" in tenants ? tenants : "error" in senders ? senders : { value: pauseFacts(rows, senders.value, on) },
      usedUp: "error" in tenants ? { value: [] } : { value: usedUp(rows, nowMs) },
      domains,
      certificate: await ask(async () => await certificateFacts(names.hostName, environment)),
      alarms,
    };
  } finally {
    ses.destroy();
  }
}

/** The spool is listed in the order of acceptance, so the oldest come first. */
async function queueFacts(connection: Connection, nowMs: number): Promise<QueueFacts> {
  const oldest: SpoolEntry[] = [];
  let messages = 0;
  let isMore = false;
  for await (const entry of listSpool(connection.spool)) {
    if (messages === COUNTED_MAX) {
      isMore = true;
      break;
    }
    messages += 1;
    if (oldest.length < LOOKED_UP_MAX) oldest.push(entry);
  }
  let held = 0;
  for (const entry of oldest) {
    const { state, reason } = await queueRow(connection, entry);
    if (state === "held") held += 1;
    else {
      const oldestSeconds = Math.max(0, Math.round((nowMs - entry.storedMs) / 1000));
      return { messages, isMore, held, oldestSeconds, reason };
    }
  }
  return { messages, isMore, held };
}

async function deadLetterFacts({ forwardQueue, names }: Connection): Promise<{
  readonly forward: number;
  readonly feedback: number;
  readonly webhook?: number;
}> {
  const depth = async (url: string): Promise<number> => {
    const { waiting, inFlight, delayed } = await queueDepth({ client: forwardQueue.client, url });
    return waiting + inFlight + delayed;
  };
  return {
    forward: await depth(names.forwardDlqUrl),
    feedback: await depth(names.feedbackDlqUrl),
    ...(names.webhookDlqUrl === undefined ? {} : { webhook: await depth(names.webhookDlqUrl) }),
  };
}

async function lastHourFacts({ ledger }: Connection, tenants: readonly Tenant[], nowMs: number): Promise<UsageCounts> {
  const announced = await listDirtySlots(ledger);
  let sum = NO_USAGE;
  await forEachInFlight(tenants, TENANTS_IN_FLIGHT, async ({ id }) => {
    const used = await recentUsage(ledger, id, announced, nowMs - HOUR_MS, nowMs);
    sum = addUsage(sum, used);
  });
  return sum;
}

function pauseFacts(tenants: readonly Tenant[], senders: readonly SenderPause[], on: string): PauseFact[] {
  const ofTenants = tenants
    .filter(({ status }) => status === "paused")
    .map(({ id, pause }) => ({
      who: `tenant ${id}`,
      by: pause?.by ?? "operator",
      reason: pause?.reason ?? "no reason is recorded",
      resume: `relayhost tenant resume ${id}${on}`,
    }));
  const ofSenders = senders.map(({ tenant, sender, pause }) => ({
    who: `sender ${sender} of ${tenant}`,
    by: pause.by,
    reason: pause.reason,
    resume: `relayhost tenant resume ${tenant} --sender ${sender}${on}`,
  }));
  return [...ofTenants, ...ofSenders];
}

function usedUp(tenants: readonly Tenant[], nowMs: number): string[] {
  const month = new Date(nowMs).toISOString().slice(0, 7);
  return tenants.filter(({ limitReachedMonth }) => limitReachedMonth === month).map(({ id }) => id);
}

async function domainFacts({ directory, names }: Connection, ses: SesControl): Promise<DomainFacts> {
  const rows = await scanRows(directory, "domain");
  const sending = await listIdentities(ses);
  const verified = rows.filter(({ status }) => status === "verified").map(({ domain }) => domain);
  const address = names.systemAddress;
  const systemDomain = address?.slice(address.lastIndexOf("@") + 1);
  const isSending =
    systemDomain === undefined ||
    sending.get(address ?? "") === true ||
    coveringDomains(systemDomain).some((domain) => sending.get(domain) === true);
  return {
    verified: verified.length,
    pending: rows.filter(({ status }) => status === "pending").map(({ domain }) => domain),
    lost: verified.filter((domain) => sending.get(domain) !== true),
    ...(isSending ? {} : { systemLost: systemDomain }),
  };
}

async function certificateFacts(hostName: string, environment: string | undefined): Promise<CertificateFacts> {
  const port = environment === undefined ? await localPort() : PORT;
  const tls = await probeMxTls(environment === undefined ? "127.0.0.1" : hostName, { helo: hostname(), port });
  switch (tls.state) {
    case "good":
      return { state: "shown", endsAtMs: tls.endsAtMs };
    case "certificate":
      return { state: "shown", endsAtMs: tls.endsAtMs, trust: tls.reason };
    case "no-starttls":
      return { state: "no-starttls" };
    case "could-not-ask":
      return { state: "no-answer", reason: `${hostName}:${port}, ${tls.reason}` };
  }
}
