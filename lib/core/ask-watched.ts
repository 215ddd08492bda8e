/**
 * Asks the block lists of a watch for its addresses, one address after the other, so that no list sees a burst.
 *
 * A list that does not pass its test entries is asked for nothing more (`askBlockList`), and is named as not asked.
 */

import type { DnsLookup } from "./dns/dns-lookup.ts";
import { askBlockList } from "./doctor/ask-block-lists.ts";
import type { BlockList } from "./doctor/block-list-zones.ts";
import type { Listing, Unasked, WatchAnswers, WatchedAddresses } from "./watch.ts";

/** What asking needs. */
export interface AskWatchedDeps {
  readonly dns: DnsLookup;
  readonly lists: readonly BlockList[];
  /** Waits before the next address. */
  readonly pause: () => Promise<void>;
  /** True when there is no time for another address. */
  readonly isLate: () => boolean;
}

/**
 * What the lists say; undefined when time ran out before. `unknownLists`: names in the watch that are no list's any more.
 * Rejects only where `pause` does.
 */
export async function askWatched(
  deps: AskWatchedDeps,
  watched: WatchedAddresses,
  unknownLists: readonly string[] = [],
): Promise<WatchAnswers | undefined> {
  const listed: Listing[] = [];
  const unasked = new Map<string, Unasked>();
  const note = (what: string, addresses: number, reason: string): void => {
    const before = unasked.get(what);
    unasked.set(what, { what, addresses: addresses + (before?.addresses ?? 0), reason });
  };
  for (const cidr of watched.empty) note(cidr, 0, "no address of the tenant's is known in it");
  if (watched.left > 0) note("addresses", watched.left, "more than are asked for in a day");
  for (const name of unknownLists) note(name, watched.addresses.length, "there is no such list any more");
  if (deps.lists.length === 0) note("lists", watched.addresses.length, "none is named");
  for (const [index, address] of watched.addresses.entries()) {
    if (deps.isLate()) return undefined;
    if (index > 0) await deps.pause();
    const results = await Promise.all(deps.lists.map((list) => askBlockList(list, address, deps.dns)));
    const on: string[] = [];
    for (const [position, result] of results.entries()) {
      const name = deps.lists[position]?.name ?? "";
      if (result.state === "listed") on.push(name);
      if (result.state === "could-not-ask") note(name, 1, result.reason);
    }
    if (on.length > 0) listed.push({ address, lists: on });
  }
  return { asked: watched.addresses.length, listed, unasked: [...unasked.values()] };
}
