/**
 * Clients beside the load that must get nowhere: a customer who sends for a domain that is not his, in the envelope or
 * in the From field, somebody without a login, and somebody with a wrong password.
 *
 * The first two may be refused for good; the others never, since their mail would be destroyed by a mistake in a set-up.
 */

import { setTimeout as pause } from "node:timers/promises";
import { LOAD_MARKER_FIELD, LOAD_SENDER } from "../../test/fault/mail-load.ts";
import type { SeededRandom } from "../../test/fault/seeded-random.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import { SmtpClient, type SmtpReply } from "../../test/support/smtp-client.ts";

/** Before the number in the markers of their mail: none of it may leave. */
export const STRANGER_PREFIX = "stranger-";

/** What they were told. */
export interface Strangers {
  /** Refusals by what was tried. */
  readonly refused: ReadonlyMap<string, number>;
  /** What must not have happened, in words. */
  readonly taken: readonly string[];
  /** Refusals for good of what is only a mistake in a set-up. */
  readonly destroyed: readonly string[];
  /** Resolves when the last try is over. */
  finish(): Promise<void>;
}

/** How to reach the relay. */
export interface StrangersOptions {
  readonly port: number;
  readonly random: SeededRandom;
  readonly onReply: (reply: SmtpReply) => void;
}

interface Try {
  readonly name: string;
  readonly login: "right" | "wrong" | "none";
  readonly from: string;
  readonly author: string;
}

const FOREIGN_SENDER = "somebody@stranger.example";
const TRIES: readonly Try[] = [
  { name: "foreign envelope sender", login: "right", from: FOREIGN_SENDER, author: LOAD_SENDER },
  { name: "foreign From", login: "right", from: LOAD_SENDER, author: FOREIGN_SENDER },
  { name: "no login", login: "none", from: LOAD_SENDER, author: LOAD_SENDER },
  { name: "wrong password", login: "wrong", from: LOAD_SENDER, author: LOAD_SENDER },
];
/** One of each kind in about 16 seconds: an address whose logins fail more often than six times a minute is slowed down. */
const PAUSE_MS = [2_500, 5_500] as const;
/** Not the load's: what is held against an address must not touch the others. */
const ADDRESS = "127.0.0.9";
const TIMEOUT_MS = 60_000;

/** Starts them at once. */
export function startStrangers(options: StrangersOptions): Strangers {
  const refused = new Map<string, number>();
  const taken: string[] = [];
  const destroyed: string[] = [];
  const done = new AbortController();
  const trying = (async () => {
    for (let number = 0; !done.signal.aborted; number += 1) {
      const one = TRIES[number % TRIES.length];
      if (one === undefined) continue;
      // A relay that has just been killed is tried again later, like any.
      const reply = await attempt(one, number, options).catch(() => undefined);
      if (reply !== undefined) judge(one, reply);
      await pause(options.random.between(...PAUSE_MS), undefined, { signal: done.signal }).catch(() => undefined);
    }
  })();

  function judge({ name, login }: Try, reply: SmtpReply): void {
    const words = `${name}: ${reply.code} ${reply.lines.join(" / ")}`;
    if (reply.code < 400) taken.push(words);
    else {
      refused.set(name, (refused.get(name) ?? 0) + 1);
      if (reply.code >= 500 && login !== "right") destroyed.push(words);
    }
  }
  return {
    refused,
    taken,
    destroyed,
    finish: async () => {
      done.abort();
      await trying;
    },
  };
}

/** The reply that ended it: the first refusal, or what came after the data. Goes on after a failed AUTH, as servers do. */
async function attempt(
  { login, from, author }: Try,
  number: number,
  { port, onReply }: StrangersOptions,
): Promise<SmtpReply> {
  const client = await SmtpClient.connect({ port, onReply, localAddress: ADDRESS, timeoutMs: TIMEOUT_MS });
  try {
    await client.ehlo();
    const tls = await client.startTls();
    if (tls.code >= 400) return tls;
    await client.ehlo();
    if (login !== "none") {
      const password = login === "right" ? DEMO_LOGIN.password : `${DEMO_LOGIN.password}x`;
      const reply = await client.authPlain({ ...DEMO_LOGIN, password });
      if (reply.code >= 400 && (login === "right" || reply.code >= 500)) return reply;
    }
    const marker = `${STRANGER_PREFIX}${number}`;
    const header = [`From: ${author}`, `Subject: ${marker}`, `${LOAD_MARKER_FIELD}: ${marker}`];
    const data = `${header.join("\r\n")}\r\n\r\nnot to be taken\r\n`;
    return await client.sendMail({ from, to: [`${marker}@recipient.test`], data });
  } finally {
    await client.quit();
  }
}
