/**
 * What the edge costs for each message, beside bare smtp-server and, if asked for, Postfix and Haraka in the same run;
 * and what memory it takes.
 *
 * Servers take turns, round after round, so that whatever else the machine does meets all of them; the median of the
 * rounds counts. CPU is that of all processes of a server, and only of them. Behind the edge stands a process that
 * answers like S3 and forgets what it got: S3's own work is not the edge's.
 */

import type { BenchSize } from "./bench-size.ts";
import { type BigMessages, type IdleConnections, measureBigMessages, measureIdle } from "./edge-memory.ts";
import { type Generator, LOGIN, type SmtpProgram, startEdgeServices, startGenerator } from "./edge-programs.ts";
import { startHarakaPeer } from "./peers/haraka.ts";
import type { Peer } from "./peers/peer.ts";
import { startPostfixPeer } from "./peers/postfix.ts";
import { startProgram } from "./program.ts";
import { median } from "./quantile.ts";
import { sendLoad } from "./smtp-load.ts";

/** A kind of load. */
export interface EdgeCase {
  /** STARTTLS and AUTH PLAIN. */
  readonly secure: boolean;
  readonly reuse: boolean;
  /** Of a message, in octets. */
  readonly bytes: number;
  readonly by: GeneratorName;
}

/** Who sends: our generator, Postfix's smtp-source, or ours saying what smtp-source says, to be compared with it. */
export type GeneratorName = "ours" | "smtp-source" | "ours as smtp-source";

/** What the edge takes for the same load from the one generator and from the other, which should be the same. */
export interface GeneratorCheck {
  readonly reuse: boolean;
  readonly oursCpuMs: number;
  readonly smtpSourceCpuMs: number;
  readonly ratio: number;
  /** Neither is more than `GENERATORS_DIFFER_SHARE` above the other. */
  readonly agree: boolean;
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
  /** None without peers: smtp-source comes with Postfix. */
  readonly generators: readonly GeneratorCheck[];
  readonly bigMessages: BigMessages;
  readonly idle: readonly IdleConnections[];
}

/** What to measure. `peers`: Postfix, Haraka and smtp-source too. */
export interface EdgeBenchOptions {
  readonly size: BenchSize;
  readonly peers: boolean;
  readonly progress: (line: string) => void;
}

const SESSIONS = 20;
const KB = 1024;
/** Until a Node program runs what it compiles for its hot paths. */
const WARM_MESSAGES = { full: 2_000, quick: 2_000, smoke: 100 };
/** The largest size, which few sessions send: each message is a temporary file. */
const LARGE = 25 * KB * KB;
const LARGE_SESSIONS = 4;
const ROUNDS = { full: 7, quick: 3, smoke: 1 };
/** Of a quiet machine's figures; what two generators do the same differs less. */
export const GENERATORS_DIFFER_SHARE = 0.25;
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
    const atOnce = { full: 100, quick: 30, smoke: 10 }[options.size];
    const bigMessages = await measureBigMessages(services, generator, atOnce);
    const idle: IdleConnections[] = [];
    const connections = { full: 5_000, quick: 1_000, smoke: 200 }[options.size];
    for (const secure of [false, true]) {
      options.progress(`edge, ${connections} idle connections${secure ? " with TLS" : ""}`);
      const own = await startGenerator();
      try {
        idle.push(await measureIdle(services, own, connections, secure));
      } finally {
        await own.stop();
      }
    }
    return { sessions: SESSIONS, rows, generators: checkGenerators(rows), bigMessages, idle };
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

/** Of the rows of the edge, by reused and by new connections; none where smtp-source did not run. */
export function checkGenerators(rows: readonly EdgeRow[]): GeneratorCheck[] {
  return [true, false].flatMap((reuse) => {
    const cpu = (by: GeneratorName): number | undefined =>
      rows.find((row) => row.server === EDGE && row.by === by && row.reuse === reuse)?.cpuMs;
    const [oursCpuMs, smtpSourceCpuMs] = [cpu("ours as smtp-source"), cpu("smtp-source")];
    if (oursCpuMs === undefined || smtpSourceCpuMs === undefined) return [];
    const ratio = oursCpuMs / smtpSourceCpuMs;
    const agree = Math.max(ratio, 1 / ratio) <= 1 + GENERATORS_DIFFER_SHARE;
    return [{ reuse, oursCpuMs, smtpSourceCpuMs, ratio, agree }];
  });
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
    const warm = { sessions: SESSIONS, messages: WARM_MESSAGES[options.size], bytes: MAIN.bytes };
    for (const { port } of [...own, ...others]) await generator.send({ ...warm, port, reuse: true });
    for (const { port } of own) {
      await generator.send({ ...warm, port, messages: warm.messages / 10, reuse: false, login: LOGIN });
    }
    const rows: EdgeRow[] = [];
    for (const kind of CASES) {
      const servers = !kind.secure && kind.bytes === MAIN.bytes ? [...own, ...others] : own;
      rows.push(...(await measure(servers, [kind], options, generator)));
    }
    // Somebody else's generator must find the same.
    if (options.peers) {
      for (const reuse of [true, false]) {
        const kinds = (["smtp-source", "ours as smtp-source"] as const).map((by) => ({ ...MAIN, reuse, by }));
        rows.push(...(await measure(own, kinds, options, generator)));
      }
    }
    return rows;
  } finally {
    for (const { stop } of [...own, ...others]) await stop();
  }
}

const CASES: readonly EdgeCase[] = [false, true].flatMap((secure) =>
  [true, false].flatMap((reuse) =>
    // Connections matter no more for the largest.
    [KB, 10 * KB, KB * KB, ...(reuse ? [LARGE] : [])].map((bytes) => ({ secure, reuse, bytes, by: "ours" }) as const),
  ),
);

/** Every kind with every server, in turns. */
async function measure(
  servers: readonly Peer[],
  kinds: readonly EdgeCase[],
  { size, progress }: EdgeBenchOptions,
  generator: Generator,
): Promise<EdgeRow[]> {
  const seen = kinds.flatMap((kind) =>
    servers.map((server) => ({ kind, server, cpuMs: [] as number[], perSecond: [] as number[] })),
  );
  for (let round = 0; round < ROUNDS[size]; round++) {
    for (const { kind, server, cpuMs, perSecond } of seen) {
      const messages = messagesOf(kind, size);
      const before = await server.cpuMs();
      const seconds = await sendOnce(server, kind, messages, generator);
      cpuMs.push(((await server.cpuMs()) - before) / messages);
      perSecond.push(messages / seconds);
    }
  }
  const rows = seen.map(({ kind, server, cpuMs, perSecond }) => ({
    ...kind,
    server: server.name,
    perSecond: median(perSecond),
    cpuMs: median(cpuMs),
    roundsCpuMs: cpuMs,
  }));
  for (const kind of kinds) {
    const own = rows.filter(({ by }) => by === kind.by);
    progress(`${describe(kind)}: ${own.map((row) => `${row.server} ${row.cpuMs.toFixed(2)} ms`).join(", ")}`);
  }
  return rows;
}

function messagesOf({ bytes, reuse }: EdgeCase, size: BenchSize): number {
  if (bytes === LARGE) return { full: 8, quick: 4, smoke: 2 }[size];
  if (bytes > 100 * KB) return { full: 40, quick: 10, smoke: 5 }[size];
  return reuse ? { full: 1_000, quick: 250, smoke: 50 }[size] : { full: 400, quick: 100, smoke: 40 }[size];
}

async function sendOnce(server: Peer, kind: EdgeCase, messages: number, generator: Generator): Promise<number> {
  const { bytes, reuse, by, secure } = kind;
  const sessions = bytes === LARGE ? LARGE_SESSIONS : SESSIONS;
  const load = { port: server.port, sessions, messages, bytes, reuse };
  if (by === "smtp-source") return await sendLoad(load);
  return await generator.send({
    ...load,
    ...(secure ? { login: LOGIN } : {}),
    ...(by === "ours" ? {} : { asSmtpSource: true }),
  });
}

/** A case in words. */
export function describe({ secure, reuse, bytes, by }: EdgeCase): string {
  const size = bytes >= KB * KB ? `${bytes / KB / KB} MB` : `${bytes / KB} KB`;
  return `${secure ? "TLS+AUTH" : "plain"}, ${reuse ? "reused" : "new"}, ${size}${by === "ours" ? "" : `, ${by}`}`;
}

function isSameLoad(one: EdgeCase, other: EdgeCase): boolean {
  return one.secure === other.secure && one.reuse === other.reuse && one.bytes === other.bytes;
}
