/**
 * Decides at the end of data whether the message's sender is acceptable, and whether it must leave under another From.
 *
 * Promise:  a message whose From names a domain that is not the tenant's is refused, or marked to be rewritten.
 * Refusal:  a reply from the table that names the domain. A foreign domain weighs more than one that waits for DNS.
 * Failure:  a directory that cannot be asked is a 4xx; nothing is thrown.
 */

import { type SenderPolicy, senderPolicy } from "../lib/core/directory.ts";
import { readAuthors } from "../lib/core/header-authors.ts";
import { fromDomains } from "../lib/core/header-from.ts";
import type { HeaderFacts } from "../lib/core/header-scan.ts";
import { errorText, type Log } from "../lib/core/log.ts";
import {
  type Classified,
  classifySender,
  decideSender,
  type FromProblem,
  isSrs,
  type RewriteClass,
  srsOriginDomain,
} from "../lib/core/sender-class.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import type { Envelope } from "../lib/core/spool-object.ts";
import type { DirectoryCache } from "./directory-cache.ts";

/** What judging needs. */
export interface JudgeDeps {
  readonly directory: DirectoryCache;
  readonly log: Log;
}

/** The envelope as far as it counts here. */
export type JudgedEnvelope = Pick<Envelope, "tenant" | "returnPath" | "foreignReturnPath" | "recipients"> & {
  readonly client: Pick<Envelope["client"], "helo">;
};

/** What was decided. */
export type SenderJudgement =
  | { readonly kind: "refused"; readonly reply: SmtpReply }
  | { readonly kind: "accepted"; readonly classified: Classified; readonly rewrite: RewriteClass | undefined };

/** See the head of this file. */
export async function judgeSender(
  deps: JudgeDeps,
  envelope: JudgedEnvelope,
  header: HeaderFacts,
): Promise<SenderJudgement> {
  try {
    const from = await judgeFrom(deps.directory, envelope.tenant, header.from);
    const srsOriginIsTenants = await isSrsOriginTenants(deps.directory, envelope);
    const classified = classifySender({
      returnPath: envelope.returnPath,
      returnPathIsTenants: envelope.foreignReturnPath !== true,
      helo: envelope.client.helo,
      recipients: envelope.recipients,
      authors: readAuthors(header.from ?? ""),
      problem: from.problem,
      foreignDomains: from.foreignDomains,
      ...(srsOriginIsTenants === undefined ? {} : { srsOriginIsTenants }),
      autoSubmitted: header.autoSubmitted,
      contentType: header.contentType,
      isList: header.isList,
    });
    const policy = await tenantsPolicy(deps.directory, envelope.tenant);
    const decision = decideSender(classified, from.problem, policy);
    if (decision === "refuse") return { kind: "refused", reply: from.reply ?? smtpReply("fromUnreadable") };
    const { senderClass } = classified;
    const rewrite = decision === "rewrite" && senderClass !== "own" ? senderClass : undefined;
    return { kind: "accepted", classified, rewrite };
  } catch (error) {
    deps.log({ event: "directory-failed", error: errorText(error) });
    return { kind: "refused", reply: smtpReply("directoryDown") };
  }
}

/** What the tenant wants done with mail that is not its own. Rejects when the directory cannot be asked. */
export async function tenantsPolicy(directory: DirectoryCache, tenant: string): Promise<SenderPolicy> {
  return senderPolicy(await directory.tenant(tenant));
}

interface JudgedFrom {
  readonly problem: FromProblem;
  readonly foreignDomains: ReadonlySet<string>;
  /** The reply if the problem is to be one. */
  readonly reply: SmtpReply | undefined;
}

async function judgeFrom(directory: DirectoryCache, tenant: string, from: string | undefined): Promise<JudgedFrom> {
  const foreignDomains = new Set<string>();
  if (from === undefined) return { problem: "missing", foreignDomains, reply: smtpReply("fromMissing") };
  const domains = fromDomains(from);
  if (domains === undefined) return { problem: "unreadable", foreignDomains, reply: smtpReply("fromUnreadable") };
  let foreign: string | undefined;
  let pending: string | undefined;
  for (const domain of domains) {
    const verdict = await directory.senderVerdict(tenant, domain);
    if (verdict.kind === "allowed") continue;
    foreignDomains.add(domain);
    if (verdict.kind === "pending") pending ??= verdict.domain;
    else foreign ??= domain;
  }
  if (foreign !== undefined) {
    return { problem: "foreign", foreignDomains, reply: smtpReply("fromForeign", { domain: foreign }) };
  }
  if (pending === undefined) return { problem: "none", foreignDomains, reply: undefined };
  return { problem: "pending", foreignDomains, reply: smtpReply("fromPending", { domain: pending }) };
}

/** For a return path made by SRS: is the address it stands for the tenant's? */
async function isSrsOriginTenants(directory: DirectoryCache, envelope: JudgedEnvelope): Promise<boolean | undefined> {
  const { returnPath, tenant } = envelope;
  if (returnPath === null || !isSrs(returnPath)) return undefined;
  const domain = srsOriginDomain(returnPath);
  return domain !== undefined && (await directory.senderVerdict(tenant, domain)).kind !== "foreign";
}
