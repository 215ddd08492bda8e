/**
 * The edge's certificate: from files, from a secret, or made once and kept.
 *
 * A self-signed one is ECDSA, its key is readable for nobody else, and it is used again at the next start, so that a
 * client that has pinned it goes on. Failure: rejects with the error of the file system, of the SDK or of the TLS library.
 */

import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import { NoCertificate, type PemPair, parsePemPair } from "../lib/core/pem.ts";

/** Certificate chain and private key, PEM. */
export type Certificate = PemPair;

const KEY_FILE = "edge-key.pem";
const CERTIFICATE_FILE = "edge-certificate.pem";
const DAY_MS = 86_400_000;
const VALID_DAYS = 3650;
/** A kept certificate that ends sooner than this is made anew. */
const RENEW_BEFORE_DAYS = 30;

/** Reads or makes the certificate. `now` is milliseconds since 1970; a secret comes before files. */
export async function loadCertificate(
  settings: Pick<EdgeSettings, "tls" | "dataDir" | "hostName">,
  now: () => number,
  readTlsSecret?: () => Promise<string>,
): Promise<Certificate> {
  if (readTlsSecret !== undefined) return parsePemPair(await readTlsSecret());
  if (settings.tls !== undefined) {
    const { certificateFile, keyFile } = settings.tls;
    return { cert: await readFile(certificateFile, "utf8"), key: await readFile(keyFile, "utf8") };
  }
  return (await keptCertificate(settings, now())) ?? (await makeCertificate(settings, now()));
}

/**
 * The certificate to start with. Where one is awaited and not there yet, a self-signed one stands in for it, so that mail
 * can come in meanwhile; any other failure rejects as above.
 */
export async function firstCertificate(
  settings: Pick<EdgeSettings, "tls" | "tlsAwaitSecret" | "dataDir" | "hostName">,
  now: () => number,
  readTlsSecret?: () => Promise<string>,
): Promise<{ readonly certificate: Certificate; readonly awaited: boolean }> {
  try {
    return { certificate: await loadCertificate(settings, now, readTlsSecret), awaited: false };
  } catch (error) {
    if (!settings.tlsAwaitSecret || !(error instanceof NoCertificate)) throw error;
    return { certificate: await loadCertificate(settings, now), awaited: true };
  }
}

async function keptCertificate(
  settings: Pick<EdgeSettings, "dataDir" | "hostName">,
  nowMs: number,
): Promise<Certificate | undefined> {
  try {
    const cert = await readFile(join(settings.dataDir, CERTIFICATE_FILE), "utf8");
    const key = await readFile(join(settings.dataDir, KEY_FILE), "utf8");
    const parsed = new X509Certificate(cert);
    const fresh = Date.parse(parsed.validTo) - nowMs > RENEW_BEFORE_DAYS * DAY_MS;
    return fresh && parsed.checkHost(settings.hostName) !== undefined ? { cert, key } : undefined;
  } catch {
    // None yet, or half a pair from a start that was cut short: a new one is made.
    return undefined;
  }
}

async function makeCertificate(
  settings: Pick<EdgeSettings, "dataDir" | "hostName">,
  nowMs: number,
): Promise<Certificate> {
  // Loaded only where it is needed: it is large, and a deployed edge has its certificate.
  const { generate } = await import("selfsigned");
  const made = await generate([{ name: "commonName", value: settings.hostName }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + VALID_DAYS * DAY_MS),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: settings.hostName }] },
    ],
  });
  await mkdir(settings.dataDir, { recursive: true });
  await writeWhole(join(settings.dataDir, KEY_FILE), made.private, 0o600);
  await writeWhole(join(settings.dataDir, CERTIFICATE_FILE), made.cert, 0o644);
  return { cert: made.cert, key: made.private };
}

/** A reader sees the old file or the new one, never half. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}
