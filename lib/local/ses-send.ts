/**
 * `SendEmail`: who may send, and what happens to what is taken.
 *
 * Promise:  when this returns a message id, message, request and events are on disk.
 * Refusal:  throws `SesError`; nothing is written and nothing is counted.
 *
 * The checks go from the cheap to the costly: account, form of the message, configuration set, tenant, identities, quota.
 * Fields of the message that steer SES (`X-SES-CONFIGURATION-SET`, `X-SES-TENANT`, `X-SES-MESSAGE-TAGS`) are obeyed where
 * the request is silent, as SES does, so that one that slipped through the relay shows; they stay in the outbox copy.
 * `FromEmailAddress` is checked and recorded; it is not written into the message as SES would do.
 */

import { suppressedBy } from "./ses-account.ts";
import { configurationSetArn } from "./ses-configuration-sets.ts";
import { configurationSetNamed, LOCAL_ACCOUNT_ID, type SesContext } from "./ses-context.ts";
import { notFound, SesError } from "./ses-error.ts";
import type { PendingEvent } from "./ses-event-journal.ts";
import type { EventQueue } from "./ses-event-queue.ts";
import { draftEvents, type SesEventDraft } from "./ses-events.ts";
import { identityArn, verifiedIdentityFor } from "./ses-identities.ts";
import { optional } from "./ses-json.ts";
import { type CheckedMessage, checkMessage } from "./ses-message-checks.ts";
import { makeSesId } from "./ses-message-id.ts";
import { fieldsNamed } from "./ses-mime-header.ts";
import type { Outbox } from "./ses-outbox.ts";
import type { RateLimit, SendQuota } from "./ses-quota.ts";
import { checkTag, type SendEmailRequest } from "./ses-send-request.ts";
import {
  isRejectedAfterwards,
  isSimulator,
  type Outcome,
  outcomesFor,
  outcomesWhenSuppressed,
} from "./ses-simulator.ts";
import type { ConfigurationSet, Identity, Tenant } from "./ses-state.ts";

/** What sending works with. `eventDelayMs` lies between acceptance and the first event, and between events. */
export interface SendDeps {
  readonly context: SesContext;
  readonly outbox: Outbox;
  readonly events: EventQueue;
  readonly rate: RateLimit;
  readonly quota: SendQuota;
  readonly refuseLongLines: boolean;
  readonly eventDelayMs: number;
}

/** Who calls, for the tags of the events. */
export interface SendCaller {
  readonly sourceIp: string;
  readonly callerIdentity: string;
}

/** What a send was found to use. */
interface Clearance {
  readonly set: ConfigurationSet | undefined;
  readonly tenant: Tenant | undefined;
  readonly identity: Identity;
  readonly tags: Readonly<Record<string, string>>;
}

/** Takes a message and returns its SES message id. Throws `SesError`, or the cause when it cannot be stored. */
export async function sendEmail(deps: SendDeps, request: SendEmailRequest, caller: SendCaller): Promise<string> {
  const { context } = deps;
  if (!context.state.account.sendingEnabled) {
    throw new SesError("SendingPausedException", "Sending paused for this account.");
  }
  const message = checkMessage(request, { refuseLongLines: deps.refuseLongLines });
  const clearance = clear(context, request, message);
  count(deps, message.recipients);

  const acceptedAtMs = context.now().getTime();
  const messageId = makeSesId(context.region, acceptedAtMs);
  const events = pendingEvents(messageId, acceptedAtMs, { deps, request, message, clearance, caller });
  const stored = requestRecord(messageId, acceptedAtMs, request, message, clearance);
  try {
    await deps.outbox.put(messageId, request.data, stored, () => deps.events.note(events));
  } catch (cause) {
    await deps.events.forget(events).catch(() => undefined); // the outbox, too, remembers that it was not accepted
    throw cause;
  }
  deps.events.release(events);
  return messageId;
}

function clear(context: SesContext, request: SendEmailRequest, message: CheckedMessage): Clearance {
  const named = request.configurationSetName ?? steeringField(message, "X-SES-CONFIGURATION-SET");
  const explicitSet = named === undefined ? undefined : sendingSet(context, named);
  const tenantName = request.tenantName ?? steeringField(message, "X-SES-TENANT");
  const tenant = tenantName === undefined ? undefined : sendingTenant(context, tenantName);

  const used = new Map(message.senders.map((address) => [address, verifiedIdentityFor(context, address)]));
  const failed = [...used].filter(([, identity]) => identity === undefined).map(([address]) => address);
  const identity = used.get(message.source);
  if (failed.length > 0 || identity === undefined) {
    const region = context.region.toUpperCase();
    throw new SesError(
      "MessageRejected",
      `Email address is not verified. The following identities failed the check in region ${region}: ${failed.join(", ")}`,
    );
  }
  if (identity.mailFrom?.behavior === "REJECT_MESSAGE" && identity.mailFrom.status !== "SUCCESS") {
    const text = `The MAIL FROM domain <${identity.mailFrom.domain}> is not verified.`;
    throw new SesError("MailFromDomainNotVerifiedException", text);
  }
  const fallback = identity.configurationSetName;
  const set = explicitSet ?? (fallback === undefined ? undefined : sendingSet(context, fallback));
  if (tenant !== undefined) requireAssociated(context, tenant, identity, set);
  return { set, tenant, identity, tags: tagsOf(request, message) };
}

function sendingSet(context: SesContext, name: string): ConfigurationSet {
  const set = configurationSetNamed(context, name);
  if (set.sendingEnabled) return set;
  throw new SesError("SendingPausedException", `Sending paused for configuration set <${name}>.`);
}

/** Which exception SES has for a paused tenant is not known; this is the nearest. */
function sendingTenant(context: SesContext, name: string): Tenant {
  const tenant = context.state.tenants.get(name);
  if (tenant === undefined) throw notFound(`Tenant ${name} for AwsAccountId ${LOCAL_ACCOUNT_ID} not found.`);
  if (tenant.sendingStatus !== "DISABLED") return tenant;
  throw new SesError("SendingPausedException", `Sending paused for tenant ${name}.`);
}

/** A tenant sends with its own identities and sets, and only with a set. */
function requireAssociated(
  context: SesContext,
  tenant: Tenant,
  identity: Identity,
  set: ConfigurationSet | undefined,
): void {
  if (set === undefined) {
    throw new SesError("BadRequestException", "A configuration set is required to send on behalf of a tenant.");
  }
  const missing = [identityArn(context, identity), configurationSetArn(context, set)].filter(
    (arn) => !tenant.resources.includes(arn),
  );
  if (missing.length === 0) return;
  throw new SesError("AccessDeniedException", `Tenant not associated with resources [${missing.join(", ")}].`);
}

/** Throttles before it counts, so that a refused call uses up nothing. */
function count(deps: SendDeps, recipients: readonly string[]): void {
  const real = recipients.filter((address) => !isSimulator(address)).length;
  if (!deps.quota.hasRoom(real)) throw new SesError("ThrottlingException", "Daily message quota exceeded.");
  if (!deps.rate.take(recipients.length)) {
    throw new SesError("TooManyRequestsException", "Maximum sending rate exceeded.");
  }
  deps.quota.add(real);
}

/** The first copy counts; nothing where there is none. */
function steeringField(message: CheckedMessage, name: string): string | undefined {
  const value = fieldsNamed(message.header, name)[0]?.value;
  return value === "" ? undefined : value;
}

/** Tags of the request replace those of the message. */
function tagsOf(request: SendEmailRequest, message: CheckedMessage): Readonly<Record<string, string>> {
  const inMessage = steeringField(message, "X-SES-MESSAGE-TAGS");
  if (inMessage === undefined || Object.keys(request.tags).length > 0) return request.tags;
  const pairs = inMessage.split(",").map((pair) => pair.split("=", 2).map((part) => part.trim()));
  for (const [name, value] of pairs) checkTag(name ?? "", value ?? "");
  return Object.fromEntries(pairs) as Record<string, string>;
}

interface Sent {
  readonly deps: SendDeps;
  readonly request: SendEmailRequest;
  readonly message: CheckedMessage;
  readonly clearance: Clearance;
  readonly caller: SendCaller;
}

/** One entry per event and topic; none without an event destination that listens. */
function pendingEvents(messageId: string, acceptedAtMs: number, sent: Sent): PendingEvent[] {
  const { deps, request, message, clearance, caller } = sent;
  const { set } = clearance;
  const listening = set?.eventDestinations.filter(({ enabled, topicArn }) => enabled && topicArn !== undefined) ?? [];
  if (set === undefined || listening.length === 0) return [];
  const drafts = draftEvents(
    {
      messageId,
      region: deps.context.region,
      acceptedAtMs,
      source: message.source,
      sourceArn: identityArn(deps.context, clearance.identity),
      recipients: message.recipients,
      header: message.header,
      tags: clearance.tags,
      configurationSetName: set.name,
      ...caller,
    },
    fatesOf(deps.context, request, message, clearance),
    deps.eventDelayMs,
  );
  const topicsOf = (draft: SesEventDraft): Set<string> =>
    new Set(listening.flatMap(({ types, topicArn }) => (types.includes(draft.type) && topicArn ? [topicArn] : [])));
  return drafts
    .flatMap((draft) => [...topicsOf(draft)].map((topicArn) => ({ topicArn, draft })))
    .map(({ topicArn, draft }, n) => ({
      id: `${messageId}/${n}`,
      messageId,
      topicArn,
      dueMs: draft.dueMs,
      body: draft.body,
    }));
}

function fatesOf(
  context: SesContext,
  request: SendEmailRequest,
  message: CheckedMessage,
  clearance: Clearance,
): ReadonlyMap<string, readonly Outcome[]> | "rejected" {
  if (isRejectedAfterwards(request.data, message.recipients)) return "rejected";
  return new Map(
    message.recipients.map((address) => {
      const entry = suppressedBy(context, address, clearance.set, clearance.tenant);
      return [address, entry === undefined ? outcomesFor(address) : outcomesWhenSuppressed(entry.scope)];
    }),
  );
}

/** What `outbox/<id>.json` holds. */
function requestRecord(
  messageId: string,
  acceptedAtMs: number,
  request: SendEmailRequest,
  message: CheckedMessage,
  clearance: Clearance,
): object {
  return {
    messageId,
    time: new Date(acceptedAtMs).toISOString(),
    size: request.data.length,
    source: message.source,
    recipients: message.recipients,
    destination: request.destination,
    tags: clearance.tags,
    ...optional("configurationSetName", clearance.set?.name),
    ...optional("tenantName", clearance.tenant?.name),
    ...optional("fromEmailAddress", request.fromEmailAddress),
    ...(request.replyToAddresses.length > 0 && { replyToAddresses: request.replyToAddresses }),
    ...optional("feedbackForwardingEmailAddress", request.feedbackForwardingEmailAddress),
  };
}
