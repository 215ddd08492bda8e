/** Real mail servers as senders: each takes mail into its own queue and tries until the relay has taken it. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { newLoadMail, type PendingMail } from "../../test/fault/mail-load.ts";
import type { SeededRandom } from "../../test/fault/seeded-random.ts";
import { startExim } from "../../test/interop/support/exim.ts";
import type { MailServer, RelayAccess } from "../../test/interop/support/mail-server.ts";
import { startOpenSmtpd } from "../../test/interop/support/opensmtpd.ts";
import { startPostfixMailServer } from "../../test/interop/support/postfix-mail-server.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import type { RelayProcesses } from "./relay-processes.ts";

/** What a mail server has taken, and what became of it there. */
export interface RealSender {
  readonly name: string;
  /** Mail that it has said 250 to. */
  readonly taken: ReadonlyMap<string, PendingMail>;
  /** Takes no new mail; resolves when its queue is empty. Rejects when that stays as it is. */
  finish(): Promise<void>;
  /** Log lines of mail that it has given up. */
  bounced(): Promise<string[]>;
  /** How many tries were put off. */
  deferrals(): Promise<number>;
  remove(): Promise<void>;
}

interface Make {
  readonly name: string;
  readonly start: (relay: RelayAccess, certificate: string) => Promise<MailServer>;
  /** Log lines of mail that it gives up, and of tries that are put off. */
  readonly bounced: RegExp;
  readonly deferred: RegExp;
  /** Between its messages. Exim and OpenSMTPD make a connection for each, which costs more than the mail. */
  readonly pauseMs: readonly [low: number, high: number];
}

const MAKES: readonly Make[] = [
  {
    name: "Postfix",
    start: startPostfixMailServer,
    bounced: /status=bounced/,
    deferred: /status=deferred/,
    pauseMs: [250, 900],
  },
  { name: "Exim", start: startExim, bounced: / \*\* /, deferred: / == .* defer /, pauseMs: [1_000, 2_500] },
  {
    name: "OpenSMTPD",
    start: startOpenSmtpd,
    bounced: /result="PermFail"/,
    deferred: /result="TempFail"/,
    pauseMs: [1_000, 2_500],
  },
];
const BOUNCE_SHARE = 0.02;
const FLUSH_EVERY_MS = 3_000;
const STUCK_AFTER_MS = 180_000;

/** Starts each that is there; of the others, in a sentence, why they are not. */
export async function startRealSenders(
  relay: RelayProcesses,
  random: SeededRandom,
): Promise<{ senders: RealSender[]; missing: string[] }> {
  const certificate = await readFile(join(relay.dataDir, "tls", "edge-certificate.pem"), "utf8");
  const access = { port: relay.smtpPort, login: DEMO_LOGIN };
  const started = await Promise.allSettled(
    MAKES.map(async (make, index) => sendThrough(make, await make.start(access, certificate), random.fork(index))),
  );
  const senders = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const missing = started.flatMap((each, index) =>
    each.status === "rejected" ? [`${MAKES[index]?.name ?? "?"} as a sender: ${wordsOf(each.reason)}`] : [],
  );
  return { senders, missing };
}

function sendThrough(make: Make, server: MailServer, random: SeededRandom): RealSender {
  const taken = new Map<string, PendingMail>();
  const state = { finishing: false, done: false };
  const linesWith = async (pattern: RegExp): Promise<string[]> =>
    (await server.log()).split("\n").filter((line) => pattern.test(line));
  const submit = async (): Promise<void> => {
    for (let number = 1; !state.finishing; number += 1) {
      const mail = newLoadMail(`${make.name.toLowerCase()}-${number}`, random, { bounceShare: BOUNCE_SHARE });
      await server.submit(mail.sender, mail.recipients, mail.data);
      taken.set(mail.marker, mail);
      await pause(random.between(...make.pauseMs));
    }
  };
  const flush = async (): Promise<void> => {
    while (!state.done) {
      await server.flush();
      await pause(FLUSH_EVERY_MS);
    }
  };
  const submitting = submit();
  const flushing = flush();
  // What goes wrong shows in `finish`.
  for (const one of [submitting, flushing]) one.catch(() => undefined);
  return {
    name: make.name,
    taken,
    finish: async () => {
      state.finishing = true;
      await submitting;
      let least = Number.POSITIVE_INFINITY;
      let sinceMs = performance.now();
      for (;;) {
        const { length } = await server.queue();
        if (length === 0) break;
        if (length < least) [least, sinceMs] = [length, performance.now()];
        if (performance.now() - sinceMs > STUCK_AFTER_MS) {
          const lastWords = (await server.log()).split("\n").slice(-20).join("\n");
          throw new Error(`${make.name} still has ${length} mails:\n${lastWords}`);
        }
        await pause(FLUSH_EVERY_MS / 2);
      }
      state.done = true;
      await flushing;
    },
    bounced: () => linesWith(make.bounced),
    deferrals: async () => (await linesWith(make.deferred)).length,
    remove: async () => {
      state.finishing = true;
      state.done = true;
      await Promise.allSettled([submitting, flushing]);
      await server.remove();
    },
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
