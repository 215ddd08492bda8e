/**
 * Takes domains in for a tenant: a row in the directory, then the identity in SES.
 *
 * Promise:  may be killed anywhere and run again with the same domains: it goes on where it was. A domain belongs to
 *           the tenant whose row was written first; no identity is made for a domain that is another's.
 * Failure:  what SES refuses of one domain is told with that domain; anything else ends the run, and the same command
 *           goes on later.
 */

import { changeRow, createRow, readRow, readRows, setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import { makeSesControl, type SesControl } from "../../lib/aws/ses-control.ts";
import { setUpIdentity } from "../../lib/aws/ses-identities.ts";
import { ensureSesTenant } from "../../lib/aws/ses-tenants.ts";
import { coveringDomains } from "../../lib/core/address.ts";
import { domainKey, type SenderDomain } from "../../lib/core/directory.ts";
import type { Connection } from "./connect.ts";
import { startProgress } from "./progress.ts";
import { CommandError } from "./report.ts";

/** What became of one domain. */
export interface Onboarded {
  readonly domain: string;
  /** `added`: all is set up now; `there`: it was before; `refused`: another tenant's, or SES does not take it. */
  readonly result: "added" | "there" | "refused";
  readonly status: SenderDomain["status"] | undefined;
  readonly reason?: string;
}

/** How they are taken in. */
export interface OnboardOptions {
  /** In front of the domain: its MAIL FROM domain. */
  readonly mailFromLabel: string;
  /** Take a subdomain of another tenant's domain. */
  readonly allowOverlap: boolean;
  /** Look at SES again for domains that are set up. */
  readonly repair: boolean;
}

/** What there is to do, by domain, before anything is done. */
export async function planOnboarding(
  connection: Connection,
  tenant: string,
  domains: readonly string[],
  options: OnboardOptions,
): Promise<Onboarded[]> {
  const keys = [...new Set(domains.flatMap(coveringDomains))].map(domainKey);
  const rows = new Map<string, SenderDomain>();
  for (const row of await readRows(connection.directory, keys)) if (row.kind === "domain") rows.set(row.domain, row);
  return domains.map((domain) => {
    const row = rows.get(domain);
    if (row !== undefined && row.tenant !== tenant) return refused(domain, `held by tenant ${row.tenant}`);
    if (row?.ses !== undefined && !options.repair) return { domain, result: "there", status: row.status };
    const above = coveringDomains(domain)
      .slice(1)
      .map((name) => rows.get(name))
      .find((parent) => parent !== undefined);
    if (row === undefined && above !== undefined && above.tenant !== tenant && !options.allowOverlap) {
      return refused(domain, `under ${above.domain} of tenant ${above.tenant}; --allow-overlap takes it all the same`);
    }
    return { domain, result: "added", status: row?.status };
  });
}

/** Carries a plan out and tells what became of each domain, in order. */
export async function onboard(
  connection: Connection,
  tenant: string,
  plan: readonly Onboarded[],
  options: OnboardOptions,
): Promise<Onboarded[]> {
  const { names } = connection;
  const todo = plan.filter(({ result }) => result === "added").length;
  const ses = makeSesControl(names.sesCallsPerSecond);
  const progress = startProgress(todo, "domains set up");
  const results: Onboarded[] = [];
  let done = 0;
  try {
    if (todo > 0 && names.sesTenants) await ensureSesTenant(ses, tenant, names.configurationSet);
    for (const planned of plan) {
      if (planned.result !== "added") {
        results.push(planned);
        continue;
      }
      progress.step(done++, planned.domain);
      results.push(await onboardOne(connection, ses, tenant, planned.domain, options));
    }
    progress.step(done, "");
  } catch (error) {
    progress.end();
    const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new CommandError(
      `stopped after ${Math.max(0, done - 1)} of ${todo} domains: ${cause}. The same command goes on.`,
    );
  } finally {
    progress.end();
    ses.destroy();
  }
  return results;
}

async function onboardOne(
  connection: Connection,
  ses: SesControl,
  tenant: string,
  domain: string,
  options: OnboardOptions,
): Promise<Onboarded> {
  const { directory, names } = connection;
  if (!(await createRow(directory, { kind: "domain", domain, tenant, status: "pending" }))) {
    const row = await readRow(directory, domainKey(domain));
    if (row?.kind === "domain" && row.tenant !== tenant) return refused(domain, `held by tenant ${row.tenant}`);
  }
  try {
    const { identity, verified } = await setUpIdentity(ses, {
      domain,
      region: names.region,
      configurationSet: names.configurationSet,
      mailFrom: `${options.mailFromLabel}.${domain}`,
      sesTenant: names.sesTenants ? tenant : undefined,
    });
    if (!(await changeRow(directory, domainKey(domain), { ses: identity }, { tenant }))) {
      return refused(domain, "removed by somebody else just now");
    }
    if (verified) await setDomainStatus(directory, domain, "verified");
    return { domain, result: "added", status: verified ? "verified" : "pending" };
  } catch (error) {
    // Of the domain itself; anything else would befall the next one as well.
    if (!(error instanceof Error) || error.name !== "BadRequestException") throw error;
    return refused(domain, `SES: ${error.message}`);
  }
}

function refused(domain: string, reason: string): Onboarded {
  return { domain, result: "refused", status: undefined, reason };
}
