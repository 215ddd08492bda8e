/**
 * Knot DNS as an authoritative server on one loopback port, with zones of the test.
 *
 * Promise:  configuration, data and zones in one temporary folder; `stop` ends it and removes the folder.
 * Failure:  rejects, naming test/interop/install.sh, when Knot is missing, and with its own words when a zone does not load.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeResolver } from "../../../lib/dns/resolver.ts";
import { freePort } from "../../support/free-port.ts";
import { waitFor } from "../../support/wait-for.ts";

/** A running server. */
export type Knot = {
  /** `127.0.0.1:port`, as resolvers take it. */
  readonly server: string;
  stop(): Promise<void>;
};

const KNOTD = "/usr/sbin/knotd";

/** Starts it. `zones`: records by zone, without the SOA, in the form of a zone file. */
export async function startKnot(zones: Readonly<Record<string, string>>): Promise<Knot> {
  if (!existsSync(KNOTD)) throw new Error("Knot DNS is not installed: run test/interop/install.sh");
  const dir = await mkdtemp(join(tmpdir(), "knot-test-"));
  const port = await freePort();
  for (const folder of ["run", "db"]) await mkdir(join(dir, folder));
  const names = Object.keys(zones);
  for (const zone of names) {
    const head = `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n`;
    await writeFile(join(dir, `${zone}.zone`), `${head}${zones[zone]}\n`);
  }
  await writeFile(
    join(dir, "knot.conf"),
    `server:
  listen: 127.0.0.1@${port}
  rundir: "${join(dir, "run")}"
database:
  storage: "${join(dir, "db")}"
log:
  - target: stderr
    any: info
zone:
${names.map((zone) => `  - domain: ${zone}\n    file: "${join(dir, `${zone}.zone`)}"\n    semantic-checks: off`).join("\n")}
`,
  );
  let output = "";
  const child = spawn(KNOTD, ["-c", join(dir, "knot.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  const killNow = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", killNow);
  const stop = async (): Promise<void> => {
    process.off("exit", killNow);
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    await rm(dir, { recursive: true, force: true });
  };
  const server = `127.0.0.1:${port}`;
  try {
    await waitFor(
      async () => {
        const dns = makeResolver({ servers: [server], timeoutMs: 500, tries: 1 });
        const answers = await Promise.all(names.map((zone) => dns.soa(zone)));
        return answers.every(({ status }) => status === "found") ? true : undefined;
      },
      { deadlineMs: 20_000, otherwise: () => `Knot does not serve its zones: ${output}` },
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { server, stop };
}
