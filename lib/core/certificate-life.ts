/**
 * When a certificate is renewed, and when its end is warned of: shares of its life, since certificate authorities keep
 * making lives shorter.
 *
 * Failure: throws when the text is no certificate, or its key another one's.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { LIMITS } from "./limits.ts";
import type { PemPair } from "./pem.ts";

const DAY_MS = 86_400_000;

/** What counts of a certificate (the first one of a chain); times are milliseconds since 1970. */
export interface CertificateLife {
  readonly endsAtMs: number;
  /** From here on whoever renews it does so. */
  readonly renewAtMs: number;
  /** From here on somebody has to look: it should have been renewed. */
  readonly warnAtMs: number;
  /** Whether it is good for a host name. */
  isFor(hostName: string): boolean;
}

/** Reads the certificate and checks that the key belongs to it. */
export function certificateLife({ cert, key }: PemPair): CertificateLife {
  const parsed = new X509Certificate(cert);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the private key does not belong to the certificate (the first one of a chain counts)");
  }
  const endsAtMs = Date.parse(parsed.validTo);
  const lifeMs = endsAtMs - Date.parse(parsed.validFrom);
  return {
    endsAtMs,
    renewAtMs: endsAtMs - lifeMs * LIMITS.certificate.renewShare,
    warnAtMs: endsAtMs - Math.min(LIMITS.certificate.warnDays * DAY_MS, lifeMs * LIMITS.certificate.warnShare),
    isFor: (hostName) => parsed.checkHost(hostName) !== undefined,
  };
}
