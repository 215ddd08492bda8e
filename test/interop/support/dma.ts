/** dma, the DragonFly mail agent, as Debian sets it up: a command that delivers in the background. See dma(8). */

import { type Machine, openMachine, RELAY_HOST } from "./machine.ts";
import type { MailServer, QueuedMail, RelayAccess } from "./mail-server.ts";
import { withLf } from "./submit.ts";
import { startSyslog } from "./syslog.ts";

const DMA = "/usr/sbin/dma";

/** Makes a machine on which dma sends everything through the relay. `certificate`: the relay's, PEM. */
export async function startDma(relay: RelayAccess, certificate: string): Promise<MailServer> {
  const machine = await openMachine("dma", certificate);
  try {
    const syslog = await startSyslog(machine);
    await configure(machine, relay);
    return {
      submit: async (from, to, message) => {
        await machine.must([DMA, "-i", "-f", from, ...to], withLf(message));
      },
      queue: async () => parseQueue(await machine.must([DMA, "-bp"])),
      flush: async () => {
        // A delivery that was deferred sleeps, holds its mail, and looks for a flush every 30 seconds. Ending it is what
        // a restart of the machine does; dma -q, which cron calls then, goes on where it was.
        await machine.endProcesses();
        await machine.must([DMA, "-q"]);
      },
      useRelay: (changed) => configure(machine, changed),
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

/** The customer's part, by file. */
export function dmaFiles(relay: RelayAccess): Record<"/etc/dma/dma.conf" | "/etc/dma/auth.conf", string> {
  const { login } = relay;
  return {
    "/etc/dma/dma.conf": `SMARTHOST ${RELAY_HOST}
PORT ${relay.port}
AUTHPATH /etc/dma/auth.conf
SECURETRANSFER
${relay.implicitTls === true ? "" : "STARTTLS\n"}MAILNAME /etc/mailname
`,
    "/etc/dma/auth.conf": login === undefined ? "" : `${login.user}|${RELAY_HOST}:${login.password}\n`,
  };
}

async function configure(machine: Machine, relay: RelayAccess): Promise<void> {
  const files = dmaFiles(relay);
  await machine.write("/etc/dma/dma.conf", files["/etc/dma/dma.conf"]);
  await machine.write("/etc/dma/auth.conf", files["/etc/dma/auth.conf"], { group: "mail", mode: 0o640 });
}

/** `dma -bp`: a block of ID, From and To for each recipient. */
function parseQueue(listing: string): QueuedMail[] {
  return [...listing.matchAll(/From\t: (.*)\nTo\t: (.*)/g)].map((match) => ({
    sender: match[1] ?? "",
    recipients: [match[2] ?? ""],
  }));
}
