/**
 * Who a session is: by login and password, or by the address it comes from.
 *
 * Promise:  an unknown login takes as long as a wrong password. A pause in the directory counts at every message, not
 *           only at the log-in.
 * Failure:  rejects when the directory cannot be asked; callers answer 4xx.
 */

import type { Credential, Tenant } from "../lib/core/directory.ts";
import { UNKNOWN_LOGIN_HASH } from "../lib/core/password-hash.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import { credentialRefusal, passwordHashes, tenantRefusal } from "../lib/core/standing.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import type { PasswordChecker } from "./password.ts";

/** Whose mail it is, and what says so. */
export interface Identity {
  readonly tenant: string;
  /** For people: label of the credential or network. */
  readonly label: string;
  readonly by: ByCredential | { readonly kind: "network" };
}

/** A log-in. */
export interface ByCredential {
  readonly kind: "credential";
  readonly login: string;
  /** What the password was found to fit. */
  readonly hash: string;
  /** The password is the one before the last rotation. */
  readonly isPrevious: boolean;
}

/** What log-ins are checked with. */
export interface AuthenticateDeps {
  readonly directory: DirectoryCache;
  readonly passwords: PasswordChecker;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The identity behind login and password; undefined when they do not fit. */
export async function authenticate(
  deps: AuthenticateDeps,
  login: string,
  password: string,
): Promise<Identity | undefined> {
  const credential = await deps.directory.credential(login);
  const hashes = credential === undefined ? { current: UNKNOWN_LOGIN_HASH } : passwordHashes(credential, deps.now());
  // Every failure has cost two checks, so that the time does not tell which logins have a password being changed.
  const previous = hashes.previous ?? UNKNOWN_LOGIN_HASH;
  const isCurrent = await deps.passwords.check(login, password, hashes.current);
  const isPrevious = !isCurrent && (await deps.passwords.check(login, password, previous));
  if (credential === undefined || !(isCurrent || isPrevious)) return undefined;
  return {
    tenant: credential.tenant,
    label: credential.label === "" ? login : credential.label,
    by: { kind: "credential", login, hash: isCurrent ? hashes.current : previous, isPrevious },
  };
}

/** The identity of a client address that is registered, or the reply for one that must use TLS; undefined: unknown. */
export async function identifyAddress(
  directory: DirectoryCache,
  address: string,
  overTls: boolean,
  strict: boolean,
): Promise<Identity | SmtpReply | undefined> {
  const network = await directory.network(address);
  if (network === undefined) return undefined;
  const label = network.label === "" ? network.cidr : network.label;
  if (network.status === "paused") return smtpReply("credentialPaused", { credential: label });
  if (network.tlsRequired && !overTls) return smtpReply(strict ? "tlsRequiredStrict" : "tlsRequired", { address });
  return { tenant: network.tenant, label, by: { kind: "network" } };
}

/** What the directory says of an identity: why it may not send just now, or whose limits hold for it. */
export type Standing =
  | { readonly refusal: SmtpReply }
  | { readonly refusal?: never; readonly tenant: Tenant; readonly credential: Credential | undefined };

/** May the identity send just now? */
export async function standing(
  deps: Pick<AuthenticateDeps, "directory" | "now">,
  identity: Identity,
): Promise<Standing> {
  const { by, label } = identity;
  const [credential, tenant] = await Promise.all([
    by.kind === "credential" ? deps.directory.credential(by.login) : undefined,
    deps.directory.tenant(identity.tenant),
  ]);
  if (by.kind === "credential") {
    if (credential?.tenant !== identity.tenant) return gone(label);
    const { current, previous } = passwordHashes(credential, deps.now());
    if (by.hash !== current && by.hash !== previous) {
      return { refusal: smtpReply("passwordChanged", { credential: label }) };
    }
    const refusal = credentialRefusal(credential, label);
    if (refusal !== undefined) return { refusal };
  }
  if (tenant === undefined) return gone(label);
  const refusal = tenantRefusal(tenant, deps.now());
  return refusal === undefined ? { tenant, credential } : { refusal };
}

function gone(credential: string): Standing {
  return { refusal: smtpReply("credentialGone", { credential }) };
}
