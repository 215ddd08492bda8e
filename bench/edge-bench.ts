/** What the edge costs for each message, beside bare smtp-server in the same run, and what memory big messages take. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDynamoDb } from "../lib/aws/clients.ts";
import { writeRow } from "../lib/aws/directory-dynamo.ts";
import { provisionLocal } from "../lib/aws/provision.ts";
import { ENV } from "../lib/core/names.ts";
import { useLocalAws } from "../lib/local/local-environment.ts";
import { type Program, startProgram } from "./program.ts";
import { type Load, sendLoad } from "./smtp-load.ts";

export interface ThroughputRow {
  readonly server: "edge" | "bare smtp-server";
  readonly sessions: number;
  readonly reuse: boolean;
  readonly messages: number;
  readonly perSecond: number;
  readonly cpuMsPerMessage: number;
}

export interface EdgeBench {
  readonly rows: readonly ThroughputRow[];
  /** CPU of the edge by CPU of bare smtp-server, 20 sessions on reused connections. */
  readonly cpuRatio: number;
  readonly memory: { readonly idleBytes: number; readonly peakBytes: number; readonly sessions: number };
}

type Ports = { readonly port: number };

const MESSAGE_BYTES = 10_240;
const RUNS = 3;

/** Runs it all; about a minute and a half, or a third of that with `quick`. */
export async function benchEdge(quick: boolean, progress: (line: string) => void): Promise<EdgeBench> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-bench-"));
  const aws = await startProgram<{ endpoint: string }>("aws-services", { args: [dataDir] });
  try {
    useLocalAws(process.env, aws.ready.endpoint);
    const names = await provisionLocal();
    await allowLoopback(names.directoryTable);
    const edge = await startProgram<Ports>("edge", { env: edgeEnvironment(names, dataDir) });
    const bare = await startProgram<Ports>("bare-smtp-server");
    let edgeForBig: Program<Ports> | undefined;
    try {
      const rows = await throughput({ edge, bare, quick, progress });
      await edge.stop();
      // A new process: what earlier loads left in the heap is not what big messages take.
      edgeForBig = await startProgram<Ports>("edge", { env: edgeEnvironment(names, dataDir) });
      const memory = await bigMessages(edgeForBig, progress);
      return { rows, cpuRatio: ratio(rows), memory };
    } finally {
      await edge.stop();
      await bare.stop();
      await edgeForBig?.stop();
    }
  } finally {
    await aws.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function throughput(deps: {
  edge: Program<Ports>;
  bare: Program<Ports>;
  quick: boolean;
  progress: (line: string) => void;
}): Promise<ThroughputRow[]> {
  const rows: ThroughputRow[] = [];
  const unit = deps.quick ? 300 : 2_000;
  for (const reuse of [true, false]) {
    for (const sessions of [1, 20, 100]) {
      for (const server of ["bare smtp-server", "edge"] as const) {
        const program = server === "edge" ? deps.edge : deps.bare;
        // A bare smtp-server holds each new connection for 100 ms, so fewer messages are enough.
        const messages = reuse || sessions > 1 ? unit : Math.ceil(unit / 10);
        deps.progress(`${server}, ${sessions} sessions, ${reuse ? "reused" : "new"} connections`);
        rows.push({ server, sessions, reuse, messages, ...(await measure(program, { sessions, reuse, messages })) });
      }
    }
  }
  return rows;
}

async function measure(
  program: Program<Ports>,
  load: Pick<Load, "sessions" | "reuse" | "messages">,
): Promise<{ perSecond: number; cpuMsPerMessage: number }> {
  const full = { ...load, port: program.ready.port, bytes: MESSAGE_BYTES };
  await sendLoad({ ...full, messages: Math.max(load.sessions, Math.ceil(load.messages / 10)) });
  const seconds: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const before = await program.cpuMs();
    seconds.push(await sendLoad(full));
    cpu.push(((await program.cpuMs()) - before) / load.messages);
  }
  return { perSecond: load.messages / median(seconds), cpuMsPerMessage: median(cpu) };
}

/** 50 sessions with 20 MB each at once; the highest share of memory seen every 50 ms. */
async function bigMessages(edge: Program<Ports>, progress: (line: string) => void): Promise<EdgeBench["memory"]> {
  const sessions = 50;
  progress(`edge, ${sessions} sessions with 20 MB each at once`);
  const idleBytes = await edge.memoryBytes();
  let peakBytes = idleBytes;
  let done = false;
  const watch = (async () => {
    while (!done) {
      peakBytes = Math.max(peakBytes, await edge.memoryBytes());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await sendLoad({ port: edge.ready.port, sessions, messages: sessions, bytes: 20_000_000, reuse: false });
  } finally {
    done = true;
    await watch;
  }
  return { idleBytes, peakBytes, sessions };
}

function ratio(rows: readonly ThroughputRow[]): number {
  const cpu = (server: ThroughputRow["server"]): number =>
    rows.find((row) => row.server === server && row.reuse && row.sessions === 20)?.cpuMsPerMessage ?? Number.NaN;
  return cpu("edge") / cpu("bare smtp-server");
}

async function allowLoopback(table: string): Promise<void> {
  const directory = { client: makeDynamoDb(), table };
  await writeRow(directory, { kind: "tenant", id: "bench", name: "bench", status: "active", language: "en" });
  const network = { kind: "network", cidr: "127.0.0.0/8", tenant: "bench", label: "bench" } as const;
  await writeRow(directory, { ...network, status: "active", tlsRequired: false });
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
