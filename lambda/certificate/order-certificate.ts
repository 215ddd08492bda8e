/**
 * Orders a certificate from a certificate authority that speaks ACME (RFC 8555), with proof by DNS (dns-01).
 *
 * Promise:  the certificate's key is new, ECDSA P-256, and the proof is gone from DNS at the end, whatever the end is.
 * Failure:  throws with the authority's words, or the error of publishing the proof. What it costs in time is bounded
 *           by `LIMITS.certificate`, which fits into an invocation.
 */

import { axios, Client, crypto } from "acme-client";
import type { AcmeAccount } from "../../lib/core/certificate-secret.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { PemPair } from "../../lib/core/pem.ts";

/** What to order, and how to prove that the name is ours. */
export interface CertificateOrder {
  readonly hostName: string;
  readonly account: AcmeAccount;
  /** Whom the authority may write to; it agrees to the authority's terms of service. */
  readonly contact: string;
  /** Publishes the value at `_acme-challenge.<hostName>`; resolves when all name servers have it. */
  readonly publish: (value: string) => Promise<void>;
  readonly remove: (value: string) => Promise<void>;
}

const { requestTimeoutMs, pollsMax, pollMinMs, pollMaxMs } = LIMITS.certificate;

/** Makes the key of a new account. */
export async function makeAccount(directoryUrl: string): Promise<AcmeAccount> {
  const key = await crypto.createPrivateEcdsaKey("P-256");
  return { directoryUrl, key: key.toString("ascii") };
}

/** Orders it; see the head of this file. An account that the authority does not know yet is made there. */
export async function orderCertificate(order: CertificateOrder): Promise<PemPair> {
  // The library sets no time-out of its own.
  axios.defaults.timeout = requestTimeoutMs;
  const { hostName, account } = order;
  const client = new Client({
    directoryUrl: account.directoryUrl,
    accountKey: account.key,
    backoffAttempts: pollsMax,
    backoffMin: pollMinMs,
    backoffMax: pollMaxMs,
  });
  const key = await crypto.createPrivateEcdsaKey("P-256");
  const [, csr] = await crypto.createCsr({ commonName: hostName, altNames: [hostName] }, key);
  const cert = await client.auto({
    csr,
    email: order.contact,
    termsOfServiceAgreed: true,
    challengePriority: ["dns-01"],
    // It would ask a resolver, which may remember that there was nothing; `publish` knows better.
    skipChallengeVerification: true,
    challengeCreateFn: async (_authorization, { type }, value) => {
      if (type !== "dns-01") throw new Error(`the certificate authority offers no proof by DNS, only ${type}`);
      await order.publish(value);
    },
    challengeRemoveFn: async (_authorization, _challenge, value) => await order.remove(value),
  });
  return { cert, key: key.toString("ascii") };
}
