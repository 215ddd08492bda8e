/** OpenSMTPD as Debian sets it up, with the lines that our set-up guide adds. See smtpd.conf(5), smtpctl(8). */

import { freePort } from "../../support/free-port.ts";
import { type Daemon, MACHINE_NAME, type Machine, openMachine, RELAY_HOST } from "./machine.ts";
import type { MailServer, QueuedMail, RelayAccess } from "./mail-server.ts";
import { submitBySmtp, waitForPort } from "./submit.ts";

/** Starts an OpenSMTPD that sends everything through the relay. `certificate`: the relay's, PEM. */
export async function startOpenSmtpd(relay: RelayAccess, certificate: string): Promise<MailServer> {
  const machine = await openMachine("opensmtpd", certificate);
  try {
    const port = await freePort();
    let earlier = "";
    let daemon = await start(machine, relay, port);
    return {
      submit: (from, to, message) => submitBySmtp(port, from, to, message),
      queue: async () => parseQueue(await machine.must(["smtpctl", "show", "queue"])),
      flush: async () => {
        await machine.must(["smtpctl", "schedule", "all"]);
      },
      // It reads its configuration at the start only.
      useRelay: async (changed) => {
        await daemon.stop();
        earlier += daemon.output();
        daemon = await start(machine, changed, port);
      },
      log: () => Promise.resolve(earlier + daemon.output()),
      remove: machine.remove,
    };
  } catch (cause) {
    await machine.remove();
    throw cause;
  }
}

async function start(machine: Machine, relay: RelayAccess, port: number): Promise<Daemon> {
  await configure(machine, relay, port);
  const daemon = machine.start(["/usr/sbin/smtpd", "-d"]);
  await waitForPort(port, () => daemon.output());
  return daemon;
}

/** The customer's part, by file: the table of secrets, the action "relay" and the rule that uses it. `port`: its own. */
export function openSmtpdFiles(
  relay: RelayAccess,
  port: number,
): Record<"/etc/mail/secrets" | "/etc/smtpd.conf", string> {
  const { login } = relay;
  const scheme = relay.implicitTls === true ? "smtps" : "smtp+tls";
  const target = `${RELAY_HOST}:${relay.port}`;
  const how =
    login === undefined
      ? `relay host "${scheme}://${target}"`
      : `relay host "${scheme}://edge@${target}" auth <secrets>`;
  return {
    "/etc/mail/secrets": login === undefined ? "" : `edge ${login.user}:${login.password}\n`,
    "/etc/smtpd.conf": `table secrets file:/etc/mail/secrets
listen on 127.0.0.1 port ${port}
action "relay" ${how} helo ${MACHINE_NAME}
match from local for any action "relay"
`,
  };
}

async function configure(machine: Machine, relay: RelayAccess, port: number): Promise<void> {
  const files = openSmtpdFiles(relay, port);
  await machine.write("/etc/mail/secrets", files["/etc/mail/secrets"], { group: "opensmtpd", mode: 0o640 });
  await machine.write("/etc/smtpd.conf", files["/etc/smtpd.conf"]);
}

/** `smtpctl show queue`: one envelope a line, fields between bars; the fifth the sender, the seventh the recipient. */
function parseQueue(listing: string): QueuedMail[] {
  return listing
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split("|");
      return { sender: fields[4] ?? "", recipients: [fields[6] ?? ""] };
    });
}
