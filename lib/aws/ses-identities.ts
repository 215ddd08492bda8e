/**
 * A sender's domain as an identity of SES: set up, looked at, removed.
 *
 * Promise:  `setUpIdentity` may be cut off anywhere and called again: it looks at what is there and does the rest; an
 *           identity is never made twice, and one that was there before the relay keeps the settings it has.
 * Failure:  throws the SDK's error.
 * Each function says how many calls of the control plane it makes, since SES takes one a second.
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateEmailIdentity.html.
 */

import {
  AlreadyExistsException,
  BadRequestException,
  CreateEmailIdentityCommand,
  DeleteEmailIdentityCommand,
  GetEmailIdentityCommand,
  type GetEmailIdentityCommandOutput,
  ListEmailIdentitiesCommand,
  type ListEmailIdentitiesCommandOutput,
  NotFoundException,
  PutEmailIdentityFeedbackAttributesCommand,
  PutEmailIdentityMailFromAttributesCommand,
} from "@aws-sdk/client-sesv2";
import type { DomainIdentity } from "../core/directory.ts";
import type { SesControl } from "./ses-control.ts";
import { associateIdentity, dissociateIdentity } from "./ses-tenants.ts";

/** What an identity is set up with. */
export interface IdentitySetUp {
  readonly domain: string;
  readonly region: string;
  readonly configurationSet: string;
  /** Wanted MAIL FROM domain; one that the identity has already is kept. */
  readonly mailFrom: string;
  /** The SES tenant that may send with it; undefined where the environment has none. */
  readonly sesTenant: string | undefined;
}

/** What SES knows of an identity. */
export interface IdentityState {
  /** Mail may be sent from it. */
  readonly verified: boolean;
  /** `PENDING`, `SUCCESS`, `FAILED`, `TEMPORARY_FAILURE`, `NOT_STARTED`. */
  readonly dkim: string;
  /** As above; undefined: no MAIL FROM domain is set. */
  readonly mailFrom: string | undefined;
  /** Why SES could not verify it, in SES's word (`HOST_NOT_FOUND` and the like). */
  readonly error: string | undefined;
  /** Bounces are mailed to the sender as well, besides our reports. */
  readonly feedbackForwarding: boolean;
  readonly identity: DomainIdentity;
}

/** Tells identities of a relay from others of the account; the value is the configuration set. */
const TAG = "relayhost";
const PAGE_SIZE = 1000;

/**
 * Makes the identity, or completes it: Easy DKIM (2048 bit), configuration set, no feedback by mail, custom MAIL FROM,
 * SES tenant. Three calls for a new one, one more with a tenant; one if all is there.
 */
export async function setUpIdentity(
  ses: SesControl,
  wanted: IdentitySetUp,
): Promise<{ readonly identity: DomainIdentity; readonly verified: boolean }> {
  const { domain, region } = wanted;
  const created = await create(ses, wanted);
  const state = created ?? (await readIdentity(ses, domain, region));
  if (state === undefined) throw new Error(`SES says that ${domain} is there, and then that it is not`);
  if (state.feedbackForwarding) {
    const off = new PutEmailIdentityFeedbackAttributesCommand({ EmailIdentity: domain, EmailForwardingEnabled: false });
    await ses.call(async (client) => await client.send(off));
  }
  const mailFrom = state.identity.mailFrom ?? (await putMailFrom(ses, domain, wanted.mailFrom));
  if (wanted.sesTenant !== undefined) await associateIdentity(ses, wanted.sesTenant, domain);
  const { mailFrom: _, ...identity } = state.identity;
  return { identity: mailFrom === undefined ? identity : { ...identity, mailFrom }, verified: state.verified };
}

/** Reads one identity; undefined: SES does not have it. One call. */
export async function readIdentity(
  ses: SesControl,
  domain: string,
  region: string,
): Promise<IdentityState | undefined> {
  try {
    const found = await ses.call(
      async (client) => await client.send(new GetEmailIdentityCommand({ EmailIdentity: domain })),
    );
    return stateOf(found, region);
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

/**
 * Which identities of the account may send, by name: true, or false while they wait. One call for each thousand.
 */
export async function listIdentities(ses: SesControl): Promise<Map<string, boolean>> {
  const sending = new Map<string, boolean>();
  let token: string | undefined;
  do {
    const command = new ListEmailIdentitiesCommand({
      PageSize: PAGE_SIZE,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const page: ListEmailIdentitiesCommandOutput = await ses.call(async (client) => await client.send(command));
    for (const { IdentityName = "", SendingEnabled = false } of page.EmailIdentities ?? []) {
      sending.set(IdentityName, SendingEnabled);
    }
    token = page.NextToken;
  } while (token !== undefined);
  return sending;
}

/** Removes the identity, with the tenant's right to it. Not there is fine. One call, two with a tenant. */
export async function removeIdentity(ses: SesControl, domain: string, sesTenant: string | undefined): Promise<void> {
  if (sesTenant !== undefined) await dissociateIdentity(ses, sesTenant, domain);
  try {
    await ses.call(async (client) => await client.send(new DeleteEmailIdentityCommand({ EmailIdentity: domain })));
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
  }
}

/** Undefined: it is there already. */
async function create(ses: SesControl, wanted: IdentitySetUp): Promise<IdentityState | undefined> {
  const { domain, configurationSet, region } = wanted;
  const command = new CreateEmailIdentityCommand({
    EmailIdentity: domain,
    ConfigurationSetName: configurationSet,
    Tags: [{ Key: TAG, Value: configurationSet }],
  });
  try {
    const made = await ses.call(async (client) => await client.send(command));
    // What it does not say is read: the zone differs between regions.
    if (made.DkimAttributes?.SigningHostedZone === undefined) return await readIdentity(ses, domain, region);
    return stateOf({ ...made, FeedbackForwardingStatus: true, Tags: [{ Key: TAG, Value: configurationSet }] }, region);
  } catch (error) {
    if (error instanceof AlreadyExistsException) return undefined;
    throw error;
  }
}

/** Undefined: SES does not take it now (believed possible while the identity is pending); a later check repeats it. */
async function putMailFrom(ses: SesControl, domain: string, mailFrom: string): Promise<string | undefined> {
  const command = new PutEmailIdentityMailFromAttributesCommand({
    EmailIdentity: domain,
    MailFromDomain: mailFrom,
    // Without the MX mail goes on under amazonses.com: not aligned for SPF, but delivered, and DKIM is.
    BehaviorOnMxFailure: "USE_DEFAULT_VALUE",
  });
  try {
    await ses.call(async (client) => await client.send(command));
    return mailFrom;
  } catch (error) {
    if (error instanceof BadRequestException) return undefined;
    throw error;
  }
}

type Answer = Pick<
  GetEmailIdentityCommandOutput,
  | "DkimAttributes"
  | "FeedbackForwardingStatus"
  | "MailFromAttributes"
  | "Tags"
  | "VerificationInfo"
  | "VerifiedForSendingStatus"
>;

function stateOf(answer: Answer, region: string): IdentityState {
  const { DkimAttributes: dkim, MailFromAttributes: mailFrom } = answer;
  return {
    verified: answer.VerifiedForSendingStatus ?? false,
    dkim: dkim?.Status ?? "NOT_STARTED",
    mailFrom: mailFrom?.MailFromDomainStatus,
    error: answer.VerificationInfo?.ErrorType,
    feedbackForwarding: answer.FeedbackForwardingStatus ?? false,
    identity: {
      region,
      // With an own key (BYODKIM) there is a selector instead of tokens, and its record is the operator's.
      dkimTokens: dkim?.SigningAttributesOrigin === "EXTERNAL" ? [] : (dkim?.Tokens ?? []),
      dkimZone: dkim?.SigningHostedZone ?? "dkim.amazonses.com",
      ...(mailFrom?.MailFromDomain === undefined || mailFrom.MailFromDomain === ""
        ? {}
        : { mailFrom: mailFrom.MailFromDomain }),
      ...(answer.Tags?.some(({ Key }) => Key === TAG) === true ? {} : { adopted: true }),
    },
  };
}
