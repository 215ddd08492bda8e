/**
 * Passwords as scrypt hashes: `scrypt$N$r$p$salt$hash`, salt and hash in base64url.
 *
 * Each hash takes about 16 MiB and tens of milliseconds of a thread; callers bound how many run at once. Randomness
 * comes in as bytes. See RFC 7914.
 */

import { scrypt, timingSafeEqual } from "node:crypto";

interface Cost {
  /** CPU and memory cost, a power of two. */
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** What new hashes are made with. */
const COST: Cost = { n: 16_384, r: 8, p: 1 };
/** A row that asks for more is not followed. */
const MEMORY_BYTES_MAX = 128 * 1024 * 1024;
const HASH_BYTES = 32;

/** How many random bytes `hashPassword` wants. */
export const PASSWORD_SALT_BYTES = 16;

/** A hash to compare with when a login does not exist, so that the answer takes as long. No password fits it. */
export const UNKNOWN_LOGIN_HASH = formatHash(COST, Buffer.alloc(PASSWORD_SALT_BYTES), Buffer.alloc(HASH_BYTES));

/** Hashes a password for the directory. */
export async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  return formatHash(COST, salt, await derive(password, salt, COST, HASH_BYTES));
}

/** True when the password is the hashed one, compared in constant time. False too when the hash is not in our form. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parseHash(hash);
  if (parsed === undefined) return false;
  const given = await derive(password, parsed.salt, parsed.cost, parsed.hash.length);
  return timingSafeEqual(given, parsed.hash);
}

function derive(password: string, salt: Uint8Array, cost: Cost, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(
      password,
      salt,
      length,
      { N: cost.n, r: cost.r, p: cost.p, maxmem: MEMORY_BYTES_MAX + 1024 * 1024 },
      (error, key) => (error === null ? resolve(key) : reject(error)),
    );
  });
}

function formatHash(cost: Cost, salt: Uint8Array, hash: Uint8Array): string {
  const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  return `scrypt$${cost.n}$${cost.r}$${cost.p}$${base64url(salt)}$${base64url(hash)}`;
}

function parseHash(text: string): { cost: Cost; salt: Buffer; hash: Buffer } | undefined {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{1,128})\$([\w-]{22,128})$/.exec(text);
  if (match === null) return undefined;
  const cost = { n: Number(match[1]), r: Number(match[2]), p: Number(match[3]) };
  const powerOfTwo = cost.n > 1 && Number.isInteger(Math.log2(cost.n));
  if (!powerOfTwo || cost.r < 1 || cost.p < 1 || cost.p > 16 || 128 * cost.n * cost.r > MEMORY_BYTES_MAX)
    return undefined;
  return { cost, salt: Buffer.from(match[4] ?? "", "base64url"), hash: Buffer.from(match[5] ?? "", "base64url") };
}
