/**
 * What the local SES knows: account, identities, configuration sets, tenants, suppression lists.
 *
 * Kept in memory and, after every change and before its answer, in one JSON file that is replaced as a whole.
 * Promise:  what `save` resolved for is read back by `load` after a kill at any moment.
 * Failure:  a file that cannot be read or understood throws; it is never replaced by an empty state.
 */

import {
  type Fields,
  fieldsOf,
  flagOf,
  manyOf,
  numberOf,
  objectsOf,
  oneOf,
  optional,
  parseFields,
  type ResourceTag,
  requiredTextOf,
  resourceTagsOf,
  textOf,
  textsOf,
} from "./ses-json.ts";

/** SuppressionListReason of the API. */
export const SUPPRESSION_REASONS = ["BOUNCE", "COMPLAINT"] as const;
/** SuppressionListScope of the API. */
export const SUPPRESSION_SCOPES = ["TENANT", "ACCOUNT"] as const;
/** SendingStatus of the API. */
export const SENDING_STATUSES = ["ENABLED", "DISABLED", "REINSTATED"] as const;
/** EventType of the API. */
export const EVENT_TYPES = [
  "SEND",
  "REJECT",
  "BOUNCE",
  "COMPLAINT",
  "DELIVERY",
  "OPEN",
  "CLICK",
  "RENDERING_FAILURE",
  "DELIVERY_DELAY",
  "SUBSCRIPTION",
] as const;
/** BehaviorOnMxFailure of the API. */
export const MX_FAILURE_BEHAVIORS = ["USE_DEFAULT_VALUE", "REJECT_MESSAGE"] as const;
/** DkimSigningAttributesOrigin of the API, without the regions of multi-region keys. */
export const DKIM_ORIGINS = ["AWS_SES", "EXTERNAL"] as const;
/** DkimSigningKeyLength of the API. */
export const DKIM_KEY_LENGTHS = ["RSA_1024_BIT", "RSA_2048_BIT"] as const;
/** The local SES has no DNS: something is verified, or it waits. */
const VERIFICATION_STATES = ["PENDING", "SUCCESS"] as const;

/** Why an address is on a suppression list. */
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];
/** Whose suppression list counts. */
export type SuppressionScope = (typeof SUPPRESSION_SCOPES)[number];
/** Whether a tenant may send; REINSTATED may. */
export type SendingStatus = (typeof SENDING_STATUSES)[number];
/** An event type as event destinations name it. */
export type SesEventType = (typeof EVENT_TYPES)[number];
/** Whether a name was verified here. */
export type VerificationState = (typeof VERIFICATION_STATES)[number];

/** A domain or address from which may be sent, once it is verified. */
export interface Identity {
  /** Lower-case domain, or address with a lower-case domain. */
  readonly name: string;
  verification: VerificationState;
  feedbackForwarding: boolean;
  dkim: {
    signingEnabled: boolean;
    origin: (typeof DKIM_ORIGINS)[number];
    tokens: readonly string[];
    keyLength: (typeof DKIM_KEY_LENGTHS)[number];
  };
  mailFrom?: { domain: string; behavior: (typeof MX_FAILURE_BEHAVIORS)[number]; status: VerificationState };
  configurationSetName?: string;
  readonly tags: readonly ResourceTag[];
}

/** Which entries of which suppression list count; a part that is absent is inherited. */
export interface SuppressionChoice {
  reasons?: readonly SuppressionReason[];
  scope?: SuppressionScope;
}

/** Where events of a configuration set go. Only SNS topics are published to; other targets are kept as given. */
export interface EventDestination {
  readonly name: string;
  readonly enabled: boolean;
  readonly types: readonly SesEventType[];
  readonly topicArn?: string;
  /** The target members of the request (`SnsDestination` and so on), for reading back. */
  readonly target: Fields;
}

/** Settings that go with a send, and where its events go. */
export interface ConfigurationSet {
  readonly name: string;
  sendingEnabled: boolean;
  suppression?: SuppressionChoice;
  /** `DeliveryOptions`, `TrackingOptions` and so on as given: kept, with no effect on local sending. */
  options: Fields;
  eventDestinations: EventDestination[];
  readonly tags: readonly ResourceTag[];
}

/** One of several senders that share the account. */
export interface Tenant {
  readonly name: string;
  readonly id: string;
  readonly arn: string;
  readonly createdAtMs: number;
  suppression?: SuppressionChoice;
  sendingStatus: SendingStatus;
  /** ARNs of the identities and configuration sets with which this tenant may send. */
  resources: string[];
  readonly tags: readonly ResourceTag[];
}

/** An address to which nothing is delivered. */
export interface SuppressedDestination {
  /** Lower case. */
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly updatedAtMs: number;
  /** Whose list; absent for the account's. */
  readonly tenantName?: string;
}

/** Everything that outlives the process, mail and events aside. */
export interface SesState {
  account: { sendingEnabled: boolean; suppressedReasons: readonly SuppressionReason[] };
  readonly identities: Map<string, Identity>;
  readonly configurationSets: Map<string, ConfigurationSet>;
  readonly tenants: Map<string, Tenant>;
  /** By `suppressionKey`. */
  readonly suppressed: Map<string, SuppressedDestination>;
}

/** An account as new: sending enabled, both suppression reasons on, nothing else. */
export function emptyState(): SesState {
  return {
    account: { sendingEnabled: true, suppressedReasons: SUPPRESSION_REASONS },
    identities: new Map(),
    configurationSets: new Map(),
    tenants: new Map(),
    suppressed: new Map(),
  };
}

/** Key of one entry of one suppression list. Addresses are compared without case. */
export function suppressionKey(address: string, tenantName: string | undefined): string {
  return `${tenantName ?? ""} ${address.toLowerCase()}`;
}

/** The text of the state file. */
export function formatState(state: SesState): string {
  const lists = {
    identities: [...state.identities.values()],
    configurationSets: [...state.configurationSets.values()],
    tenants: [...state.tenants.values()],
    suppressed: [...state.suppressed.values()],
  };
  return `${JSON.stringify({ version: 1, account: state.account, ...lists }, undefined, 1)}\n`;
}

/** Reads what `formatState` wrote. Throws on anything else. */
export function parseState(text: string): SesState {
  const fields = parseFields(text);
  if (fields["version"] !== 1) throw new Error("the SES state file has an unknown version");
  const state = emptyState();
  const account = fieldsOf(fields, "account") ?? {};
  state.account = {
    sendingEnabled: flagOf(account, "sendingEnabled") ?? true,
    suppressedReasons: manyOf(account, "suppressedReasons", SUPPRESSION_REASONS) ?? SUPPRESSION_REASONS,
  };
  const fill = <T>(name: string, map: Map<string, T>, parse: (f: Fields) => T, key: (value: T) => string): void => {
    for (const entry of objectsOf(fields, name)) {
      const value = parse(entry);
      map.set(key(value), value);
    }
  };
  fill("identities", state.identities, parseIdentity, (identity) => identity.name);
  fill("configurationSets", state.configurationSets, parseConfigurationSet, (set) => set.name);
  fill("tenants", state.tenants, parseTenant, (tenant) => tenant.name);
  fill("suppressed", state.suppressed, parseSuppressed, (entry) => suppressionKey(entry.address, entry.tenantName));
  return state;
}

function parseIdentity(fields: Fields): Identity {
  const dkim = fieldsOf(fields, "dkim") ?? {};
  const mailFrom = fieldsOf(fields, "mailFrom");
  return {
    name: requiredTextOf(fields, "name"),
    verification: oneOf(fields, "verification", VERIFICATION_STATES) ?? "PENDING",
    feedbackForwarding: flagOf(fields, "feedbackForwarding") ?? true,
    dkim: {
      signingEnabled: flagOf(dkim, "signingEnabled") ?? true,
      origin: oneOf(dkim, "origin", DKIM_ORIGINS) ?? "AWS_SES",
      tokens: textsOf(dkim, "tokens"),
      keyLength: oneOf(dkim, "keyLength", DKIM_KEY_LENGTHS) ?? "RSA_2048_BIT",
    },
    ...optional(
      "mailFrom",
      mailFrom && {
        domain: requiredTextOf(mailFrom, "domain"),
        behavior: oneOf(mailFrom, "behavior", MX_FAILURE_BEHAVIORS) ?? "USE_DEFAULT_VALUE",
        status: oneOf(mailFrom, "status", VERIFICATION_STATES) ?? "PENDING",
      },
    ),
    ...optional("configurationSetName", textOf(fields, "configurationSetName")),
    tags: storedTags(fields),
  };
}

function parseConfigurationSet(fields: Fields): ConfigurationSet {
  return {
    name: requiredTextOf(fields, "name"),
    sendingEnabled: flagOf(fields, "sendingEnabled") ?? true,
    ...optional("suppression", parseSuppressionChoice(fieldsOf(fields, "suppression"))),
    options: fieldsOf(fields, "options") ?? {},
    eventDestinations: objectsOf(fields, "eventDestinations").map((entry) => ({
      name: requiredTextOf(entry, "name"),
      enabled: flagOf(entry, "enabled") ?? false,
      types: manyOf(entry, "types", EVENT_TYPES) ?? [],
      ...optional("topicArn", textOf(entry, "topicArn")),
      target: fieldsOf(entry, "target") ?? {},
    })),
    tags: storedTags(fields),
  };
}

function parseTenant(fields: Fields): Tenant {
  return {
    name: requiredTextOf(fields, "name"),
    id: requiredTextOf(fields, "id"),
    arn: requiredTextOf(fields, "arn"),
    createdAtMs: numberOf(fields, "createdAtMs") ?? 0,
    ...optional("suppression", parseSuppressionChoice(fieldsOf(fields, "suppression"))),
    sendingStatus: oneOf(fields, "sendingStatus", SENDING_STATUSES) ?? "ENABLED",
    resources: textsOf(fields, "resources"),
    tags: storedTags(fields),
  };
}

function parseSuppressed(fields: Fields): SuppressedDestination {
  return {
    address: requiredTextOf(fields, "address"),
    reason: oneOf(fields, "reason", SUPPRESSION_REASONS) ?? "BOUNCE",
    updatedAtMs: numberOf(fields, "updatedAtMs") ?? 0,
    ...optional("tenantName", textOf(fields, "tenantName")),
  };
}

function parseSuppressionChoice(fields: Fields | undefined): SuppressionChoice | undefined {
  if (fields === undefined) return undefined;
  return {
    ...optional("reasons", manyOf(fields, "reasons", SUPPRESSION_REASONS)),
    ...optional("scope", oneOf(fields, "scope", SUPPRESSION_SCOPES)),
  };
}

function storedTags(fields: Fields): ResourceTag[] {
  return resourceTagsOf({ Tags: fields["tags"] });
}
