/**
 * A client that behaves, in the midst of those that do not: it sends mail after mail, on new and on open connections,
 * and each must be taken in reasonable time.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../fault/seeded-random.ts";
import { SmtpClient, type SmtpLogin } from "../support/smtp-client.ts";
import { acknowledgedIds } from "./judge-stored.ts";
import { goodMessage } from "./plan-session.ts";

/** A mail that was taken. */
export type TakenMail = { readonly id: string; readonly message: Buffer };

/** A client at work. */
export type GoodClient = {
  /** Mails not looked at yet, oldest first; empties the list. */
  taken(): TakenMail[];
  /** How long each mail took, from MAIL to 250, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** Where it was not served, in sentences. */
  readonly faults: readonly string[];
  /** Ends it after the mail under way. */
  stop(): Promise<void>;
};

const PAUSE_MS = 100;
const MAILS_PER_CONNECTION = 5;
/** For each reply. RFC 5321 §4.5.3.2 grants minutes; a server that needs that long under such a load is stuck. */
const PATIENCE_MS = 10_000;

/** Starts it, from 127.0.0.1, where nobody else comes from. */
export function startGoodClient(smtpPort: number, login: SmtpLogin, random: SeededRandom): GoodClient {
  const latenciesMs: number[] = [];
  const faults: string[] = [];
  const taken: TakenMail[] = [];
  const state = { stopping: false };
  let number = 0;

  const sendOne = async (client: SmtpClient): Promise<void> => {
    number += 1;
    const data = goodMessage(`good-${number}`, random);
    const started = performance.now();
    const reply = await client.sendMail({ from: "user@example.com", to: [`good${number}@elsewhere.example`], data });
    latenciesMs.push(performance.now() - started);
    const [id] = acknowledgedIds([`${reply.code} ${reply.lines.join(" ")}`]);
    if (id === undefined) faults.push(`a good mail was refused: ${reply.code} ${reply.lines.join(" / ")}`);
    else taken.push({ id, message: Buffer.from(data, "latin1") });
  };

  const work = async (): Promise<void> => {
    while (!state.stopping) {
      let client: SmtpClient | undefined;
      try {
        client = await SmtpClient.connect({ port: smtpPort, timeoutMs: PATIENCE_MS });
        await client.logIn(login);
        for (let sent = 0; sent < MAILS_PER_CONNECTION && !state.stopping; sent += 1) {
          await sendOne(client);
          await sleep(PAUSE_MS);
        }
        await client.quit();
      } catch (cause) {
        client?.destroy();
        faults.push(`a good client was not served: ${String(cause)}`);
        await sleep(PAUSE_MS);
      }
    }
  };
  const working = work();
  return {
    taken: () => taken.splice(0),
    latenciesMs,
    faults,
    stop: async () => {
      state.stopping = true;
      await working;
    },
  };
}
