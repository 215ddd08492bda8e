/**
 * Lets domains send once SES has verified them, without anybody's doing, and stops those whose records have vanished.
 *
 * Promise:  a domain that SES has verified may send at the next run. One whose verification SES has taken back waits
 *           again within the hour: its mail stays with the sender's server instead of failing here. An identity that SES
 *           does not know is left alone, for a domain above may stand for it.
 * Cost:     one Query that finds nothing as long as no domain waits; else one call of SES for each thousand identities
 *           of the account, whatever the number that waits. Once an hour the directory is read whole.
 * Failure:  throws what SES or DynamoDB throw; the next run starts over.
 */

import { type Directory, listPendingDomains, scanRows, setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import type { SesControl } from "../../lib/aws/ses-control.ts";
import { listIdentities, readIdentity } from "../../lib/aws/ses-identities.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { Log } from "../../lib/core/log.ts";

/** What it needs. */
export interface VerifyDomainsDeps {
  readonly directory: Directory;
  readonly ses: SesControl;
  readonly region: string;
  readonly now: () => number;
  readonly log: Log;
}

const HOUR_MS = 3_600_000;

/** See the head of this file. */
export async function verifyDomains(deps: VerifyDomainsDeps): Promise<void> {
  const pending = await listPendingDomains(deps.directory);
  const looksAtAll = deps.now() % HOUR_MS < LIMITS.sweep.scheduleMinutes * 60_000;
  if (pending.length === 0 && !looksAtAll) return;
  const sending = await listIdentities(deps.ses);
  const verified = pending.filter((domain) => sending.get(domain) === true);
  for (const domain of verified) {
    if (await setDomainStatus(deps.directory, domain, "verified")) deps.log({ event: "domain-verified", domain });
  }
  if (looksAtAll) await lookAtAll(deps, sending, new Set(pending));
}

async function lookAtAll(
  deps: VerifyDomainsDeps,
  sending: ReadonlyMap<string, boolean>,
  known: ReadonlySet<string>,
): Promise<void> {
  let asked = 0;
  for (const { domain, status } of await scanRows(deps.directory, "domain")) {
    if (status === "pending") {
      // A row of an earlier version is not in the index of those that wait.
      if (!known.has(domain)) await setDomainStatus(deps.directory, domain, "pending");
      continue;
    }
    if (sending.get(domain) !== false || asked >= LIMITS.sweep.domainsAskedMax) continue;
    asked += 1;
    // The list may be a moment old; mail is stopped on the word of the identity itself only.
    const state = await readIdentity(deps.ses, domain, deps.region);
    if (state === undefined || state.verified) continue;
    await setDomainStatus(deps.directory, domain, "pending");
    deps.log({ event: "domain-withdrawn", domain, dkim: state.dkim, error: state.error });
  }
}
