/**
 * The whole relay as processes that can be stopped, killed and started one by one, with a proxy between them and the
 * local services, a clock that can be shifted, and every log event kept for the reckoning.
 *
 * Promise:  ports, folders and names stay over restarts. What a process logged before its death is kept: it writes to a
 *           pipe, and a pipe outlives its writer.
 */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import { readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { provisionLocal } from "../../lib/aws/provision.ts";
import { provisionWebhooks, type WebhookQueues } from "../../lib/aws/provision-webhooks.ts";
import type { RuntimeNames } from "../../lib/config/runtime-names.ts";
import { tenantKey, type WebhookSettings } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { DEMO_DOMAINS, DEMO_TENANT, seedDemoTenant } from "../../lib/local/demo-tenant.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { RELAY_HOST } from "../../test/interop/support/machine.ts";
import { type AwsProxy, startAwsProxy } from "../../test/support/aws-proxy.ts";
import { freePort } from "../../test/support/free-port.ts";
import { handlerEnvironment, TEST_HOST_NAME } from "../../test/support/pipeline.ts";
import { addNeighbour, NEIGHBOUR } from "./neighbour.ts";
import { PROCESSES, type ProcessName } from "./schedule.ts";

/** An event of the relay's log, by whom and when. */
export interface LoggedEvent {
  readonly process: ProcessName;
  /** Milliseconds since the relay was first up, by the machine's clock. */
  readonly atMs: number;
  readonly event: LogEvent;
}

/** A relay that takes mail. */
export interface RelayProcesses {
  readonly names: RuntimeNames;
  readonly webhookQueues: WebhookQueues;
  readonly dataDir: string;
  readonly smtpPort: number;
  readonly smtpsPort: number;
  /** Folder of the edge's temporary files. */
  readonly temporaryDir: string;
  readonly proxy: AwsProxy;
  /** Clients that go past the proxy. */
  readonly direct: {
    readonly s3: ReturnType<typeof makeS3>;
    readonly sqs: ReturnType<typeof makeSqs>;
    readonly dynamodb: ReturnType<typeof makeDynamoDb>;
  };
  /** Milliseconds since the relay was first up. */
  elapsedMs(): number;
  /** Told of every event. */
  onEvent: (logged: LoggedEvent) => void;
  /** What processes wrote that is no event: the last lines. */
  complaints(): string;
  pid(name: ProcessName): number | undefined;
  /** What its JavaScript heap holds after a garbage collection, octets. Needs `watchHeap`. */
  heapBytes(name: ProcessName): Promise<number>;
  /** Deaths that nobody ordered, in words. */
  readonly ownDeaths: string[];
  /** Ends a process, in order or not, and resolves when it is gone. */
  end(name: ProcessName, signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it unless it runs; resolves when it works. Rejects when it does not start. */
  start(name: ProcessName): Promise<void>;
  /** Shifts the clock of one process, or of all, so far ahead of the machine's; new processes get that of all. */
  setClock(aheadMs: number, only?: ProcessName): void;
  clockAheadMs(): number;
  stop(): Promise<void>;
}

/** What it is started with. */
export interface RelayProcessesOptions {
  /** A folder, made by the caller, for the edge's temporary files. Default: one in the data folder. */
  readonly temporaryDir?: string;
  /** Where the second customer is told what became of its mail; default nowhere. */
  readonly webhook?: WebhookSettings;
  /** True: heaps can be measured. */
  readonly watchHeap?: boolean;
  /** Settings of the relay beside the usual ones. */
  readonly settings?: NodeJS.ProcessEnv;
  /** True: the relay reaches S3 and DynamoDB without the proxy, which then neither sees nor delays those calls. */
  readonly pastProxy?: boolean;
}

const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = join(import.meta.dirname, "programs");
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 90_000;
const COMPLAINTS_KEPT = 200;

/** Starts all of it. */
export async function startRelayProcesses(options: RelayProcessesOptions = {}): Promise<RelayProcesses> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-fault-"));
  const ports = { storage: await freePort(), dynamodb: await freePort(), ses: await freePort() };
  const [smtpPort, smtpsPort, proxyPort] = [await freePort(), await freePort(), await freePort()];
  const temporaryDir = options.temporaryDir ?? join(dataDir, "tmp");
  const address = (port: number): string => `http://127.0.0.1:${port}`;
  const proxy = await startAwsProxy(
    (service) => address(service === "dynamodb" || service === "ses" ? ports[service] : ports.storage),
    { port: proxyPort, keepCalls: false },
  );
  let startedMs = performance.now();
  const children = new Map<ProcessName, ChildProcess>();
  const ending = new Set<ChildProcess>();
  const complaints: string[] = [];
  const ownDeaths: string[] = [];
  const state = { aheadMs: 0, stopped: false };
  const env: NodeJS.ProcessEnv = { ...process.env };
  useLocalAws(env, proxy.endpoint);

  const identities = [...DEMO_DOMAINS, NEIGHBOUR.domain, TEST_HOST_NAME];
  const heapReport = options.watchHeap === true ? ["--expose-gc", "--import", join(PROGRAMS, "heap-report.ts")] : [];
  const scriptOf = (name: ProcessName): { script: string; args: string[] } => {
    const services = join(PROGRAMS, "services.ts");
    switch (name) {
      case "edge":
        return { script: join(ROOT, "relay-edge/main.ts"), args: [] };
      case "storage":
      case "dynamodb":
        return { script: services, args: [name, join(dataDir, name), String(ports[name])] };
      case "ses":
        return {
          script: services,
          args: [name, join(dataDir, name), String(ports.ses), ...identities],
        };
      case "forward-1":
      case "forward-2":
        return { script: join(PROGRAMS, "worker.ts"), args: ["forward"] };
      case "feedback":
      case "webhook":
      case "sweep":
        return { script: join(PROGRAMS, "worker.ts"), args: [name] };
    }
  };
  const start = async (name: ProcessName): Promise<void> => {
    if (children.has(name) || state.stopped) return;
    const { script, args } = scriptOf(name);
    const child = fork(script, args, {
      cwd: ROOT,
      env: { ...env, CLOCK_AHEAD_MS: String(state.aheadMs) },
      execArgv: ["--import", join(PROGRAMS, "shifted-clock.ts"), ...heapReport],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    children.set(name, child);
    child.once("exit", (code, signal) => {
      if (children.get(name) === child) children.delete(name);
      if (!ending.delete(child)) ownDeaths.push(`${name} ended by itself (${code ?? signal})`);
    });
    const complain = (line: string): void => {
      complaints.push(`${name}: ${line}`);
      if (complaints.length > COMPLAINTS_KEPT) complaints.shift();
    };
    let isUp: () => void = () => undefined;
    const up = new Promise<void>((resolve) => (isUp = resolve));
    if (name !== "edge") child.once("message", () => isUp());
    if (child.stderr !== null) createInterface({ input: child.stderr }).on("line", complain);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const event = parseEvent(line);
        if (event === undefined) complain(line);
        else {
          if (event.event === "edge-started") isUp();
          relay.onEvent({ process: name, atMs: relay.elapsedMs(), event });
        }
      });
    }
    await startedInTime(name, child, up, complaints);
  };
  const end = async (name: ProcessName, signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    const child = children.get(name);
    if (child === undefined) return;
    ending.add(child);
    const exited = once(child, "exit");
    child.kill(signal);
    const overdue = setTimeout(() => {
      ownDeaths.push(`${name} did not end within ${STOP_DEADLINE_MS} ms of ${signal}`);
      child.kill("SIGKILL");
    }, STOP_DEADLINE_MS);
    await exited;
    clearTimeout(overdue);
  };
  const direct = { s3: makeS3(pointedAt(ports.storage)), sqs: makeSqs(), dynamodb: makeDynamoDb() };
  const relay: RelayProcesses = {
    names: {} as RuntimeNames,
    webhookQueues: {} as WebhookQueues,
    dataDir,
    smtpPort,
    smtpsPort,
    temporaryDir,
    proxy,
    direct,
    elapsedMs: () => performance.now() - startedMs,
    onEvent: () => undefined,
    complaints: () => complaints.join("\n"),
    pid: (name) => children.get(name)?.pid,
    heapBytes: async (name) => {
      const child = children.get(name);
      if (child === undefined) throw new Error(`${name} does not run`);
      const answered = once(child, "message");
      child.send("heap");
      const [answer] = (await answered) as [{ heapBytes: number }];
      return answer.heapBytes;
    },
    ownDeaths,
    end,
    start,
    setClock: (aheadMs, only) => {
      if (only === undefined) state.aheadMs = aheadMs;
      for (const [name, child] of children) {
        // One that has just died is told at its next start.
        if (only === undefined || only === name) child.send({ clockAheadMs: aheadMs }, () => undefined);
      }
    },
    clockAheadMs: () => state.aheadMs,
    stop: async () => {
      state.stopped = true;
      for (const name of PROCESSES) await end(name, "SIGKILL");
      await proxy.close();
      for (const client of Object.values(direct)) client.destroy();
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  function pointedAt(port: number): NodeJS.ProcessEnv {
    useLocalAws(process.env, proxy.endpoint);
    process.env["AWS_ENDPOINT_URL_S3"] = address(port);
    process.env["AWS_ENDPOINT_URL_SQS"] = address(port);
    process.env["AWS_ENDPOINT_URL_DYNAMODB"] = address(ports.dynamodb);
    return process.env;
  }
  try {
    await Promise.all((["storage", "dynamodb", "ses"] as const).map(start));
    const names = await provisionLocal(RELAY_HOST);
    Object.assign(relay, { names, webhookQueues: await provisionWebhooks() });
    const directory = { client: direct.dynamodb, table: names.directoryTable };
    await fillDirectory(directory);
    const ledger = { client: direct.dynamodb, table: names.ledgerTable };
    await addNeighbour(directory, ledger, options.webhook);
    Object.assign(env, handlerEnvironment(names), webhookEnvironment(relay), edgeEnvironment(relay), options.settings);
    if (options.pastProxy === true) {
      env["AWS_ENDPOINT_URL_S3"] = address(ports.storage);
      env["AWS_ENDPOINT_URL_DYNAMODB"] = address(ports.dynamodb);
    }
    await Promise.all((["forward-1", "forward-2", "feedback", "webhook", "sweep", "edge"] as const).map(start));
    startedMs = performance.now();
    return relay;
  } catch (error) {
    await relay.stop();
    throw error;
  }
}

async function startedInTime(
  name: ProcessName,
  child: ChildProcess,
  up: Promise<void>,
  complaints: readonly string[],
): Promise<void> {
  const words = (): string => complaints.slice(-10).join("\n");
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${name} is not up after ${START_DEADLINE_MS} ms\n${words()}`)),
      START_DEADLINE_MS,
    );
  });
  const gone = once(child, "exit").then(([code]) => {
    // A kill while it starts is an order like any other.
    if (child.signalCode === null) throw new Error(`${name} ended with ${String(code)} at its start\n${words()}`);
  });
  try {
    await Promise.race([up, gone, overdue]);
  } finally {
    clearTimeout(timer);
    gone.catch(() => undefined);
    overdue.catch(() => undefined);
  }
}

/** Bounces are part of the load and must not make the relay pause its sender. */
async function fillDirectory(directory: Parameters<typeof readRow>[0]): Promise<void> {
  await seedDemoTenant(directory, randomBytes(16));
  const tenant = await readRow(directory, tenantKey(DEMO_TENANT));
  if (tenant?.kind !== "tenant") throw new Error("there is no demo tenant");
  await writeRow(directory, { ...tenant, breaker: { pauses: false } });
}

function webhookEnvironment({ webhookQueues }: RelayProcesses): NodeJS.ProcessEnv {
  return {
    [ENV.webhookQueueUrl]: webhookQueues.queueUrl,
    [ENV.webhookDlqUrl]: webhookQueues.dlqUrl,
    [ENV.webhookLoopback]: "true",
  };
}

function edgeEnvironment(relay: RelayProcesses): NodeJS.ProcessEnv {
  const unlimited = [
    ENV.tenantMessagesPerMinute,
    ENV.tenantRecipientsPerMinute,
    ENV.credentialMessagesPerMinute,
    ENV.credentialRecipientsPerMinute,
    ENV.senderMessagesPerMinute,
    ENV.senderRecipientsPerMinute,
  ];
  return {
    [ENV.bindAddress]: "127.0.0.1",
    [ENV.smtpPort]: String(relay.smtpPort),
    [ENV.smtpsPort]: String(relay.smtpsPort),
    [ENV.dataDir]: join(relay.dataDir, "tls"),
    [ENV.temporaryDir]: relay.temporaryDir,
    [ENV.metrics]: "false",
    [ENV.logAddresses]: "true",
    ...Object.fromEntries(unlimited.map((name) => [name, "1000000000"])),
  };
}

function parseEvent(line: string): LogEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "event" in value ? (value as LogEvent) : undefined;
  } catch {
    return undefined;
  }
}
