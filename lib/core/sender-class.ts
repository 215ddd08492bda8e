/**
 * What kind of mail a message is, seen from its sender, and what a tenant's policy makes of it.
 *
 * Promise:  a decision for every message, with the evidence it rests on. Nothing here lets a message go out under an
 *           address of somebody else: mail with a foreign author is refused, or sent under another From.
 * SES takes a mail only if its From is verified, whatever the envelope says, so what servers send besides their users'
 * own mail has to be told apart. See RFC 5321 §4.5.5 (null sender), RFC 3834 (automatic replies), RFC 3461 §4.2 (ORCPT),
 * RFC 2369 and RFC 2919 (lists), and https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html.
 */

import { addressKey, toAsciiDomain } from "./address.ts";
import type { SenderPolicy } from "./directory.ts";
import type { Author } from "./header-authors.ts";
import type { EnvelopeRecipient } from "./spool-object.ts";

/** Kinds of mail that can need another From. In the spool object's envelope by these names. */
export const REWRITE_CLASSES = [
  /** Somebody else's mail that an alias of the tenant's server sends on. */
  "forward",
  /** The same, with the envelope sender rewritten by the server (Sender Rewriting Scheme). */
  "srs",
  /** From a mailing list at the tenant's server. */
  "list",
  /** Written at the tenant's server in the name of somebody else, as contact forms do. */
  "on-behalf",
  /** A report of a mail server about a mail that did not arrive. */
  "bounce",
  /** Vacation replies, read receipts: other mail from the null sender. */
  "auto-reply",
  /** From the server itself: cron, root, web applications, under the server's host name. */
  "system",
] as const;

/** One of them. */
export type RewriteClass = (typeof REWRITE_CLASSES)[number];
/** True for the name of one. */
export function isRewriteClass(name: string): name is RewriteClass {
  return (REWRITE_CLASSES as readonly string[]).includes(name);
}

/** `own`: by an author of the tenant, in the ordinary way. */
export type SenderClass = "own" | RewriteClass;

/** What speaks for a class. */
export type SenderEvidence =
  | "null-sender"
  | "delivery-report"
  | "daemon-author"
  | "auto-submitted"
  | "srs-sender"
  | "srs-from-outside"
  | "host-name-sender"
  | "host-name-author"
  | "outside-sender"
  | "orcpt-differs"
  | "list-fields"
  | "foreign-author";

/** All that is looked at. */
export interface SenderFacts {
  readonly returnPath: string | null;
  /** True when the return path is in a domain of the tenant. Does not count for the null sender. */
  readonly returnPathIsTenants: boolean;
  /** How the server calls itself in EHLO or HELO. */
  readonly helo: string;
  readonly recipients: readonly EnvelopeRecipient[];
  readonly authors: readonly Author[];
  /** What is wrong with the From field. */
  readonly problem: FromProblem;
  /** Domains of the From field that the tenant may not send for. */
  readonly foreignDomains: ReadonlySet<string>;
  /** For an SRS sender: false when the address it stands for is in no domain of the tenant. */
  readonly srsOriginIsTenants?: boolean;
  /** Values of the fields of these names, where they are there. */
  readonly autoSubmitted?: string | undefined;
  readonly contentType?: string | undefined;
  /** True when there is a List-Id or List-Post field. */
  readonly isList: boolean;
}

/** `pending`: a domain of the tenant that is not verified yet, and no foreign one. */
export type FromProblem = "none" | "missing" | "unreadable" | "foreign" | "pending";

/** A class and what it rests on. */
export interface Classified {
  readonly senderClass: SenderClass;
  readonly evidence: readonly SenderEvidence[];
}

/** `rewrite`: to be sent under another From. `refuse`: for what is wrong with the From field. */
export type SenderDecision = "pass" | "rewrite" | "refuse";

/** Tells what kind of mail it is. */
export function classifySender(facts: SenderFacts): Classified {
  const evidence = evidenceOf(facts);
  return { senderClass: classOf(facts, new Set(evidence)), evidence };
}

/**
 * What becomes of it. The server's own reports and notices pass by default whatever their author: the server cannot
 * be told otherwise in time, and a report that is refused with 5xx is lost for good, since nobody is told of it.
 */
export function decideSender(classified: Classified, problem: FromProblem, policy: SenderPolicy): SenderDecision {
  const { senderClass, evidence } = classified;
  const rewrites = (choice: "refuse" | "rewrite"): SenderDecision => (choice === "rewrite" ? "rewrite" : "refuse");
  if (problem === "none") {
    // Anybody outside can write the tenant's address into From. Signed by SES for that domain it would be believed.
    const cameFromOutside = evidence.includes("outside-sender") || evidence.includes("srs-from-outside");
    return cameFromOutside && policy.foreignFrom === "rewrite" ? "rewrite" : "pass";
  }
  if (senderClass === "bounce" || senderClass === "system") return rewrites(policy.systemMail);
  if (problem !== "foreign") return "refuse";
  const isServers = senderClass === "auto-reply" && evidence.includes("host-name-author");
  return rewrites(isServers ? policy.systemMail : policy.foreignFrom);
}

/**
 * May a return path that is in no domain of the tenant be taken at MAIL, to be judged when the header is there? The
 * mail's bounces come to SES in any case, and no report ever goes to such a return path.
 */
export function mayBeOutsideSender(
  policy: SenderPolicy,
  sender: { readonly local: string; readonly domain: string },
  helo: string,
): boolean {
  if (policy.foreignFrom === "rewrite") return true;
  return policy.systemMail === "rewrite" && isHostAddress(sender.local, sender.domain, helo);
}

/** True for an address made by the Sender Rewriting Scheme: `SRS0=...`, `SRS1=...`, with `+` or `-` also. */
export function isSrs(returnPath: string): boolean {
  return /^SRS[01][=+-]/i.test(returnPath);
}

/** The domain of the address that an SRS address stands for; undefined when it cannot be told. */
export function srsOriginDomain(returnPath: string): string | undefined {
  const local = returnPath.slice(0, Math.max(0, returnPath.lastIndexOf("@")));
  // SRS0=hash=day=domain=local; SRS1=hash=host==hash=day=domain=local, whose host is a forwarder on the way.
  const parts = local.slice("SRS0=".length).split("=");
  const domain = /^SRS0/i.test(local) ? parts[2] : parts[5];
  return domain === undefined ? undefined : toAsciiDomain(domain);
}

function classOf(facts: SenderFacts, evidence: ReadonlySet<SenderEvidence>): SenderClass {
  if (evidence.has("null-sender")) {
    return evidence.has("delivery-report") || evidence.has("daemon-author") ? "bounce" : "auto-reply";
  }
  if (evidence.has("srs-sender")) return "srs";
  if (evidence.has("host-name-author") && !evidence.has("outside-sender")) return "system";
  if (evidence.has("outside-sender")) return "forward";
  if (evidence.has("orcpt-differs") && evidence.has("foreign-author")) return "forward";
  if (evidence.has("list-fields")) return "list";
  return facts.problem === "none" || facts.problem === "pending" ? "own" : "on-behalf";
}

function evidenceOf(facts: SenderFacts): SenderEvidence[] {
  const { returnPath, authors, helo } = facts;
  const evidence: SenderEvidence[] = [];
  const note = (is: boolean, what: SenderEvidence): void => {
    if (is) evidence.push(what);
  };
  note(returnPath === null, "null-sender");
  note(
    /^\s*multipart\/report\b.*\breport-type\s*=\s*"?delivery-status\b/i.test(facts.contentType ?? ""),
    "delivery-report",
  );
  note(
    authors.some(({ local }) => DAEMON.test(local)),
    "daemon-author",
  );
  note(/^\s*auto-/i.test(facts.autoSubmitted ?? ""), "auto-submitted");
  if (returnPath !== null) {
    const { local, domain } = split(returnPath);
    const isHost = !facts.returnPathIsTenants && isHostAddress(local, domain, helo);
    note(isSrs(returnPath) && facts.returnPathIsTenants, "srs-sender");
    note(isSrs(returnPath) && facts.returnPathIsTenants && facts.srsOriginIsTenants === false, "srs-from-outside");
    note(isHost, "host-name-sender");
    note(!isHost && !facts.returnPathIsTenants, "outside-sender");
  }
  const isForeign = ({ domain }: Author): boolean =>
    domain === undefined || facts.problem === "unreadable" || facts.foreignDomains.has(domain);
  const foreign = authors.filter(isForeign);
  note(
    foreign.length > 0 && foreign.every(({ local, domain }) => isHostAddress(local, domain, helo)),
    "host-name-author",
  );
  note(facts.recipients.some(isForwarded), "orcpt-differs");
  note(facts.isList, "list-fields");
  note(facts.foreignDomains.size > 0, "foreign-author");
  return evidence;
}

/** A server passes on whom the mail was for at first (RFC 3461 §4.2); an alias in between shows. */
function isForwarded({ address, orcpt }: EnvelopeRecipient): boolean {
  return orcpt?.type.toLowerCase() === "rfc822" && addressKey(orcpt.value) !== addressKey(address);
}

/** Authors of the reports of mail servers, Exchange's among them. */
const DAEMON = /^(?:mailer-daemon|mail-daemon|mdaemon|postmaster|microsoftexchange[0-9a-f]{32})$/i;

/** Accounts of programs on a server. */
const SYSTEM_ACCOUNT =
  /^(?:root|cron|anacron|logwatch|daemon|nobody|mail|www|www-data|wwwrun|web|apache|httpd|nginx|admin|mysql|postgres|munin|nagios|zabbix|monit|fail2ban|backup|psaadm|mailman|mailer-daemon|postmaster)$/i;

/** True for what no domain of the world is called (RFC 6761, RFC 8375), though servers call themselves so. */
export function isLocalName(domain: string): boolean {
  return /^[^.]*$|\.(?:localhost|localdomain|local|lan|internal|home\.arpa|invalid)$/.test(domain);
}

/**
 * Is it an address of the server and no person's domain? A bare name is, and any name under the one that the server
 * gives itself. That is only said by the client, but nobody gains by a lie: such mail loses its From.
 */
function isHostAddress(local: string, domain: string | undefined, helo: string): boolean {
  if (local === "") return false;
  if (domain === undefined || domain === toAsciiDomain(helo)) return true;
  return isLocalName(domain) && SYSTEM_ACCOUNT.test(local);
}

function split(address: string): { local: string; domain: string } {
  const at = address.lastIndexOf("@");
  return { local: address.slice(0, at), domain: address.slice(at + 1) };
}
