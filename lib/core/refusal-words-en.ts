/**
 * What each reason means and what an administrator can do about it, in English.
 *
 * All mail leaves from addresses of Amazon SES. So where a receiver dislikes the IP address, it is Amazon's, and what
 * helps differs from what helps with a server of one's own.
 */

import type { RefusalReason, RefusalWords } from "./refusal-reasons.ts";

const AGAIN =
  "Send it again later: the next try mostly leaves from another address of Amazon's. If it goes on, give the reply to AWS Support; with dedicated IP addresses, ask for removal yourself.";

/** By reason. */
export const ENGLISH_REFUSALS: Readonly<Record<RefusalReason, RefusalWords>> = {
  "no-such-user": {
    title: "Address does not exist",
    means: "The receiving server does not know this address.",
    todo: "Take it off lists and out of forms. Many of these at once point to an old or bought list.",
  },
  "no-such-user-or-filtered": {
    title: "Address unknown, or filtered ({by})",
    means:
      "{by} gives the same answer for an address that does not exist and for one whose owner's filter (domains allowed, no mail from PCs, no spoofed mail) refuses the mail.",
    todo: "If the address is right, the recipient must allow the sender's domain in the filter settings of the telephone.",
  },
  "no-such-domain": {
    title: "Domain does not exist",
    means: "The domain of the address does not exist or takes no mail.",
    todo: "Mostly a typing mistake: correct the address.",
  },
  "not-responsible": {
    title: "Server does not take mail for this domain",
    means: "The server named in the domain's MX record says that it is not responsible for the address.",
    todo: "Check the spelling. If it is right, tell the recipient: MX record and mail server do not fit together.",
  },
  "mailbox-disabled": {
    title: "Mailbox disabled",
    means: "The mailbox was closed, or has not been used for long.",
    todo: "Take the address off lists; reach the recipient by other means.",
  },
  "mailbox-full": {
    title: "Mailbox full",
    means: "The recipient's mailbox has no room.",
    todo: "Nothing to do on your side. Full for weeks means that nobody reads it: take it off lists.",
  },
  "too-large": {
    title: "Message too large",
    means: "The message is larger than the receiver takes.",
    todo: "Send files as links. Many receivers stop at 10 to 25 MB, counted after encoding (a third more).",
  },
  "content-rejected": {
    title: "Content refused",
    means: "The receiver refused what is in the message, mostly as spam.",
    todo: "Look at links, attachments and wording. If many messages are hit, look for a hacked account or web form.",
  },
  "content-suspicious": {
    title: "Taken for spam ({by})",
    means: "The filter of {by} found content, links or sender suspicious.",
    todo: "Look for a hacked account or web form first. Then: own domain in links instead of shorteners, no link text that shows another address, opt-in lists only.",
  },
  "attachment-rejected": {
    title: "Attachment refused",
    means: "The receiver does not take this type of file, also within archives.",
    todo: "Share the file in another way; executables, scripts and encrypted archives are refused nearly everywhere.",
  },
  "header-malformed": {
    title: "Header against the rules",
    means: "The header breaks RFC 5322: a field missing, doubled or misspelt.",
    todo: "Mend the program that writes the mail; the reply names the field.",
  },
  "line-too-long": {
    title: "Line too long",
    means: "A line is longer than the 998 octets that RFC 5322 allows.",
    todo: "Let the program encode the text as quoted-printable or base64.",
  },
  "policy-refused": {
    title: "Refused by the receiver's rules",
    means: "The receiver refused it under rules of its own, and does not say which.",
    todo: "Read the reply below. If it says nothing more, ask the receiver's postmaster.",
  },
  "sender-not-allowed": {
    title: "Sender not allowed by the recipient",
    means: "The recipient, or the recipient's organization, does not take mail from this sender.",
    todo: "Ask the recipient, by other means, to allow the sender.",
  },
  "spoofs-recipient": {
    title: "Own domain from outside ({by})",
    means: "The sender's domain is the recipient's own, and {by} refuses such mail when it comes from outside.",
    todo: "The recipient's administrator must allow mail of the domain that is signed by DKIM (or comes from Amazon SES).",
  },
  "sender-banned": {
    title: "Sender banned ({by})",
    means: "{by} has banned the sender or the sending address for spam.",
    todo: "Find and stop the cause (a hacked account, a form); then ask {by} for removal and send the whole reply along.",
  },
  "sender-authentication": {
    title: "Sender not authenticated",
    means: "SPF, DKIM or DMARC of the sender's domain did not satisfy the receiver.",
    todo: "Run a check of the domain's DNS records: the three DKIM CNAMEs, MAIL FROM and _dmarc.",
  },
  unauthenticated: {
    title: "Neither SPF nor DKIM in order",
    means: "{by} takes mail only if SPF and DKIM pass for the domain in From.",
    todo: "Check the three DKIM CNAMEs and the MAIL FROM records of the domain. A message that passed elsewhere was changed on the way: look for forwarding.",
  },
  "dmarc-policy": {
    title: "Refused by the domain's own DMARC policy",
    means:
      "The domain in From asks receivers to refuse what fails (p=reject), and neither DKIM nor SPF passed for that domain (not for another).",
    todo: "Verify exactly that domain with the relay, with its DKIM CNAMEs. Forwarded mail of others needs foreignFrom: rewrite.",
  },
  "dmarc-missing": {
    title: "No DMARC record",
    means: "{by} wants a DMARC record from senders of many messages.",
    todo: "Publish _dmarc with v=DMARC1; p=none and an address for reports.",
  },
  "spf-failed": {
    title: "SPF failed",
    means: "The return path's domain does not allow the address the mail came from.",
    todo: "Check the MAIL FROM domain: one MX to feedback-smtp, TXT with include:amazonses.com, and one SPF record only.",
  },
  "dkim-failed": {
    title: "DKIM failed",
    means: "The signature was missing or did not fit.",
    todo: "Check the three DKIM CNAMEs of the domain, and that none is proxied or flattened by the DNS provider.",
  },
  "from-not-aligned": {
    title: "From does not fit the signature",
    means: "What passed SPF or DKIM is another domain than the one in From.",
    todo: "Verify the domain in From itself with the relay.",
  },
  "sender-domain-unknown": {
    title: "Sender's domain not found in DNS",
    means: "The return path's domain has no MX, A or TXT record that the receiver could find.",
    todo: "Check the MAIL FROM domain and that the name servers of the zone all answer.",
  },
  "blocked-ip": {
    title: "Sending IP address refused",
    means: "The receiver refuses the IP address the mail was sent from. It belongs to Amazon SES.",
    todo: AGAIN,
  },
  "ip-listed": {
    title: "IP address on the block list {by}",
    means: "The IP address the mail was sent from, one of Amazon SES, is on the block list {by}.",
    todo: `Compare the address in the reply: is it one of your own servers, the mail did not go through the relay. Else: ${AGAIN}`,
  },
  "ip-listed-policy": {
    title: "IP address that must not send itself ({by})",
    means:
      "{by} holds addresses of offices and hosts that are not meant to send mail directly. Those of Amazon SES are not on it.",
    todo: "The address in the reply is your own: that mail bypassed the relay, or the receiver looked at a Received field. Relay all mail; ask the receiver's postmaster in the second case.",
  },
  "ip-listed-network": {
    title: "Whole network listed by {by}",
    means: "{by} lists whole networks or providers for single senders in them. Amazon does not ask for removal there.",
    todo: "Send it again later. Few receivers use this list: ask the receiver's postmaster not to refuse by it.",
  },
  "ip-blocked": {
    title: "IP address blocked by {by}",
    means: "{by} has the sending IP address, one of Amazon SES, on a list of its own.",
    todo: AGAIN,
  },
  "ip-reputation": {
    title: "IP address has a poor reputation ({by})",
    means: "{by} trusts the sending IP address, one of Amazon SES, little, and takes less or nothing from it.",
    todo: `${AGAIN} Watch your own complaint rate meanwhile: below 0.1 %.`,
  },
  "list-dead": {
    title: "Receiver asks a dead block list ({by})",
    means: "{by} was shut down; who still asks it may get every address listed.",
    todo: "Tell the receiver's postmaster to remove {by}. Nothing is wrong on the sending side.",
  },
  "list-error": {
    title: "Receiver's query to {by} failed",
    means:
      "{by} refused the receiver's query (a public resolver, or too many), and the receiver took that for a listing.",
    todo: "Tell the receiver's postmaster: answers 127.255.255.x are errors. Nothing is wrong on the sending side.",
  },
  "no-ptr": {
    title: "No reverse DNS",
    means: "The sending address has no PTR record that leads back to it. Those of Amazon SES have one.",
    todo: "Compare the address in the reply: if it is your own, the mail did not go through the relay. Else send it again; the receiver's DNS look-up may have failed.",
  },
  "domain-listed": {
    title: "Domain on the block list {by}",
    means: "A domain in the message, the sender's or one in a link, is on the block list {by}.",
    todo: "Look the domains up at {by}. If it is yours: look for a hacked web site, clean it, then ask for removal. If it is another's: leave the link out.",
  },
  "domain-reputation": {
    title: "Domain has a poor reputation ({by})",
    means: "{by} trusts the sender's domain little: complaints, spam traps, or a domain that is new.",
    todo: "Register the domain in the receiver's postmaster tools, mail only people who asked for it, make unsubscribing easy, and wait: it takes weeks.",
  },
  "rate-limited": {
    title: "Too much mail at once",
    means: "The receiver takes no more messages for now.",
    todo: "Spread sending over hours. SES tries again by itself for as long as the environment's sesDeliveryHours.",
  },
  "volume-or-complaints": {
    title: "Unusual volume or complaints ({by})",
    means: "{by} holds mail back because there is more than usual, or its users complained.",
    todo: "Find the sender behind it (relayhost bounces --tenant), slow it down, check its list. Deferrals end by themselves when volume and complaints fall.",
  },
  "recipient-busy": {
    title: "Recipient gets too much mail",
    means: "This mailbox gets more mail than {by} allows in a short time.",
    todo: "Notices in bulk to one address (logs, alerts) should be joined; else wait.",
  },
  "same-message-id": {
    title: "Too many copies of one message",
    means: "{by} counts messages with the same Message-ID and refuses more of them.",
    todo: "Send to long recipient lists through a list server, slower.",
  },
  "tls-required": {
    title: "TLS required",
    means: "The receiver takes mail only over TLS.",
    todo: "Amazon SES uses TLS where it is offered; ask the receiver's postmaster about certificate and versions.",
  },
  greylisted: {
    title: "Greylisted until it was given up",
    means: "The receiver puts off unknown senders and had not let it in when trying ended.",
    todo: "Send it again: Amazon SES tries from changing addresses, which some greylists take for new each time. Ask the receiver to exempt amazonses.com.",
  },
  "server-busy": {
    title: "Receiving server out of order",
    means: "The receiving server said for the whole time that it can take nothing just now.",
    todo: "Nothing on your side. Send it again later.",
  },
  "mail-loop": {
    title: "Mail loop",
    means: "The message passed too many servers: forwarders that point at each other.",
    todo: "Look at the forwarding of the address, on both sides.",
  },
  unreachable: {
    title: "Receiving server not reachable",
    means: "No connection to the receiver's server, or it broke.",
    todo: "Check the domain's MX records. If they are right, wait and send it again.",
  },
  "gave-up": {
    title: "Given up after many tries",
    means: "It was tried until the time limit.",
    todo: "The last reply says why. Send it again when that is over.",
  },
  general: {
    title: "Refused without a known reason",
    means: "The receiver refused the message with words that are not in the table.",
    todo: "Read the reply below.",
  },
  suppressed: {
    title: "On the tenant's suppression list",
    means: "Mail to the address bounced, or was called spam, before. Nothing was sent.",
    todo: "If the address takes mail again: relayhost suppression remove.",
  },
  "account-suppressed": {
    title: "On the SES account's suppression list",
    means: "The address is on the list of the whole Amazon SES account. Nothing was sent.",
    todo: "If the address takes mail again, delete it there: aws sesv2 delete-suppressed-destination.",
  },
  "globally-suppressed": {
    title: "On the global suppression list of SES",
    means: "The address bounced for some customer of Amazon SES in the last two weeks. Nothing was sent.",
    todo: "Check the address; the entry ends by itself.",
  },
  "address-check-failed": {
    title: "Address failed SES's check",
    means: "Amazon SES checked the address before sending and found that it very likely takes no mail.",
    todo: "Check the address. Address checks are a setting of the SES account.",
  },
  unsubscribed: {
    title: "Recipient has unsubscribed",
    means: "The recipient unsubscribed through Amazon SES. Nothing was sent.",
    todo: "Take the address off the list.",
  },
  "not-verified": {
    title: "Sender's domain not verified",
    means: "Amazon SES does not send for the domain in From, because it is not verified (any more).",
    todo: "Check the DKIM records of the domain and register it with the relay.",
  },
  virus: {
    title: "Virus",
    means: "Amazon SES found a virus and did not send the message.",
    todo: "Clean the computer or web site it came from; see the credential and client address in relayhost trace.",
  },
  "ses-refused": {
    title: "Refused by Amazon SES",
    means: "Amazon SES did not take form or content of the message.",
    todo: "Read the reply below: it names a header field or the content.",
  },
  dropped: {
    title: "Dropped by the operator",
    means: "An operator took the message out of the queue (relayhost drop).",
    todo: "Nothing.",
  },
  unreadable: {
    title: "Message could not be processed",
    means: "The relay could not read the message.",
    todo: "See relayhost trace; the message has been set aside.",
  },
  complained: {
    title: "Called spam by the recipient",
    means: "The mail arrived and the recipient pressed the spam button.",
    todo: "Send that address no more. More than one complaint in a thousand messages endangers the sending of all: look at how the address came onto the list.",
  },
};
