/**
 * What the edge costs for each message, beside bare smtp-server and, if asked for, Postfix and Haraka in the same run;
 * and what memory it takes.
 *
 * Servers take turns, round after round, so that whatever else the machine does meets all of them; the median of the
 * rounds counts. CPU is that of all processes of a server, and only of them. Behind the edge stands a process that
 * answers like S3 and forgets what it got: S3's own work is not the edge's.
 */

import { type BigMessages, type IdleConnections, measureBigMessages, measureIdle } from "./edge-memory.ts";
import { type Generator, LOGIN, type SmtpProgram, startEdgeServices, startGenerator } from "./edge-programs.ts";
import { startHarakaPeer } from "./peers/haraka.ts";
import type { Peer } from "./peers/peer.ts";
import { startPostfixPeer } from "./peers/postfix.ts";
import { startProgram } from "./program.ts";
import { sendLoad } from "./smtp-load.ts";

/** A kind of load. */
export interface EdgeCase {
  /** STARTTLS and AUTH PLAIN. */
  readonly secure: boolean;
  readonly reuse: boolean;
  /** Of a message, in octets. */
  readonly bytes: number;
  /** Our generator, or Postfix's smtp-source. */
  readonly by: "ours" | "smtp-source";
}

/** A case with one server. */
export interface EdgeRow extends EdgeCase {
  readonly server: string;
  readonly perSecond: number;
  /** Median of the rounds; all of them. */
  readonly cpuMs: number;
  readonly roundsCpuMs: readonly number[];
}

/** All of it. */
export interface EdgeBench {
  readonly sessions: number;
  readonly rows: readonly EdgeRow[];
  readonly bigMessages: BigMessages;
  readonly idle: readonly IdleConnections[];
}

/** What to measure. `peers`: Postfix and Haraka too. */
export interface EdgeBenchOptions {
  readonly quick: boolean;
  readonly peers: boolean;
  readonly progress: (line: string) => void;
}

const SESSIONS = 20;
const KB = 1024;
/** Until a Node program runs what it compiles for its hot paths. */
const WARM_MESSAGES = 2_000;
const MAIN: EdgeCase = { secure: false, reuse: true, bytes: 10 * KB, by: "ours" };
/** Names of the rows that others are compared with. */
const EDGE = "edge";
const BARE = "bare smtp-server";

/** Runs it all. */
export async function benchEdge(options: EdgeBenchOptions): Promise<EdgeBench> {
  const services = await startEdgeServices();
  const generator = await startGenerator();
  try {
    const rows = await throughput(options, generator, services.startEdge);
    options.progress("edge, big messages at once");
    const bigMessages = await measureBigMessages(services, generator, options.quick);
    const idle: IdleConnections[] = [];
    const connections = options.quick ? 1_000 : 5_000;
    for (const secure of [false, true]) {
      options.progress(`edge, ${connections} idle connections${secure ? " with TLS" : ""}`);
      const own = await startGenerator();
      try {
        idle.push(await measureIdle(services, own, connections, secure));
      } finally {
        await own.stop();
      }
    }
    return { sessions: SESSIONS, rows, bigMessages, idle };
  } finally {
    await generator.stop();
    await services.stop();
  }
}

/** CPU per message of one server by that of another, at 10 KB on reused connections in the clear. */
export function cpuRatio(rows: readonly EdgeRow[], of: string, by: string): number {
  const cpu = (server: string): number =>
    rows.find((row) => row.server === server && row.by === MAIN.by && isSameLoad(row, MAIN))?.cpuMs ?? Number.NaN;
  return cpu(of) / cpu(by);
}

/** Edge by bare smtp-server, and each peer by the edge. */
export function mainRatios(rows: readonly EdgeRow[]): { readonly label: string; readonly ratio: number }[] {
  const peers = [...new Set(rows.map((row) => row.server))].filter((server) => server !== EDGE && server !== BARE);
  return [
    { label: `${EDGE} by ${BARE}`, ratio: cpuRatio(rows, EDGE, BARE) },
    ...peers.map((peer) => ({ label: `${peer} by ${EDGE}`, ratio: cpuRatio(rows, peer, EDGE) })),
  ];
}

async function throughput(
  options: EdgeBenchOptions,
  generator: Generator,
  startEdge: () => Promise<SmtpProgram>,
): Promise<EdgeRow[]> {
  const own: Peer[] = [];
  const others: Peer[] = [];
  try {
    for (const [name, start] of [
      [EDGE, startEdge],
      [BARE, async () => await startProgram<{ port: number }>("bare-smtp-server")],
    ] as const) {
      const { ready, cpuMs, stop } = await start();
      own.push({ name, port: ready.port, cpuMs, stop });
    }
    if (options.peers) {
      options.progress("starting Postfix and Haraka");
      others.push(await startPostfixPeer());
      others.push(await startHarakaPeer());
    }
    for (const { port } of [...own, ...others]) {
      await generator.send({ port, sessions: SESSIONS, messages: WARM_MESSAGES, bytes: MAIN.bytes, reuse: true });
    }
    for (const { port } of own) {
      await generator.send({ port, sessions: SESSIONS, messages: 200, bytes: MAIN.bytes, reuse: false, login: LOGIN });
    }
    const rows: EdgeRow[] = [];
    for (const kind of casesOf(options.peers)) {
      const servers = kind.by === "ours" && !kind.secure && kind.bytes === MAIN.bytes ? [...own, ...others] : own;
      rows.push(...(await measure(servers, kind, options, generator)));
    }
    return rows;
  } finally {
    for (const { stop } of [...own, ...others]) await stop();
  }
}

function casesOf(peers: boolean): EdgeCase[] {
  const cases: EdgeCase[] = [];
  for (const secure of [false, true]) {
    for (const reuse of [true, false]) {
      for (const bytes of [KB, 10 * KB, KB * KB]) cases.push({ secure, reuse, bytes, by: "ours" });
    }
  }
  // Somebody else's generator must find the same.
  if (peers) for (const reuse of [true, false]) cases.push({ ...MAIN, reuse, by: "smtp-source" });
  return cases;
}

async function measure(
  servers: readonly Peer[],
  kind: EdgeCase,
  { quick, progress }: EdgeBenchOptions,
  generator: Generator,
): Promise<EdgeRow[]> {
  const rounds = quick ? 3 : 7;
  const messages = (kind.bytes > 100 * KB ? 40 : kind.reuse ? 1_000 : 400) / (quick ? 4 : 1);
  const seen = servers.map((server) => ({ server, cpuMs: [] as number[], perSecond: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { server, cpuMs, perSecond } of seen) {
      const before = await server.cpuMs();
      const load = { port: server.port, sessions: SESSIONS, messages, bytes: kind.bytes, reuse: kind.reuse };
      const seconds =
        kind.by === "ours"
          ? await generator.send({ ...load, ...(kind.secure ? { login: LOGIN } : {}) })
          : await sendLoad(load);
      cpuMs.push(((await server.cpuMs()) - before) / messages);
      perSecond.push(messages / seconds);
    }
  }
  const rows = seen.map(({ server, cpuMs, perSecond }) => ({
    ...kind,
    server: server.name,
    perSecond: median(perSecond),
    cpuMs: median(cpuMs),
    roundsCpuMs: cpuMs,
  }));
  progress(`${describe(kind)}: ${rows.map((row) => `${row.server} ${row.cpuMs.toFixed(2)} ms`).join(", ")}`);
  return rows;
}

/** A case in words. */
export function describe({ secure, reuse, bytes, by }: EdgeCase): string {
  const size = bytes >= KB * KB ? `${bytes / KB / KB} MB` : `${bytes / KB} KB`;
  return `${secure ? "TLS+AUTH" : "plain"}, ${reuse ? "reused" : "new"}, ${size}${by === "ours" ? "" : `, ${by}`}`;
}

function isSameLoad(one: EdgeCase, other: EdgeCase): boolean {
  return one.secure === other.secure && one.reuse === other.reuse && one.bytes === other.bytes;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
