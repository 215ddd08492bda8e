/** The options of `relayhost tenant add` and `set`: one table, from which options, checks and changes are made. */

import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { oneOf, type Parser, wholeNumber } from "../../lib/config/declare.ts";
import {
  amount,
  currency,
  domainName,
  endTime,
  label,
  mailAddress,
  orNone,
  percent,
  startTime,
  webhookUrl,
  yesOrNo,
} from "../../lib/config/tenant-settings.ts";
import type { Tenant } from "../../lib/core/directory.ts";
import type { Mistakes } from "./mistakes.ts";

/** What commander gives: each option's text under its name in camel case. */
export type SettingTexts = Readonly<Record<string, unknown>>;

interface SettingOption {
  readonly flag: string;
  readonly doc: string;
  readonly parse: Parser<unknown>;
  /** The tenant's attribute, or a member of one. */
  readonly target: readonly [keyof Tenant] | readonly [keyof Tenant, string];
}

const count = orNone(wholeNumber(1, 1_000_000_000));
const policy = oneOf("refuse", "rewrite");

const SETTINGS: readonly SettingOption[] = [
  { flag: "--name <text>", doc: "the firm, for people", parse: label, target: ["name"] },
  {
    flag: "--language <en|ja>",
    doc: "of what the tenant and its senders are told",
    parse: oneOf("en", "ja"),
    target: ["language"],
  },
  { flag: "--contact <address>", doc: "where notices go", parse: orNone(mailAddress), target: ["contact"] },
  { flag: "--start <date>", doc: "first day of the contract", parse: orNone(startTime), target: ["startsAtMs"] },
  { flag: "--end <date>", doc: "last day of the contract", parse: orNone(endTime), target: ["endsAtMs"] },
  {
    flag: "--monthly-messages <n>",
    doc: "messages accepted in a calendar month (UTC)",
    parse: count,
    target: ["monthlyMessagesMax"],
  },
  { flag: "--price <amount>", doc: "for 1,000", parse: orNone(amount), target: ["price", "per1000"] },
  { flag: "--currency <code>", doc: "of the price", parse: currency, target: ["price", "currency"] },
  {
    flag: "--price-per <unit>",
    doc: "message or recipient",
    parse: oneOf("message", "recipient"),
    target: ["price", "per"],
  },
  {
    flag: "--foreign-from <policy>",
    doc: "forwarded mail and contact forms: refuse or rewrite",
    parse: policy,
    target: ["foreignFrom"],
  },
  {
    flag: "--system-mail <policy>",
    doc: "bounces, cron and the like under the server's own name: refuse or rewrite",
    parse: policy,
    target: ["systemMail"],
  },
  {
    flag: "--rewrite-domain <domain>",
    doc: "for rewritten mail that names none of the tenant's domains",
    parse: orNone(domainName),
    target: ["rewriteDomain"],
  },
  { flag: "--connections <n>", doc: "open at the same time", parse: count, target: ["limits", "connections"] },
  { flag: "--messages-per-minute <n>", doc: "of the tenant", parse: count, target: ["limits", "messagesPerMinute"] },
  {
    flag: "--recipients-per-minute <n>",
    doc: "of the tenant",
    parse: count,
    target: ["limits", "recipientsPerMinute"],
  },
  {
    flag: "--sender-messages-per-minute <n>",
    doc: "of one envelope sender",
    parse: count,
    target: ["limits", "senderMessagesPerMinute"],
  },
  {
    flag: "--sender-recipients-per-minute <n>",
    doc: "of one envelope sender",
    parse: count,
    target: ["limits", "senderRecipientsPerMinute"],
  },
  {
    flag: "--bounce-rate-max <percent>",
    doc: "of hard bounces that pauses it",
    parse: orNone(percent),
    target: ["breaker", "bounceRateMax"],
  },
  {
    flag: "--complaint-rate-max <percent>",
    doc: "of complaints that pauses it",
    parse: orNone(percent),
    target: ["breaker", "complaintRateMax"],
  },
  {
    flag: "--breaker-messages-min <n>",
    doc: "messages before a rate counts",
    parse: count,
    target: ["breaker", "messagesMin"],
  },
  {
    flag: "--breaker-pauses <yes|no>",
    doc: "no: it only warns",
    parse: yesOrNo,
    target: ["breaker", "pauses"],
  },
  {
    flag: "--webhook <url>",
    doc: "events are posted there, signed; the secret is shown once",
    parse: orNone(webhookUrl),
    target: ["webhook", "url"],
  },
];

/** Adds all of them. */
export function withSettings(command: Command): Command {
  for (const { flag, doc } of SETTINGS) command.option(flag, doc);
  return command;
}

/**
 * The tenant's attributes that the options change; undefined takes one away. Members of an attribute that are not
 * spoken of keep the value that `present` has. Mistakes are added, also those that only several options make together.
 */
export function readSettings(
  texts: SettingTexts,
  present: Partial<Tenant>,
  mistakes: Mistakes,
): Readonly<Record<string, unknown>> {
  const changes: Record<string, unknown> = {};
  for (const { flag, parse, target } of SETTINGS) {
    const name = flag.split(" ")[0] ?? flag;
    const text = texts[camelCase(name)];
    if (typeof text !== "string") continue;
    const value = mistakes.read(name, text, parse);
    const [attribute, member] = target;
    if (member === undefined) changes[attribute] = value;
    else {
      const before = changes[attribute] ?? present[attribute] ?? {};
      changes[attribute] = withMember(before as Readonly<Record<string, unknown>>, member, value);
    }
  }
  finishPrice(changes, present, mistakes);
  finishWebhook(changes, present);
  const { startsAtMs, endsAtMs } = { ...present, ...changes };
  if (typeof startsAtMs === "number" && typeof endsAtMs === "number" && endsAtMs <= startsAtMs) {
    mistakes.add("--end: the contract would end before it starts");
  }
  // A new limit is judged anew: the counters set this again if it is reached already.
  if ("monthlyMessagesMax" in changes) changes["limitReachedMonth"] = undefined;
  return changes;
}

/** An attribute whose last member goes, goes too. */
function withMember(
  before: Readonly<Record<string, unknown>>,
  member: string,
  value: unknown,
): Readonly<Record<string, unknown>> | undefined {
  const entries = Object.entries({ ...before, [member]: value }).filter(([, kept]) => kept !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function finishPrice(changes: Record<string, unknown>, present: Partial<Tenant>, mistakes: Mistakes): void {
  if (!("price" in changes)) return;
  const price = (changes["price"] ?? {}) as Partial<NonNullable<Tenant["price"]>>;
  if (price.per1000 === undefined) {
    if (present.price === undefined && price.currency !== undefined) mistakes.add("--currency needs --price");
    else if (present.price === undefined && price.per !== undefined) mistakes.add("--price-per needs --price");
    changes["price"] = undefined;
  } else if (price.currency === undefined) mistakes.add("--price needs --currency");
  else changes["price"] = { per: "message", ...price };
}

function finishWebhook(changes: Record<string, unknown>, present: Partial<Tenant>): void {
  if (!("webhook" in changes)) return;
  const { url } = (changes["webhook"] ?? {}) as { readonly url?: string };
  changes["webhook"] =
    url === undefined
      ? undefined
      : { url, secret: present.webhook?.secret ?? `whsec_${randomBytes(32).toString("base64")}` };
}

function camelCase(flag: string): string {
  return flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
