/**
 * The edge as it is deployed, `relay-edge/main.ts`, in a process of its own, watched.
 *
 * Promise:  `startFuzzedEdge` resolves when it takes connections. Everything it says that it should never have to say is
 *           in `faults`; `ended` tells of its end, whatever ended it.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENV } from "../../lib/core/names.ts";
import type { TestAws } from "../support/aws.ts";
import { freePort } from "../support/free-port.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Holdings } from "./edge-limits.ts";

/** A running edge. */
export type FuzzedEdge = {
  readonly smtpPort: number;
  readonly smtpsPort: number;
  /** Lines of its log that tell of a failure of its own, and what it wrote to standard error. */
  readonly faults: readonly string[];
  /** How the process ended; undefined while it runs. */
  ended(): string | undefined;
  /** How many connections it has refused, by reason. Summed up by the edge every ten seconds and at its end. */
  refusals(): ReadonlyMap<string, number>;
  /** After a collection. */
  holdings(): Promise<Holdings>;
  /** Connections of its ports that are not closed. */
  openConnections(): Promise<number>;
  /** SIGTERM; resolves with its exit status, null when it had to be killed. */
  stop(): Promise<number | null>;
  /** Ends what runs and removes its folder. */
  remove(): Promise<void>;
};

const NO_JSON = "a line that is not JSON";

/** Events that tell of a failure of the edge itself. */
const FAILURES: ReadonlySet<string> = new Set([
  "handler-failed",
  "session-broken",
  "listener-error",
  "store-failed",
  "directory-failed",
  "temporary-file-failed",
  "edge-failed",
  NO_JSON,
]);
const MAIN = fileURLToPath(new URL("../../relay-edge/main.ts", import.meta.url));
const PRELOAD = new URL("./edge-preload.ts", import.meta.url).href;
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 60_000;
/** States of /proc/net/tcp that are no open connections: TIME_WAIT, CLOSE, LISTEN. */
const NOT_OPEN: ReadonlySet<string> = new Set(["06", "07", "0A"]);

/** Starts it. The AWS variables of this process say where S3 and DynamoDB are. */
export async function startFuzzedEdge(aws: Pick<TestAws, "bucket" | "directoryTable">): Promise<FuzzedEdge> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-fuzz-"));
  const [smtpPort, smtpsPort] = [await freePort(), await freePort()];
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("RELAYHOST_"));
  const child = fork(MAIN, {
    env: {
      ...Object.fromEntries(inherited),
      [ENV.hostName]: "relay.example.net",
      [ENV.spoolBucket]: aws.bucket,
      [ENV.directoryTable]: aws.directoryTable,
      [ENV.bindAddress]: "127.0.0.1",
      [ENV.smtpPort]: String(smtpPort),
      [ENV.smtpsPort]: String(smtpsPort),
      [ENV.dataDir]: join(dir, "tls"),
      [ENV.temporaryDir]: join(dir, "tmp"),
    },
    execArgv: ["--expose-gc", "--import", PRELOAD],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const faults: string[] = [];
  const refusals = new Map<string, number>();
  let ended: string | undefined;
  let started = false;
  child.once("exit", (code, signal) => {
    ended = `exit ${code ?? signal}`;
  });
  eachLine(child.stderr, (line) => faults.push(`standard error: ${line}`));
  eachLine(child.stdout, (line) => {
    const event = parseEvent(line);
    const field = (name: string): unknown =>
      typeof event === "object" && event !== null ? Reflect.get(event, name) : "";
    const name = String(field("event"));
    if (name === "edge-started") started = true;
    if (FAILURES.has(name)) faults.push(line);
    if (name === "connections-refused") {
      const reason = String(field("reason"));
      refusals.set(reason, (refusals.get(reason) ?? 0) + Number(field("count")));
    }
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async (): Promise<number | null> => {
    if (ended === undefined) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const overdue = setTimeout(kill, STOP_DEADLINE_MS);
      await exited;
      clearTimeout(overdue);
    }
    return child.exitCode;
  };
  const edge: FuzzedEdge = {
    smtpPort,
    smtpsPort,
    faults,
    ended: () => ended,
    refusals: () => refusals,
    holdings: async () => {
      const answer = once(child, "message");
      child.send("holdings");
      const [holdings] = (await answer) as [Holdings];
      return holdings;
    },
    openConnections: () => openConnections([smtpPort, smtpsPort]),
    stop,
    remove: async () => {
      process.off("exit", kill);
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await waitFor(() => (started || ended !== undefined ? true : undefined), {
      deadlineMs: START_DEADLINE_MS,
      otherwise: () => `the edge does not start: ${faults.join("\n")}`,
    });
    if (ended !== undefined) throw new Error(`the edge does not start (${ended}): ${faults.join("\n")}`);
  } catch (cause) {
    await edge.remove();
    throw cause;
  }
  return edge;
}

/** CloudWatch Logs takes each line as JSON; another one is a fault. */
function parseEvent(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return { event: NO_JSON };
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = "";
  stream?.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
}

/** proc(5), net/tcp: local address and port in hexadecimal, remote ones, state. */
async function openConnections(ports: readonly number[]): Promise<number> {
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, "0")));
  const lines = (await readFile("/proc/net/tcp", "latin1")).split("\n").slice(1);
  return lines.filter((line) => {
    const [, local = "", , state = ""] = line.trim().split(/\s+/);
    return wanted.has(local.slice(-4)) && !NOT_OPEN.has(state);
  }).length;
}
