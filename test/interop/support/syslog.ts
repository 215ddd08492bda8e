/** Takes what the programs of a machine say to syslog: some mail servers tell nobody else what they do. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { waitFor } from "../../support/wait-for.ts";
import type { Machine } from "./machine.ts";

/** A machine's system log. */
export type Syslog = {
  /** All messages so far, one a line, in the order they came. */
  text(): Promise<string>;
  /** Stops listening. */
  stop(): Promise<void>;
};

const SOCKET = "/dev/log";
const LOG = "/var/log/mail.log";

/** Listens on the machine's /dev/log. Rejects, naming test/interop/install.sh, when socat is missing. */
export async function startSyslog(machine: Machine): Promise<Syslog> {
  await machine.write(LOG, "");
  const socket = machine.path(SOCKET);
  // Node has no datagram sockets in the file system; a datagram is one message, without a line end.
  const child = spawn("socat", ["-u", `UNIX-RECV:${socket},mode=666`, `OPEN:${machine.path(LOG)},append`], {
    stdio: "ignore",
  });
  const failed = once(child, "error").then(([cause]: unknown[]) => {
    throw new Error("socat is not installed: run test/interop/install.sh", { cause });
  });
  const listening = waitFor(() => (existsSync(socket) ? true : undefined), {
    deadlineMs: 10_000,
    otherwise: () => `socat does not listen on ${socket}`,
  });
  await Promise.race([listening, failed]);
  return {
    text: async () =>
      (await readFile(machine.path(LOG), "utf8")).replace(/(?!^)<\d{1,3}>(?=[A-Z][a-z]{2} [ \d]\d )/g, "\n"),
    stop: async () => {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}
