/**
 * One mail transaction from MAIL on: its envelope, and what of the limits of a minute it takes up.
 *
 * Promise:  what was counted is given back exactly if the message is not accepted (`giveBack`, any number of times).
 * See RFC 5321 §3.3 (transactions), RFC 3461 (what recipients carry).
 */

import { addressKey, formatAddress } from "../lib/core/address.ts";
import type { RcptCommand } from "../lib/core/smtp-command.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import type { EnvelopeRecipient } from "../lib/core/spool-object.ts";
import type { Transaction } from "./accept-message.ts";
import type { Identity } from "./authenticate.ts";
import type { MessageCount, RateLimits, Sending } from "./rate-limits.ts";

/** What MAIL has settled. */
export interface OpenTransactionOptions {
  readonly identity: Identity;
  readonly sending: Sending;
  readonly count: MessageCount;
  readonly recipientsMax: number;
  readonly parameters: Pick<Transaction["envelope"], "foreignReturnPath" | "body" | "ret" | "envid">;
}

/** See the head of this file. */
export class OpenTransaction {
  readonly identity: Identity;
  readonly #options: OpenTransactionOptions;
  /** By `addressKey`: a recipient named twice is one recipient, with the parameters it was first given. */
  readonly #recipients = new Map<string, EnvelopeRecipient>();
  readonly #counts: MessageCount[];

  constructor(options: OpenTransactionOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.#counts = [options.count];
  }

  /** `null`: the null reverse-path. */
  get returnPath(): string | null {
    return this.#options.sending.sender;
  }

  get recipients(): readonly EnvelopeRecipient[] {
    return [...this.#recipients.values()];
  }

  get recipientCount(): number {
    return this.#recipients.size;
  }

  /** Takes a recipient, or says why not. */
  rcpt(command: RcptCommand): SmtpReply {
    const address = formatAddress(command.to);
    const key = addressKey(address);
    if (this.#recipients.has(key)) return smtpReply("recipientOk");
    if (this.#recipients.size >= this.#options.recipientsMax) return smtpReply("tooManyRecipients");
    const refusal = this.#options.count.recipient();
    if (refusal !== undefined) return refusal;
    this.#recipients.set(key, {
      address,
      ...(command.notify === undefined ? {} : { notify: command.notify }),
      ...(command.orcpt === undefined ? {} : { orcpt: command.orcpt }),
    });
    return smtpReply("recipientOk");
  }

  /** The envelope as far as it is this transaction's. */
  envelope(client: Transaction["envelope"]["client"]): Transaction["envelope"] {
    return {
      tenant: this.identity.tenant,
      credential: this.identity.label,
      returnPath: this.returnPath,
      recipients: this.recipients,
      ...this.#options.parameters,
      client,
    };
  }

  /** Counts the message for the relay's shared address too, or says why it must wait. */
  countShared(rates: RateLimits): SmtpReply | undefined {
    const shared = rates.shared(this.#options.sending, this.#recipients.size);
    if (shared === undefined || "code" in shared) return shared;
    this.#counts.push(shared);
    return undefined;
  }

  /** The message was not accepted. */
  giveBack(): void {
    for (const count of this.#counts) count.giveBack();
  }
}
