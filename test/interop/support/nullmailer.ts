/** nullmailer as Debian sets it up: a queue, and one daemon that empties it. See nullmailer-send(8). */

import { CERTIFICATES, type Machine, openMachine, RELAY_HOST } from "./machine.ts";
import type { MailServer, QueuedMail, RelayAccess } from "./mail-server.ts";
import { withLf } from "./submit.ts";

const SPOOL = "/var/spool/nullmailer";
/** Debian's user mail. */
const MAIL = 8;

/** A nullmailer; besides what every mail server has, a folder of mails it has given up. */
export type Nullmailer = MailServer & { failed(): Promise<QueuedMail[]> };

/** Starts a nullmailer that sends everything through the relay. `certificate`: the relay's, PEM. */
export async function startNullmailer(relay: RelayAccess, certificate: string): Promise<Nullmailer> {
  const machine = await openMachine("nullmailer", certificate);
  try {
    await configure(machine, relay);
    const daemon = machine.start(["/usr/sbin/nullmailer-send"], MAIL);
    return {
      submit: async (from, to, message) => {
        await machine.must(["/usr/sbin/sendmail", "-i", "-f", from, ...to], withLf(message));
      },
      queue: () => mailsIn(machine, `${SPOOL}/queue`),
      failed: () => mailsIn(machine, `${SPOOL}/failed`),
      flush: async () => {
        // The daemon waits at the other end of this pipe.
        await machine.must(["sh", "-c", `echo >${SPOOL}/trigger`]);
      },
      useRelay: (changed) => configure(machine, changed),
      log: () => Promise.resolve(daemon.output()),
      remove: machine.remove,
    };
  } catch (cause) {
    await machine.remove();
    throw cause;
  }
}

/** The customer's part: /etc/nullmailer/remotes. */
export function nullmailerRemotes(relay: RelayAccess): string {
  const { login } = relay;
  const tls = relay.implicitTls === true ? "--ssl" : "--starttls";
  const auth = login === undefined ? "" : ` --user=${login.user} --pass=${login.password}`;
  return `${RELAY_HOST} smtp --port=${relay.port} ${tls}${auth} --x509cafile=${CERTIFICATES}\n`;
}

async function configure(machine: Machine, relay: RelayAccess): Promise<void> {
  const owner = { owner: "mail", group: "mail", mode: 0o600 };
  await machine.write("/etc/nullmailer/remotes", nullmailerRemotes(relay), owner);
}

/** A queue file: the sender, a recipient on each line, an empty line, the message. */
async function mailsIn(machine: Machine, folder: string): Promise<QueuedMail[]> {
  const mails: QueuedMail[] = [];
  for (const name of await machine.list(folder)) {
    const [envelope = ""] = (await machine.read(`${folder}/${name}`)).split("\n\n");
    const [sender, ...recipients] = envelope.split("\n");
    // Delivered since it was listed.
    if (recipients.length > 0) mails.push({ sender: sender ?? "", recipients });
  }
  return mails;
}
