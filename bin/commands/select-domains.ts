/** Which recipient domains go through the relay when only Google's and Microsoft's are to: from a list or a mail log. */

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { toAsciiDomain } from "../../lib/core/address.ts";
import type { DnsLookup, MxRecord } from "../../lib/core/dns/dns-lookup.ts";
import { providerOf, SEED_DOMAINS } from "../../lib/core/dns/mx-provider.ts";
import { parseMailLogLine } from "../../lib/core/preflight/mail-log-event.ts";
import { preflightCounter } from "../../lib/core/preflight/preflight-count.ts";
import type { SelectedDomain } from "../../lib/core/setup/selected-domains.ts";
import { logLines } from "./preflight.ts";

/** Where the recipient domains come from. */
export interface Selection {
  /** Files with domains or addresses, one a line. */
  readonly recipients: readonly string[];
  readonly logs: readonly string[];
  /** Put on the list whoever runs them. */
  readonly also: readonly string[];
  /** Where answers of the DNS are kept; a day for those found, an hour for others. */
  readonly cacheFile: string;
}

/** The list, and what the operator should know of those left out. */
export interface SelectionResult {
  readonly domains: readonly SelectedDomain[];
  readonly warnings: readonly string[];
}

/** Where answers are kept if nothing else is said. */
export function defaultCacheFile(env: NodeJS.ProcessEnv): string {
  return join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "relayhost", "mx.json");
}

const FOUND_MS = 24 * 3_600_000;
const NOT_FOUND_MS = 3_600_000;

/** Looks every domain up. Throws when a file cannot be read. */
export async function selectDomains(selection: Selection, dns: DnsLookup, nowMs: number): Promise<SelectionResult> {
  const date = new Date(nowMs).toISOString().slice(0, 10);
  const candidates = new Set<string>([...(await fromFiles(selection.recipients)), ...(await fromLogs(selection.logs))]);
  const chosen = new Map<string, SelectedDomain>();
  for (const domain of SEED_DOMAINS) chosen.set(domain, { domain, provider: "private mailboxes", exchanger: "", date });
  for (const word of selection.also) {
    const domain = toAsciiDomain(word) ?? word;
    chosen.set(domain, { domain, provider: "by hand", exchanger: "", date });
  }
  const silent: string[] = [];
  const mixed: string[] = [];
  const cache = await openCache(selection.cacheFile, nowMs);
  const asked = [...candidates].filter((domain) => !chosen.has(domain));
  await Promise.all(
    asked.map(async (domain) => {
      const records = cache.get(domain) ?? (await exchangers(domain, dns));
      if (records === undefined) {
        silent.push(domain);
        return;
      }
      cache.set(domain, records);
      const verdict = providerOf(records);
      if (verdict.provider !== "google" && verdict.provider !== "microsoft") return;
      if (verdict.mixed) mixed.push(domain);
      chosen.set(domain, { domain, provider: verdict.provider, exchanger: verdict.exchanger, date });
    }),
  );
  await cache.save();
  const some = (names: readonly string[]): string =>
    `${names.toSorted().slice(0, 10).join(", ")}${names.length > 10 ? ` and ${names.length - 10} more` : ""}`;
  return {
    domains: [...chosen.values()].toSorted((a, b) => (a.domain < b.domain ? -1 : 1)),
    warnings: [
      ...(silent.length > 0 ? [`left out, since their MX could not be asked: ${some(silent)}`] : []),
      ...(mixed.length > 0 ? [`on the list, but with other mail exchangers beside: ${some(mixed)}`] : []),
    ],
  };
}

/** Undefined: could not be asked. A domain without MX has its own host, which is neither Google's nor Microsoft's. */
async function exchangers(domain: string, dns: DnsLookup): Promise<readonly MxRecord[] | undefined> {
  const answer = await dns.mx(domain);
  if (answer.status === "failed") return undefined;
  return answer.status === "found" ? answer.records : [];
}

async function fromFiles(files: readonly string[]): Promise<string[]> {
  const domains: string[] = [];
  for (const file of files) {
    for await (const line of logLines(file)) {
      const word =
        line
          .replace(/#.*/, "")
          .trim()
          .split(/[\s,;]+/)[0] ?? "";
      const domain = toAsciiDomain(word.slice(word.lastIndexOf("@") + 1));
      if (domain?.includes(".") === true) domains.push(domain);
    }
  }
  return domains;
}

async function fromLogs(files: readonly string[]): Promise<string[]> {
  const counter = preflightCounter();
  for (const file of files) for await (const line of logLines(file)) counter.add(parseMailLogLine(line));
  return counter
    .result()
    .recipientDomains.map(({ domain }) => domain)
    .filter((domain) => toAsciiDomain(domain) === domain && domain.includes("."));
}

interface Cache {
  get(domain: string): readonly MxRecord[] | undefined;
  set(domain: string, records: readonly MxRecord[]): void;
  save(): Promise<void>;
}

/** A cache that cannot be read is empty; one that cannot be written is done without. */
async function openCache(file: string, nowMs: number): Promise<Cache> {
  const entries = new Map<string, { readonly atMs: number; readonly records: readonly MxRecord[] }>();
  try {
    const stored: unknown = JSON.parse(await readFile(file, "utf8"));
    for (const [domain, entry] of Object.entries(stored as Record<string, { atMs: number; records: MxRecord[] }>)) {
      const keepMs = entry.records.length > 0 ? FOUND_MS : NOT_FOUND_MS;
      if (nowMs - entry.atMs < keepMs) entries.set(domain, entry);
    }
  } catch {
    // Not there, or not ours.
  }
  return {
    get: (domain) => entries.get(domain)?.records,
    set: (domain, records) => {
      if (!entries.has(domain)) entries.set(domain, { atMs: nowMs, records });
    },
    save: async () => {
      try {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(entries)));
        await rename(`${file}.new`, file);
      } catch {
        // Then the next run asks again.
      }
    },
  };
}
