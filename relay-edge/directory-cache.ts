/**
 * The directory as the edge asks it: by key, remembered for at most a minute, never longer than a deadline.
 *
 * Promise:  a change in the table works within the cache time; many sessions that ask the same at once cost one read,
 *           and what is asked in the same turn of the event loop goes out in one request.
 * Failure:  rejects when the table does not answer and nothing is remembered; callers answer 4xx.
 */

import { type Directory, readRow, readRows } from "../lib/aws/directory-dynamo.ts";
import { coveringDomains } from "../lib/core/address.ts";
import { coveringPrefixes } from "../lib/core/cidr.ts";
import {
  type Credential,
  credentialKey,
  type DirectoryRow,
  directoryKey,
  domainKey,
  type Network,
  networkKey,
  type SenderDomain,
  type SenderPause,
  type SenderVerdict,
  senderPauseKey,
  senderVerdict,
  type Tenant,
  tenantKey,
} from "../lib/core/directory.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { withDeadline } from "./deadline.ts";
import { KeyBatch } from "./key-batch.ts";
import { TimedCache } from "./timed-cache.ts";

/** Milliseconds: of one look-up, and for which an answer counts. */
export interface DirectoryCacheOptions {
  readonly deadlineMs: number;
  readonly keepMs: number;
}

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const BATCH_KEYS_MAX = 100;

/** The edge's view of the directory. Every method rejects when the directory cannot be asked. */
export class DirectoryCache {
  readonly #batch: KeyBatch<DirectoryRow | undefined>;
  readonly #rows: TimedCache<DirectoryRow | undefined>;
  readonly #networks: TimedCache<Network | undefined>;
  readonly #domains: TimedCache<readonly SenderDomain[]>;
  /** Apart from the rows: a newsletter with a return path for each recipient must not push these out. */
  readonly #pauses: TimedCache<SenderPause | undefined>;

  constructor(directory: Directory, options: DirectoryCacheOptions) {
    this.#batch = new KeyBatch(
      (keys) => withDeadline(options.deadlineMs, (signal) => readKeys(directory, keys, signal)),
      BATCH_KEYS_MAX,
    );
    const cache = {
      keepMs: options.keepMs,
      entriesMax: LIMITS.edge.cacheEntriesMax,
      now: () => performance.now(),
    };
    this.#rows = new TimedCache(cache);
    this.#networks = new TimedCache(cache);
    this.#domains = new TimedCache(cache);
    this.#pauses = new TimedCache(cache);
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

  /** Why the tenant's envelope sender may not send; undefined: nothing says so. */
  async senderPause(tenant: string, sender: string): Promise<SenderPause | undefined> {
    const key = senderPauseKey(tenant, sender);
    return await this.#pauses.get(key, async () => {
      const row = await this.#batch.get(key);
      return row?.kind === "sender-pause" ? row : undefined;
    });
  }

  async #row(key: string): Promise<DirectoryRow | undefined> {
    return await this.#rows.get(key, () => this.#batch.get(key));
  }

  async #many(keys: readonly string[]): Promise<DirectoryRow[]> {
    const rows = await Promise.all(keys.map((key) => this.#batch.get(key)));
    return rows.filter((row) => row !== undefined);
  }
}

/** The rows of the keys, in their order. */
async function readKeys(
  directory: Directory,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<(DirectoryRow | undefined)[]> {
  const [first] = keys;
  if (first !== undefined && keys.length === 1) return [await readRow(directory, first, signal)];
  const rows = await readRows(directory, keys, signal);
  const byKey = new Map(rows.map((row) => [directoryKey(row), row]));
  return keys.map((key) => byKey.get(key));
}
