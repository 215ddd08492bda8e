/**
 * msmtp with the set-up of our guide, in a home folder of its own, and the queue that its Debian package brings along.
 *
 * See msmtp(1), and sysexits(3) for its exit codes. A program that calls msmtp itself has to keep a mail that msmtp does
 * not take; msmtp-enqueue.sh and msmtp-runqueue.sh do that for it.
 */

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MACHINE_NAME, type ProgramResult, RELAY_HOST } from "./machine.ts";
import type { RelayAccess } from "./mail-server.ts";
import { requireProgram } from "./require-program.ts";
import { runProgram } from "./run-program.ts";
import { withLf } from "./submit.ts";

/** A user's msmtp. Messages have CRLF line ends. */
export type Msmtp = {
  /** `msmtp -f from -- to...` */
  send(from: string, to: readonly string[], message: Buffer): Promise<ProgramResult>;
  /** Puts a mail into the queue. */
  enqueue(from: string, to: readonly string[], message: Buffer): Promise<void>;
  /** Tries every mail of the queue. */
  runQueue(): Promise<ProgramResult>;
  /** How many mails are in the queue. */
  queued(): Promise<number>;
  /** Writes the configuration file for another way to reach the relay. */
  useRelay(relay: RelayAccess): Promise<void>;
  /** Removes the home folder. */
  remove(): Promise<void>;
};

const MSMTP = "/usr/bin/msmtp";
const QUEUE_SCRIPTS = "/usr/libexec/msmtp/msmtpqueue";

/** Makes the home folder. `certificate`: the relay's, PEM. */
export async function openMsmtp(relay: RelayAccess, certificate: string): Promise<Msmtp> {
  const enqueue = await requireProgram(join(QUEUE_SCRIPTS, "msmtp-enqueue.sh"));
  const runQueue = await requireProgram(join(QUEUE_SCRIPTS, "msmtp-runqueue.sh"));
  await requireProgram(MSMTP);
  const home = await mkdtemp(join(tmpdir(), "msmtp-test-"));
  const trustFile = join(home, "certificates.pem");
  const run = (command: readonly string[], input?: Buffer): Promise<ProgramResult> =>
    runProgram(command, input, { env: { HOME: home } });
  const useRelay = (changed: RelayAccess): Promise<void> =>
    writeFile(join(home, ".msmtprc"), msmtpConfiguration(changed, trustFile), { mode: 0o600 });
  await writeFile(trustFile, certificate);
  await useRelay(relay);
  return {
    send: (from, to, message) => run([MSMTP, "-f", from, "--", ...to], withLf(message)),
    enqueue: async (from, to, message) => {
      const { status, output } = await run([enqueue, "-f", from, "--", ...to], withLf(message));
      if (status !== 0) throw new Error(`not queued: ${output}`);
    },
    runQueue: () => run([runQueue]),
    queued: async () => {
      const names = await readdir(join(home, ".msmtpqueue")).catch(() => [] as string[]);
      return names.filter((name) => name.endsWith(".mail")).length;
    },
    useRelay,
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** The guide's, but for the relay's address: this machine does not know it by name. */
export function msmtpConfiguration(relay: RelayAccess, trustFile: string): string {
  const { login } = relay;
  return `account default
auth ${login === undefined ? "off" : "on"}
tls on
tls_starttls ${relay.implicitTls === true ? "off" : "on"}
tls_trust_file ${trustFile}
host 127.0.0.1
tls_host_override ${RELAY_HOST}
port ${relay.port}
${login === undefined ? "" : `user ${login.user}\npassword ${login.password}\n`}from www@example.com
domain ${MACHINE_NAME}
`;
}
