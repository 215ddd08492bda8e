/**
 * Lets a relay come to rest: waits for what moves, and when nothing moves any more sets all clocks ahead, so that waits,
 * claims and visibility time-outs run out at once. The wait is bounded by progress, not by time: a slow machine is slow.
 */

import { setTimeout as pause } from "node:timers/promises";
import { paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { queueDepth } from "../../lib/aws/queue-sqs.ts";
import { listSpool } from "../../lib/aws/spool-s3.ts";
import { isSettled, type RecipientRecord } from "../../lib/core/message-record.ts";
import { LEDGER_KEYS } from "../../lib/core/names.ts";
import type { RelayProcesses } from "./relay-processes.ts";

/** What is left to do. */
export interface Leftovers {
  /** Keys in the spool. */
  readonly spool: readonly string[];
  /** Messages in each queue, in whatever state. */
  readonly queues: Readonly<Record<string, number>>;
  /** Recipients that have not come to an end, or whose report is not written: `id/index state`. Empty while the rest is not. */
  readonly recipients: readonly string[];
}

/** How it ended. */
export interface Settled {
  /** Undefined when nothing was left. */
  readonly stuck: Leftovers | undefined;
  readonly ms: number;
  /** Messages in the spool at the beginning: mail that was taken and had not left. */
  readonly backlog: number;
  /** Of `ms`, how long nothing moved, since all that was left waited for its time. */
  readonly stillMs: number;
  /** How often the clocks were set ahead because of it. */
  readonly clockSteps: number;
}

const LOOK_EVERY_MS = 500;
/** Nothing has moved for so long: what is left waits for its time. */
const STILL_MS = 4_000;
const STEP_MS = 7 * 60_000;
/** Three and a half hours: more than any wait of a message that the services take. */
const STEPS_MAX = 30;

/** Resolves when nothing is left, or when the clocks have been set ahead so often and something is. */
export async function settleRelay(relay: RelayProcesses, progress: (line: string) => void): Promise<Settled> {
  const startMs = performance.now();
  let events = 0;
  const { onEvent } = relay;
  relay.onEvent = (logged) => {
    if (logged.event.event !== "sweep") events += 1;
    onEvent(logged);
  };
  let seen = "";
  let movedMs = performance.now();
  let clockSteps = 0;
  let backlog: number | undefined;
  for (;;) {
    const left = await leftovers(relay);
    backlog ??= left.spool.length;
    const ms = Math.round(performance.now() - startMs);
    const so = { ms, backlog, stillMs: clockSteps * STILL_MS, clockSteps };
    if (isNothing(left)) return { stuck: undefined, ...so };
    const state = JSON.stringify([left, events]);
    if (state !== seen) [seen, movedMs] = [state, performance.now()];
    if (performance.now() - movedMs > STILL_MS) {
      if (clockSteps === STEPS_MAX) return { stuck: left, ...so };
      clockSteps += 1;
      relay.setClock(relay.clockAheadMs() + STEP_MS);
      const queues = Object.entries(left.queues).map(([name, count]) => `${name} ${count}`);
      progress(
        `left: spool ${left.spool.length}, ${queues.join(", ")}, recipients ${left.recipients.length}; clocks ahead`,
      );
      movedMs = performance.now();
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** Every recipient's record in the ledger. */
export async function allRecipients(relay: RelayProcesses): Promise<RecipientRecord[]> {
  const records: RecipientRecord[] = [];
  const pages = paginateScan(
    { client: relay.direct.dynamodb },
    { TableName: relay.names.ledgerTable, ConsistentRead: true },
  );
  for await (const page of pages) {
    for (const raw of page.Items ?? []) {
      if (raw[LEDGER_KEYS.sort]?.S?.startsWith("r#") !== true) continue;
      records.push(unmarshall(raw)["record"] as RecipientRecord);
    }
  }
  return records;
}

async function leftovers(relay: RelayProcesses): Promise<Leftovers> {
  const { names, webhookQueues, direct } = relay;
  const spool: string[] = [];
  for await (const { key } of listSpool({ client: direct.s3, bucket: names.spoolBucket })) spool.push(key);
  const queues: Record<string, number> = {};
  for (const [name, url] of [
    ["forward", names.forwardQueueUrl],
    ["forward-dlq", names.forwardDlqUrl],
    ["feedback", names.feedbackQueueUrl],
    ["feedback-dlq", names.feedbackDlqUrl],
    // What this puts aside stays there, and is accounted for.
    ["webhook", webhookQueues.queueUrl],
  ] as const) {
    const { waiting, inFlight, delayed } = await queueDepth({ client: direct.sqs, url });
    queues[name] = waiting + inFlight + delayed;
  }
  const rests = spool.length === 0 && Object.values(queues).every((count) => count === 0);
  const open = rests ? (await allRecipients(relay)).filter((record) => !isOver(record)) : [];
  return { spool, queues, recipients: open.map(({ id, index, state }) => `${id}/${index} ${state}`) };
}

/** SES's last word has come, or ours, and every report is in the spool. */
function isOver(record: RecipientRecord): boolean {
  return isSettled(record) && record.state !== "sent";
}

function isNothing({ spool, queues, recipients }: Leftovers): boolean {
  return spool.length === 0 && recipients.length === 0 && Object.values(queues).every((count) => count === 0);
}
