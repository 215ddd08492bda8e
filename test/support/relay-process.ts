/**
 * Runs the whole local mode as a process of its own, as `npm start` does, and lets a test stop, kill and restart it.
 *
 * Promise:  `startRelay` resolves when the relay takes mail; `stop` and `kill` resolve when nothing of it runs any more.
 * Failure:  rejects with the last output of the process when it ends early or is not ready in time.
 * Ports and data directory stay the same across restarts, as they do for the mail servers that send through it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ENV } from "../../lib/core/names.ts";
import { freePort } from "./free-port.ts";
import { type OutboxMail, outboxReader } from "./outbox.ts";
import { waitFor } from "./wait-for.ts";

/** What to change from a relay with defaults, free ports and a new data directory. */
export type RelayOptions = {
  /** Settings (environment variables) besides ports and data directory. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long a start may take. Default 60,000 ms. */
  readonly readyDeadlineMs?: number;
};

/** A local mode that takes mail. */
export type RelayProcess = {
  readonly dataDir: string;
  readonly outboxDir: string;
  /** STARTTLS port. */
  readonly smtpPort: number;
  /** Implicit TLS port. */
  readonly smtpsPort: number;
  readonly consolePort: number;
  /** The environment the relay runs with; a CLI started with it talks to this relay. */
  readonly env: Readonly<Record<string, string>>;
  /** Id of the running process, undefined when it is stopped. */
  pid(): number | undefined;
  /** SIGTERM, as Ctrl-C does, then waits for the exit. Resolves with the exit status, null after a signal. */
  stop(): Promise<number | null>;
  /** SIGKILL to the process and all its children, then waits for the exit. */
  kill(): Promise<void>;
  /** Starts the stopped or killed relay again and resolves when it takes mail. */
  restart(): Promise<void>;
  /** Everything local SES took so far. */
  outbox(): Promise<OutboxMail[]>;
  /** Waits until the outbox holds this many mails, or mails that the predicate accepts, and returns the outbox. */
  waitForOutbox(wanted: number | ((mails: OutboxMail[]) => boolean), deadlineMs?: number): Promise<OutboxMail[]>;
  /** The last lines the process wrote, for a failure message. */
  output(): string;
  /** Stops what runs and removes the data directory. */
  remove(): Promise<void>;
};

/** Login of the tenant that local mode starts with. */
export const DEMO_LOGIN = { user: "demo", password: "demo" } as const;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 90_000;
const OUTBOX_DEADLINE_MS = 60_000;
const OUTPUT_CHARS_KEPT = 8_000;

/** Starts local mode in a new data directory on free ports. End it with `remove`. */
export async function startRelay(options: RelayOptions = {}): Promise<RelayProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-test-"));
  const [smtpPort, smtpsPort, consolePort, awsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const env = {
    ...inheritedEnvironment(),
    ...options.env,
    [ENV.dataDir]: dataDir,
    [ENV.smtpPort]: String(smtpPort),
    [ENV.smtpsPort]: String(smtpsPort),
    [ENV.consolePort]: String(consolePort),
    [ENV.localAwsPort]: String(awsPort),
  };
  const outboxDir = join(dataDir, "outbox");
  const outbox = outboxReader(outboxDir);
  let child: ChildProcess | undefined;
  let output = "";

  const restart = async (): Promise<void> => {
    if (child !== undefined) throw new Error("the relay runs already");
    // A group of its own: a kill then reaches children too, and a Ctrl-C at the terminal reaches only the test runner.
    const started = spawn(process.execPath, ["bin/relayhost.ts", "local"], {
      cwd: ROOT,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_CHARS_KEPT);
    };
    started.stdout.on("data", keep);
    started.stderr.on("data", keep);
    const killGroup = (): void => signalGroup(started, "SIGKILL");
    const gone = (): void => {
      process.off("exit", killGroup);
      if (child === started) child = undefined;
    };
    process.once("exit", killGroup);
    started.once("exit", gone);
    started.once("error", (cause) => {
      keep(Buffer.from(`${cause.message}\n`));
      // Without a process id there will be no exit to wait for.
      if (started.pid === undefined) gone();
    });
    try {
      await waitFor(() => readiness(dataDir, started), {
        deadlineMs: options.readyDeadlineMs ?? READY_DEADLINE_MS,
        otherwise: () => `the relay is not ready. Its output:\n${output}`,
      });
    } catch (cause) {
      await end("SIGKILL");
      throw cause instanceof EndedEarly ? new Error(`${cause.message}. Its output:\n${output}`) : cause;
    }
  };

  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<number | null> => {
    const running = child;
    if (running === undefined) return null;
    const exited = once(running, "exit");
    if (signal === "SIGKILL") signalGroup(running, signal);
    else running.kill(signal);
    const overdue = setTimeout(() => {
      output += `\n[killed: still running ${STOP_DEADLINE_MS} ms after ${signal}]`;
      signalGroup(running, "SIGKILL");
    }, STOP_DEADLINE_MS);
    await exited;
    clearTimeout(overdue);
    return running.exitCode;
  };

  const relay: RelayProcess = {
    dataDir,
    outboxDir,
    smtpPort,
    smtpsPort,
    consolePort,
    env,
    pid: () => child?.pid,
    stop: () => end("SIGTERM"),
    kill: async () => {
      await end("SIGKILL");
    },
    restart,
    outbox: () => outbox.mails(),
    waitForOutbox: (wanted, deadlineMs = OUTBOX_DEADLINE_MS) =>
      waitFor(
        async () => {
          if (typeof wanted === "number" && (await outbox.count()) < wanted) return undefined;
          const mails = await outbox.mails();
          return (typeof wanted === "number" ? mails.length >= wanted : wanted(mails)) ? mails : undefined;
        },
        {
          deadlineMs,
          otherwise: async () =>
            `the outbox holds ${await outbox.count()} mails, not what was awaited. Relay output:\n${output}`,
        },
      ),
    output: () => output,
    remove: async () => {
      await end("SIGTERM");
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  try {
    await restart();
  } catch (cause) {
    await rm(dataDir, { recursive: true, force: true });
    throw cause;
  }
  return relay;
}

class EndedEarly extends Error {}

/** True when local mode has announced itself in `local.json`; a file left by a killed predecessor names another pid. */
async function readiness(dataDir: string, child: ChildProcess): Promise<true | undefined> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
    throw new EndedEarly(
      `the relay ended before it was ready (${child.exitCode ?? child.signalCode ?? "not started"})`,
    );
  }
  const text = await readFile(join(dataDir, "local.json"), "utf8").catch(() => "");
  try {
    const state: unknown = JSON.parse(text);
    const announced = typeof state === "object" && state !== null && "pid" in state && state.pid === child.pid;
    return announced ? true : undefined;
  } catch {
    return undefined;
  }
}

/** What the runner was given, without settings or credentials that would make a test depend on the machine. */
function inheritedEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:RELAYHOST_|AWS_|VITEST|NODE_OPTIONS$)/.test(name),
  );
  return Object.fromEntries(
    inherited.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already, which is what the caller wants.
  }
}
