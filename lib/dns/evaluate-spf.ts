/** What SPF says of a mail from an address, by mailauth (RFC 7208 §4), through our own resolver. */

import { spf } from "mailauth/lib/spf/index.js";
import { type DnsAnswer, type DnsLookup, recordsOf } from "../core/dns/dns-lookup.ts";
import type { SpfEvaluation } from "../core/doctor/examine-authentication.ts";

/** Its declaration knows of texts only; at run time it wants of an MX what node:dns gives. */
type Answer = string[] | string[][];

/** Makes the evaluation. It never rejects: a failure inside is `temperror`. */
export function makeSpfEvaluation(dns: DnsLookup): SpfEvaluation {
  const resolver = async (name: string, type: string): Promise<Answer> => {
    switch (type) {
      case "TXT":
        return found(await dns.txt(name), name).map((text) => [text]);
      case "MX":
        return found(await dns.mx(name), name).map(({ preference, exchange }) => ({
          priority: preference,
          exchange,
        })) as unknown as Answer;
      case "A":
        return [...found(await dns.a(name), name)];
      case "AAAA":
        return [...found(await dns.aaaa(name), name)];
      case "PTR":
        return [...found(await dns.ptr(name), name)];
      default:
        throw failure("ENOTIMP", name);
    }
  };
  return async (domain, address) => {
    try {
      const { status } = await spf({
        ip: address,
        sender: `postmaster@${domain}`,
        helo: domain,
        mta: "relayhost",
        resolver,
      });
      return { result: status.result, comment: status.comment ?? "" };
    } catch (error) {
      return { result: "temperror", comment: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** As node:dns does it: the records, or an error with a code. */
function found<Item>(answer: DnsAnswer<Item>, name: string): readonly Item[] {
  if (answer.status === "found") return recordsOf(answer);
  throw failure(
    answer.status === "no-name" ? "ENOTFOUND" : answer.status === "no-data" ? "ENODATA" : "ESERVFAIL",
    name,
  );
}

function failure(code: string, name: string): Error {
  return Object.assign(new Error(`${code} ${name}`), { code });
}
