/**
 * Questions to the DNS and their answers, as values: evaluators in this folder take a `DnsLookup` and do no I/O of their own.
 *
 * "Could not ask" is an answer of its own: nobody is told that a record is missing because a name server was silent.
 */

/** An answer. `records` is never empty when found. */
export type DnsAnswer<Item> =
  | { readonly status: "found"; readonly records: readonly Item[] }
  /** The name does not exist (NXDOMAIN). */
  | { readonly status: "no-name" }
  /** The name exists, without records of this type. */
  | { readonly status: "no-data" }
  /** SERVFAIL, REFUSED, no answer in time; the reason in one word. */
  | { readonly status: "failed"; readonly reason: string };

/** A mail exchanger; `exchange` is empty for the null MX (RFC 7505). */
export interface MxRecord {
  readonly preference: number;
  readonly exchange: string;
}

/** Asks. Names go in and come out in lower case without the last dot. Nothing here throws or rejects. */
export interface DnsLookup {
  readonly cname: (name: string) => Promise<DnsAnswer<string>>;
  readonly mx: (name: string) => Promise<DnsAnswer<MxRecord>>;
  /** Each record's strings joined without a blank (RFC 7208 §3.3). */
  readonly txt: (name: string) => Promise<DnsAnswer<string>>;
  readonly a: (name: string) => Promise<DnsAnswer<string>>;
  readonly aaaa: (name: string) => Promise<DnsAnswer<string>>;
  readonly soa: (name: string) => Promise<DnsAnswer<string>>;
  /** Names of an address. */
  readonly ptr: (address: string) => Promise<DnsAnswer<string>>;
}

/** The records found, or none. */
export function recordsOf<Item>(answer: DnsAnswer<Item>): readonly Item[] {
  return answer.status === "found" ? answer.records : [];
}
