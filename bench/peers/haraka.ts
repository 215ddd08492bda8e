/**
 * A Haraka that takes mail from loopback and keeps it in its own queue on disk. Installed from npm into a temporary
 * folder, with its own settings but for these: of the plugins, the one that lets loopback relay and one that holds every
 * delivery; warnings only in the log.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "../../test/interop/support/run-program.ts";
import { freePort } from "../../test/support/free-port.ts";
import { treeCpuMs } from "../process-tree.ts";
import type { Peer } from "./peer.ts";

const VERSION = "3.3.4";
const INSTALL_MS = 180_000;
const START_MS = 30_000;
const GREETING_MS = 2_000;
/** Never calls its continuation: the mail stays where it is. */
const HOLD_PLUGIN = "exports.hook_send_email = () => undefined;\n";

/** Starts one in a folder of its own; at the first time it is installed. Rejects with npm's or Haraka's words. */
export async function startHarakaPeer(): Promise<Peer> {
  const program = await install();
  const dir = await mkdtemp(join(tmpdir(), "relayhost-bench-haraka-"));
  const port = await freePort();
  await cp(join(program, "..", "..", "config"), join(dir, "config"), { recursive: true });
  for (const folder of ["plugins", "queue"]) await mkdir(join(dir, folder));
  const files = {
    "config/me": "relay.localhost\n",
    "config/smtp.ini": `listen=127.0.0.1:${port}\n`,
    "config/plugins": "relay\nhold\n",
    "config/relay.ini": "[relay]\nacl=true\n",
    "config/relay_acl_allow": "127.0.0.0/8\n",
    "config/log.ini": "[main]\nlevel=warn\n",
    "plugins/hold.js": HOLD_PLUGIN,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  const child = spawn(process.execPath, [program, "-c", dir], { stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString("utf8")).slice(-2_000);
    });
  }
  const stop = async (): Promise<void> => {
    await end(child);
    // Its workers outlive it by a moment and may still write.
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  if (!(await greets(port, child))) {
    await stop();
    throw new Error(`Haraka does not start: ${words}`);
  }
  return { name: `Haraka ${VERSION}`, port, cpuMs: async () => await treeCpuMs(child.pid ?? 0), stop };
}

/** Resolves with the path of the program. What is installed stays for the next time. */
async function install(): Promise<string> {
  const dir = join(tmpdir(), `relayhost-haraka-${VERSION}`);
  const program = join(dir, "node_modules", "Haraka", "bin", "haraka");
  if (existsSync(program)) return program;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "package.json"), '{ "private": true }\n');
  const npm = ["npm", "install", "--prefix", dir, "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  // Registry and proxy may be set by variables.
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
  const { status, output } = await runProgram([...npm, `Haraka@${VERSION}`], "", { env, timeoutMs: INSTALL_MS });
  if (status === 0 && existsSync(program)) return program;
  await rm(dir, { recursive: true, force: true });
  throw new Error(`Haraka cannot be installed: ${output.slice(-1000)}`);
}

async function greets(port: number, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const answered = await once(socket, "data", { signal: AbortSignal.timeout(GREETING_MS) }).then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return true;
    await sleep(100);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
