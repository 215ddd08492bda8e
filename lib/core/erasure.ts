/**
 * What the relay keeps of a tenant, by kind, and which item of the ledger belongs to it.
 *
 * A kind that is added to the ledger must be told apart here, or the search after an erasure does not see it.
 */

import type { Tenant } from "./directory.ts";
import { LIMITS } from "./limits.ts";
import { LEDGER_KEYS } from "./names.ts";
import { parseQueueId, type QueueId } from "./queue-id.ts";
import { parseSesEvent } from "./ses-event.ts";

/** Each kind with the words that an operator reads. */
export const ERASURE_KINDS = {
  content: "stored mail, all versions",
  deleteMarkers: "delete markers",
  messages: "records of messages",
  recipients: "records of recipients",
  notes: "notes on messages",
  duplicates: "duplicate guards",
  events: "kept events of SES",
  suppressions: "suppression entries",
  breaker: "breaker counts",
  announcements: "counts to be made",
  slots: "usage by ten minutes",
  usage: "usage by day",
  identities: "SES identities",
  sesTenant: "SES tenant",
  domains: "domains",
  networks: "networks",
  credentials: "credentials",
  senderPauses: "paused senders",
  watches: "watch over block lists",
  tenant: "tenant",
} as const;

/** A kind. */
export type ErasureKind = keyof typeof ERASURE_KINDS;

/** How many of each kind. */
export type ErasureCounts = Readonly<Record<ErasureKind, number>>;

/** A count in the making. */
export class ErasureTally {
  readonly #counts = Object.fromEntries(Object.keys(ERASURE_KINDS).map((kind) => [kind, 0])) as Record<
    ErasureKind,
    number
  >;

  add(kind: ErasureKind, count = 1): void {
    this.#counts[kind] += count;
  }

  get counts(): ErasureCounts {
    return { ...this.#counts };
  }
}

/** All of them together. */
export function sumOf(counts: ErasureCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** What an item of the ledger shows of whose it is: its key and, where it has them, these attributes. */
export interface LedgerTrace {
  readonly partition: string;
  readonly sort: string;
  /** Of the item, or of the record in it. */
  readonly tenant?: string;
  /** Of an event that is kept. */
  readonly body?: string;
}

/**
 * What an item is, if it is the tenant's. `ids` are those of its messages, as far as they are known: notes, and records
 * from before the tenant stood in them, have nothing else.
 */
export function erasureKindOf(
  trace: LedgerTrace,
  tenant: string,
  ids: ReadonlySet<QueueId>,
): { readonly kind: ErasureKind; readonly id?: QueueId } | undefined {
  const { partition, sort } = trace;
  const [letter = "", owner] = partition.split("#");
  const own = (kind: ErasureKind, is: boolean): { readonly kind: ErasureKind } | undefined =>
    is ? { kind } : undefined;
  switch (letter) {
    case "m": {
      const id = parseQueueId(owner ?? "");
      if (id === undefined || (trace.tenant === undefined ? !ids.has(id) : trace.tenant !== tenant)) return undefined;
      return { kind: sort.startsWith("r#") ? "recipients" : sort === "m" ? "messages" : "notes", id };
    }
    case "d":
      return own("duplicates", trace.tenant === tenant);
    case "w":
      return own("announcements", trace.tenant === tenant);
    case "x": {
      const event = parseSesEvent(trace.body ?? "");
      return own("events", event?.tenant === tenant || (event?.id !== undefined && ids.has(event.id)));
    }
    case "s":
      return own("suppressions", owner === tenant);
    case "b":
      return own("breaker", owner === tenant);
    case "v":
      return own("slots", owner === tenant);
    case "u":
      return own("usage", owner === tenant);
    default:
      return undefined;
  }
}

/** A search of the ledger for one tenant, in DynamoDB's terms: finds all that `erasureKindOf` may say yes to. */
export function ledgerSearch(tenant: string): {
  readonly filter: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
} {
  return {
    filter: [
      "#tenant = :t",
      "#record.#tenant = :t",
      "#pk IN (:s, :b)",
      ...["bd", "v", "u"].map((name) => `begins_with(#pk, :${name})`),
      "(#pk = :x AND contains(#body, :t))",
      // Of these only the key, or not even that, tells whose they are.
      "(begins_with(#pk, :m) AND attribute_not_exists(#record.#tenant))",
    ].join(" OR "),
    names: { "#pk": LEDGER_KEYS.partition, "#tenant": "tenant", "#record": "record", "#body": "body" },
    values: {
      ":t": tenant,
      ":s": `s#${tenant}`,
      ":b": `b#${tenant}`,
      ":bd": `b#${tenant}#`,
      ":v": `v#${tenant}#`,
      ":u": `u#${tenant}#`,
      ":x": "x",
      ":m": "m#",
    },
  };
}

/**
 * Why a tenant cannot be erased now, in words; undefined: it can. It must have been paused, or its contract over, for
 * long enough that every edge knows; else mail would come in behind the erasure.
 */
export function erasureObstacle(tenant: Tenant, nowMs: number): string | undefined {
  const sinceMs = [
    ...(tenant.status === "paused" ? [tenant.pause?.atMs ?? 0] : []),
    ...(tenant.endsAtMs !== undefined && tenant.endsAtMs <= nowMs ? [tenant.endsAtMs] : []),
  ];
  const { id } = tenant;
  if (sinceMs.length === 0) {
    return `tenant ${id} may still send; end its contract first (relayhost tenant end ${id}), or pause it`;
  }
  const leftMs = Math.min(...sinceMs) + LIMITS.erasure.afterStopMs - nowMs;
  if (leftMs <= 0) return undefined;
  return `tenant ${id} could send until a moment ago; try again in ${Math.ceil(leftMs / 60_000)} min`;
}

/** What stays in any case, and how long, for whoever must answer for it. */
export const NOT_ERASED: readonly string[] = [
  "log lines with addresses: until the log groups' retention ends (logDays in cdk.json)",
  "the tables' point-in-time recovery: 35 days; a table restored from it must be erased again",
  `queues and dead-letter queues (keys of messages, events of SES, webhooks): at most ${LIMITS.queue.retentionDays} days`,
  `late events of SES about its mail: kept ${LIMITS.ledger.unknownEventDays} days; the same command removes them too`,
  "what Amazon SES and the receivers keep of mail that was sent",
  "the audit record of the console: who changed what, with the names of what was changed",
  "DNS records of its domains (CNAME, MX, TXT): in their zones",
];
