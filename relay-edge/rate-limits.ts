/**
 * How much a tenant, a credential and an envelope sender may send a minute, and how many connections they may have.
 *
 * Each task enforces its share, limit divided by the number of tasks, and asks nobody: so the sum of all tasks never
 * exceeds a limit, and a tenant whose connections all reach one task gets that task's share only. A limit below the
 * number of tasks counts as that number.
 *
 * Promise:  no sixty seconds hold more accepted messages or recipients of one key than its share. What does not end in
 *           an accepted message is given back. Memory is bounded: of senders the longest unused are forgotten first.
 */

import type { SendingLimits } from "../lib/core/directory.ts";
import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { MinuteWindow, WINDOW_MS } from "../lib/core/minute-window.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";

/** Settings that are the limits of whoever has none of his own. */
export type RateSettings = Pick<
  EdgeSettings,
  | "tasks"
  | "connectionsPerTenantMax"
  | "tenantMessagesPerMinute"
  | "tenantRecipientsPerMinute"
  | "credentialMessagesPerMinute"
  | "credentialRecipientsPerMinute"
  | "senderMessagesPerMinute"
  | "senderRecipientsPerMinute"
>;

/** Who sends, and what limits of their own the directory gives them. */
export interface Sending {
  readonly tenant: string;
  readonly tenantLimits: SendingLimits | undefined;
  /** What tells the credential or network from others of the tenant. */
  readonly credential: string;
  /** How replies call it. */
  readonly label: string;
  readonly credentialLimits: SendingLimits | undefined;
  /** `null`: the null sender, which counts together with the server's other system mail. */
  readonly sender: string | null;
}

type What = "messages" | "recipients";

interface Limit {
  readonly key: string;
  readonly who: string;
  readonly messages: number;
  readonly recipients: number;
}

interface Windows {
  readonly messages: MinuteWindow;
  readonly recipients: MinuteWindow;
  usedAt: number;
}

/** The windows of many keys, of which the longest unused go first. */
class WindowMap {
  readonly #windows = new Map<string, Windows>();
  readonly #keysMax: number;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  get(key: string, now: number): Windows {
    const known = this.#windows.get(key);
    // Newest last, so that the longest unused are found first.
    if (known !== undefined) this.#windows.delete(key);
    else this.#forget(now);
    const windows = known ?? { messages: new MinuteWindow(), recipients: new MinuteWindow(), usedAt: now };
    windows.usedAt = now;
    this.#windows.set(key, windows);
    return windows;
  }

  #forget(now: number): void {
    for (const [key, { usedAt }] of this.#windows) {
      if (this.#windows.size < this.#keysMax && now - usedAt < WINDOW_MS) return;
      this.#windows.delete(key);
    }
  }
}

/** All limits; one per process. */
export class RateLimits {
  readonly #settings: RateSettings;
  readonly #now: () => number;
  /** Apart, so that a flood of senders cannot make the relay forget what their tenant has sent. */
  readonly #accounts = new WindowMap(LIMITS.edge.cacheEntriesMax);
  readonly #senders = new WindowMap(LIMITS.edge.rateSendersMax);
  readonly #connections = new Map<string, number>();

  /** `now` gives milliseconds and never goes back. */
  constructor(settings: RateSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  /** Counts a message that begins, or says why it must wait. */
  begin(sending: Sending): MessageCount | SmtpReply {
    const now = this.#now();
    const { tenant, credential, sender } = this.#limits(sending);
    const count = new MessageCount(
      [
        { limit: tenant, windows: this.#accounts.get(tenant.key, now) },
        { limit: credential, windows: this.#accounts.get(credential.key, now) },
        { limit: sender, windows: this.#senders.get(sender.key, now) },
      ],
      this.#now,
    );
    return count.message() ?? count;
  }

  /**
   * Counts a message that will leave under the relay's shared system address, whoever it says it is from: one hacked
   * site must not burn that address for everybody. It goes to the count of the credential's null sender. Undefined: it
   * stands there already.
   */
  shared(sending: Sending, recipients: number): MessageCount | SmtpReply | undefined {
    if (sending.sender === null) return undefined;
    const limit = this.#limits({ ...sending, sender: null }).sender;
    const count = new MessageCount([{ limit, windows: this.#senders.get(limit.key, this.#now()) }], this.#now);
    // A message cannot be taken for some of its recipients at this point, so a large one may use up a whole minute.
    const refusal = count.message() ?? count.add("recipients", Math.min(recipients, limit.recipients));
    if (refusal === undefined) return count;
    count.giveBack();
    return refusal;
  }

  /** Counts a connection of a tenant, or says that there are too many. The function ends the count; call it once. */
  connect(sending: Omit<Sending, "sender">): (() => void) | SmtpReply {
    const { tenant, tenantLimits, credential, credentialLimits } = sending;
    const ofTenant = tenantLimits?.connections ?? this.#settings.connectionsPerTenantMax;
    const wanted: (readonly [string, number, string])[] = [[tenant, this.#share(ofTenant), `tenant ${tenant}`]];
    if (credentialLimits?.connections !== undefined) {
      wanted.push([`${tenant}/${credential}`, this.#share(credentialLimits.connections), sending.label]);
    }
    for (const [key, max, who] of wanted) {
      if ((this.#connections.get(key) ?? 0) >= max) return smtpReply("tooManyConnectionsOf", { who });
    }
    for (const [key] of wanted) this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
    return () => {
      for (const [key] of wanted) {
        const left = (this.#connections.get(key) ?? 1) - 1;
        if (left > 0) this.#connections.set(key, left);
        else this.#connections.delete(key);
      }
    };
  }

  #limits(sending: Sending): { tenant: Limit; credential: Limit; sender: Limit } {
    const { tenant, tenantLimits, credential, credentialLimits, label, sender } = sending;
    const { settings, share } = { settings: this.#settings, share: (limit: number) => this.#share(limit) };
    const own = (name: keyof SendingLimits): number | undefined => credentialLimits?.[name] ?? tenantLimits?.[name];
    return {
      tenant: {
        key: tenant,
        who: `tenant ${tenant}`,
        messages: share(tenantLimits?.messagesPerMinute ?? settings.tenantMessagesPerMinute),
        recipients: share(tenantLimits?.recipientsPerMinute ?? settings.tenantRecipientsPerMinute),
      },
      credential: {
        key: `${tenant}/${credential}`,
        who: label,
        messages: share(credentialLimits?.messagesPerMinute ?? settings.credentialMessagesPerMinute),
        recipients: share(credentialLimits?.recipientsPerMinute ?? settings.credentialRecipientsPerMinute),
      },
      sender: {
        key: sender === null ? `${tenant}/${credential}/` : `${tenant}//${sender.toLowerCase()}`,
        who: sender ?? `the null sender and system accounts of ${label}`,
        messages: share(own("senderMessagesPerMinute") ?? settings.senderMessagesPerMinute),
        recipients: share(own("senderRecipientsPerMinute") ?? settings.senderRecipientsPerMinute),
      },
    };
  }

  #share(limit: number): number {
    return limit === 0 ? 0 : Math.max(1, Math.floor(limit / this.#settings.tasks));
  }
}

interface Counted {
  readonly window: MinuteWindow;
  readonly slot: number;
  amount: number;
}

/** One message as it is counted. */
export class MessageCount {
  readonly #of: readonly { readonly limit: Limit; readonly windows: Windows }[];
  readonly #now: () => number;
  #counted: Counted[] = [];

  constructor(of: readonly { readonly limit: Limit; readonly windows: Windows }[], now: () => number) {
    this.#of = of;
    this.#now = now;
  }

  /** Counts the message itself, or says when there is room again. */
  message(): SmtpReply | undefined {
    return this.add("messages", 1);
  }

  /** Counts one recipient more, or says when there is room again. */
  recipient(): SmtpReply | undefined {
    return this.add("recipients", 1);
  }

  /** Counts for everybody concerned, or for nobody. */
  add(what: What, amount: number): SmtpReply | undefined {
    const now = this.#now();
    for (const { limit, windows } of this.#of) {
      const waitMs = windows[what].waitMs(now, amount, limit[what]);
      if (waitMs === 0) continue;
      const fill = { who: limit.who, seconds: Math.ceil(waitMs / 1000) };
      return smtpReply(what === "messages" ? "tooManyMessagesOf" : "tooManyRecipientsOf", fill);
    }
    for (const { windows } of this.#of) this.#count(windows[what], windows[what].add(now, amount), amount);
    return undefined;
  }

  /** The message was not accepted after all. */
  giveBack(): void {
    const now = this.#now();
    for (const { window, slot, amount } of this.#counted) window.giveBack(now, slot, amount);
    this.#counted = [];
  }

  #count(window: MinuteWindow, slot: number, amount: number): void {
    const known = this.#counted.find((counted) => counted.window === window && counted.slot === slot);
    if (known === undefined) this.#counted.push({ window, slot, amount });
    else known.amount += amount;
  }
}
