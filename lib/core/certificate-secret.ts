/**
 * What the secret of a certificate that renews itself holds: chain and key as the edge reads them, and the account at the
 * certificate authority.
 *
 * The account stands inside an object of its own, where `parsePemPair` does not look. One secret and not two, because each
 * costs 0.40 USD a month also in an environment that stands by, and because whoever can read the key of the certificate
 * gains nothing by that of the account that he could not do with the first.
 */

import { type PemPair, parsePemPair } from "./pem.ts";

/** An account at a certificate authority. */
export interface AcmeAccount {
  /** The directory (RFC 8555 §7.1.1) where it was made; elsewhere it is unknown. */
  readonly directoryUrl: string;
  /** PEM. */
  readonly key: string;
}

/** What is kept. Both are absent in a new secret, and what cannot be read counts as absent. */
export interface CertificateSecret {
  readonly pair?: PemPair;
  readonly account?: AcmeAccount;
  /** The directory that the certificate comes from. */
  readonly issuedBy?: string;
}

/** Reads it; never throws. */
export function parseCertificateSecret(text: string | undefined): CertificateSecret {
  const pair = attempt(() => parsePemPair(text ?? ""));
  const values = attempt((): unknown => JSON.parse(text ?? ""));
  if (typeof values !== "object" || values === null) return pair === undefined ? {} : { pair };
  const { account, issuedBy } = values as { readonly account?: unknown; readonly issuedBy?: unknown };
  return {
    ...(pair === undefined ? {} : { pair }),
    ...(isAccount(account) ? { account: { directoryUrl: account.directoryUrl, key: account.key } } : {}),
    ...(typeof issuedBy === "string" ? { issuedBy } : {}),
  };
}

/** Writes it. */
export function formatCertificateSecret({ pair, account, issuedBy }: CertificateSecret): string {
  return JSON.stringify({
    ...(pair === undefined ? {} : { certificate: pair.cert, privateKey: pair.key }),
    ...(issuedBy === undefined ? {} : { issuedBy }),
    ...(account === undefined ? {} : { account }),
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function isAccount(value: unknown): value is AcmeAccount {
  if (typeof value !== "object" || value === null) return false;
  const { directoryUrl, key } = value as Record<string, unknown>;
  return typeof directoryUrl === "string" && typeof key === "string";
}
