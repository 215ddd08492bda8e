/**
 * What forward and feedback cost for each message, beside the bare call to SES in the same process and run, and what
 * memory forward takes for the largest message.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeS3, makeSqs } from "../lib/aws/clients.ts";
import { provisionLocal } from "../lib/aws/provision.ts";
import { queueDepth } from "../lib/aws/queue-sqs.ts";
import type { Spool } from "../lib/aws/spool-s3.ts";
import type { RuntimeNames } from "../lib/config/runtime-names.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { useLocalAws } from "../lib/local/local-environment.ts";
import { handlerEnvironment } from "../test/support/pipeline.ts";
import type { BenchSize } from "./bench-size.ts";
import { type Program, startProgram } from "./program.ts";
import type { FeedbackOrder } from "./programs/feedback.ts";
import type { ForwardOrder } from "./programs/forward.ts";
import type { Effort } from "./programs/usage.ts";
import { median } from "./quantile.ts";
import { benchMail, spoolMail } from "./spool-mail.ts";

export interface ForwardRow {
  /** Octets of one message, to one recipient. */
  readonly bytes: number;
  readonly messages: number;
  readonly perSecond: number;
  readonly cpuMs: number;
  /** Of the bare call to SES. */
  readonly floorPerSecond: number;
  readonly floorCpuMs: number;
  /** CPU by CPU, in one run. */
  readonly ratio: number;
}

export interface ForwardBench {
  readonly rows: readonly ForwardRow[];
  readonly feedback: { readonly events: number; readonly perSecond: number; readonly cpuMs: number };
  /** The most that forward held at once (RSS, with Node's own shared pages), by what it had to send. */
  readonly memory: {
    readonly bytes: number;
    readonly idleBytes: number;
    readonly oneRecipientBytes: number;
    readonly tenRecipientsBytes: number;
    /** Three large ones after many small ones. */
    readonly warmBytes: number;
  };
}

type Progress = (line: string) => void;
type Handler = Program<object>;

interface Bench {
  readonly names: RuntimeNames;
  readonly spool: Spool;
  readonly env: NodeJS.ProcessEnv;
}

const MiB = 1024 * 1024;
/** As Lambda starts Node: nine tenths of the function for the heap, and what the relay's functions set. */
const LAMBDA_OPTIONS = [
  `--max-old-space-size=${Math.floor(LIMITS.forward.memoryMiB * 0.9)}`,
  `--max-semi-space-size=${LIMITS.functions.semiSpaceMiB}`,
];

/** Runs it all; about two minutes, or half a minute if `quick`. */
export async function benchForward(size: BenchSize, progress: Progress): Promise<ForwardBench> {
  const small = { full: 2_000, quick: 200, smoke: 20 }[size];
  const runs = size === "smoke" ? 1 : 3;
  const rows = await withServices(async (bench) => [
    await throughput(bench, { bytes: 10 * 1024, messages: small, runs }, progress),
    await throughput(bench, { bytes: MiB, messages: small / 10, runs }, progress),
  ]);
  // A tenth warms up, in whole batches: what is in the queue is counted.
  const many = { full: 2_000, quick: 300, smoke: 100 }[size];
  const feedback = await withServices(async (bench) => await benchFeedback(bench, many, progress));
  const memory = await withServices(async (bench) => await benchMemory(bench, many, progress));
  return { rows, feedback, memory };
}

/** Services of their own, so that no part finds the events or the heap of another. */
async function withServices<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-bench-"));
  const aws = await startProgram<{ endpoint: string }>("aws-services", { args: [dataDir] });
  let spool: Spool | undefined;
  try {
    useLocalAws(process.env, aws.ready.endpoint);
    const names = await provisionLocal();
    spool = { client: makeS3(), bucket: names.spoolBucket };
    return await work({ names, spool, env: { ...process.env, ...handlerEnvironment(names) } });
  } finally {
    spool?.client.destroy();
    await aws.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function throughput(
  bench: Bench,
  { bytes, messages, runs }: { readonly bytes: number; readonly messages: number; readonly runs: number },
  progress: Progress,
): Promise<ForwardRow> {
  progress(`forward, ${messages} messages of ${bytes} octets, ${runs} times`);
  const handler = await startProgram<object>("forward", { env: bench.env, execArgv: LAMBDA_OPTIONS });
  try {
    const warm = Math.ceil(messages / 10);
    await forward(bench, handler, bytes, warm);
    await floor(handler, bytes, warm);
    const efforts: { forward: Effort; floor: Effort }[] = [];
    for (let run = 0; run < runs; run++) {
      efforts.push({
        forward: await forward(bench, handler, bytes, messages),
        floor: await floor(handler, bytes, messages),
      });
    }
    return {
      bytes,
      messages,
      perSecond: median(efforts.map((effort) => messages / effort.forward.seconds)),
      cpuMs: median(efforts.map((effort) => effort.forward.cpuMs / messages)),
      floorPerSecond: median(efforts.map((effort) => messages / effort.floor.seconds)),
      floorCpuMs: median(efforts.map((effort) => effort.floor.cpuMs / messages)),
      ratio: median(efforts.map((effort) => effort.forward.cpuMs / effort.floor.cpuMs)),
    };
  } finally {
    await handler.stop();
  }
}

/** Fills the queue first, so that what is measured begins with a backlog. */
async function forward(bench: Bench, handler: Handler, bytes: number, messages: number, to = 1): Promise<Effort> {
  for (let i = 0; i < messages; i++) await spoolMail(bench.spool, benchMail(bytes), to);
  return await handler.order<Effort>({ order: "forward", messages: messages * to } satisfies ForwardOrder);
}

async function floor(handler: Handler, bytes: number, messages: number): Promise<Effort> {
  return await handler.order<Effort>({ order: "floor", messages, bytes } satisfies ForwardOrder);
}

/** Every mail that was forwarded has one event, its delivery, in the queue. */
async function benchFeedback(bench: Bench, events: number, progress: Progress): Promise<ForwardBench["feedback"]> {
  progress(`feedback, ${events} events`);
  const warm = Math.ceil(events / 10);
  const sender = await startProgram<object>("forward", { env: bench.env });
  const handler = await startProgram<object>("feedback", { env: bench.env, execArgv: LAMBDA_OPTIONS });
  const queue = { client: makeSqs(), url: bench.names.feedbackQueueUrl };
  try {
    await forward(bench, sender, 10 * 1024, events + warm);
    while ((await queueDepth(queue)).waiting < events + warm) await new Promise((resolve) => setTimeout(resolve, 50));
    await handler.order<Effort>({ events: warm } satisfies FeedbackOrder);
    const effort = await handler.order<Effort>({ events } satisfies FeedbackOrder);
    return { events, perSecond: events / effort.seconds, cpuMs: effort.cpuMs / events };
  } finally {
    queue.client.destroy();
    await sender.stop();
    await handler.stop();
  }
}

async function benchMemory(bench: Bench, smallOnes: number, progress: Progress): Promise<ForwardBench["memory"]> {
  const bytes = LIMITS.edge.messageSizeBytesMax;
  progress(`forward, memory with messages of ${bytes / MiB} MiB`);
  const peakOf = async (work: (handler: Handler) => Promise<unknown>): Promise<number> => {
    const handler = await startProgram<object>("forward", { env: bench.env, execArgv: LAMBDA_OPTIONS });
    try {
      await work(handler);
      return await handler.peakBytes();
    } finally {
      await handler.stop();
    }
  };
  return {
    bytes,
    idleBytes: await peakOf(async () => undefined),
    oneRecipientBytes: await peakOf(async (handler) => await forward(bench, handler, bytes, 1)),
    tenRecipientsBytes: await peakOf(async (handler) => await forward(bench, handler, bytes, 1, 10)),
    warmBytes: await peakOf(async (handler) => {
      await forward(bench, handler, 10 * 1024, smallOnes);
      for (let i = 0; i < 3; i++) await forward(bench, handler, bytes, 1);
    }),
  };
}
