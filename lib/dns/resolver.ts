/**
 * Asks name servers, by node:dns. The system's own unless others are named.
 *
 * Promise:  never rejects; each question has an answer within `timeoutMs` times `tries` for each server. The same question
 *           is asked once; many at a time are kept to what a resolver takes from one client.
 */

import { Resolver } from "node:dns/promises";
import type { DnsAnswer, DnsLookup, MxRecord } from "../core/dns/dns-lookup.ts";

/** How to ask. */
export interface ResolverOptions {
  /** Addresses, with a port if it is not 53: `192.0.2.1`, `127.0.0.1:5300`, `[2001:db8::1]:53`. */
  readonly servers?: readonly string[];
  readonly timeoutMs?: number;
  readonly tries?: number;
}

const TIMEOUT_MS = 3_000;
const TRIES = 2;
const AT_ONCE = 50;

/** Makes a resolver. Throws when a server is no address. */
export function makeResolver(options: ResolverOptions = {}): DnsLookup {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? TIMEOUT_MS, tries: options.tries ?? TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const known = new Map<string, Promise<unknown>>();
  const waiting: (() => void)[] = [];
  let asking = 0;

  const inTurn = async <Item>(ask: () => Promise<Item>): Promise<Item> => {
    if (asking >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    asking += 1;
    try {
      return await ask();
    } finally {
      asking -= 1;
      waiting.shift()?.();
    }
  };
  const question = <Item>(
    type: string,
    name: string,
    ask: () => Promise<readonly Item[]>,
  ): Promise<DnsAnswer<Item>> => {
    const key = `${type} ${name}`;
    const before = known.get(key) as Promise<DnsAnswer<Item>> | undefined;
    if (before !== undefined) return before;
    const answer = inTurn(ask).then(
      (records): DnsAnswer<Item> => (records.length === 0 ? { status: "no-data" } : { status: "found", records }),
      (error: unknown): DnsAnswer<Item> => notFound(error),
    );
    known.set(key, answer);
    return answer;
  };

  return {
    cname: (name) => question("CNAME", name, async () => (await resolver.resolveCname(name)).map(plainName)),
    mx: (name) =>
      question("MX", name, async () =>
        (await resolver.resolveMx(name)).map(
          ({ priority, exchange }): MxRecord => ({ preference: priority, exchange: plainName(exchange) }),
        ),
      ),
    txt: (name) =>
      question("TXT", name, async () => (await resolver.resolveTxt(name)).map((strings) => strings.join(""))),
    a: (name) => question("A", name, () => resolver.resolve4(name)),
    aaaa: (name) => question("AAAA", name, () => resolver.resolve6(name)),
    soa: (name) => question("SOA", name, async () => [plainName((await resolver.resolveSoa(name)).nsname)]),
    ptr: (address) => question("PTR", address, async () => (await resolver.reverse(address)).map(plainName)),
  };
}

function plainName(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}

function notFound(error: unknown): DnsAnswer<never> {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOTFOUND") return { status: "no-name" };
  if (code === "ENODATA") return { status: "no-data" };
  return { status: "failed", reason: code.replace(/^E/, "").toLowerCase() || "error" };
}
