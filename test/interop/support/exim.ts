/**
 * Exim as Debian sets it up, with the lines that our set-up guide adds.
 *
 * See update-exim4.conf(8), exim4_passwd_client(5), and chapter 30 of Exim's specification (the smtp transport).
 */

import { freePort } from "../../support/free-port.ts";
import { CERTIFICATES, MACHINE_NAME, type Machine, openMachine, RELAY_HOST } from "./machine.ts";
import type { MailServer, QueuedMail, RelayAccess } from "./mail-server.ts";
import { submitBySmtp, waitForPort } from "./submit.ts";

const EXIM = "/usr/sbin/exim4";
const TEMPLATE = "/etc/exim4/exim4.conf.template";

/** Starts an Exim that sends everything through the relay. `certificate`: the relay's, PEM. */
export async function startExim(relay: RelayAccess, certificate: string): Promise<MailServer> {
  const machine = await openMachine("exim", certificate);
  try {
    const port = await freePort();
    // Only because the relay of the test has a loopback address, which Exim takes for itself.
    const debian = withOption(await machine.read(TEMPLATE), "smarthost", "manualroute", "self = send");
    const apply = async (access: RelayAccess): Promise<void> => {
      const allowListed = access.allowListed === true;
      const option = "hosts_require_auth = *";
      await machine.write(TEMPLATE, allowListed ? debian : withOption(debian, "remote_smtp_smarthost", "smtp", option));
      await configure(machine, access, port);
    };
    await apply(relay);
    const daemon = machine.start([EXIM, "-bdf", "-q30m"]);
    await waitForPort(port, () => daemon.output());
    return {
      submit: (from, to, message) => submitBySmtp(port, from, to, message),
      queue: async () => parseQueue(await machine.must([EXIM, "-bp"])),
      flush: async () => {
        await machine.must([EXIM, "-qff"]);
      },
      // Each delivery is a process of its own and reads the configuration anew.
      useRelay: apply,
      log: () => machine.read("/var/log/exim4/mainlog"),
      remove: machine.remove,
    };
  } catch (cause) {
    await machine.remove();
    throw cause;
  }
}

/** Adds an option to a router or transport of Debian's template, for which there is no macro: the guide says to edit it. */
function withOption(template: string, name: string, driver: string, option: string): string {
  const place = new RegExp(`(\\n${name}:\\n(?: .*\\n)*? {2}driver = ${driver}\\n)`, "g");
  if (!place.test(template)) throw new Error(`${TEMPLATE} has no ${name}`);
  return template.replaceAll(place, `$1  ${option}\n`);
}

const ANSWERS = "/etc/exim4/update-exim4.conf.conf";
const PASSWORDS = "/etc/exim4/passwd.client";
const MACROS = "/etc/exim4/exim4.conf.localmacros";

/** The customer's part, by file. The machine's own names and port are what the guide leaves. */
export function eximFiles(
  relay: RelayAccess,
  port: number,
): Record<typeof ANSWERS | typeof PASSWORDS | typeof MACROS, string> {
  return {
    [ANSWERS]: `dc_eximconfig_configtype='smarthost'
dc_smarthost='${RELAY_HOST}::${relay.port}'
dc_other_hostnames='${MACHINE_NAME}'
dc_local_interfaces='127.0.0.1.${port}'
dc_readhost=''
dc_relay_domains=''
dc_relay_nets=''
dc_minimaldns='false'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
`,
    [PASSWORDS]: relay.login === undefined ? "" : `*:${relay.login.user}:${relay.login.password}\n`,
    [MACROS]: `MAIN_HARDCODE_PRIMARY_HOSTNAME = ${MACHINE_NAME}
REMOTE_SMTP_SMARTHOST_HOSTS_REQUIRE_TLS = *
REMOTE_SMTP_SMARTHOST_TLS_VERIFY_CERTIFICATES = ${CERTIFICATES}
REMOTE_SMTP_SMARTHOST_TLS_VERIFY_HOSTS = *
${relay.implicitTls === true ? "REMOTE_SMTP_SMARTHOST_PROTOCOL = smtps\n" : ""}`,
  };
}

async function configure(machine: Machine, relay: RelayAccess, port: number): Promise<void> {
  const files = eximFiles(relay, port);
  await machine.write(ANSWERS, files[ANSWERS]);
  await machine.write(PASSWORDS, files[PASSWORDS], { group: "Debian-exim", mode: 0o640 });
  await machine.write(MACROS, files[MACROS]);
  await machine.must(["update-exim4.conf"]);
}

/** `exim -bp`: age, size, id and sender on one line, then the recipients; those done with have a D before them. */
function parseQueue(listing: string): QueuedMail[] {
  const mails: { sender: string; recipients: string[] }[] = [];
  for (const line of listing.split("\n")) {
    const sender = /^\s*\S+\s+\S+\s+\S+\s+<([^>]*)>/.exec(line)?.[1];
    if (sender !== undefined) mails.push({ sender, recipients: [] });
    else if (/^\s+\S+@/.test(line)) mails.at(-1)?.recipients.push(line.trim());
  }
  return mails;
}
