/**
 * Has the edge's certificate renewed when it is time, and keeps it in its secret.
 *
 * Promise:  a certificate that is good for longer is left alone; calling it again changes nothing. The secret changes at
 *           once from one whole pair to the next.
 * Failure:  throws; the secret keeps what it had, and the next call tries again with the same account. When the end is
 *           near, or there is no certificate at all, that is also logged as `certificate-expires`, which rings.
 */

import { readSecretIfAny, type Secret, writeSecret } from "../../lib/aws/secret.ts";
import { certificateLife } from "../../lib/core/certificate-life.ts";
import {
  type AcmeAccount,
  type CertificateSecret,
  formatCertificateSecret,
  parseCertificateSecret,
} from "../../lib/core/certificate-secret.ts";
import { errorText, type Log } from "../../lib/core/log.ts";
import type { PemPair } from "../../lib/core/pem.ts";

/** What renewing needs. */
export interface RenewDeps {
  readonly secret: Secret;
  readonly hostName: string;
  readonly directoryUrl: string;
  readonly makeAccount: (directoryUrl: string) => Promise<AcmeAccount>;
  readonly order: (account: AcmeAccount) => Promise<PemPair>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
}

/** What came of it; the reason why it was renewed. */
export type Renewal = { readonly renewed: false } | { readonly renewed: true; readonly because: string };

const DAY_MS = 86_400_000;

/** See the head of this file. */
export async function renewCertificate(deps: RenewDeps): Promise<Renewal> {
  const { secret, directoryUrl, log } = deps;
  const kept = parseCertificateSecret(await readSecretIfAny(secret));
  const because = reasonToRenew(kept, deps);
  if (because === undefined) return { renewed: false };
  try {
    const account = await accountFor(kept, deps);
    const pair = await deps.order(account);
    const { endsAtMs } = certificateLife(pair);
    await writeSecret(secret, formatCertificateSecret({ pair, account, issuedBy: directoryUrl }));
    log({ event: "certificate-renewed", because, endsAt: new Date(endsAtMs).toISOString() });
    return { renewed: true, because };
  } catch (error) {
    log({ event: "certificate-not-renewed", because, error: errorText(error) });
    warn(kept, deps);
    throw error;
  }
}

/** Undefined: it is good. */
function reasonToRenew({ pair, issuedBy }: CertificateSecret, deps: RenewDeps): string | undefined {
  if (pair === undefined) return "there is none";
  if (issuedBy !== deps.directoryUrl) return "it comes from elsewhere";
  const life = lifeOf(pair);
  if (life === undefined) return "it cannot be read";
  if (!life.isFor(deps.hostName)) return "it is for another name";
  return deps.now() >= life.renewAtMs ? "its end is near" : undefined;
}

/** A new account is kept before it is used: what fails afterwards must not make one more at each try. */
async function accountFor(kept: CertificateSecret, deps: RenewDeps): Promise<AcmeAccount> {
  if (kept.account?.directoryUrl === deps.directoryUrl) return kept.account;
  const account = await deps.makeAccount(deps.directoryUrl);
  await writeSecret(deps.secret, formatCertificateSecret({ ...kept, account }));
  return account;
}

function warn({ pair }: CertificateSecret, { now, log, hostName }: RenewDeps): void {
  const life = pair === undefined ? undefined : lifeOf(pair);
  const isGood = life?.isFor(hostName) === true && now() < life.warnAtMs;
  if (isGood) return;
  log({
    event: "certificate-expires",
    endsAt: life === undefined ? null : new Date(life.endsAtMs).toISOString(),
    daysLeft: life === undefined ? 0 : Math.floor((life.endsAtMs - now()) / DAY_MS),
  });
}

function lifeOf(pair: PemPair) {
  try {
    return certificateLife(pair);
  } catch {
    return undefined;
  }
}
