/**
 * Replies of receivers, as documented by them or as seen, and what they mean.
 *
 * Addresses, hosts and identifiers are changed to reserved ones. The groups name where a reply comes from.
 * Longer than 400 lines because it is a list of samples.
 */

import type { RefusalReason } from "../../lib/core/refusal-reasons.ts";

/** Reply, reason, whose reply it is (undefined: not to be told from the text), and who is named as refusing. */
export type RefusalSample = readonly [
  reply: string,
  reason: RefusalReason,
  receiver?: string | undefined,
  by?: string | undefined,
];

/** support.google.com/a/answer/3726730, February 2026, and replies seen since 2019. */
const GMAIL: readonly RefusalSample[] = [
  [
    "550-5.7.1 [192.0.2.1      19] Our system has detected that this message is\n550-5.7.1 likely suspicious due to the very low reputation of the sending IP\n550-5.7.1 address. To best protect our users from spam, the message has been\n550 5.7.1 blocked. Please visit https://support.google.com/mail/answer/188131 - gsmtp",
    "ip-reputation",
    "Gmail",
    "Gmail",
  ],
  [
    "421-4.7.0 This message is suspicious due to the very low reputation of the sending domain. - gsmtp",
    "domain-reputation",
    "Gmail",
    "Gmail",
  ],
  [
    "421-4.7.28 Gmail has detected an unusual rate of email originating from your IP address 192.0.2.1. - gsmtp",
    "ip-reputation",
    "Gmail",
    "Gmail",
  ],
  [
    "421-4.7.28 Gmail has detected an unusual rate of unsolicited email originating\n421-4.7.28 from your DKIM domain a.example. To protect our users from spam,\n421 4.7.28 email sent from your domain has been temporarily rate limited. - gsmtp",
    "volume-or-complaints",
    "Gmail",
    "Gmail",
  ],
  [
    "421 4.7.28 Gmail has detected this sender exceeded the quota for sending messages that have the same Message-ID:. - gsmtp",
    "same-message-id",
    "Gmail",
    "Gmail",
  ],
  [
    "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. - gsmtp",
    "unauthenticated",
    "Gmail",
    "Gmail",
  ],
  [
    "550-5.7.26 Unauthenticated email from a.example is not accepted due to domain's/550-5.7.26 DMARC policy. Please contact the administrator of a.example domain/550 5.7.26 if this was a legitimate mail. - gsmtp",
    "dmarc-policy",
    "Gmail",
    "Gmail",
  ],
  [
    "421 4.7.40 Your email has been rate limited because the sending domain doesn't have a DMARC record, or the DMARC record doesn't specify a DMARC policy. - gsmtp",
    "dmarc-missing",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.32 Your email was blocked because the From: header (RFC5322) in this message isn't aligned with either the authenticated SPF or DKIM organizational domain. - gsmtp",
    "from-not-aligned",
    "Gmail",
    "Gmail",
  ],
  [
    "421 4.7.27 Your email has been rate limited because SPF authentication didn't pass for this message. - gsmtp",
    "spf-failed",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.26 The MAIL FROM domain [a.example] has an SPF record with a hard fail policy (-all) but it fails to pass SPF checks - gsmtp",
    "spf-failed",
    "Gmail",
    "Gmail",
  ],
  [
    "421 4.7.30 Your email has been rate limited because DKIM authentication didn't pass for this message. - gsmtp",
    "dkim-failed",
    "Gmail",
    "Gmail",
  ],
  [
    "421 4.7.29 Your email has been rate limited because you're not using a TLS connection. - gsmtp",
    "tls-required",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.25 The IP address sending this message does not have a PTR record setup, or the corresponding forward DNS entry does not point to the sending IP. - gsmtp",
    "no-ptr",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.1 The IP you're using to send mail is not authorized to send email directly to our servers. - gsmtp",
    "ip-blocked",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.1 This message is likely unsolicited email. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp",
    "content-suspicious",
    "Gmail",
    "Gmail",
  ],
  [
    "552 5.7.0 This message was blocked because its content presents a potential security issue. - gsmtp",
    "attachment-rejected",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.1 This message is not RFC 5322 compliant because it has duplicate headers. - gsmtp",
    "header-malformed",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.7.1 Messages missing a valid Message-ID: header are not accepted. - gsmtp",
    "header-malformed",
    "Gmail",
    "Gmail",
  ],
  [
    "450 4.2.1 The user you are trying to contact is receiving email at a rate that prevents additional messages from being delivered. - gsmtp",
    "recipient-busy",
    "Gmail",
    "Gmail",
  ],
  [
    "550 5.2.1 The email account that you tried to reach is inactive. https://support.google.com/mail/?p=DisabledUser - gsmtp",
    "mailbox-disabled",
    "Gmail",
    "Gmail",
  ],
  [
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1 unnecessary spaces. - gsmtp",
    "no-such-user",
    "Gmail",
    "Gmail",
  ],
  ["452 4.2.2 The recipient's inbox is out of storage space. - gsmtp", "mailbox-full", "Gmail", "Gmail"],
  [
    "550 5.7.1 This message violates example.com email policy. - gcdp x - gsmtp",
    "sender-not-allowed",
    "Gmail",
    "Gmail",
  ],
  ["552 5.3.4 Your message exceeded Google's message size limits. - gsmtp", "too-large", "Gmail", "Gmail"],
  ["554 5.4.6 Message exceeded 50 hops, this may indicate an email loop. - gsmtp", "mail-loop", "Gmail", "Gmail"],
];

/** Microsoft's NDR pages and Outlook.com's postmaster page; replies as seen in Japan 2014 to 2025. */
const MICROSOFT: readonly RefusalSample[] = [
  [
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.",
    "ip-blocked",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "550 SC-001 (BAY004-MC3F26) Unfortunately, messages from 192.0.2.1 weren't sent.",
    "ip-blocked",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)",
    "ip-reputation",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "421 RP-001 (COL0-MC1-F1) Unfortunately, some messages from 192.0.2.1 exceeded the limits.",
    "volume-or-complaints",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "550 5.7.515 Access denied, sending domain a.example does not meet the required authentication level.",
    "unauthenticated",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [PU1APC01FT044.eop-APC01.prod.protection.outlook.com]",
    "no-such-user",
    "Outlook.com",
    "Outlook.com",
  ],
  [
    "550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to delist@messaging.microsoft.com.",
    "sender-banned",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/",
    "ip-blocked",
    "Microsoft 365",
    "Microsoft 365",
  ],
  ["550 5.7.649 Access denied.", "ip-blocked", "Microsoft 365", "Microsoft 365"],
  [
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
    "ip-blocked",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.501 Service unavailable. Access denied, spam abuse detected.",
    "sender-banned",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.513 Service unavailable, Client host [192.0.2.1] blocked by $recipientDomain using Customer Block list (AS16012609)",
    "sender-not-allowed",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    "sender-not-allowed",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required",
    "sender-not-allowed",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.509 Access denied, sending domain a.example does not pass DMARC verification and has a DMARC policy of reject.",
    "dmarc-policy",
    "Microsoft 365",
    "Microsoft 365",
  ],
  ["550 5.7.64 TenantAttribution; Relay Access Denied", "not-responsible", "Microsoft 365", "Microsoft 365"],
  [
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@example.org not found by SMTP address lookup",
    "no-such-user",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [TY1APC01FT003.eop-APC01.prod.protection.outlook.com]",
    "no-such-user",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
    "too-large",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "554 5.2.2 STOREDRV.Deliver; mailbox full. The following information should help identify the cause: quota exceeded",
    "mailbox-full",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "554 5.4.14 Hop count exceeded - possible mail loop ATTR34 [x.prod.protection.outlook.com]",
    "mail-loop",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714) [x.eop-jpn01.prod.protection.outlook.com]",
    "ip-reputation",
    "Microsoft 365",
    "Microsoft 365",
  ],
  [
    "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1 (AS16012611)",
    "ip-listed",
    undefined,
    "Spamhaus",
  ],
];

/** senders.yahooinc.com, "SMTP Error Codes" (2025); Yahoo! JAPAN as seen by Japanese senders. */
const YAHOO: readonly RefusalSample[] = [
  [
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
    "volume-or-complaints",
    "Yahoo",
    "Yahoo",
  ],
  [
    "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.",
    "volume-or-complaints",
    "Yahoo",
    "Yahoo",
  ],
  [
    "554 Message not allowed - [PH01] Email not accepted for policy reasons. Please visit https://postmaster.yahooinc.com/error-codes",
    "content-suspicious",
    "Yahoo",
    "Yahoo",
  ],
  ["553 5.7.1 [BL23] Connections not accepted from servers on our list", "ip-blocked", "Yahoo", "Yahoo"],
  [
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see http://postmaster.yahoo.com/550-bl23.html",
    "ip-listed",
    "Yahoo",
    "Spamhaus",
  ],
  [
    "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM.",
    "unauthenticated",
    "Yahoo",
    "Yahoo",
  ],
  [
    "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
    "content-suspicious",
    "Yahoo",
    "Yahoo",
  ],
  [
    "554 30 Sorry, your message to user@yahoo.com cannot be delivered. This mailbox is disabled (554.30).",
    "mailbox-disabled",
    "Yahoo",
    "Yahoo",
  ],
  [
    "554 delivery error: dd This user doesn't have a yahoo.com account (user@yahoo.com) [-9] - mta1.mail.ne1.yahoo.com",
    "no-such-user",
    "Yahoo",
    "Yahoo",
  ],
  [
    "554 delivery error: dd This user doesn't have a yahoo.co.jp account (user@yahoo.co.jp) [-5] - mta7149.mail.djm.ynwp.yahoo.co.jp (in reply to end of DATA command)",
    "no-such-user",
    "Yahoo! JAPAN",
    "Yahoo! JAPAN",
  ],
  ["552 1 Requested mail action aborted, mailbox not found", "no-such-user"],
];

/** support.apple.com/102322 and replies as Japanese and other senders publish them. */
const APPLE: readonly RefusalSample[] = [
  [
    "550 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
    "content-suspicious",
    "iCloud",
    "iCloud",
  ],
  [
    "421 4.7.1 Messages to user@icloud.com deferred due to excessive volume. Try again later",
    "recipient-busy",
    "iCloud",
    "iCloud",
  ],
  ["550 5.1.1 unknown or illegal alias: user@icloud.com", "no-such-user", "iCloud", "iCloud"],
  ["550 5.1.1 <user@icloud.com>: user does not exist", "no-such-user"],
  ["550 5.7.1 Your message was rejected due to a.example DMARC policy.", "dmarc-policy"],
  [
    "550 5.7.1 Mail from IP 192.0.2.1 was rejected due to listing in Spamhaus SBL. For details please see http://www.spamhaus.org/query/bl?ip=192.0.2.1",
    "ip-listed",
    undefined,
    "Spamhaus SBL",
  ],
  [
    "550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/",
    "domain-listed",
    undefined,
    "Spamhaus DBL",
  ],
  [
    "550 5.7.0 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1",
    "ip-listed",
    undefined,
    "Proofpoint",
  ],
];

/** As Japanese senders publish them (docomo 2004 to 2023, au, SoftBank); Y!mobile unconfirmed. */
const CARRIERS: readonly RefusalSample[] = [
  [
    "550 Unknown user taro@docomo.ne.jp (in reply to end of DATA command)",
    "no-such-user-or-filtered",
    "docomo",
    "docomo",
  ],
  ["552 Too much mail data taro@docomo.ne.jp", "mailbox-full", "docomo", "docomo"],
  ["500 Line Too Long", "line-too-long"],
  ["550 <taro@ezweb.ne.jp>: User unknown (in reply to RCPT TO command)", "no-such-user-or-filtered", "au", "au"],
  ["550 <taro@au.com>: User unknown", "no-such-user-or-filtered", "au", "au"],
  ["554 <taro@ezweb.ne.jp>: Relay access denied", "not-responsible"],
  ["550 Invalid recipient: <taro@i.softbank.jp>", "no-such-user", "SoftBank", "SoftBank"],
  ["550 Invalid recipient: <taro@ymobile.ne.jp>", "no-such-user", "Y!mobile", "Y!mobile"],
  ["553 bounce.a.example does not exist", "sender-domain-unknown"],
  ["550 5.1.1 <taro@rakumail.jp>: Recipient address rejected: User unknown in virtual mailbox table", "no-such-user"],
];

/** postmaster.gmx.net. */
const GERMAN: readonly RefusalSample[] = [
  [
    "554-gmx.net (mxgmx104) Nemesis ESMTP Service not available\n554-No SMTP service\n554-IP address is block listed.\n554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=198.51.100.42&r=1MNcgj-1ue23t3pyV-00S2YR",
    "ip-blocked",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
  [
    "554-web.de (mxweb112) Nemesis ESMTP Service not available\n554-No SMTP service\n554-Bad DNS PTR resource record.\n554 For explanation visit https://postmaster.web.de/en/case?c=r0100",
    "no-ptr",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
  [
    "421-Rate limit reached. Please try again later.\n421 For explanation visit https://postmaster.gmx.net/en/case?c=r0203",
    "volume-or-complaints",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
  [
    "550-Requested action not taken: mailbox unavailable\n550-Reject due to SPF policy\n550 For explanation visit https://postmaster.web.de/en/case?c=spf",
    "spf-failed",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
  [
    "550-Reject due to policy restrictions.\n550 For explanation visit https://postmaster.gmx.net/en/case?c=hi",
    "policy-refused",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
  [
    "550-Requested action not taken: mailbox unavailable\n550 For explanation visit https://postmaster.gmx.net/en/case?c=r0103",
    "no-such-user",
    "GMX / WEB.DE",
    "GMX / WEB.DE",
  ],
];

/** Mimecast's SMTP error codes (documented); Cisco, Barracuda and Proofpoint as seen. */
const FILTERS: readonly RefusalSample[] = [
  [
    "550 Rejected by header based Anti-Spoofing policy: user@example.org - https://community.mimecast.com/docs/DOC-1369#550",
    "spoofs-recipient",
    "Mimecast",
    "Mimecast",
  ],
  [
    "550 Rejected by header based manually Blocked Senders: user@example.org",
    "sender-not-allowed",
    "Mimecast",
    "Mimecast",
  ],
  ["550 Local CT IP Reputation Policy - envelope rejected", "ip-blocked", "Mimecast", "Mimecast"],
  [
    "451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451",
    "greylisted",
    "Mimecast",
    "Mimecast",
  ],
  [
    "554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554",
    "content-suspicious",
    "Mimecast",
    "Mimecast",
  ],
  ["550 DMARC Sender Invalid - envelope rejected", "dmarc-policy", "Mimecast", "Mimecast"],
  ["550 SPF Sender Invalid - envelope rejected", "spf-failed", "Mimecast", "Mimecast"],
  ["550 DKIM Sender Invalid - envelope rejected", "dkim-failed", "Mimecast", "Mimecast"],
  [
    "554-mx1.example.org\n554 Your access to this mail system has been rejected due to the sending MTA's poor reputation. If you believe that this failure is in error, please contact the intended recipient via alternate means.",
    "ip-blocked",
    "Cisco",
    "Cisco",
  ],
  [
    "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.",
    "ip-blocked",
    "Cisco",
    "Cisco",
  ],
  ["421 #4.x.2 Too many messages for this session", "rate-limited", "Cisco", "Cisco"],
  ["452 #4.5.3 Too many recipients received this hour", "rate-limited", "Cisco", "Cisco"],
  ["550 #5.1.0 Address rejected.", "no-such-user", "Cisco", "Cisco"],
  [
    "550 permanent failure for one or more recipients (user@example.org:blocked)",
    "sender-not-allowed",
    "Barracuda",
    "Barracuda",
  ],
  ["550 5.7.0 Local Policy Violation", "sender-not-allowed", "Proofpoint", "Proofpoint"],
];

/** The lists' own recommended texts, Postfix's `reject_rbl_client`, and replies as seen. */
const BLOCK_LISTS: readonly RefusalSample[] = [
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/192.0.2.53/",
    "list-error",
    undefined,
    "Spamhaus",
  ],
  [
    "554 5.7.1 Service unavailable; Unverified Client host [a.example] blocked using zrd.spamhaus.org",
    "domain-listed",
    undefined,
    "Spamhaus ZRD",
  ],
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
    "ip-listed",
    undefined,
    "Spamhaus ZEN",
  ],
  ["550 5.7.1 Client host [192.0.2.1] blocked using pbl.spamhaus.org", "ip-listed-policy", undefined, "Spamhaus PBL"],
  ["554 5.7.1 blocked using zen.spamhaus.org=127.0.0.11", "ip-listed-policy", undefined, "Spamhaus PBL"],
  ["550 5.7.1 rejected: listed in Spamhaus CSS", "ip-listed", undefined, "Spamhaus CSS"],
  ["550 5.7.1 blocked using xbl.spamhaus.org", "ip-listed", undefined, "Spamhaus XBL"],
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using dnsbl.sorbs.net; Currently Sending Spam",
    "list-dead",
    undefined,
    "SORBS",
  ],
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using ix.dnsbl.manitu.net",
    "list-dead",
    undefined,
    "NiXSpam",
  ],
  ["554 5.7.1 Client host [192.0.2.1] blocked using db.wpbl.info", "list-dead", undefined, "db.wpbl.info"],
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.1",
    "ip-listed",
    undefined,
    "SpamCop",
  ],
  [
    "554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1",
    "ip-listed",
    undefined,
    "Barracuda (BRBL)",
  ],
  [
    "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using dnsbl-3.uceprotect.net",
    "ip-listed-network",
    undefined,
    "UCEPROTECT level 3",
  ],
  ["550 5.7.1 blocked using dnsbl-1.uceprotect.net", "ip-listed", undefined, "UCEPROTECT"],
  ["550 5.7.1 Client host blocked using ips.backscatterer.org", "ip-listed", undefined, "Backscatterer"],
  ["550 5.7.1 rejected, ivmURI listed", "domain-listed", undefined, "Invaluement"],
  ["550 5.7.1 Client host [192.0.2.1] blocked using sip.invaluement.com", "ip-listed", undefined, "Invaluement"],
  ["554 5.7.1 Client host [192.0.2.1] blocked using combined.mail.abusix.zone", "ip-listed", undefined, "Abusix"],
  [
    "550 Service unavailable; Client host [192.0.2.1] blocked using Trend Micro RBL+. Please see http://www.mail-abuse.com/cgi-bin/lookup?ip_address=192.0.2.1",
    "ip-listed",
    undefined,
    "Trend Micro",
  ],
  [
    "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using gmo-rbl.jp",
    "ip-listed",
    undefined,
    "GMO (gmo-rbl.jp)",
  ],
  ["550 5.7.1 message contains a domain listed by SURBL", "domain-listed", undefined, "SURBL"],
  ["550 5.7.1 URL in URIBL black", "domain-listed", undefined, "URIBL"],
  ["554 5.7.1 blocked using psbl.surriel.com", "ip-listed", undefined, "PSBL"],
  ["554 5.7.1 blocked using bl.mailspike.net", "ip-listed", undefined, "Mailspike"],
  ["554 5.7.1 blocked using all.spamrats.com", "ip-listed", undefined, "SpamRATS"],
  ["554 5.7.1 blocked using bl.score.senderscore.com", "ip-listed", undefined, "Validity (Sender Score)"],
  [
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using rbl.other.example",
    "ip-listed",
    undefined,
    "rbl.other.example",
  ],
  ["550 5.7.1 192.0.2.1 listed at dnsbl.other.example", "ip-listed", undefined, "dnsbl.other.example"],
];

/** Postfix, Exim, sendmail, qmail and others; RFC 3463 codes. */
const COMMON: readonly RefusalSample[] = [
  ["554 5.7.1 DKIM signature verification failed", "dkim-failed"],
  ["450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "no-ptr"],
  ["550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "no-ptr"],
  ["451 4.7.1 Greylisting in action, please come back later", "greylisted"],
  ["550 5.7.10 Encryption required for this recipient", "tls-required"],
  ["554 5.7.1 Attachment of type .exe is not allowed", "attachment-rejected"],
  ["571 5.7.1 message classified as spam (Nachricht als Spam eingestuft)", "content-suspicious"],
  ["451 The recipient is receiving mail too fast", "recipient-busy"],
  ["451 4.7.1 You have exceeded the rate limit", "rate-limited"],
  ["552 sorry, that mailbox is over quota", "mailbox-full"],
  ["550 this account has been suspended", "mailbox-disabled"],
  ["550 relay not permitted", "not-responsible"],
  ["550 5.1.1 User unknown", "no-such-user"],
  ["550 sorry, no mailbox here by that name. (#5.7.17)", "no-such-user"],
  ["550 5.7.1 Sender address rejected: blocked by the recipient", "sender-not-allowed"],
  ["550 5.1.8 <a@bounce.a.example>: Sender address rejected: Domain not found", "sender-domain-unknown"],
  ["550 5.7.1 Your IP is on our black list", "blocked-ip"],
  ["550 5.7.1 mail fails SPF", "spf-failed"],
  ["550 5.7.1 Message must carry DKIM", "sender-authentication"],
  ["451 4.3.0 Temporary system problem. Try again later", "server-busy"],
  ["450 Resources temporarily not available", "server-busy"],
  ["550 5.7.1 Message refused", "policy-refused"],
  ["421 4.4.2 Connection timed out", "unreachable"],
  ["550 5.6.0 headers", "content-rejected"],
];

/** All samples. */
export const REFUSAL_SAMPLES: readonly RefusalSample[] = [
  ...GMAIL,
  ...MICROSOFT,
  ...YAHOO,
  ...APPLE,
  ...CARRIERS,
  ...GERMAN,
  ...FILTERS,
  ...BLOCK_LISTS,
  ...COMMON,
];
