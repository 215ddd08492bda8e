/**
 * Load by Postfix's `smtp-source`, a generator that nobody here wrote. It speaks HELO, without TLS or pipelining.
 *
 * It counts nothing itself, so a run counts as done only if it ends with status 0.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Load {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  readonly bytes: number;
  /** True: many messages on each connection; false: a new connection for each message. */
  readonly reuse: boolean;
}

/** Sends it all and resolves with the seconds it took. Rejects when smtp-source is missing or was refused. */
export async function sendLoad(load: Load): Promise<number> {
  const args = [
    ...(load.reuse ? ["-d"] : []),
    "-s",
    String(load.sessions),
    "-l",
    String(load.bytes),
    "-m",
    String(load.messages),
    "-f",
    "a@example.com",
    "-t",
    "b@example.net",
    "-M",
    "bench.example.com",
    `127.0.0.1:${load.port}`,
  ];
  const started = performance.now();
  const child = spawn("smtp-source", args, { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString("utf8");
  });
  const [code] = (await Promise.race([
    once(child, "exit"),
    once(child, "error").then(() => {
      throw new Error("smtp-source is missing; install Debian's postfix (bash test/interop/install.sh)");
    }),
  ])) as [number | null];
  if (code !== 0) throw new Error(`smtp-source ended with ${code}: ${errors.slice(0, 500)}`);
  return (performance.now() - started) / 1000;
}
