/**
 * Email identities of the local SES: domains and addresses from which may be sent.
 *
 * There is no DNS here. A new identity waits as PENDING with three Easy DKIM tokens until it is verified by name:
 * through the option `identities`, the option `verifyNewIdentities`, or `POST /local/verify`.
 * A verified domain covers its addresses and its subdomains (for SES itself the latter is not documented).
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateEmailIdentity.html.
 */

import { randomBytes } from "node:crypto";

import { configurationSetNamed, refuseWhileAssociated, type SesContext, sesArn } from "./ses-context.ts";
import { alreadyExists, badRequest, notFound } from "./ses-error.ts";
import {
  type Fields,
  fieldsOf,
  flagOf,
  invalid,
  oneOf,
  optional,
  requiredTextOf,
  resourceTagsOf,
  textOf,
} from "./ses-json.ts";
import { page } from "./ses-paging.ts";
import { label, type SesCall, type SesRoute } from "./ses-router.ts";
import { DKIM_KEY_LENGTHS, DKIM_ORIGINS, type Identity, MX_FAILURE_BEHAVIORS } from "./ses-state.ts";

const DOMAIN = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/;

/** The operations on identities. */
export function identityRoutes(context: SesContext): SesRoute[] {
  const one = "/v2/email/identities/{}";
  return [
    { method: "POST", path: "/v2/email/identities", writes: true, run: (call) => create(context, call.body) },
    { method: "POST", path: "/v2/email/list-identities", writes: false, run: (call) => list(context, call.body) },
    { method: "GET", path: one, writes: false, run: (call) => describe(context, named(context, call)) },
    { method: "DELETE", path: one, writes: true, run: (call) => remove(context, named(context, call)) },
    { method: "PUT", path: `${one}/mail-from`, writes: true, run: (call) => putMailFrom(context, call) },
    { method: "PUT", path: `${one}/feedback`, writes: true, run: (call) => putFeedback(context, call) },
    { method: "PUT", path: `${one}/configuration-set`, writes: true, run: (call) => putSet(context, call) },
    { method: "PUT", path: `${one}/dkim`, writes: true, run: (call) => putDkim(context, call) },
    { method: "PUT", path: `${one}/dkim/signing`, writes: true, run: (call) => putDkimSigning(context, call) },
  ];
}

/**
 * Makes an identity verified, with its DKIM and MAIL FROM domain; creates it when it is new.
 * Throws BadRequestException for what is neither a domain nor an address.
 */
export function verifyIdentity(context: SesContext, name: string): Identity {
  const normal = checkedName(name);
  const identity = context.state.identities.get(normal) ?? newIdentity(normal);
  identity.verification = "SUCCESS";
  if (identity.mailFrom !== undefined) identity.mailFrom.status = "SUCCESS";
  context.state.identities.set(normal, identity);
  return identity;
}

/** The verified identity that allows sending from `address`: the address itself, its domain, or a parent domain. */
export function verifiedIdentityFor(context: SesContext, address: string): Identity | undefined {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).toLowerCase();
  const labels = domain.split(".");
  const names = [`${address.slice(0, at)}@${domain}`, ...labels.map((_, i) => labels.slice(i).join("."))];
  for (const name of names) {
    const identity = context.state.identities.get(name);
    if (identity?.verification === "SUCCESS") return identity;
  }
  return undefined;
}

/** ARN of an identity, as in `mail.sourceArn` and in tenant associations. */
export function identityArn(context: SesContext, identity: Identity): string {
  return sesArn(context, `identity/${identity.name}`);
}

function create(context: SesContext, body: Fields): object {
  const name = checkedName(requiredTextOf(body, "EmailIdentity"));
  if (context.state.identities.has(name)) throw alreadyExists(`Email identity ${name} already exist.`);
  const identity = newIdentity(name);
  const signing = fieldsOf(body, "DkimSigningAttributes");
  if (signing !== undefined) applySigning(identity, signing, undefined);
  const set = textOf(body, "ConfigurationSetName");
  if (set !== undefined) identity.configurationSetName = configurationSetNamed(context, set).name;
  if (context.verifyNewIdentities) identity.verification = "SUCCESS";
  const stored: Identity = { ...identity, tags: resourceTagsOf(body) };
  context.state.identities.set(name, stored);
  return {
    IdentityType: typeOf(stored),
    VerifiedForSendingStatus: stored.verification === "SUCCESS",
    DkimAttributes: dkimAttributes(context, stored),
  };
}

function list(context: SesContext, body: Fields): object {
  const identities = [...context.state.identities.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const { entries, ...more } = page(identities, (identity) => identity.name, body);
  return {
    EmailIdentities: entries.map((identity) => ({
      IdentityType: typeOf(identity),
      IdentityName: identity.name,
      SendingEnabled: identity.verification === "SUCCESS",
      VerificationStatus: identity.verification,
    })),
    ...more,
  };
}

function describe(context: SesContext, identity: Identity): object {
  return {
    IdentityType: typeOf(identity),
    FeedbackForwardingStatus: identity.feedbackForwarding,
    VerifiedForSendingStatus: identity.verification === "SUCCESS",
    VerificationStatus: identity.verification,
    DkimAttributes: dkimAttributes(context, identity),
    MailFromAttributes: {
      ...optional("MailFromDomain", identity.mailFrom?.domain),
      ...optional("MailFromDomainStatus", identity.mailFrom?.status),
      BehaviorOnMxFailure: identity.mailFrom?.behavior ?? "USE_DEFAULT_VALUE",
    },
    Policies: {},
    Tags: identity.tags,
    ...optional("ConfigurationSetName", identity.configurationSetName),
  };
}

function remove(context: SesContext, identity: Identity): object {
  refuseWhileAssociated(context, identityArn(context, identity));
  context.state.identities.delete(identity.name);
  return {};
}

function putMailFrom(context: SesContext, call: SesCall): object {
  const identity = named(context, call);
  const domain = textOf(call.body, "MailFromDomain")?.toLowerCase();
  const behavior = oneOf(call.body, "BehaviorOnMxFailure", MX_FAILURE_BEHAVIORS) ?? "USE_DEFAULT_VALUE";
  if (domain === undefined || domain === "") {
    delete identity.mailFrom;
    return {};
  }
  const parent = identity.name.slice(identity.name.lastIndexOf("@") + 1);
  if (!domain.endsWith(`.${parent}`)) {
    throw badRequest(
      `Provided MAIL-FROM domain <${domain}> is not subdomain of the domain of the identity <${parent}>.`,
    );
  }
  const kept = identity.mailFrom?.domain === domain ? identity.mailFrom.status : "PENDING";
  identity.mailFrom = { domain, behavior, status: context.verifyNewIdentities ? "SUCCESS" : kept };
  return {};
}

function putFeedback(context: SesContext, call: SesCall): object {
  named(context, call).feedbackForwarding = flagOf(call.body, "EmailForwardingEnabled") ?? false;
  return {};
}

function putSet(context: SesContext, call: SesCall): object {
  const identity = named(context, call);
  const name = textOf(call.body, "ConfigurationSetName");
  if (name === undefined) delete identity.configurationSetName;
  else identity.configurationSetName = configurationSetNamed(context, name).name;
  return {};
}

function putDkim(context: SesContext, call: SesCall): object {
  named(context, call).dkim.signingEnabled = flagOf(call.body, "SigningEnabled") ?? false;
  return {};
}

function putDkimSigning(context: SesContext, call: SesCall): object {
  const identity = named(context, call);
  if (isAddress(identity.name)) throw badRequest("The EmailIdentity value must be a valid domain.");
  const origin = oneOf(call.body, "SigningAttributesOrigin", DKIM_ORIGINS);
  if (origin === undefined) throw invalid("SigningAttributesOrigin", "Member must not be null");
  applySigning(identity, fieldsOf(call.body, "SigningAttributes") ?? {}, origin);
  return {
    DkimStatus: dkimStatus(identity),
    DkimTokens: identity.dkim.tokens,
    ...optional("SigningHostedZone", signingHostedZone(context, identity)),
  };
}

/** Own key (BYODKIM) where a private key is given, else Easy DKIM, with new tokens when the key length changes. */
function applySigning(identity: Identity, signing: Fields, wanted: (typeof DKIM_ORIGINS)[number] | undefined): void {
  const privateKey = textOf(signing, "DomainSigningPrivateKey");
  const origin = wanted ?? (privateKey === undefined ? "AWS_SES" : "EXTERNAL");
  const { dkim } = identity;
  if (origin === "EXTERNAL") {
    if (privateKey === undefined) throw badRequest("DomainSigningPrivateKey is required.");
    dkim.tokens = [requiredTextOf(signing, "DomainSigningSelector")];
  } else {
    const keyLength = oneOf(signing, "NextSigningKeyLength", DKIM_KEY_LENGTHS) ?? dkim.keyLength;
    if (dkim.origin === "EXTERNAL" || keyLength !== dkim.keyLength) dkim.tokens = newTokens();
    dkim.keyLength = keyLength;
  }
  dkim.origin = origin;
}

function dkimAttributes(context: SesContext, identity: Identity): object {
  const easy = !isAddress(identity.name) && identity.dkim.origin === "AWS_SES";
  return {
    SigningEnabled: identity.dkim.signingEnabled,
    Status: dkimStatus(identity),
    Tokens: identity.dkim.tokens,
    SigningAttributesOrigin: identity.dkim.origin,
    ...optional("SigningHostedZone", signingHostedZone(context, identity)),
    ...(easy && {
      NextSigningKeyLength: identity.dkim.keyLength,
      CurrentSigningKeyLength: identity.dkim.keyLength,
    }),
  };
}

function dkimStatus(identity: Identity): string {
  return isAddress(identity.name) ? "NOT_STARTED" : identity.verification;
}

/** Not `dkim.amazonses.com`: a program that has that written into it instead of reading this is found out here. */
function signingHostedZone(context: SesContext, identity: Identity): string | undefined {
  if (isAddress(identity.name) || identity.dkim.origin === "EXTERNAL") return undefined;
  return `local.dkim.${context.region}.amazonses.com`;
}

function named(context: SesContext, call: SesCall): Identity {
  const name = normalName(label(call, 0));
  const identity = context.state.identities.get(name);
  if (identity === undefined) throw notFound(`Email identity ${name} does not exist.`);
  return identity;
}

function newIdentity(name: string): Identity {
  const tokens = isAddress(name) ? [] : newTokens();
  return {
    name,
    verification: "PENDING",
    feedbackForwarding: true,
    dkim: { signingEnabled: !isAddress(name), origin: "AWS_SES", tokens, keyLength: "RSA_2048_BIT" },
    tags: [],
  };
}

/** Three selectors of 32 lower-case letters and digits, as Easy DKIM gives them. */
function newTokens(): string[] {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return [1, 2, 3].map(() => Array.from(randomBytes(32), (byte) => alphabet.charAt(byte & 31)).join(""));
}

function checkedName(given: string): string {
  const name = normalName(given);
  const at = name.lastIndexOf("@");
  if (at === 0 || !DOMAIN.test(name.slice(at + 1))) throw badRequest(`Invalid email identity: <${name}>.`);
  return name;
}

function normalName(name: string): string {
  const at = name.lastIndexOf("@");
  return name.slice(0, at + 1) + name.slice(at + 1).toLowerCase();
}

function isAddress(name: string): boolean {
  return name.includes("@");
}

function typeOf(identity: Identity): string {
  return isAddress(identity.name) ? "EMAIL_ADDRESS" : "DOMAIN";
}
