/**
 * Counts, from a mail server's log, what would come to the relay after the switch.
 *
 * A recipient is counted when a delivery to another machine has ended, well or badly; tries that were put off are not, and
 * neither is mail that stays on the server. Memory: one entry for each message in the queue, at most `OPEN_MAX`.
 */

import { toAsciiDomain } from "../address.ts";
import { diagnose } from "../explain-refusal.ts";
import type { MailLogEvent, MailLogLine } from "./mail-log-event.ts";
import { qmailJoiner } from "./qmail-log.ts";

/** Messages kept in mind at once; of logs without ends (sendmail) the oldest are forgotten. */
const OPEN_MAX = 100_000;
const DOMAINS_MAX = 100_000;

/** What is known of a sender's domain. */
export interface SenderCount {
  readonly domain: string;
  readonly messages: number;
  readonly recipients: number;
}

/** The result. Counts are of mail to other machines. */
export interface PreflightCount {
  readonly lines: number;
  /** Lines that are no mail log, as a hint that the file is another one. */
  readonly linesUnknown: number;
  readonly messages: number;
  readonly recipients: number;
  /** Octets of those messages, once for each recipient; messages whose size the log does not give count as the average. */
  readonly bytes: number;
  /** Recipients by day, in the order of the log. */
  readonly days: readonly { readonly day: string; readonly recipients: number }[];
  /** By number of messages, most first; without the null sender. */
  readonly senders: readonly SenderCount[];
  /** Messages from the null sender. */
  readonly nullSender: number;
  /** Messages that this server forwards: they came for another address, or under SRS. */
  readonly forwarded: number;
  /** Recipients that were refused for good, and of those, refused for this server's own address. */
  readonly bounced: number;
  readonly refusedForReputation: number;
  /** Names that this server had in its log. */
  readonly hosts: readonly string[];
  /** Recipients' domains with the number of recipients, most first. */
  readonly recipientDomains: readonly {
    readonly domain: string;
    readonly recipients: number;
    readonly refused: number;
  }[];
}

interface Open {
  sender: string | undefined;
  sizeBytes: number | undefined;
  counted: boolean;
  forwarded: boolean;
}

/** Takes lines, one after another, and gives the count at the end. */
export function preflightCounter(): { add(line: MailLogLine | undefined): void; result(): PreflightCount } {
  const open = new Map<string, Open>();
  const join = qmailJoiner();
  const days = new Map<string, number>();
  const senders = new Map<string, { messages: number; recipients: number }>();
  const targets = new Map<string, { recipients: number; refused: number }>();
  const hosts = new Set<string>();
  const total = {
    lines: 0,
    unknown: 0,
    messages: 0,
    recipients: 0,
    bytes: 0,
    sized: 0,
    nullSender: 0,
    forwarded: 0,
    bounced: 0,
    refused: 0,
  };

  const entry = (id: string): Open => {
    const known = open.get(id);
    if (known !== undefined) return known;
    if (open.size >= OPEN_MAX) {
      for (const oldest of open.keys()) {
        open.delete(oldest);
        break;
      }
    }
    const fresh: Open = { sender: undefined, sizeBytes: undefined, counted: false, forwarded: false };
    open.set(id, fresh);
    return fresh;
  };

  const deliver = (event: Extract<MailLogEvent, { kind: "delivery" }>, day: string): void => {
    const message = entry(event.id);
    if (!event.remote || event.outcome === "deferred") return;
    const domain = domainOf(event.recipient);
    const target = counterOf(targets, domain, () => ({ recipients: 0, refused: 0 }));
    const sender = message.sender;
    const count =
      sender === undefined || sender === ""
        ? undefined
        : counterOf(senders, domainOf(sender), () => ({ messages: 0, recipients: 0 }));
    total.recipients += 1;
    days.set(day, (days.get(day) ?? 0) + 1);
    if (target !== undefined) target.recipients += 1;
    if (count !== undefined) count.recipients += 1;
    if (message.sizeBytes !== undefined) {
      total.bytes += message.sizeBytes;
      total.sized += 1;
    }
    if (event.outcome === "bounced") {
      total.bounced += 1;
      if (diagnose(undefined, event.text) === "blocked-ip") {
        total.refused += 1;
        if (target !== undefined) target.refused += 1;
      }
    }
    if (!message.counted) {
      message.counted = true;
      total.messages += 1;
      if (sender === "") total.nullSender += 1;
      if (count !== undefined) count.messages += 1;
    }
    const isForwarded =
      /^SRS[01][=+-]/i.test(sender ?? "") || (event.original !== undefined && domainOf(event.original) !== domain);
    if (isForwarded && !message.forwarded) {
      message.forwarded = true;
      total.forwarded += 1;
    }
  };

  return {
    add: (line) => {
      total.lines += 1;
      if (line === undefined) {
        total.unknown += 1;
        return;
      }
      if (line.host !== "" && line.events.length > 0 && hosts.size < 100) hosts.add(line.host.toLowerCase());
      for (const half of line.events) {
        const event = join(half);
        if (event === undefined) continue;
        if (event.kind === "sender") {
          const message = entry(event.id);
          message.sender = event.sender;
          message.sizeBytes = event.sizeBytes;
        } else if (event.kind === "end") open.delete(event.id);
        else deliver(event, line.day);
      }
    },
    result: () => ({
      lines: total.lines,
      linesUnknown: total.unknown,
      messages: total.messages,
      recipients: total.recipients,
      bytes: total.sized === 0 ? 0 : Math.round((total.bytes / total.sized) * total.recipients),
      days: [...days].map(([day, recipients]) => ({ day, recipients })),
      senders: [...senders]
        .map(([domain, count]) => ({ domain, ...count }))
        .toSorted((a, b) => b.messages - a.messages || compare(a.domain, b.domain)),
      nullSender: total.nullSender,
      forwarded: total.forwarded,
      bounced: total.bounced,
      refusedForReputation: total.refused,
      hosts: [...hosts],
      recipientDomains: [...targets]
        .map(([domain, count]) => ({ domain, ...count }))
        .toSorted((a, b) => b.recipients - a.recipients || compare(a.domain, b.domain)),
    }),
  };
}

function counterOf<Count>(counts: Map<string, Count>, name: string, fresh: () => Count): Count | undefined {
  const known = counts.get(name);
  if (known !== undefined || counts.size >= DOMAINS_MAX) return known;
  const count = fresh();
  counts.set(name, count);
  return count;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lower case, A-labels; what is no domain as it stands; empty for a bare name. */
function domainOf(address: string): string {
  const name = address.slice(address.lastIndexOf("@") + 1);
  if (name === address) return "";
  return toAsciiDomain(name) ?? name.toLowerCase();
}
