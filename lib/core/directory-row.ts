/**
 * A directory row as it is read from the table: every field looked at, nothing believed.
 *
 * A row of a kind unknown here is treated as absent: an old edge must not stumble over newer rows. A field of a wrong
 * form counts as absent, except where absence would allow more; there the stricter value is taken.
 */

import type {
  BreakerSettings,
  DirectoryRow,
  DomainIdentity,
  Pause,
  Price,
  SendingLimits,
  Tenant,
  WebhookSettings,
} from "./directory.ts";
import { parseWatch } from "./watch-row.ts";

/** An item of the table, without DynamoDB's type marks. */
export type DirectoryItem = Readonly<Record<string, unknown>>;

/** The row that an item stands for; undefined for what is no row known here. */
export function parseDirectoryRow(item: DirectoryItem): DirectoryRow | undefined {
  // What a newer writer calls something else is not known to be allowed to send.
  const status = item["status"] === undefined || item["status"] === "active" ? "active" : "paused";
  const text = (name: string): string => textOf(item[name]) ?? "";
  switch (item["kind"]) {
    case "tenant":
      return { kind: "tenant", id: text("id"), name: text("name"), status, ...parseTenant(item) };
    case "credential":
      return {
        kind: "credential",
        login: text("login"),
        tenant: text("tenant"),
        label: text("label"),
        status,
        passwordHash: text("passwordHash"),
        ...present("pause", parsePause(item["pause"])),
        ...present("previousPasswordHash", textOf(item["previousPasswordHash"])),
        ...present("previousUntilMs", numberOf(item["previousUntilMs"])),
        ...present("limits", parseLimits(item["limits"])),
      };
    case "network":
      return {
        kind: "network",
        cidr: text("cidr"),
        tenant: text("tenant"),
        label: text("label"),
        status,
        tlsRequired: item["tlsRequired"] !== false,
      };
    case "domain":
      return {
        kind: "domain",
        domain: text("domain"),
        tenant: text("tenant"),
        status: item["status"] === "verified" ? "verified" : "pending",
        ...present("ses", parseIdentity(item["ses"])),
      };
    case "sender-pause": {
      const pause = parsePause(item["pause"]) ?? { by: "operator", reason: "", atMs: 0 };
      return { kind: "sender-pause", tenant: text("tenant"), sender: text("sender"), pause };
    }
    case "watch":
      return parseWatch(item);
    default:
      return undefined;
  }
}

function parseTenant(item: DirectoryItem): Omit<Tenant, "kind" | "id" | "name" | "status"> {
  return {
    language: item["language"] === "ja" ? "ja" : "en",
    ...present("pause", parsePause(item["pause"])),
    ...present("contact", textOf(item["contact"])),
    ...present("startsAtMs", numberOr(item["startsAtMs"], Number.MAX_SAFE_INTEGER)),
    ...present("endsAtMs", numberOr(item["endsAtMs"], 0)),
    ...present("monthlyMessagesMax", numberOr(item["monthlyMessagesMax"], 0)),
    ...present("limitReachedMonth", textOf(item["limitReachedMonth"])),
    ...present("price", parsePrice(item["price"])),
    ...present("limits", parseLimits(item["limits"])),
    ...present("breaker", parseBreaker(item["breaker"])),
    ...present("webhook", parseWebhook(item["webhook"])),
    ...parsePolicy(item),
  };
}

/** A value unknown here, from a newer writer, counts as the stricter choice. */
function parsePolicy(item: DirectoryItem): Pick<Tenant, "foreignFrom" | "systemMail" | "rewriteDomain"> {
  const { foreignFrom, systemMail, rewriteDomain } = item;
  return {
    ...(foreignFrom === undefined ? {} : { foreignFrom: foreignFrom === "rewrite" ? "rewrite" : "refuse" }),
    ...(systemMail === undefined ? {} : { systemMail: systemMail === "rewrite" ? "rewrite" : "refuse" }),
    ...present("rewriteDomain", textOf(rewriteDomain)),
  };
}

function parseIdentity(value: unknown): DomainIdentity | undefined {
  if (!isItem(value)) return undefined;
  const region = textOf(value["region"]);
  const dkimZone = textOf(value["dkimZone"]);
  const tokens: unknown = value["dkimTokens"];
  if (region === undefined || dkimZone === undefined || !Array.isArray(tokens)) return undefined;
  return {
    region,
    dkimZone,
    dkimTokens: tokens.map(textOf).filter((token) => token !== undefined),
    ...present("mailFrom", textOf(value["mailFrom"])),
    ...(value["adopted"] === true ? { adopted: true } : {}),
  };
}

function parsePause(value: unknown): Pause | undefined {
  if (!isItem(value)) return undefined;
  return {
    by: value["by"] === "breaker" ? "breaker" : "operator",
    reason: textOf(value["reason"]) ?? "",
    atMs: numberOf(value["atMs"]) ?? 0,
  };
}

function parsePrice(value: unknown): Price | undefined {
  if (!isItem(value)) return undefined;
  const per1000 = textOf(value["per1000"]);
  const currency = textOf(value["currency"]);
  if (per1000 === undefined || currency === undefined) return undefined;
  return { per: value["per"] === "recipient" ? "recipient" : "message", per1000, currency };
}

function parseLimits(value: unknown): SendingLimits | undefined {
  if (!isItem(value)) return undefined;
  return {
    ...present("connections", numberOf(value["connections"])),
    ...present("messagesPerMinute", numberOf(value["messagesPerMinute"])),
    ...present("recipientsPerMinute", numberOf(value["recipientsPerMinute"])),
    ...present("senderMessagesPerMinute", numberOf(value["senderMessagesPerMinute"])),
    ...present("senderRecipientsPerMinute", numberOf(value["senderRecipientsPerMinute"])),
  };
}

function parseBreaker(value: unknown): BreakerSettings | undefined {
  if (!isItem(value)) return undefined;
  return {
    ...present("bounceRateMax", numberOf(value["bounceRateMax"])),
    ...present("complaintRateMax", numberOf(value["complaintRateMax"])),
    ...present("messagesMin", numberOf(value["messagesMin"])),
    ...(value["pauses"] === false ? { pauses: false } : {}),
  };
}

function parseWebhook(value: unknown): WebhookSettings | undefined {
  if (!isItem(value)) return undefined;
  const url = textOf(value["url"]);
  const secret = textOf(value["secret"]);
  return url === undefined || secret === undefined ? undefined : { url, secret };
}

function isItem(value: unknown): value is DirectoryItem {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** A limit that is there but cannot be read is the strictest one. */
function numberOr(value: unknown, strictest: number): number | undefined {
  return value === undefined ? undefined : (numberOf(value) ?? strictest);
}

function present<Name extends string, Value>(name: Name, value: Value | undefined): { [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [N in Name]?: Value });
}
