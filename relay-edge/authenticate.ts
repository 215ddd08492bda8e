/**
 * Who a session is: by login and password, or by the address it comes from.
 *
 * Promise:  an unknown login takes as long as a wrong password. A pause in the directory counts at every message, not
 *           only at the log-in.
 * Failure:  rejects when the directory cannot be asked; callers answer 4xx.
 */

import { UNKNOWN_LOGIN_HASH } from "../lib/core/password-hash.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import type { PasswordChecker } from "./password.ts";

/** Whose mail it is, and what says so. */
export interface Identity {
  readonly tenant: string;
  /** For people: label of the credential or network. */
  readonly label: string;
  readonly by: { readonly kind: "credential"; readonly login: string } | { readonly kind: "network" };
}

/** What log-ins are checked with. */
export interface AuthenticateDeps {
  readonly directory: DirectoryCache;
  readonly passwords: PasswordChecker;
}

/** The identity behind login and password; undefined when they do not fit. */
export async function authenticate(
  deps: AuthenticateDeps,
  login: string,
  password: string,
): Promise<Identity | undefined> {
  const credential = await deps.directory.credential(login);
  const fits = await deps.passwords.check(login, password, credential?.passwordHash ?? UNKNOWN_LOGIN_HASH);
  if (credential === undefined || !fits) return undefined;
  return {
    tenant: credential.tenant,
    label: credential.label === "" ? login : credential.label,
    by: { kind: "credential", login },
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

/** Why an identity may not send just now; undefined: it may. */
export async function standing(directory: DirectoryCache, identity: Identity): Promise<SmtpReply | undefined> {
  if (identity.by.kind === "credential") {
    const credential = await directory.credential(identity.by.login);
    if (credential === undefined || credential.tenant !== identity.tenant) {
      return smtpReply("credentialGone", { credential: identity.label });
    }
    if (credential.status === "paused") return smtpReply("credentialPaused", { credential: identity.label });
  }
  const tenant = await directory.tenant(identity.tenant);
  if (tenant === undefined) return smtpReply("credentialGone", { credential: identity.label });
  return tenant.status === "active" ? undefined : smtpReply("tenantPaused", { tenant: identity.tenant });
}
