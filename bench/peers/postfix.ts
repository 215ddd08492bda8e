/**
 * A Postfix that takes mail and keeps it: each message is written into its queue and synced before the 250, as always,
 * and put on hold there. So neither the queue manager nor a delivery agent does anything, which is in its favour.
 *
 * Everything else is as Debian ships it, except that it asks DNS for nothing and does not slow down its input
 * (in_flow_delay), since nothing leaves. Needs root and Debian's package.
 */

import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirePostfix } from "../../test/interop/support/postfix.ts";
import { masterCf } from "../../test/interop/support/postfix-configuration.ts";
import { runProgram } from "../../test/interop/support/run-program.ts";
import { freePort } from "../../test/support/free-port.ts";
import { treeCpuMs } from "../process-tree.ts";
import type { Peer } from "./peer.ts";

/** Starts one in a folder of its own. Rejects, saying what to install, where there is none. */
export async function startPostfixPeer(): Promise<Peer> {
  const owner = await requirePostfix();
  const dir = await mkdtemp(join(tmpdir(), "relayhost-bench-postfix-"));
  const config = join(dir, "etc");
  const port = await freePort();
  const postfix = async (command: string): Promise<void> => {
    const { status, output } = await runProgram(["/usr/sbin/postfix", "-c", config, command]);
    if (status !== 0) throw new Error(`postfix ${command} ended with ${status}: ${output}`);
  };
  await chmod(dir, 0o755);
  for (const folder of ["etc", "queue", "data"]) await mkdir(join(dir, folder));
  await chown(join(dir, "data"), owner.uid, owner.gid);
  await writeFile(join(config, "master.cf"), masterCf(port));
  await writeFile(join(config, "main.cf"), mainCf(dir));
  await postfix("start");
  const master = Number((await readFile(join(dir, "queue", "pid", "master.pid"), "utf8")).trim());
  const version = (await runProgram(["/usr/sbin/postconf", "-c", config, "-h", "mail_version"])).output.trim();
  return {
    name: `Postfix ${version}`,
    port,
    cpuMs: async () => await treeCpuMs(master),
    stop: async () => {
      await postfix("stop");
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function mainCf(dir: string): string {
  return `compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file_prefixes = ${dir}
maillog_file = ${dir}/mail.log
myhostname = relay.localhost
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_restrictions = check_client_access static:HOLD
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
alias_maps =
alias_database =
in_flow_delay = 0
message_size_limit = 31457280
`;
}
