/**
 * What receivers' refusals mean: the table of their texts.
 *
 * Sources, and how sure they are: Google's "Gmail SMTP errors and codes" (documented, February 2026); Microsoft's NDR
 * pages and Outlook.com's postmaster page (documented); Yahoo's "SMTP Error Codes" (documented, 2025); postmaster pages
 * of Apple and GMX, Mimecast's SMTP error codes (documented); Japanese carriers, Cisco, Barracuda, Proofpoint (replies as
 * seen and as senders publish them). Enhanced codes: RFC 3463, RFC 7372 and the IANA registry. Each row has a sample in
 * the tests.
 */

import type { RefusalRow } from "./refusal-row.ts";

const GMAIL = "Gmail";
const OUTLOOK = "Outlook.com";
const M365 = "Microsoft 365";
const YAHOO = "Yahoo";
const ICLOUD = "iCloud";
const GMX = "GMX / WEB.DE";
const MIMECAST = "Mimecast";
const CISCO = "Cisco";
const GMAIL_HELP = "https://support.google.com/a/answer/81126";
const M365_DELIST = "https://sender.office.com/";
const OUTLOOK_FORM = "https://go.microsoft.com/fwlink/?LinkID=614866";
const YAHOO_HELP = "https://senders.yahooinc.com/smtp-error-codes/";
const GMX_HELP = "https://postmaster.gmx.net/en/error-messages";

/** Said by Gmail and Google Workspace; every reply of theirs ends in `gsmtp`. */
const GOOGLE: readonly RefusalRow[] = [
  { reason: "no-ptr", receiver: GMAIL, text: /\bPTR record/i, url: GMAIL_HELP },
  { reason: "ip-reputation", receiver: GMAIL, text: /very low reputation of the sending IP/i, url: GMAIL_HELP },
  {
    reason: "domain-reputation",
    receiver: GMAIL,
    text: /very low reputation of the sending domain/i,
    url: "https://postmaster.google.com/",
  },
  {
    reason: "ip-reputation",
    receiver: GMAIL,
    text: /unusual (?:rate|amount) of .{0,40}from your IP/i,
    url: GMAIL_HELP,
  },
  {
    reason: "same-message-id",
    receiver: GMAIL,
    text: /quota for sending messages (?:that have|with) the same Message-ID/i,
  },
  {
    reason: "volume-or-complaints",
    receiver: GMAIL,
    text: /Gmail has detected an unusual|unusual (?:rate|amount) of (?:unsolicited )?e?mail/i,
    url: GMAIL_HELP,
  },
  {
    reason: "unauthenticated",
    receiver: GMAIL,
    text: /requires all senders to authenticate|does not have authentication information|because it is unauthenticated/i,
    url: GMAIL_HELP,
  },
  {
    reason: "dmarc-policy",
    receiver: GMAIL,
    text: /unauthenticated email from \S+ is not accepted due to domain's\s*DMARC policy/i,
    url: GMAIL_HELP,
  },
  { reason: "dmarc-missing", receiver: GMAIL, text: /doesn't have a DMARC record/i, url: GMAIL_HELP },
  { reason: "from-not-aligned", receiver: GMAIL, text: /From: header .{0,40}isn't aligned/i, url: GMAIL_HELP },
  {
    reason: "spf-failed",
    receiver: GMAIL,
    text: /SPF authentication didn't pass|SPF record of the sending domain has|hard fail policy \(-all\)/i,
    url: GMAIL_HELP,
  },
  { reason: "dkim-failed", receiver: GMAIL, text: /DKIM authentication didn't pass/i, url: GMAIL_HELP },
  { reason: "tls-required", receiver: GMAIL, text: /not using a TLS connection|TLS required for RCPT domain/i },
  {
    reason: "ip-blocked",
    receiver: GMAIL,
    text: /not authorized to send e?mail directly to our servers|IP not in whitelist for RCPT domain/i,
    url: GMAIL_HELP,
  },
  {
    reason: "content-suspicious",
    receiver: GMAIL,
    text: /likely unsolicited e?mail|nature of the content or the links|nature of the content and\/or the links|likely suspicious due to the content/i,
    url: GMAIL_HELP,
  },
  {
    reason: "attachment-rejected",
    receiver: GMAIL,
    text: /content presents a potential security issue/i,
    url: "https://support.google.com/mail/?p=BlockedMessage",
  },
  {
    reason: "header-malformed",
    receiver: GMAIL,
    text: /not RFC 5322 compliant|missing a valid (?:address in the From|Message-ID)|multiple addresses in the\s+From|unicode character in a disallowed header|E-?mail message is malformed|Encoded-word syntax is not permitted/i,
  },
  { reason: "recipient-busy", receiver: GMAIL, text: /is receiving e?mail (?:too quickly|at a rate)/i },
  {
    reason: "mailbox-disabled",
    receiver: GMAIL,
    text: /email account that you tried to reach is (?:inactive|disabled)/i,
  },
  { reason: "no-such-user", receiver: GMAIL, text: /email account that you tried to reach does not exist/i },
  {
    reason: "mailbox-full",
    receiver: GMAIL,
    text: /inbox is out of storage space|email account that you tried to reach is over quota/i,
  },
  {
    reason: "sender-not-allowed",
    receiver: GMAIL,
    text: /has a policy that prohibits the e?mail|violates \S+ email policy|\bgcdp\b/i,
  },
];

/** Outlook.com, Hotmail, Live, MSN; and Exchange Online, whose lists are others. */
const MICROSOFT: readonly RefusalRow[] = [
  {
    reason: "ip-blocked",
    receiver: OUTLOOK,
    text: /part of their network is on our block list|messages from \[?[0-9a-f.:]+\]? weren't sent|\(A?S31[45]0\)|\b(?:SC|DY|OU)-00[1-9]\b/i,
    url: OUTLOOK_FORM,
  },
  {
    reason: "ip-reputation",
    receiver: OUTLOOK,
    text: /rate limited due to IP reputation|\(S77[0-9]\)/i,
    url: OUTLOOK_FORM,
  },
  { reason: "volume-or-complaints", receiver: OUTLOOK, text: /\bRP-00[1-3]\b/i, url: OUTLOOK_FORM },
  {
    reason: "unauthenticated",
    receiver: OUTLOOK,
    status: /^7\.515$/,
    url: "https://go.microsoft.com/fwlink/?linkid=2319303",
  },
  { reason: "no-such-user", receiver: OUTLOOK, text: /mailbox unavailable \(S2017062302\)/i },
  { reason: "sender-banned", receiver: M365, status: /^7\.511$/, text: /banned|access denied/i },
  {
    reason: "ip-blocked",
    receiver: M365,
    text: /banned sending IP|traffic not accepted from this IP/i,
    url: M365_DELIST,
  },
  { reason: "ip-blocked", receiver: M365, status: /^7\.6(?:0[6-9]|[1-4]\d)$/, url: M365_DELIST },
  { reason: "sender-banned", receiver: M365, status: /^7\.50[1-3]$/, text: /spam|banned|abuse/i },
  { reason: "sender-not-allowed", receiver: M365, status: /^7\.(?:513|124|129|13[0-9])$/ },
  {
    reason: "sender-not-allowed",
    receiver: M365,
    text: /RESOLVER\.RST\.(?:AuthRequired|NotAuthorized|SenderNotAuthenticated|RestrictedToRecipients)/i,
  },
  { reason: "dmarc-policy", receiver: M365, status: /^7\.509$/ },
  { reason: "not-responsible", receiver: M365, text: /TenantAttribution; Relay Access Denied/i },
  {
    reason: "no-such-user",
    receiver: M365,
    text: /RESOLVER\.ADR\.(?:Ex)?RecipNotFound|RESOLVER\.ADR\.RecipientNotFound|not found by SMTP address lookup/i,
  },
  { reason: "no-such-user", receiver: M365, status: /^4\.1$/, text: /recipient address rejected: access denied/i },
  { reason: "too-large", text: /RESOLVER\.RST\.(?:RecipSizeLimit|SendSizeLimit)/i, receiver: M365 },
  { reason: "mailbox-full", text: /STOREDRV\.Deliver.{0,60}(?:quota|mailbox full)|QuotaExceeded/i, receiver: M365 },
  { reason: "mail-loop", status: /^4\.14$/, receiver: M365 },
  {
    reason: "ip-reputation",
    receiver: M365,
    status: /^7\.(?:5\d\d|6\d\d|8[5-9]\d)$/,
    text: /try again later|throttl|server busy/i,
  },
];

/** Yahoo, AOL and the providers it hosts; and Yahoo! JAPAN, another company with some of the same texts. */
const YAHOOS: readonly RefusalRow[] = [
  { reason: "no-such-user", receiver: "Yahoo! JAPAN", text: /doesn't have an? yahoo\.(?:co|ne)\.jp account/i },
  { reason: "no-such-user", receiver: YAHOO, text: /doesn't have an? \S{1,60} account/i },
  {
    reason: "volume-or-complaints",
    receiver: YAHOO,
    text: /\[TSS?\d\d\]|(?:temporarily|permanently) deferred(?: due to)?/i,
    url: YAHOO_HELP,
  },
  { reason: "content-suspicious", receiver: YAHOO, text: /\[PH\d\d\]/i, url: YAHOO_HELP },
  { reason: "ip-blocked", receiver: YAHOO, text: /\[BL\d\d\]/i, url: YAHOO_HELP },
  {
    reason: "unauthenticated",
    receiver: YAHOO,
    text: /Yahoo requires all senders to authenticate/i,
    url: YAHOO_HELP,
  },
  {
    reason: "content-suspicious",
    receiver: YAHOO,
    status: /^7\.9$/,
    text: /not accepted for policy reasons/i,
    url: YAHOO_HELP,
  },
  {
    reason: "mailbox-disabled",
    receiver: YAHOO,
    text: /mailbox is disabled \(554\.30\)|account has been (?:disabled or discontinued|temporarily suspended) \[#10\d\]/i,
  },
];

/** Apple's iCloud Mail. */
const APPLE: readonly RefusalRow[] = [
  {
    reason: "content-suspicious",
    receiver: ICLOUD,
    text: /\[(?:CS|HM|PR|HC)\d\d\]|apple\.com\/(?:[a-z-]+\/)?(?:HT204137|102322)/i,
    url: "https://support.apple.com/en-us/102322",
  },
  { reason: "no-such-user", receiver: ICLOUD, text: /unknown or illegal alias/i },
  { reason: "recipient-busy", receiver: ICLOUD, text: /deferred due to excessive volume/i },
];

/**
 * Japanese carriers. docomo and au answer a filtered mail as they answer an unknown address; SoftBank takes it and drops
 * it. Y!mobile runs on SoftBank's servers (unconfirmed).
 */
const CARRIERS: readonly RefusalRow[] = [
  { reason: "no-such-user-or-filtered", receiver: "docomo", text: /unknown user \S*@(?:\w+\.)?docomo\.ne\.jp/i },
  { reason: "mailbox-full", receiver: "docomo", text: /too much mail data/i },
  {
    reason: "no-such-user-or-filtered",
    receiver: "au",
    text: /<[^<>]{1,320}@(?:\w+\.)?(?:ezweb\.ne\.jp|au\.com|uqmobile\.jp)>: user unknown/i,
  },
  {
    reason: "no-such-user",
    receiver: "SoftBank",
    text: /invalid recipient:? <?[^<> ]{1,320}@(?:i\.softbank\.jp|softbank\.ne\.jp|\w\.vodafone\.ne\.jp|disney\.ne\.jp)/i,
  },
  {
    reason: "no-such-user",
    receiver: "Y!mobile",
    text: /invalid recipient:? <?[^<> ]{1,320}@(?:ymobile\.ne\.jp|ymobile1\.ne\.jp|(?:\w+\.)?willcom\.com|(?:\w+\.)?pdx\.ne\.jp)/i,
  },
];

/** GMX, WEB.DE, mail.com: no enhanced codes; the last line has a link that names the case. */
const GERMAN: readonly RefusalRow[] = [
  { reason: "no-ptr", receiver: GMX, text: /bad dns ptr resource record/i, url: GMX_HELP },
  {
    reason: "ip-blocked",
    receiver: GMX,
    text: /(?:Nemesis ESMTP|No SMTP service).{0,80}IP address is (?:block|black) ?listed/i,
    url: GMX_HELP,
  },
  {
    reason: "volume-or-complaints",
    receiver: GMX,
    text: /rate limit reached.{0,80}(?:gmx|web\.de|mail\.com)/i,
    url: GMX_HELP,
  },
  { reason: "spf-failed", receiver: GMX, text: /(?:gmx|web\.de|mail\.com).{0,200}[?&]c=(?:sp|spf)\b/i, url: GMX_HELP },
  { reason: "policy-refused", receiver: GMX, text: /reject due to policy (?:restrictions|violations)/i, url: GMX_HELP },
];

/** Filters that stand before the mail servers of firms. */
const FILTERS: readonly RefusalRow[] = [
  {
    reason: "spoofs-recipient",
    receiver: MIMECAST,
    text: /header based anti-?spoofing policy|anti-?spoofing (?:lockout|policy)/i,
  },
  {
    reason: "sender-not-allowed",
    receiver: MIMECAST,
    text: /envelope blocked|manually blocked senders|administrative prohibition/i,
  },
  { reason: "ip-blocked", receiver: MIMECAST, text: /local CT IP reputation policy/i },
  { reason: "greylisted", receiver: MIMECAST, text: /internal resources? (?:are |is )?temporarily unavailable/i },
  { reason: "content-suspicious", receiver: MIMECAST, text: /e?mail rejected due to security policies/i },
  { reason: "dmarc-policy", receiver: MIMECAST, text: /DMARC sender invalid/i },
  { reason: "spf-failed", receiver: MIMECAST, text: /SPF sender invalid/i },
  { reason: "dkim-failed", receiver: MIMECAST, text: /DKIM sender invalid/i },
  {
    reason: "ip-blocked",
    receiver: CISCO,
    text: /sending MTA's poor reputation|senderbase|talosintelligence/i,
    url: "https://talosintelligence.com/reputation_center",
  },
  {
    reason: "ip-blocked",
    receiver: CISCO,
    text: /your access to (?:submit messages to )?this (?:e-?mail|mail) system has been rejected/i,
    url: "https://talosintelligence.com/reputation_center",
  },
  {
    reason: "rate-limited",
    receiver: CISCO,
    text: /too many (?:recipients received this hour|messages for this session)/i,
  },
  { reason: "no-such-user", receiver: CISCO, status: /^1\.0$/, text: /address rejected/i },
  {
    reason: "sender-not-allowed",
    receiver: "Barracuda",
    text: /permanent failure for one or more recipients \([^)]{1,320}:blocked\)/i,
  },
  { reason: "sender-not-allowed", receiver: "Proofpoint", text: /\blocal policy violation\b/i },
];

/** Own texts of receivers, in the order in which they are looked at. */
export const RECEIVER_ROWS: readonly RefusalRow[] = [
  ...MICROSOFT,
  ...YAHOOS,
  ...GOOGLE,
  ...APPLE,
  ...CARRIERS,
  ...GERMAN,
  ...FILTERS,
];

/** Texts that many servers use, where neither list nor receiver was recognised. */
export const COMMON_ROWS: readonly RefusalRow[] = [
  {
    reason: "dmarc-policy",
    text: /DMARC policy|(?:fails|failed|does not pass|not pass) DMARC|DMARC (?:check|verification|validation) fail/i,
  },
  {
    reason: "sender-domain-unknown",
    text: /sender address rejected: (?:domain not found|.{0,40}no (?:MX|A) record)|^553 (?:\d\.\d\.\d )?\S{1,253} does not exist|(?:domain of sender address|sender domain) \S* ?(?:does not (?:exist|resolve)|must (?:exist|resolve))/i,
  },
  {
    reason: "spf-failed",
    text: /\bfail(?:s|ed)? (?:the )?SPF\b|\bSPF\b.{0,60}(?:fail|not (?:pass|permitted|authorized|designated)|reject)|not (?:allowed|permitted|authorized) (?:by|to send).{0,60}\bSPF\b|(?:openspf|spf\.pobox)\.(?:org|net|com)\/why/i,
  },
  { reason: "dkim-failed", text: /\bDKIM\b.{0,60}(?:fail|invalid|not pass|missing|did not)/i },
  {
    reason: "no-ptr",
    text: /\bPTR\b|reverse (?:DNS|hostname|lookup)|cannot find your (?:reverse )?hostname|no reverse|rDNS/i,
  },
  { reason: "greylisted", text: /gr[ea]y-?list/i },
  { reason: "tls-required", text: /must issue a STARTTLS|TLS (?:is )?required|encryption required/i },
  { reason: "line-too-long", text: /line too long/i },
  {
    reason: "attachment-rejected",
    text: /attachment.{0,60}(?:not (?:allowed|permitted|accepted)|block|prohibited|reject|forbidden)|(?:blocked|prohibited|forbidden|banned) (?:attachment|file)/i,
  },
  {
    reason: "content-suspicious",
    text: /(?:classified|detected|identified|considered|rejected|blocked|looks|marked) (?:as|like) (?:possible )?spam|message (?:was )?(?:rejected|refused|blocked).{0,40}\bspam\b|spam (?:message|content|score|detected|mail)|unsolicited (?:bulk )?e?mail|high(?:ly)? probability of spam|considered unsolicited/i,
  },
  {
    reason: "recipient-busy",
    text: /(?:user|recipient|mailbox).{0,40}receiving (?:e?mail|messages) too (?:quickly|fast)/i,
  },
  {
    reason: "rate-limited",
    text: /rate.?limit|too many (?:messages|mails|e-?mails|connections|recipients)|try(?:ing)? again later.{0,40}rate|throttl|exceeded.{0,30}(?:rate|messages per)|sending too (?:fast|many)/i,
  },
  {
    reason: "mailbox-full",
    text: /(?:mailbox|inbox|user|account|recipient|storage)\S* .{0,40}(?:is full|over ?quota|exceeded.{0,20}quota|quota exceeded|out of (?:storage|space))|over quota|quota exceeded|exceeded storage allocation|mailbox full/i,
  },
  {
    reason: "mailbox-disabled",
    text: /(?:mailbox|account|user|recipient|address)\S* .{0,40}(?:disabled|inactive|suspended|deactivated|discontinued|not active)/i,
  },
  {
    reason: "not-responsible",
    text: /relay(?:ing)? (?:access )?(?:denied|not permitted|not allowed|prohibited)|not (?:a )?local domain|we do not relay|no such domain (?:here|at this)/i,
  },
  {
    reason: "no-such-user",
    text: /user unknown|unknown user|no such (?:user|recipient|mailbox|address|person)|does not exist|doesn't have an? |recipient address rejected|invalid (?:recipient|mailbox|user)|mailbox (?:unavailable|not found)|recipient (?:not found|unknown|rejected)|(?:address|user|recipient) (?:is )?(?:not found|unknown)|unrouteable address|undeliverable address|not a valid (?:mailbox|recipient|user)|no mailbox (?:here|by that name)|unknown (?:address|recipient|mailbox)/i,
  },
  {
    reason: "sender-not-allowed",
    text: /(?:sender|you are|your address|mail from \S+) (?:is )?(?:not allowed|not permitted|not authorized|blocked by (?:the )?(?:recipient|user))|sender (?:address )?(?:denied|rejected|refused|blocked)|restricted recipient|recipient (?:does not|doesn't|only) accepts? mail/i,
  },
  {
    reason: "blocked-ip",
    text: /\brbl\b|dnsbl|block ?list|black ?list|(?:reputation of the|due to) (?:sending )?IP|IP (?:address )?reputation|client host (?:\[[^\]]*\] )?(?:blocked|rejected)|your (?:IP|server|host)\b.{0,40}(?:blocked|banned|blacklisted|denied)/i,
  },
  {
    reason: "sender-authentication",
    text: /\b(?:SPF|DKIM|DMARC)\b|unauthenticated (?:e?mail)|required authentication level/i,
  },
  {
    reason: "server-busy",
    text: /(?:server|system|service) (?:is )?(?:too )?busy|temporar(?:y|ily) (?:system problem|unavailable|failure|server error)|resources temporarily|insufficient system (?:storage|resources)|(?:server|service) (?:is )?(?:temporarily )?(?:not available|unavailable)|internal server error|local (?:processing )?error/i,
  },
];
