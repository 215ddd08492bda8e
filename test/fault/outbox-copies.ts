/** What left for each recipient of a load's messages, read from the outbox, and compared with what was acknowledged. */

import { SES_TAG } from "../../lib/core/names.ts";
import type { OutboxMail } from "../support/outbox.ts";
import { headerFields, splitMessage } from "../support/raw-message.ts";
import { type AcknowledgedMail, hashBody, LOAD_MARKER_FIELD } from "./mail-load.ts";

/** One copy of a message to one recipient, as local SES took it. */
export interface Copy {
  readonly sesId: string;
  /** Queue id of the message, from the tags of the call; undefined without a tag. */
  readonly queueId: string | undefined;
  /** SHA-256 of the body, hex. */
  readonly bodyHash: string;
  /** When SES took it, by the machine's clock (epoch milliseconds). */
  readonly takenAtMs: number;
}

/** A message and its recipients, of which copies are looked for. */
export type WantedMail = Pick<AcknowledgedMail, "marker" | "recipients" | "bodyHash">;

/** Every copy in the outbox by marker and recipient; each mail is taken in once, in the order it comes. */
export class OutboxCopies {
  readonly #seen = new Set<string>();
  readonly #copies = new Map<string, Copy[]>();

  /** Copies that left for this key, `marker recipient`. */
  of(key: string): readonly Copy[] {
    return this.#copies.get(key) ?? [];
  }

  /** Every key that something left for, in the order of the first copies. */
  keys(): string[] {
    return [...this.#copies.keys()];
  }

  /** Takes in what is new among them. Mail without a marker is somebody else's, such as a report. */
  add(mails: readonly OutboxMail[]): void {
    for (const mail of mails) {
      if (this.#seen.has(mail.id)) continue;
      this.#seen.add(mail.id);
      const { header, body } = splitMessage(mail.raw);
      const marker = headerFields(header).find((field) => field.name === LOAD_MARKER_FIELD.toLowerCase());
      if (marker === undefined) continue;
      const value = marker.raw.slice(LOAD_MARKER_FIELD.length + 1).trim();
      const { id: sesId, takenAtMs } = mail;
      const copy: Copy = { sesId, queueId: tagOf(mail, SES_TAG.id), bodyHash: hashBody(body), takenAtMs };
      for (const recipient of mail.recipients) {
        const key = `${value} ${recipient}`;
        this.#copies.set(key, [...this.of(key), copy]);
      }
    }
  }
}

/** `marker recipient` for each recipient. */
export function keysOf(mail: WantedMail): string[] {
  return mail.recipients.map((recipient) => `${mail.marker} ${recipient}`);
}

/** Keys that nothing left for. */
export function missingFrom(mails: readonly WantedMail[], copies: OutboxCopies): string[] {
  return mails.flatMap(keysOf).filter((key) => copies.of(key).length === 0);
}

/** Keys of which a copy left with another body. */
export function alteredIn(mails: readonly WantedMail[], copies: OutboxCopies): string[] {
  return mails.flatMap((mail) =>
    keysOf(mail).filter((key) => copies.of(key).some(({ bodyHash }) => bodyHash !== mail.bodyHash)),
  );
}

/** How many copies left beyond the first of each key. */
export function extraCopies(mails: readonly WantedMail[], copies: OutboxCopies): number {
  return mails.flatMap(keysOf).reduce((sum, key) => sum + Math.max(0, copies.of(key).length - 1), 0);
}

/** The value of a tag of the call to SES that brought the mail. */
export function tagOf(mail: Pick<OutboxMail, "request">, name: string): string | undefined {
  const tags: unknown = mail.request["tags"];
  const value: unknown = typeof tags === "object" && tags !== null ? Reflect.get(tags, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
