/** A real Postfix as one of the senders: it takes mail into its own queue and tries until the relay has taken it. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LOAD_SENDER, newLoadMail, type PendingMail } from "../../test/fault/mail-load.ts";
import type { SeededRandom } from "../../test/fault/seeded-random.ts";
import { type Postfix, startPostfix } from "../../test/interop/support/postfix.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import type { RelayProcesses } from "./relay-processes.ts";

/** What a Postfix has taken, and what became of it there. */
export interface PostfixSender {
  readonly name: string;
  /** Mail that Postfix has said 250 to. */
  readonly taken: ReadonlyMap<string, PendingMail>;
  /** Takes no new mail; resolves when its queue is empty. Rejects when it stays as it is. */
  finish(): Promise<void>;
  /** Log lines of mail that it has given up. */
  bounced(): Promise<string[]>;
  /** Log lines of tries that were put off. */
  deferrals(): Promise<number>;
  remove(): Promise<void>;
}

const FLUSH_EVERY_MS = 2_000;
const STUCK_AFTER_MS = 180_000;

/** Starts one that sends through the relay, or says in a sentence why there is none here. */
export async function startPostfixSender(
  relay: RelayProcesses,
  random: SeededRandom,
  pauseMs: readonly [low: number, high: number],
): Promise<PostfixSender | string> {
  let postfix: Postfix;
  try {
    const certificate = await readFile(join(relay.dataDir, "tls", "edge-certificate.pem"), "utf8");
    postfix = await startPostfix({ relay: { port: relay.smtpPort, login: DEMO_LOGIN }, certificate });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const taken = new Map<string, PendingMail>();
  const state = { finishing: false, done: false };
  const submitting = submit();
  const flushing = flush();

  async function submit(): Promise<void> {
    for (let number = 1; !state.finishing; number += 1) {
      const mail = newLoadMail(`postfix-${number}`, random, { bounceShare: 0.02 });
      await postfix.submit({ from: LOAD_SENDER, to: mail.recipients, data: mail.data });
      taken.set(mail.marker, mail);
      await pause(random.between(...pauseMs));
    }
  }
  async function flush(): Promise<void> {
    while (!state.done) {
      await postfix.flush();
      await pause(FLUSH_EVERY_MS);
    }
  }
  return {
    name: "Postfix",
    taken,
    finish: async () => {
      state.finishing = true;
      await submitting;
      let least = Number.POSITIVE_INFINITY;
      let sinceMs = performance.now();
      for (;;) {
        const { length } = await postfix.queue();
        if (length === 0) break;
        if (length < least) [least, sinceMs] = [length, performance.now()];
        if (performance.now() - sinceMs > STUCK_AFTER_MS) {
          throw new Error(`Postfix still has ${length} mails:\n${(await postfix.log()).slice(-20).join("\n")}`);
        }
        await pause(FLUSH_EVERY_MS / 2);
      }
      state.done = true;
      await flushing;
    },
    bounced: async () => (await postfix.log()).filter((line) => line.includes("status=bounced")),
    deferrals: async () => (await postfix.log()).filter((line) => line.includes("status=deferred")).length,
    remove: async () => {
      state.finishing = true;
      state.done = true;
      await Promise.allSettled([submitting, flushing]);
      await postfix.remove();
    },
  };
}
