/**
 * Customers' machines as they are before the set-up: each with one mail server of Debian's, in Debian's configuration,
 * that knows nothing of a relay. A set-up script is run on them as on any machine.
 *
 * See machine.ts. Postfix and msmtp, which are installed beside the tests, get roots of their own here.
 */

import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { type Daemon, MACHINE_NAME, type Machine, openMachine } from "./machine.ts";
import { masterCf } from "./postfix-configuration.ts";
import { runProgram } from "./run-program.ts";
import { submitBySmtp, waitForPort, withLf } from "./submit.ts";
import { startSyslog } from "./syslog.ts";

/** A machine with its mail server. */
export type SetUpMachine = {
  readonly machine: Machine;
  /** What the postmaster is told to do where no service manager runs. */
  restart(): Promise<void>;
  /** Hands over a message (CRLF line ends) as the customer's programs do. */
  submit(from: string, to: readonly string[], message: Buffer): Promise<void>;
  /** What the mail server has said, for a failure message. */
  log(): Promise<string>;
  remove(): Promise<void>;
};

const REPAIR = "run test/interop/install.sh";
/** What a script needs besides the tools of the root. */
const SCRIPT_TOOLS = ["awk", "cmp", "diff", "rmdir", "dirname", "chown", "chgrp"];

/** Postfix with the usual services, and a main.cf whose last line has no end, as editors leave it. */
export async function postfixMachine(certificate: string): Promise<SetUpMachine> {
  // Those of Postfix's own scripts.
  const tools = ["find", "uname", "tail"];
  const machine = await machineWithTools("nullmailer", certificate, tools);
  await addPackages(machine, ["postfix", "libsasl2-modules"]);
  for (const file of ["/etc/passwd", "/etc/group"]) {
    const lines = (await readFile(file, "utf8")).split("\n").filter((line) => /^post(?:fix|drop):/.test(line));
    await machine.write(file, `${(await machine.read(file)).trimEnd()}\n${lines.join("\n")}\n`);
  }
  const port = await freePort();
  await machine.write("/etc/postfix/master.cf", masterCf(port));
  await machine.write(
    "/etc/postfix/main.cf",
    `compatibility_level = 3.6
# a comment, and a setting that goes over two lines
mynetworks = 127.0.0.0/8
  [::1]/128
myhostname = ${MACHINE_NAME}
mydestination = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_peername_lookup = no
# Names are those in /etc/hosts.
smtp_host_lookup = native
maillog_file = /var/log/mail.log`,
  );
  await mkdir(machine.path("/var/log"), { recursive: true });
  await machine.must(["sh", "-c", "mkdir -p /var/spool/postfix /var/lib/postfix && chown postfix /var/lib/postfix"]);
  await machine.must(["postfix", "start"]);
  return {
    machine,
    // The script reloads it: Postfix needs no service manager.
    restart: () => Promise.resolve(),
    submit: (from, to, message) => submitBySmtp(port, from, to, message),
    log: () => machine.read("/var/log/mail.log"),
    remove: async () => {
      await machine.run(["postfix", "stop"]);
      await machine.remove();
    },
  };
}

/** Exim, delivering locally only. */
export async function eximMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("exim", certificate);
  const port = await freePort();
  const template = "/etc/exim4/exim4.conf.template";
  // Only because the relay of the test has a loopback address, which Exim takes for itself.
  const debian = (await machine.read(template)).replaceAll(
    /(\nsmarthost:\n(?: .*\n)*? {2}driver = manualroute\n)/g,
    "$1  self = send\n",
  );
  await machine.write(template, debian);
  await machine.write(
    "/etc/exim4/update-exim4.conf.conf",
    `# /etc/exim4/update-exim4.conf.conf
dc_eximconfig_configtype='internet'
dc_other_hostnames='${MACHINE_NAME}'
dc_local_interfaces='127.0.0.1.${port}'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
`,
  );
  await machine.write("/etc/exim4/exim4.conf.localmacros", `MAIN_HARDCODE_PRIMARY_HOSTNAME = ${MACHINE_NAME}\n`);
  await machine.must(["update-exim4.conf"]);
  const daemon = machine.start(["/usr/sbin/exim4", "-bdf", "-q30m"]);
  await waitForPort(port, () => daemon.output());
  return {
    machine,
    // Each delivery is a process of its own and reads the configuration anew.
    restart: () => Promise.resolve(),
    submit: (from, to, message) => submitBySmtp(port, from, to, message),
    log: () => machine.read("/var/log/exim4/mainlog"),
    remove: machine.remove,
  };
}

/** sendmail from Debian's sendmail.mc. */
export async function sendmailMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("sendmail", certificate);
  const syslog = await startSyslog(machine);
  const port = await freePort();
  for (const name of ["m4/dialup.m4", "m4/provider.m4", "local-host-names", "trusted-users", "relay-domains"]) {
    await machine.write(`/etc/mail/${name}`, "");
  }
  await machine.write("/etc/mail/service.switch", "hosts files\naliases files\n");
  const lines = `define(\`confDOMAIN_NAME', \`${MACHINE_NAME}')dnl\nFEATURE(\`accept_unresolvable_domains')dnl\n`;
  const mc = (await machine.read("/usr/share/sendmail/cf/debian/sendmail.mc"))
    .replace("Port=smtp, Addr=127.0.0.1", `Port=${port}, Addr=127.0.0.1`)
    .replace("dnl undefine(`confHOST_STATUS_DIRECTORY')", "undefine(`confHOST_STATUS_DIRECTORY')")
    .replace(/^DAEMON_OPTIONS.*Name=MSP-v4.*$/m, "dnl")
    .replace(/^MAILER_DEFINITIONS/m, `${lines}MAILER_DEFINITIONS`);
  await machine.write("/etc/mail/sendmail.mc", mc);
  await machine.write("/etc/mail/access", await machine.read("/usr/share/sendmail/examples/db/access"));
  await machine.must(["sh", "-c", "m4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf"]);
  await machine.must(["sh", "-c", "cd /etc/mail && /usr/libexec/sendmail/makemap hash access.db <access"]);
  await machine.must(["sh", "-c", "/usr/libexec/sendmail/makemap hash /etc/mail/aliases.db </dev/null"]);
  return restarting(machine, port, ["/usr/libexec/sendmail/sendmail", "-bD"], syslog.text, syslog.stop);
}

/** OpenSMTPD with Debian's smtpd.conf but for the port and the local users. */
export async function openSmtpdMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("opensmtpd", certificate);
  const port = await freePort();
  const debian = (await machine.read("/etc/smtpd.conf")).replace(
    "listen on localhost",
    `listen on 127.0.0.1 port ${port}`,
  );
  await machine.write("/etc/smtpd.conf", debian);
  return restarting(machine, port, ["/usr/sbin/smtpd", "-d"]);
}

/** nullmailer with a remote that is somebody else's. */
export async function nullmailerMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("nullmailer", certificate);
  await machine.write("/etc/nullmailer/remotes", "smtp.example.org\n", { owner: "mail", group: "mail", mode: 0o600 });
  let daemon = machine.start(["/usr/sbin/nullmailer-send"], 8);
  return {
    machine,
    restart: async () => {
      await daemon.stop();
      daemon = machine.start(["/usr/sbin/nullmailer-send"], 8);
    },
    submit: async (from, to, message) => {
      await machine.must(["/usr/sbin/sendmail", "-i", "-f", from, ...to], withLf(message));
    },
    log: () => Promise.resolve(daemon.output()),
    remove: machine.remove,
  };
}

/** dma with the commented dma.conf of its package. */
export async function dmaMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("dma", certificate);
  const syslog = await startSyslog(machine);
  await machine.write(
    "/etc/dma/dma.conf",
    "#SMARTHOST\n#PORT 25\n\n# the old one\nSMARTHOST smtp.example.org\nNULLCLIENT\n",
  );
  return {
    machine,
    restart: () => Promise.resolve(),
    submit: async (from, to, message) => {
      await machine.must(["/usr/sbin/dma", "-i", "-f", from, ...to], withLf(message));
    },
    log: syslog.text,
    remove: async () => {
      await syslog.stop();
      await machine.remove();
    },
  };
}

/** msmtp without any configuration. */
export async function msmtpMachine(certificate: string): Promise<SetUpMachine> {
  const machine = await machineWithTools("nullmailer", certificate);
  await addPackages(machine, ["msmtp"]);
  return {
    machine,
    restart: () => Promise.resolve(),
    submit: async (from, to, message) => {
      await machine.must(["/usr/bin/msmtp", "-f", from, "--", ...to], withLf(message));
    },
    log: () => Promise.resolve(""),
    remove: machine.remove,
  };
}

/** A mail server that reads its configuration at the start only. */
async function restarting(
  machine: Machine,
  port: number,
  command: readonly string[],
  log?: () => Promise<string>,
  stop?: () => Promise<void>,
): Promise<SetUpMachine> {
  let daemon: Daemon | undefined;
  let earlier = "";
  const restart = async (): Promise<void> => {
    await daemon?.stop();
    earlier += daemon?.output() ?? "";
    const started = machine.start(command);
    daemon = started;
    await waitForPort(port, () => started.output());
  };
  await restart();
  return {
    machine,
    restart,
    submit: (from, to, message) => submitBySmtp(port, from, to, message),
    log: log ?? (() => Promise.resolve(earlier + (daemon?.output() ?? ""))),
    remove: async () => {
      await stop?.();
      await machine.remove();
    },
  };
}

async function machineWithTools(
  server: Parameters<typeof openMachine>[0],
  certificate: string,
  more: readonly string[] = [],
): Promise<Machine> {
  const machine = await openMachine(server, certificate);
  for (const tool of [...SCRIPT_TOOLS, ...more]) {
    const found = ["/usr/bin", "/bin", "/usr/sbin"]
      .map((folder) => `${folder}/${tool}`)
      .find((file) => existsSync(file));
    if (found === undefined) throw new Error(`${tool} is not installed: ${REPAIR}`);
    await copyProgram(machine, found, `/usr/bin/${tool}`);
  }
  return machine;
}

/** All files of installed packages, but for documents, and the libraries that their programs load. */
async function addPackages(machine: Machine, packages: readonly string[]): Promise<void> {
  const listed = await runProgram(["dpkg", "-L", ...packages]);
  if (listed.status !== 0) throw new Error(`${packages.join(", ")} missing: ${REPAIR}`);
  const files = listed.output
    .split("\n")
    .filter((file) => /^\/(?:usr|etc)\//.test(file) && !file.startsWith("/usr/share/"));
  const copied = await runProgram(
    ["sh", "-c", `tar -c --no-recursion -T - | tar -x --keep-directory-symlink -C ${machine.path("/")}`],
    files.join("\n"),
  );
  if (copied.status !== 0) throw new Error(`not copied: ${copied.output}`);
  for (const file of files) {
    if ((await stat(file)).isFile() && /\/s?bin\/|\.so/.test(file)) await copyLibraries(machine, file);
  }
}

async function copyProgram(machine: Machine, from: string, to: string): Promise<void> {
  await copyFile(from, machine.path(to));
  await copyLibraries(machine, from);
}

async function copyLibraries(machine: Machine, program: string): Promise<void> {
  const { output } = await runProgram(["ldd", program]);
  for (const [library] of output.matchAll(/\/[^ ()]*\.so[^ ()]*/g)) {
    const target = machine.path(library);
    if (existsSync(target)) continue;
    await mkdir(dirname(target), { recursive: true });
    await copyFile(library, target);
  }
}
