/**
 * What has to change in the Route 53 zones of an account so that the wanted records are published.
 *
 * Nothing that is there is replaced unless that is asked for: a record that differs is named and left alone. A DMARC
 * policy that is there is kept in any case, since any valid one serves.
 */

import { RECORD_TTL_SECONDS, type WantedRecord } from "./domain-records.ts";

/** A public hosted zone. */
export interface HostedZone {
  readonly id: string;
  /** Without the last dot. */
  readonly name: string;
}

/** Records of one name and type; texts with their quotes, as Route 53 keeps them. */
export interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly values: readonly string[];
}

/** One record set to write. */
export interface RecordChange {
  readonly action: "CREATE" | "UPSERT";
  readonly set: RecordSet;
  readonly ttlSeconds: number;
}

/** What is to be done about the records of one zone. */
export interface ZonePlan {
  readonly changes: readonly RecordChange[];
  /** Already as wanted. */
  readonly good: readonly WantedRecord[];
  /** Something else stands there; `present` is what. */
  readonly inTheWay: readonly { readonly record: WantedRecord; readonly present: string }[];
}

/** The zone that a name belongs to: the longest that ends it. Undefined: none of these. */
export function zoneOf(name: string, zones: readonly HostedZone[]): HostedZone | undefined {
  const fitting = zones.filter((zone) => `.${name}`.endsWith(`.${zone.name}`));
  return fitting.toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** The plan for one zone, given all that it holds. `replaces`: what differs is replaced, as far as DNS allows. */
export function planZone(wanted: readonly WantedRecord[], present: readonly RecordSet[], replaces: boolean): ZonePlan {
  const changes: RecordChange[] = [];
  const good: WantedRecord[] = [];
  const inTheWay: { record: WantedRecord; present: string }[] = [];
  for (const record of wanted) {
    const atName = present.filter(({ name }) => name === record.name);
    const same = atName.find(({ type }) => type === record.type);
    const others = atName.filter(({ type }) => type !== record.type);
    const set = { name: record.name, type: record.type, values: [valueOf(record)] };
    if (same !== undefined && isGood(record, same)) good.push(record);
    // A CNAME stands alone at its name (RFC 1034 §3.6.2), and nothing can be put beside one.
    else if (others.some(({ type }) => type === "CNAME" || record.type === "CNAME")) {
      inTheWay.push({ record, present: others.map(shown).join(", ") });
    } else if (same === undefined) changes.push({ action: "CREATE", set, ttlSeconds: RECORD_TTL_SECONDS });
    else if (replaces) changes.push({ action: "UPSERT", set, ttlSeconds: RECORD_TTL_SECONDS });
    else inTheWay.push({ record, present: shown(same) });
  }
  return { changes, good, inTheWay };
}

function isGood(record: WantedRecord, present: RecordSet): boolean {
  if (record.purpose === "dmarc") return present.values.some((value) => /^"\s*v=DMARC1\s*;/i.test(value));
  return present.values.length === 1 && sameValue(record.type, present.values[0] ?? "", valueOf(record));
}

function sameValue(type: WantedRecord["type"], a: string, b: string): boolean {
  if (type === "TXT") return a === b;
  const plain = (value: string): string => value.toLowerCase().replace(/\.$/, "");
  return plain(a) === plain(b);
}

/** As Route 53 keeps it: host names with their last dot, texts in quotes. */
function valueOf(record: WantedRecord): string {
  switch (record.type) {
    case "CNAME":
      return `${record.value}.`;
    case "MX":
      return `${record.preference ?? 10} ${record.value}.`;
    case "TXT":
      return `"${record.value}"`;
  }
}

function shown(set: RecordSet): string {
  return `${set.type} ${set.values.join(" ")}`;
}
