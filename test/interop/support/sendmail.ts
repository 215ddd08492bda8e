/**
 * sendmail from Debian's own sendmail.mc, with the lines that our set-up guide adds. See cf.README of sendmail-doc.
 */

import { freePort } from "../../support/free-port.ts";
import type { SmtpLogin } from "../../support/smtp-client.ts";
import { type Daemon, MACHINE_NAME, type Machine, openMachine, RELAY_HOST } from "./machine.ts";
import type { MailServer, QueuedMail, RelayAccess } from "./mail-server.ts";
import { submitBySmtp, waitForPort } from "./submit.ts";
import { startSyslog } from "./syslog.ts";

const SENDMAIL = "/usr/libexec/sendmail/sendmail";
const DEBIAN_MC = "/usr/share/sendmail/cf/debian/sendmail.mc";

/** Starts a sendmail that sends everything through the relay. `certificate`: the relay's, PEM. STARTTLS only. */
export async function startSendmail(relay: RelayAccess, certificate: string): Promise<MailServer> {
  const machine = await openMachine("sendmail", certificate);
  try {
    const syslog = await startSyslog(machine);
    const port = await freePort();
    await prepare(machine);
    let daemon = await start(machine, relay, port);
    return {
      submit: (from, to, message) => submitBySmtp(port, from, to, message),
      queue: async () => parseQueue(await machine.must([SENDMAIL, "-bp"])),
      flush: async () => {
        await machine.must([SENDMAIL, "-q"]);
      },
      useRelay: async (changed) => {
        await daemon.stop();
        daemon = await start(machine, changed, port);
      },
      log: syslog.text,
      remove: async () => {
        await syslog.stop();
        await machine.remove();
      },
    };
  } catch (cause) {
    await machine.remove();
    throw cause;
  }
}

async function start(machine: Machine, relay: RelayAccess, port: number): Promise<Daemon> {
  await configure(machine, relay, port);
  const daemon = machine.start([SENDMAIL, "-bD"]);
  await waitForPort(port, () => daemon.output());
  return daemon;
}

/** Files that Debian's installation script makes: empty tables, and includes for dial-up lines. */
async function prepare(machine: Machine): Promise<void> {
  for (const name of ["m4/dialup.m4", "m4/provider.m4", "local-host-names", "trusted-users", "relay-domains"]) {
    await machine.write(`/etc/mail/${name}`, "");
  }
  // A machine without DNS: names are those in /etc/hosts.
  await machine.write("/etc/mail/service.switch", "hosts files\naliases files\n");
}

/** The customer's part of sendmail.mc: lines before MAILER_DEFINITIONS. */
export function sendmailLines(relay: RelayAccess): string {
  const authInfo = "FEATURE(`authinfo', `hash -o /etc/mail/auth/client-info.db')dnl\n";
  return `define(\`SMART_HOST', \`relay:[${RELAY_HOST}]')dnl
define(\`RELAY_MAILER_ARGS', \`TCP $h ${relay.port}')dnl
define(\`confAUTH_MECHANISMS', \`LOGIN PLAIN')dnl
${relay.login === undefined ? "" : authInfo}define(\`confCACERT_PATH', \`/etc/ssl/certs')dnl
define(\`confCACERT', \`/etc/ssl/certs/ca-certificates.crt')dnl
`;
}

/** The line of /etc/mail/auth/client-info. */
export function sendmailClientInfo({ user, password }: SmtpLogin): string {
  return `AuthInfo:${RELAY_HOST} "U:${user}" "I:${user}" "P:${password}" "M:PLAIN LOGIN"\n`;
}

async function configure(machine: Machine, relay: RelayAccess, port: number): Promise<void> {
  const { login } = relay;
  const lines = `${sendmailLines(relay)}define(\`confDOMAIN_NAME', \`${MACHINE_NAME}')dnl
FEATURE(\`accept_unresolvable_domains')dnl
`;
  const mc = (await machine.read(DEBIAN_MC))
    .replace("Port=smtp, Addr=127.0.0.1", `Port=${port}, Addr=127.0.0.1`)
    // As Debian's update_mc does, since sendmail.conf says DAEMON_HOSTSTATS="No".
    .replace("dnl undefine(`confHOST_STATUS_DIRECTORY')", "undefine(`confHOST_STATUS_DIRECTORY')")
    .replace(/^DAEMON_OPTIONS.*Name=MSP-v4.*$/m, "dnl")
    .replace(/^MAILER_DEFINITIONS/m, `${lines}MAILER_DEFINITIONS`);
  await machine.write("/etc/mail/sendmail.mc", mc);
  await machine.write("/etc/mail/sendmail.cf", await machine.must(["m4", "/etc/mail/sendmail.mc"]));
  await makeMap(machine, "/etc/mail/access.db", await machine.read("/usr/share/sendmail/examples/db/access"));
  await makeMap(machine, "/etc/mail/aliases.db", "");
  await machine.must(["sh", "-c", "mkdir -p -m 0700 /etc/mail/auth"]);
  if (login === undefined) return;
  const entry = sendmailClientInfo(login);
  await machine.write("/etc/mail/auth/client-info", entry, { mode: 0o600 });
  await makeMap(machine, "/etc/mail/auth/client-info.db", entry);
}

async function makeMap(machine: Machine, file: string, entries: string): Promise<void> {
  await machine.must(["/usr/libexec/sendmail/makemap", "hash", file], entries);
}

/** `mailq`: a line with id, size, time and sender, a line with the reason in brackets, a line for each recipient. */
function parseQueue(listing: string): QueuedMail[] {
  const mails: { sender: string; recipients: string[] }[] = [];
  for (const line of listing.split("\n")) {
    const sender = /^\w{14}\S*\s.*<([^>]*)>$/.exec(line)?.[1];
    const recipient = /^\s+<([^>]+)>$/.exec(line)?.[1];
    if (sender !== undefined) mails.push({ sender, recipients: [] });
    else if (recipient !== undefined) mails.at(-1)?.recipients.push(recipient);
  }
  return mails;
}
