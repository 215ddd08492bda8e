/**
 * The directory as the edge asks it: by key, remembered for at most a minute, never longer than a deadline.
 *
 * Promise:  a change in the table works within the cache time; many sessions that ask the same at once cost one read.
 * Failure:  rejects when the table does not answer and nothing is remembered; callers answer 4xx.
 */

import { type Directory, readRow, readRows } from "../lib/aws/directory-dynamo.ts";
import { coveringDomains } from "../lib/core/address.ts";
import { coveringPrefixes } from "../lib/core/cidr.ts";
import {
  type Credential,
  credentialKey,
  type DirectoryRow,
  domainKey,
  type Network,
  networkKey,
  type SenderDomain,
  type SenderVerdict,
  senderVerdict,
  type Tenant,
  tenantKey,
} from "../lib/core/directory.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { withDeadline } from "./deadline.ts";
import { TimedCache } from "./timed-cache.ts";

/** Milliseconds: of one look-up, and for which an answer counts. */
export interface DirectoryCacheOptions {
  readonly deadlineMs: number;
  readonly keepMs: number;
}

/** The edge's view of the directory. Every method rejects when the directory cannot be asked. */
export class DirectoryCache {
  readonly #directory: Directory;
  readonly #deadlineMs: number;
  readonly #rows: TimedCache<DirectoryRow | undefined>;
  readonly #networks: TimedCache<Network | undefined>;
  readonly #domains: TimedCache<readonly SenderDomain[]>;

  constructor(directory: Directory, options: DirectoryCacheOptions) {
    this.#directory = directory;
    this.#deadlineMs = options.deadlineMs;
    const cache = {
      keepMs: options.keepMs,
      entriesMax: LIMITS.edge.cacheEntriesMax,
      now: () => performance.now(),
    };
    this.#rows = new TimedCache(cache);
    this.#networks = new TimedCache(cache);
    this.#domains = new TimedCache(cache);
  }

  async tenant(id: string): Promise<Tenant | undefined> {
    const row = await this.#row(tenantKey(id));
    return row?.kind === "tenant" ? row : undefined;
  }

  async credential(login: string): Promise<Credential | undefined> {
    const row = await this.#row(credentialKey(login));
    return row?.kind === "credential" ? row : undefined;
  }

  /** The most specific network that covers a client address. */
  async network(address: string): Promise<Network | undefined> {
    return await this.#networks.get(address, async () => {
      const prefixes = coveringPrefixes(address);
      const rows = await this.#many(prefixes.map(networkKey));
      const networks = rows.filter((row) => row.kind === "network");
      for (const prefix of prefixes) {
        const found = networks.find((network) => network.cidr === prefix);
        if (found !== undefined) return found;
      }
      return undefined;
    });
  }

  /** May the tenant send for this domain? */
  async senderVerdict(tenant: string, domain: string): Promise<SenderVerdict> {
    const rows = await this.#domains.get(domain, async () => {
      const found = await this.#many(coveringDomains(domain).map(domainKey));
      return found.filter((row) => row.kind === "domain");
    });
    return senderVerdict(tenant, domain, rows);
  }

  async #row(key: string): Promise<DirectoryRow | undefined> {
    return await this.#rows.get(key, () =>
      withDeadline(this.#deadlineMs, (signal) => readRow(this.#directory, key, signal)),
    );
  }

  async #many(keys: readonly string[]): Promise<DirectoryRow[]> {
    if (keys.length === 0) return [];
    return await withDeadline(this.#deadlineMs, (signal) => readRows(this.#directory, keys, signal));
  }
}
