/**
 * Mail under way from several senders that behave as mail servers do: one connection each, several messages on it, and
 * a message without a 250 is sent again, on a new connection, until it gets one.
 *
 * Promise:  after `finish`, each message of `acknowledged` had exactly one 250, and no message was begun without one.
 */

import { createHash } from "node:crypto";

import { SmtpClient, type SmtpLogin, type SmtpReply } from "../support/smtp-client.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A message that got its 250. */
export type AcknowledgedMail = {
  readonly marker: string;
  readonly recipients: readonly string[];
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
  /** Queue id that the 250 named; undefined for mail that another server took first. */
  readonly queueId?: string;
  /** How often the message was sent: more than 1 when the connection broke, or a 4xx came, before the 250. */
  readonly attempts: number;
};

/** What to send, and where. */
export type MailLoadOptions = {
  readonly port: number;
  readonly login: SmtpLogin;
  readonly senders: number;
  readonly random: SeededRandom;
  /** Pause of each sender between its messages. Default 10 to 80. */
  readonly pauseMs?: readonly [low: number, high: number];
  /** While it is true, no new message is begun: a load that keeps to what the relay can do. */
  readonly hold?: () => boolean;
  /** Share of the recipients whose mail comes back, 0 to 1. Default 0. */
  readonly bounceShare?: number;
  /** Envelope sender and author. Default `LOAD_SENDER`. */
  readonly from?: string;
  /** Put before the markers, where there are several loads. */
  readonly name?: string;
  /** Recipients of the next message; undefined: as usual. */
  readonly recipients?: () => readonly string[] | undefined;
  /** Told of every reply of the relay. */
  readonly onReply?: (reply: SmtpReply) => void;
};

/** A message that was put off: its end of data, or a command of its transaction, was answered 4xx. */
export type Deferral = {
  readonly marker: string;
  /** Milliseconds of `performance.now()`. */
  readonly atMs: number;
  /** Larger than the edge keeps in memory. */
  readonly large: boolean;
  readonly reply: string;
};

/** A load that runs until it is finished. */
export type MailLoad = {
  readonly acknowledged: ReadonlyMap<string, AcknowledgedMail>;
  /** Replies of 5xx: a relay that is only being killed has no reason for one. */
  readonly refusals: readonly string[];
  /** Replies of 4xx so far. */
  readonly deferrals: readonly Deferral[];
  /** How many connections broke, or could not be made, so far. */
  readonly broken: () => number;
  /** The next so many transactions lose their connection, each at any moment from MAIL to its reply. */
  cutOff(transactions: number): void;
  /** The next so many new messages are too large for the edge's memory. */
  sendLarge(messages: number): void;
  /** Begins no new message; resolves when the last one has its 250. The relay must be up. Rejects after the deadline. */
  finish(deadlineMs: number): Promise<void>;
};

/** Header field that tells the messages of a load apart. */
export const LOAD_MARKER_FIELD = "X-Load-Marker";

/** Envelope sender and author of every message of a load. */
export const LOAD_SENDER = "load@example.com";

const MESSAGES_PER_CONNECTION = 20;
const RECONNECT_MS = 50;
/** A transaction takes about as long on an idle machine. */
const CUT_WITHIN_MS = 40;
/** Larger than what the edge keeps in memory, so that temporary files are cut off as well. */
const LARGE_BODY_BYTES = 300_000;

/** Starts sending at once. */
export function startMailLoad(options: MailLoadOptions): MailLoad {
  const acknowledged = new Map<string, AcknowledgedMail>();
  const refusals: string[] = [];
  const deferrals: Deferral[] = [];
  const state = { finishing: false, abandoned: false, broken: 0, toCut: 0, toEnlarge: 0 };
  const [pauseLow, pauseHigh] = options.pauseMs ?? [10, 80];
  const senders = Array.from({ length: options.senders }, (_, index) => runSender(index));

  async function runSender(index: number): Promise<void> {
    const random = options.random.fork(index);
    let number = 0;
    let current: PendingMail | undefined;
    while (!state.abandoned && (current !== undefined || !state.finishing)) {
      let client: SmtpClient | undefined;
      try {
        const { port, onReply } = options;
        client = await SmtpClient.connect({ port, timeoutMs: 60_000, ...(onReply === undefined ? {} : { onReply }) });
        await client.logIn(options.login);
        for (let sent = 0; sent < MESSAGES_PER_CONNECTION && !state.abandoned; sent += 1) {
          if (current === undefined && state.finishing) break;
          if (current === undefined) {
            const large = state.toEnlarge > 0;
            if (large) state.toEnlarge -= 1;
            const { bounceShare = 0, from, recipients: wanted } = options;
            const marker = `${options.name ?? ""}${index}-${(number += 1)}`;
            const recipients = wanted?.();
            current = newLoadMail(marker, random, { large, bounceShare, from, recipients });
          }
          current.attempts += 1;
          if (state.toCut > 0) {
            state.toCut -= 1;
            cutLater(client, random.between(0, CUT_WITHIN_MS));
          }
          const reply = await client.sendMail({ from: current.sender, to: current.recipients, data: current.data });
          if (reply.code === 250) {
            const queueId = /queued as (\w+)/.exec(reply.lines.join(" "))?.[1];
            acknowledged.set(current.marker, { ...current, ...(queueId === undefined ? {} : { queueId }) });
            current = undefined;
          } else if (reply.code >= 500) {
            refusals.push(`${current.marker}: ${wordsOf(reply)}`);
            current = undefined;
          } else {
            const large = current.data.length > LARGE_BODY_BYTES;
            deferrals.push({ marker: current.marker, atMs: performance.now(), large, reply: wordsOf(reply) });
          }
          await pause(random.between(pauseLow, pauseHigh));
          // What has not been taken is tried again whatever waits.
          const holds = (): boolean => options.hold?.() === true && !state.finishing;
          if (current === undefined) while (holds()) await pause(random.between(pauseLow, pauseHigh));
        }
        await client.quit();
      } catch {
        // The relay was killed, or is not up yet: as a mail server does, try again a little later.
        client?.destroy();
        state.broken += 1;
        await pause(RECONNECT_MS);
      }
    }
  }

  return {
    acknowledged,
    refusals,
    deferrals,
    broken: () => state.broken,
    cutOff: (transactions) => {
      state.toCut += transactions;
    },
    sendLarge: (messages) => {
      state.toEnlarge += messages;
    },
    finish: async (deadlineMs) => {
      state.finishing = true;
      const overdue = setTimeout(() => {
        state.abandoned = true;
      }, deadlineMs);
      await Promise.all(senders);
      clearTimeout(overdue);
      if (state.abandoned) throw new Error(`messages without a 250 after ${deadlineMs} ms with the relay up`);
    },
  };
}

/** A message that is being sent, again and again if need be. */
export type PendingMail = AcknowledgedMail & { readonly sender: string; readonly data: Buffer; attempts: number };

/** What a message is beside its marker. */
export type LoadMailOptions = {
  readonly large?: boolean;
  readonly bounceShare?: number;
  /** Envelope sender and author; default `LOAD_SENDER`. */
  readonly from?: string | undefined;
  /** Instead of those that the marker makes. */
  readonly recipients?: readonly string[] | undefined;
};

/** A message to one or three recipients, some of whom bounce, small or too large for the edge's memory. */
export function newLoadMail(marker: string, random: SeededRandom, options: LoadMailOptions = {}): PendingMail {
  const { large = false, bounceShare = 0, from = LOAD_SENDER } = options;
  const usual = Array.from({ length: random.chance(0.1) ? 3 : 1 }, (_, index) =>
    bounceShare > 0 && random.chance(bounceShare)
      ? `bounce+${marker}-${index}@simulator.amazonses.com`
      : `${marker}-${index}@recipient.test`,
  );
  const filler = "0123456789 abcdefghij ABCDEFGHIJ\r\n.dots\r\n";
  const bytes = large || random.chance(0.05) ? LARGE_BODY_BYTES : random.between(100, 4_000);
  const body = `${marker}\r\n${filler.repeat(Math.ceil(bytes / filler.length))}`;
  const header = [
    `From: ${from}`,
    // Not who gets it: the envelope decides.
    "To: Everybody <everybody@elsewhere.test>",
    `Subject: load ${marker}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <load-${marker}-${process.pid}@example.com>`,
    `${LOAD_MARKER_FIELD}: ${marker}`,
  ];
  return {
    marker,
    sender: from,
    recipients: options.recipients ?? usual,
    attempts: 0,
    bodyHash: hashBody(Buffer.from(body, "latin1")),
    data: Buffer.from(`${header.join("\r\n")}\r\n\r\n${body}`, "latin1"),
  };
}

/** The hash by which a body is recognised. */
export function hashBody(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

function wordsOf(reply: SmtpReply): string {
  return `${reply.code} ${reply.lines.join(" / ")}`;
}

function cutLater(client: SmtpClient, afterMs: number): void {
  setTimeout(() => client.destroy(), afterMs);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
