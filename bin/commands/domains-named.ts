/** The domains that a command is about: those named, or all of a tenant. */

import { type Directory, listTenantRows, readRows } from "../../lib/aws/directory-dynamo.ts";
import { domainKey, type SenderDomain } from "../../lib/core/directory.ts";
import { domainsFromWords } from "../../lib/core/domain-list.ts";
import { Mistakes } from "./mistakes.ts";
import { CommandError, EXIT } from "./report.ts";

/** All domains of a tenant. */
export async function domainsOf(directory: Directory, tenant: string): Promise<SenderDomain[]> {
  return (await listTenantRows(directory, tenant)).filter((row) => row.kind === "domain");
}

/** Those named, or all of a tenant (`pending`: that are not verified). Throws when there are none, or some are unknown. */
export async function domainsNamed(
  directory: Directory,
  words: readonly string[],
  options: { readonly tenant?: string; readonly pending?: boolean },
): Promise<SenderDomain[]> {
  const { domains, leftOut } = domainsFromWords(words);
  const mistakes = new Mistakes();
  for (const { text, because } of leftOut) mistakes.add(`${JSON.stringify(text)}: ${because}`);
  if (words.length === 0 && options.tenant === undefined) mistakes.add("name domains, or --tenant for all of a tenant");
  mistakes.end();
  const found =
    words.length === 0
      ? await domainsOf(directory, options.tenant ?? "")
      : (await readRows(directory, domains.map(domainKey))).filter((row) => row.kind === "domain");
  const rows = found
    .filter(({ tenant }) => options.tenant === undefined || tenant === options.tenant)
    .filter(({ status }) => options.pending !== true || status === "pending")
    .toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
  const missing = domains.filter((domain) => !rows.some((row) => row.domain === domain));
  if (missing.length > 0) throw new CommandError(`not taken in: ${missing.join(", ")}`, EXIT.notFound);
  return rows;
}
