/**
 * How the edge speaks TLS: 1.2 and 1.3, forward secrecy and authenticated encryption only, no renegotiation.
 *
 * See RFC 9325 (recommendations for TLS) and RFC 8314 §3.4 (submission).
 */

import { constants } from "node:crypto";
import type { TlsOptions } from "node:tls";
import type { Certificate } from "./certificate.ts";

const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** Options for a TLS server or secure context with the given certificate. */
export function tlsPolicy(certificate: Certificate) {
  return {
    cert: certificate.cert,
    key: certificate.key,
    minVersion: "TLSv1.2",
    ciphers: CIPHERS,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  } as const satisfies TlsOptions;
}
