/**
 * Starts the whole relay on one machine: local AWS services, edge, forward, feedback, sweep.
 *
 * Order: services, names, demo tenant, functions, edge; stopping is the exact reverse, so that what the edge has
 * accepted is forwarded while it can be. Whatever is cut short is found again at the next start: objects by the
 * sweep, queue messages and SES events by their stores.
 */

import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeSweepHandler, type SweepHandler } from "../../lambda/sweep/handler.ts";
import { SWEEP_GRACE } from "../../lambda/sweep/sweep-spool.ts";
import { makeWatchHandler } from "../../lambda/watch/handler.ts";
import { makeWebhookHandler } from "../../lambda/webhook/handler.ts";
import { startEdge } from "../../relay-edge/edge.ts";
import { makeDynamoDb, makeS3, makeSqs } from "../aws/clients.ts";
import type { Directory } from "../aws/directory-dynamo.ts";
import { provisionLocal } from "../aws/provision.ts";
import { provisionWebhooks, type WebhookQueues } from "../aws/provision-webhooks.ts";
import { makePublisher } from "../aws/publish-sns.ts";
import { readEdgeConfig } from "../config/edge-config.ts";
import type { LocalConfig } from "../config/local-config.ts";
import type { RuntimeNames } from "../config/runtime-names.ts";
import { LIMITS } from "../core/limits.ts";
import { errorText, type Log } from "../core/log.ts";
import { ENV } from "../core/names.ts";
import { DEMO_DOMAINS, DEMO_TENANT, seedDemoTenant } from "./demo-tenant.ts";
import { startLocalAws } from "./local-aws.ts";
import { LOCAL_STATE_FILE, useLocalAws } from "./local-environment.ts";
import { logLine } from "./log-lines.ts";
import { startQueueWorker } from "./queue-worker.ts";
import { createSesServer } from "./ses-server.ts";

/** A running relay. */
export interface LocalRelay {
  readonly smtpPort: number;
  readonly smtpsPort: number;
  readonly endpoint: string;
  /** Stops everything in order; resolves when all is on disk. */
  stop(): Promise<void>;
}

/** How the relay calls itself; verified in local SES, since DSNs come from it. */
const LOCAL_HOST_NAME = "relay.localhost";
const LOCAL_SYSTEM_ADDRESS = `mailer-daemon@${LOCAL_HOST_NAME}`;
const FORWARD_CONCURRENCY = 4;
const FEEDBACK_CONCURRENCY = 2;

/** See the head of this file. Rejects with a sentence for people when it cannot start; nothing then keeps running. */
export async function startLocal(config: LocalConfig, print: (line: string) => void): Promise<LocalRelay> {
  const dataDir = resolve(config.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const stateFile = join(dataDir, LOCAL_STATE_FILE);
  await refuseSecondStart(stateFile);
  const log: Log = (event) => {
    const line = logLine(event, new Date());
    if (line !== undefined) print(line);
  };
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let next = stops.pop(); next !== undefined; next = stops.pop()) await next();
  };
  try {
    return await startAll({ config, dataDir, stateFile, log, print, stops, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Start {
  readonly config: LocalConfig;
  readonly dataDir: string;
  readonly stateFile: string;
  readonly log: Log;
  readonly print: (line: string) => void;
  readonly stops: (() => Promise<void>)[];
  readonly stop: () => Promise<void>;
}

async function startAll(start: Start): Promise<LocalRelay> {
  const { config, dataDir, stateFile, log, stops } = start;
  let publish: ((topicArn: string, message: string) => Promise<void>) | undefined;
  const ses = createSesServer({
    dataDir,
    identities: [...DEMO_DOMAINS, LOCAL_HOST_NAME],
    ...(config.localSesCallsPerSecond === 0 ? {} : { controlRatePerSecond: config.localSesCallsPerSecond }),
    log: (error) => log({ event: "local-aws-error", error }),
    publish: async (topicArn, message) => {
      publish ??= makePublisher();
      await publish(topicArn, message);
    },
  });
  const aws = await startLocalAws({
    dataDir,
    port: config.localAwsPort,
    ses,
    onFault: (error) => log({ event: "local-aws-error", error }),
  });
  stops.push(async () => await aws.close());
  useLocalAws(process.env, aws.endpoint);

  await ses.start();
  stops.push(async () => await ses.close());
  const names = await provisionLocal(LOCAL_HOST_NAME);
  const directory: Directory = { client: makeDynamoDb(), table: names.directoryTable };
  await seedDemoTenant(directory, randomBytes(16));

  const webhooks = await provisionWebhooks();
  const env = { ...functionEnvironment(names, dataDir, config), ...webhookEnvironment(webhooks) };
  const sqs = makeSqs();
  const webhook = startQueueWorker({
    name: "webhook",
    queue: { client: sqs, url: webhooks.queueUrl },
    handler: makeWebhookHandler(env, log),
    timeoutSeconds: LIMITS.webhook.timeoutSeconds,
    concurrency: LIMITS.webhook.concurrency,
    log,
  });
  stops.push(async () => await webhook.stop());
  const forward = startQueueWorker({
    name: "forward",
    queue: { client: sqs, url: names.forwardQueueUrl },
    handler: makeForwardHandler(env, log),
    timeoutSeconds: LIMITS.forward.timeoutSeconds,
    concurrency: FORWARD_CONCURRENCY,
    log,
  });
  stops.push(async () => await forward.stop());
  const feedback = startQueueWorker({
    name: "feedback",
    queue: { client: sqs, url: names.feedbackQueueUrl },
    handler: makeFeedbackHandler(env, log),
    timeoutSeconds: LIMITS.feedback.timeoutSeconds,
    concurrency: FEEDBACK_CONCURRENCY,
    log,
  });
  stops.push(async () => await feedback.stop());
  await startSweep(env, log, stops);
  startWatch(env, log, stops);

  const edge = await startEdge({
    config: readEdgeConfig(env).settings,
    spool: { client: makeS3(), bucket: names.spoolBucket },
    directory,
    now: Date.now,
    randomBytes,
    log,
  });
  stops.push(async () => await edge.close());

  const { smtpPort, smtpsPort } = edge;
  const state = {
    pid: process.pid,
    endpoint: aws.endpoint,
    smtpPort,
    smtpsPort,
    ...names,
    sesCallsPerSecond: config.localSesCallsPerSecond,
    systemAddress: LOCAL_SYSTEM_ADDRESS,
    webhookDlqUrl: webhooks.dlqUrl,
  };
  await writeState(stateFile, state);
  stops.push(async () => await rm(stateFile, { force: true }));
  for (const line of banner(smtpPort, smtpsPort, aws.endpoint, dataDir)) start.print(line);
  return { smtpPort, smtpsPort, endpoint: aws.endpoint, stop: start.stop };
}

/** Nobody else works at a start, so whatever the ledger has not heard of is put to work at once. */
async function startSweep(env: NodeJS.ProcessEnv, log: Log, stops: (() => Promise<void>)[]): Promise<void> {
  await makeSweepHandler(env, log, { ...SWEEP_GRACE, forgottenAfterMs: 0, redriveAgainAfterMs: 0 })({}, sweepTime());
  const sweep = makeSweepHandler(env, log);
  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => runSweep(sweep, log));
  }, LIMITS.sweep.scheduleMinutes * 60_000);
  stops.push(async () => {
    clearInterval(timer);
    await running;
  });
}

/** Each hour, and at once: a machine is not always on when its day's check would be due. A tenant is checked once a day. */
function startWatch(env: NodeJS.ProcessEnv, log: Log, stops: (() => Promise<void>)[]): void {
  const watch = makeWatchHandler(env, log);
  let stopped = false;
  const run = async (): Promise<void> => {
    const remaining = remainingTime(LIMITS.watch.timeoutSeconds);
    const invocation = { getRemainingTimeInMillis: () => (stopped ? 0 : remaining.getRemainingTimeInMillis()) };
    await watch({}, invocation).catch((error: unknown) => log({ event: "watch-error", error: errorText(error) }));
  };
  let running = run();
  const timer = setInterval(() => {
    running = running.then(run);
  }, LIMITS.watch.localEveryMs);
  stops.push(async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  });
}

/** As much time as Lambda gives a sweep, from now. */
function sweepTime(): { getRemainingTimeInMillis: () => number } {
  return remainingTime(LIMITS.sweep.timeoutSeconds);
}

function remainingTime(seconds: number): { getRemainingTimeInMillis: () => number } {
  const endMs = Date.now() + seconds * 1000;
  return { getRemainingTimeInMillis: () => endMs - Date.now() };
}

async function runSweep(sweep: SweepHandler, log: Log): Promise<void> {
  try {
    await sweep({}, sweepTime());
  } catch (error) {
    log({ event: "sweep-error", error: errorText(error) });
  }
}

/** The tenant's server is a program on the developer's own machine. */
function webhookEnvironment({ queueUrl, dlqUrl }: WebhookQueues): NodeJS.ProcessEnv {
  return { [ENV.webhookQueueUrl]: queueUrl, [ENV.webhookDlqUrl]: dlqUrl, [ENV.webhookLoopback]: "true" };
}

function functionEnvironment(names: RuntimeNames, dataDir: string, config: LocalConfig): NodeJS.ProcessEnv {
  return {
    AWS_REGION: names.region,
    [ENV.environment]: "local",
    [ENV.hostName]: names.hostName,
    [ENV.systemAddress]: LOCAL_SYSTEM_ADDRESS,
    [ENV.spoolBucket]: names.spoolBucket,
    [ENV.ledgerTable]: names.ledgerTable,
    [ENV.directoryTable]: names.directoryTable,
    [ENV.forwardQueueUrl]: names.forwardQueueUrl,
    [ENV.forwardDlqUrl]: names.forwardDlqUrl,
    [ENV.feedbackQueueUrl]: names.feedbackQueueUrl,
    [ENV.feedbackDlqUrl]: names.feedbackDlqUrl,
    [ENV.configurationSet]: names.configurationSet,
    [ENV.forwardConcurrency]: "1",
    [ENV.metrics]: "false",
    // A machine's own load tests shall measure the machine.
    ...withoutRateLimits(),
    // The machine is the operator's own: it may show who writes to whom, and about what.
    [ENV.logAddresses]: "true",
    [ENV.keepSubjects]: "true",
    [ENV.bindAddress]: "127.0.0.1",
    [ENV.smtpPort]: String(config.smtpPort),
    [ENV.smtpsPort]: String(config.smtpsPort),
    [ENV.dataDir]: join(dataDir, "tls"),
    [ENV.temporaryDir]: join(dataDir, "tmp"),
  };
}

function withoutRateLimits(): Record<string, string> {
  const names = [
    ENV.tenantMessagesPerMinute,
    ENV.tenantRecipientsPerMinute,
    ENV.credentialMessagesPerMinute,
    ENV.credentialRecipientsPerMinute,
    ENV.senderMessagesPerMinute,
    ENV.senderRecipientsPerMinute,
  ];
  return Object.fromEntries(names.map((name) => [name, "1000000000"]));
}

/** What a killed relay left behind does not count: only one that answers does. */
async function refuseSecondStart(stateFile: string): Promise<void> {
  let state: { pid?: unknown; endpoint?: unknown };
  try {
    state = JSON.parse(await readFile(stateFile, "utf8")) as typeof state;
  } catch {
    return;
  }
  if (typeof state.endpoint !== "string" || !(await answers(state.endpoint))) return;
  throw new Error(
    `a relay already runs on this data directory (process ${String(state.pid)}); ` +
      `stop it, or set ${ENV.dataDir} to another folder`,
  );
}

async function answers(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(endpoint);
  return await new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function writeState(file: string, state: unknown): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

function banner(smtpPort: number, smtpsPort: number, endpoint: string, dataDir: string): string[] {
  return [
    "",
    "relayhost is running.",
    "",
    `  SMTP with STARTTLS   127.0.0.1:${smtpPort}`,
    `  SMTP over TLS        127.0.0.1:${smtpsPort}`,
    `  Login                ${DEMO_TENANT} / ${DEMO_TENANT}, for senders at ${DEMO_DOMAINS.join(" and ")}`,
    `  What SES would send  ${join(dataDir, "outbox")}`,
    `  Local AWS            ${endpoint}`,
    "",
    "Send a mail, from a second terminal:",
    "",
    "  npx relayhost send --from you@example.com --to someone@example.net",
    `  swaks -s 127.0.0.1:${smtpPort} -tls -au demo -ap demo -f you@example.com -t bounce@simulator.amazonses.com`,
    "",
    "Then: npx relayhost queue, npx relayhost trace <queue id>. Ctrl-C stops everything.",
    "",
  ];
}
