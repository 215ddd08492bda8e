/**
 * A tenant's own addresses, looked for in block lists day by day, until its contract can end.
 *
 * Decisions only: which addresses are asked for, and what a day's answers make of the days before. A day is clear when
 * every address was asked for in every list and none was listed. A listing ends the run of clear days. A day on which
 * something could not be asked neither adds to the run nor ends it.
 */

import { canonicalIp, cidrRelation } from "./cidr.ts";
import { type BlockList, blockLists } from "./doctor/block-list-zones.ts";
import { LIMITS } from "./limits.ts";
import { utcDay } from "./usage.ts";

/** What is watched for a tenant, and how that has gone; one row of the directory for each tenant. */
export interface Watch {
  readonly kind: "watch";
  readonly tenant: string;
  /** Addresses and networks in canonical form (`192.0.2.5/32`), in order of addition. */
  readonly networks: readonly string[];
  /** Lists that count, as `listId` names them. */
  readonly lists: readonly string[];
  /** So many days in a row without a listing, and the contact is told. */
  readonly clearDays: number;
  /** Another one with each change of the above: what a check asked before does not count after it. */
  readonly version: number;
  readonly state?: WatchState;
}

/** What the daily check has found. */
export interface WatchState {
  /** UTC day of the last check. */
  readonly day: string;
  /** How many addresses were asked for. */
  readonly asked: number;
  readonly listed: readonly Listing[];
  /** What could not be asked; a day with any says neither "listed" nor "clear". */
  readonly unasked: readonly Unasked[];
  /** The run of clear days. */
  readonly run: number;
  /** The mail about this run: owed until the spool has it. */
  readonly notice?: WatchNoticeState;
}

/** An address and the lists that have it. */
export interface Listing {
  readonly address: string;
  readonly lists: readonly string[];
}

/** A list (or a network of which no address is known), how many addresses it is about, and why. */
export interface Unasked {
  readonly what: string;
  readonly addresses: number;
  readonly reason: string;
}

/** Time and number of days of the mail, which do not change once set, so that writing it twice writes one mail. */
export interface WatchNoticeState {
  readonly atMs: number;
  readonly run: number;
  readonly written: boolean;
}

/** The answers of one day. */
export type WatchAnswers = Pick<WatchState, "asked" | "listed" | "unasked">;

/** How a list is called on the command line: `spamhaus-zen`. */
export function listId({ name }: BlockList): string {
  return name.toLowerCase().replaceAll(" ", "-");
}

/** The lists of addresses that can be watched. */
export function watchableLists(dqsKey?: string): BlockList[] {
  return blockLists(dqsKey).filter(({ kind }) => kind === "address");
}

/** Those that are watched unless the operator says otherwise: where a listing has mail refused. */
export function usualLists(): string[] {
  return watchableLists()
    .filter(({ severity }) => severity === "must" || severity === "should")
    .map(listId);
}

/** How many addresses a network has, where each of them is asked for; undefined: it is too wide for that. */
export function wholeSize(cidr: string): number | undefined {
  const size = 2 ** ((cidr.includes(":") ? 128 : 32) - Number(cidr.split("/")[1]));
  return size <= LIMITS.watch.wholeNetworkMax ? size : undefined;
}

/** Which addresses are asked for, and of which networks none is known. */
export interface WatchedAddresses {
  readonly addresses: readonly string[];
  /** Wide networks without an address of the tenant's that is known. */
  readonly empty: readonly string[];
  /** Known addresses beyond the bound, which are not asked for. */
  readonly left: number;
}

/**
 * Every address of a small network; of a wide one those of `known`, the addresses from which the tenant's mail came: what
 * a neighbour is listed for is nothing to the tenant, and nobody asks a list for 32,768 addresses.
 */
export function watchedAddresses(networks: readonly string[], known: readonly string[]): WatchedAddresses {
  const wide = networks.filter((cidr) => wholeSize(cidr) === undefined);
  const addresses = new Set(networks.filter((cidr) => !wide.includes(cidr)).flatMap(allAddresses));
  const own = [...new Set([...addresses, ...known])];
  const empty: string[] = [];
  const found = new Set<string>();
  for (const cidr of wide) {
    const inside = own.filter((address) => isInside(address, cidr));
    if (inside.length === 0) empty.push(cidr);
    for (const address of inside) if (!addresses.has(address)) found.add(address);
  }
  const room = Math.max(0, LIMITS.watch.addressesMax - addresses.size);
  const more = [...found];
  return { addresses: [...addresses, ...more.slice(0, room)], empty, left: Math.max(0, more.length - room) };
}

function isInside(address: string, cidr: string): boolean {
  const relation = cidrRelation(`${address}/${address.includes(":") ? 128 : 32}`, cidr);
  return relation === "inside" || relation === "same";
}

/** Of a network of at most `wholeNetworkMax` addresses: they lie in the last group of either notation. */
function allAddresses(cidr: string): string[] {
  const [first = ""] = cidr.split("/");
  const size = wholeSize(cidr) ?? 0;
  if (!first.includes(":")) {
    const start = first.lastIndexOf(".") + 1;
    return Array.from({ length: size }, (_, index) => first.slice(0, start) + (Number(first.slice(start)) + index));
  }
  const groups = first.endsWith("::") ? `${first}0` : first;
  const start = groups.lastIndexOf(":") + 1;
  const last = Number.parseInt(groups.slice(start), 16);
  return Array.from({ length: size }, (_, index) => {
    const address = groups.slice(0, start) + (last + index).toString(16);
    return canonicalIp(address) ?? address;
  });
}

/** What a day's answers say. */
export function dayVerdict({ asked, listed, unasked }: WatchAnswers): "listed" | "clear" | "unknown" {
  if (listed.length > 0) return "listed";
  return asked > 0 && unasked.length === 0 ? "clear" : "unknown";
}

/**
 * The state after a day's check. A second check on one day changes nothing, whatever comes twice. `canTell`: the tenant
 * has a contact. The mail is owed once for each run of clear days.
 */
export function nextWatchState(watch: Watch, nowMs: number, answers: WatchAnswers, canTell: boolean): WatchState {
  const day = utcDay(nowMs);
  const before = watch.state;
  if (before !== undefined && before.day >= day) return before;
  const verdict = dayVerdict(answers);
  if (verdict === "listed") return { day, ...answers, run: 0 };
  const run = (before?.run ?? 0) + (verdict === "clear" ? 1 : 0);
  const owes = before?.notice === undefined && canTell && verdict === "clear" && run >= watch.clearDays;
  const notice = owes ? { atMs: nowMs, run, written: false } : before?.notice;
  return { day, ...answers, run, ...(notice === undefined ? {} : { notice }) };
}
