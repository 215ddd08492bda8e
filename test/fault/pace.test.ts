/**
 * The pace of sending: a backlog goes out nearly as fast as SES allows, and SES's "too fast" is nobody's failure.
 *
 * Two instances of forward, each a process with one batch at a time, as Lambda runs them; they share nothing but queue,
 * tables and the account's rate. Real time, so a slow run says nothing, and is skipped, where other programs have used up
 * the machine; where cores were idle it fails, whoever else was there. FAULT_PACE_MESSAGES: how many (default 10,000; 1,500 take half a minute).
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeS3, makeSqs } from "../../lib/aws/clients.ts";
import { provisionLocal } from "../../lib/aws/provision.ts";
import { queueDepth } from "../../lib/aws/queue-sqs.ts";
import { listSpool } from "../../lib/aws/spool-s3.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { type CpuShares, watchCpu } from "../support/cpu-watch.ts";
import { acceptMessage, handlerEnvironment, testMail } from "../support/pipeline.ts";

const MESSAGES = Number(process.env["FAULT_PACE_MESSAGES"] ?? 10_000);
const RATE_PER_SECOND = 50;
const INSTANCES = 2;
/** At least nine tenths of the possible rate. */
const SECONDS_MAX = MESSAGES / RATE_PER_SECOND / 0.9;
const PUTS_AT_ONCE = 8;
/** Other programs are to blame when they used more than this share of all cores, */
const OTHERS_SHARE_MAX = 0.2;
/** and when hardly any was idle. */
const BUSY_SHARE_MAX = 0.85;

const children: ChildProcess[] = [];
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-pace-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  await rm(dataDir, { recursive: true, force: true });
});

function start(script: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = fork(join(import.meta.dirname, script), [...args], { env });
  children.push(child);
  return child;
}

/** The next message of a process. Rejects when it ends before. */
async function next<T>(child: ChildProcess): Promise<T> {
  return await new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`a process ended with ${code}`)));
  });
}

interface Forwarded {
  readonly log: readonly LogEvent[];
  /** From the first mail to the last. */
  readonly seconds: number;
  readonly cpu: CpuShares;
}

/** Starts the instances; resolves once `until` many mails are with SES. */
async function forwardAll(env: NodeJS.ProcessEnv, until: number): Promise<Forwarded> {
  const log: LogEvent[] = [];
  let forwarded = 0;
  let firstMs = 0;
  const instances = Array.from({ length: INSTANCES }, () => start("forward-process.ts", [], env));
  const cpu = await watchCpu([process.pid, ...children.map(({ pid }) => pid ?? 0)]);
  await new Promise<void>((resolve, reject) => {
    for (const instance of instances) {
      instance.once("exit", (code) => reject(new Error(`an instance ended with ${code}`)));
      instance.on("message", (event: LogEvent) => {
        log.push(event);
        if (event.event !== "forwarded") return;
        forwarded += 1;
        if (forwarded === 1) firstMs = performance.now();
        if (forwarded === until) resolve();
      });
    }
  });
  return { log, seconds: (performance.now() - firstMs) / 1000, cpu: await cpu() };
}

describe("pace", () => {
  it(`sends ${MESSAGES} messages at nine tenths of ${RATE_PER_SECOND} a second at least, without a failure, a report or a retry`, {
    timeout: 120_000 + MESSAGES * 60,
  }, async ({ skip }) => {
    const services = start("paced-services.ts", [dataDir, String(RATE_PER_SECOND)], process.env);
    const { endpoint } = await next<{ endpoint: string }>(services);
    useLocalAws(process.env, endpoint);
    const names = await provisionLocal();
    const spool = { client: makeS3(), bucket: names.spoolBucket };
    const queue = { client: makeSqs(), url: names.forwardQueueUrl };
    const numbers = Array.from({ length: MESSAGES }, (_, i) => i).values();
    const put = async (): Promise<void> => {
      for (const i of numbers) await acceptMessage(spool, { to: [`b${i}@example.net`], bytes: testMail(`pace-${i}`) });
    };
    await Promise.all(Array.from({ length: PUTS_AT_ONCE }, put));
    // S3's test event is there, too.
    expect((await queueDepth(queue)).waiting).toBe(MESSAGES + 1);

    const env = { ...process.env, ...handlerEnvironment(names), [ENV.forwardConcurrency]: String(INSTANCES) };
    const { log, seconds, cpu } = await forwardAll(env, MESSAGES);

    services.send("refused");
    const { refused } = await next<{ refused: number }>(services);
    const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
    const others = `the cores were busy for ${percent(cpu.busy)}, for other programs for ${percent(cpu.others)}`;
    const rate = `${MESSAGES} messages in ${seconds.toFixed(1)} s, ${(MESSAGES / seconds).toFixed(1)}/s`;
    console.log(`${rate}; ${refused} refused; ${others}`);
    const happened = log.filter(({ event }) => event !== "message-edited");
    expect(new Set(happened.map(({ event }) => event))).toEqual(new Set(["forwarded"]));
    expect(new Set(happened.map((event) => event["recipient"])).size).toBe(MESSAGES);
    const mails = (await readdir(join(dataDir, "outbox"))).filter((name) => name.endsWith(".eml"));
    expect(mails).toHaveLength(MESSAGES);
    await expect.poll(() => spoolSize(spool), { timeout: 10_000 }).toBe(0);
    await expect
      .poll(() => queueDepth(queue), { timeout: 10_000 })
      .toMatchObject({ waiting: 0, inFlight: 0, delayed: 0 });
    for (const client of [spool.client, queue.client]) client.destroy();
    const isSlow = seconds > SECONDS_MAX;
    if (isSlow && cpu.others > OTHERS_SHARE_MAX && cpu.busy > BUSY_SHARE_MAX) skip(`${rate}, but ${others}`);
    expect(seconds).toBeLessThanOrEqual(SECONDS_MAX);
  });
});

async function spoolSize(spool: Parameters<typeof listSpool>[0]): Promise<number> {
  let size = 0;
  for await (const _ of listSpool(spool)) size += 1;
  return size;
}
