/**
 * Mail under way from several senders that behave as mail servers do: one connection each, several messages on it, and
 * a message without a 250 is sent again, on a new connection, until it gets one.
 *
 * Promise:  after `finish`, each message of `acknowledged` had exactly one 250, and no message was begun without one.
 */

import { createHash } from "node:crypto";

import { SmtpClient, type SmtpLogin } from "../support/smtp-client.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A message that got its 250. */
export type AcknowledgedMail = {
  readonly marker: string;
  readonly recipients: readonly string[];
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
  /** How often the message was sent: more than 1 when the connection broke, or a 4xx came, before the 250. */
  readonly attempts: number;
};

/** What to send, and where. */
export type MailLoadOptions = {
  readonly port: number;
  readonly login: SmtpLogin;
  readonly senders: number;
  readonly random: SeededRandom;
};

/** A load that runs until it is finished. */
export type MailLoad = {
  readonly acknowledged: ReadonlyMap<string, AcknowledgedMail>;
  /** Replies of 5xx: a relay that is only being killed has no reason for one. */
  readonly refusals: readonly string[];
  /** Begins no new message; resolves when the last one has its 250. The relay must be up. Rejects after the deadline. */
  finish(deadlineMs: number): Promise<void>;
};

/** Header field that tells the messages of a load apart. */
export const LOAD_MARKER_FIELD = "X-Load-Marker";

const MESSAGES_PER_CONNECTION = 20;
const RECONNECT_MS = 50;
/** Larger than what the edge keeps in memory, so that temporary files are cut off as well. */
const LARGE_BODY_BYTES = 300_000;

/** Starts sending at once. */
export function startMailLoad(options: MailLoadOptions): MailLoad {
  const acknowledged = new Map<string, AcknowledgedMail>();
  const refusals: string[] = [];
  const state = { finishing: false, abandoned: false };
  const senders = Array.from({ length: options.senders }, (_, index) => runSender(index));

  async function runSender(index: number): Promise<void> {
    const random = options.random.fork(index);
    let number = 0;
    let current: PendingMail | undefined;
    while (!state.abandoned && (current !== undefined || !state.finishing)) {
      let client: SmtpClient | undefined;
      try {
        client = await SmtpClient.connect({ port: options.port, timeoutMs: 60_000 });
        await client.logIn(options.login);
        for (let sent = 0; sent < MESSAGES_PER_CONNECTION && !state.abandoned; sent += 1) {
          if (current === undefined && state.finishing) break;
          current ??= newMail(`${index}-${(number += 1)}`, random);
          current.attempts += 1;
          const reply = await client.sendMail({ from: "load@example.com", to: current.recipients, data: current.data });
          if (reply.code === 250) {
            acknowledged.set(current.marker, current);
            current = undefined;
          } else if (reply.code >= 500) {
            refusals.push(`${current.marker}: ${reply.code} ${reply.lines.join(" / ")}`);
            current = undefined;
          }
          await pause(random.between(10, 80));
        }
        await client.quit();
      } catch {
        // The relay was killed, or is not up yet: as a mail server does, try again a little later.
        client?.destroy();
        await pause(RECONNECT_MS);
      }
    }
  }

  return {
    acknowledged,
    refusals,
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

type PendingMail = AcknowledgedMail & { readonly data: Buffer; attempts: number };

function newMail(marker: string, random: SeededRandom): PendingMail {
  const recipients = Array.from(
    { length: random.chance(0.1) ? 3 : 1 },
    (_, index) => `${marker}-${index}@recipient.test`,
  );
  const filler = "0123456789 abcdefghij ABCDEFGHIJ\r\n.dots\r\n";
  const bytes = random.chance(0.05) ? LARGE_BODY_BYTES : random.between(100, 4_000);
  const body = `${marker}\r\n${filler.repeat(Math.ceil(bytes / filler.length))}`;
  const header = [
    "From: load@example.com",
    `To: ${recipients.join(", ")}`,
    `Subject: load ${marker}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <load-${marker}-${process.pid}@example.com>`,
    `${LOAD_MARKER_FIELD}: ${marker}`,
  ];
  return {
    marker,
    recipients,
    attempts: 0,
    bodyHash: hashBody(Buffer.from(body, "latin1")),
    data: Buffer.from(`${header.join("\r\n")}\r\n\r\n${body}`, "latin1"),
  };
}

/** The hash by which a body is recognised. */
export function hashBody(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
