/** The DNS half of `relayhost domain check`: each record that is wanted, as it is published. */

import { dqsKey } from "../../lib/config/function-config.ts";
import type { DomainIdentity, Language } from "../../lib/core/directory.ts";
import { checkDomainRecords, type RecordVerdict } from "../../lib/core/dns/check-records.ts";
import { recordWords } from "../../lib/core/dns/record-words.ts";
import { wantedRecords } from "../../lib/core/domain-records.ts";
import { ENV } from "../../lib/core/names.ts";
import { makeResolver } from "../../lib/dns/resolver.ts";
import { CommandError, EXIT } from "./report.ts";

/** One record's verdict, in words too. */
export interface RecordReport extends RecordVerdict {
  readonly what: string;
  readonly remedy: string;
}

/** Makes the question about a domain; `servers` undefined asks the system's. Throws a `CommandError` for a wrong address. */
export function makeRecordCheck(
  servers: readonly string[] | undefined,
  language: Language,
): (domain: string, identity: DomainIdentity) => Promise<RecordReport[]> {
  const dns = resolverFor(servers);
  return async (domain, identity) => {
    const verdicts = await checkDomainRecords(wantedRecords(domain, identity), dns);
    return verdicts.map((verdict) => ({ ...verdict, ...recordWords(verdict, language) }));
  };
}

/** A resolver for what stands after `--resolver`. */
export function resolverFor(servers: readonly string[] | undefined): ReturnType<typeof makeResolver> {
  try {
    return makeResolver(servers === undefined ? {} : { servers });
  } catch {
    throw new CommandError(
      `--resolver takes IP addresses, with :port if not 53, and not ${servers?.join(" ")}`,
      EXIT.usage,
    );
  }
}

/** A Spamhaus Data Query Service key: a secret, so it does not stand on a command line. Throws a `CommandError` if it is none. */
export function dqsKeyOf(env: NodeJS.ProcessEnv): string | undefined {
  const text = env[ENV.spamhausDqsKey];
  if (text === undefined || text === "") return undefined;
  const parsed = dqsKey(text);
  if ("value" in parsed) return parsed.value;
  throw new CommandError(`${ENV.spamhausDqsKey} is not ${parsed.allowed}`, EXIT.usage);
}

/** Lines for those that are not good: name and type, what is the matter, what to do. */
export function recordLines(reports: readonly RecordReport[]): string[] {
  return reports
    .filter(({ status }) => status !== "good")
    .flatMap(({ record, what, remedy }) => [
      `  ${record.name} ${record.type}: ${what}`,
      ...(remedy === "" ? [] : [`    ${remedy}`]),
    ]);
}
