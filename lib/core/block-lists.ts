/**
 * Block lists, as receivers name them in their refusals.
 *
 * Sources: docs.spamhaus.com ("Available Zones"), the lists' own pages, and replies as seen. Which lists are dead: the
 * lists' own notices; see RFC 6471 section 3.4 on what a dead list may answer. A list that is not here is named as the
 * reply names it.
 */

import type { RefusalRow } from "./refusal-row.ts";

const SPAMHAUS = "https://check.spamhaus.org/";
const UCEPROTECT = "https://www.uceprotect.net/en/rblcheck.php";

/** Rows for every receiver, from particular to general. */
export const BLOCK_LIST_ROWS: readonly RefusalRow[] = [
  // Answers that are errors and no listings: wrong name, public resolver, too many queries.
  {
    reason: "list-error",
    text: /127\.255\.255\.25[245]|spamhaus\.org\/returnc|error: open resolver|blocked using [^ ]*spamhaus[^ ]*[;,:]? *error/i,
    by: "Spamhaus",
    url: "https://www.spamhaus.org/returnc/pub/",
  },
  {
    reason: "domain-listed",
    text: /\bdbl\.spamhaus|spamhaus[ /._-]*dbl\b|spamhaus\.org\/dbl/i,
    by: "Spamhaus DBL",
    url: SPAMHAUS,
  },
  { reason: "domain-listed", text: /\bzrd\.spamhaus|spamhaus[ /._-]*zrd\b/i, by: "Spamhaus ZRD", url: SPAMHAUS },
  {
    reason: "ip-listed-policy",
    text: /\bpbl\.spamhaus|spamhaus[ /._-]*pbl\b|spamhaus\.org\/(?:query\/|lookup\/)?pbl|spamhaus.{0,80}127\.0\.0\.1[01]\b/i,
    by: "Spamhaus PBL",
    url: SPAMHAUS,
  },
  {
    reason: "ip-listed",
    text: /spamhaus[ /._-]*css\b|spamhaus.{0,80}127\.0\.0\.3\b/i,
    by: "Spamhaus CSS",
    url: SPAMHAUS,
  },
  {
    reason: "ip-listed",
    text: /\bxbl\.spamhaus|spamhaus[ /._-]*xbl\b|\bcbl\.abuseat\.org|abuseat\.org|spamhaus.{0,80}127\.0\.0\.[4-7]\b/i,
    by: "Spamhaus XBL",
    url: SPAMHAUS,
  },
  {
    reason: "ip-listed",
    text: /\bsbl\.spamhaus|spamhaus[ /._-]*sbl\b|spamhaus\.org\/sbl|spamhaus.{0,80}127\.0\.0\.[29]\b/i,
    by: "Spamhaus SBL",
    url: SPAMHAUS,
  },
  { reason: "ip-listed", text: /\bzen\.(?:dq\.)?spamhaus|spamhaus[ /._-]*zen\b/i, by: "Spamhaus ZEN", url: SPAMHAUS },
  { reason: "ip-listed", text: /spamhaus/i, by: "Spamhaus", url: SPAMHAUS },
  // Closed down: SORBS June 2024, NiXSpam January 2025, the others earlier or March 2025.
  { reason: "list-dead", text: /\bsorbs\.net|\bsorbs\b/i, by: "SORBS" },
  { reason: "list-dead", text: /dnsbl\.manitu\.net|\bnixspam\b/i, by: "NiXSpam" },
  {
    reason: "list-dead",
    text: /\b(db\.wpbl\.info|virbl\.bit\.nl|dnsbl\.cyberlogic\.net|wormrbl\.imp\.ch|bl\.spamcannibal\.org|(?:dnsbl|rhsbl)\.ahbl\.org|list\.dsbl\.org|bl\.emailbasura\.org)\b/i,
    by: "$1",
  },
  { reason: "ip-listed", text: /spamcop/i, by: "SpamCop", url: "https://www.spamcop.net/bl.shtml" },
  {
    reason: "ip-listed",
    text: /barracudacentral|barracuda ?(?:networks? )?reputation|barracudanetworks\.com\/reputation|\bBRBL\b/i,
    by: "Barracuda (BRBL)",
    url: "https://www.barracudacentral.org/rbl/removal-request",
  },
  {
    reason: "ip-listed-network",
    text: /dnsbl-([23])\.uceprotect|uceprotect[ -]*(?:l|level *)([23])\b/i,
    by: "UCEPROTECT level $1",
    url: UCEPROTECT,
  },
  { reason: "ip-listed", text: /uceprotect/i, by: "UCEPROTECT", url: UCEPROTECT },
  { reason: "ip-listed", text: /backscatterer\.org/i, by: "Backscatterer", url: "https://www.backscatterer.org/" },
  {
    reason: "domain-listed",
    text: /\bivmURI\b|uri\.invaluement/i,
    by: "Invaluement",
    url: "https://www.invaluement.com/lookup/",
  },
  { reason: "ip-listed", text: /invaluement|\bivmSIP/i, by: "Invaluement", url: "https://www.invaluement.com/lookup/" },
  { reason: "ip-listed", text: /abusix/i, by: "Abusix", url: "https://lookup.abusix.com/" },
  {
    reason: "ip-listed",
    text: /mail-abuse\.(?:org|com)|trend ?micro (?:RBL|e-?mail reputation)|ers\.trendmicro|trendmicro\.com\/ers/i,
    by: "Trend Micro",
  },
  { reason: "ip-listed", text: /gmo-rbl\.jp/i, by: "GMO (gmo-rbl.jp)", url: "https://gmo.jp/" },
  { reason: "domain-listed", text: /\bsurbl\b/i, by: "SURBL", url: "https://www.surbl.org/surbl-analysis" },
  { reason: "domain-listed", text: /\buribl\b/i, by: "URIBL", url: "https://lookup.uribl.com/" },
  { reason: "ip-listed", text: /psbl\.surriel|\bpsbl\b/i, by: "PSBL", url: "https://psbl.org/" },
  { reason: "ip-listed", text: /mailspike/i, by: "Mailspike", url: "https://mailspike.org/iplookup.html" },
  { reason: "ip-listed", text: /spamrats/i, by: "SpamRATS", url: "https://www.spamrats.com/lookup.php" },
  { reason: "ip-listed", text: /senderscore/i, by: "Validity (Sender Score)", url: "https://senderscore.org/" },
  {
    reason: "ip-listed",
    text: /proofpoint\.com\/(?:dnsbl-lookup\.cgi)?\?ip=|ipcheck\.proofpoint\.com|proofpoint dynamic reputation/i,
    by: "Proofpoint",
    url: "https://ipcheck.proofpoint.com/",
  },
];

/** A list by the name that the reply gives it; after the receivers' own texts. */
export const UNKNOWN_LIST_ROWS: readonly RefusalRow[] = [
  {
    reason: "ip-listed",
    text: /(?:blocked|rejected|refused|denied) (?:using|by|because of (?:a )?listing (?:in|at|on)) ([a-z0-9](?:[a-z0-9-]{0,62}\.){1,6}[a-z]{2,24})\b/i,
    by: "$1",
  },
  {
    reason: "ip-listed",
    text: /\b(?:listed|found) (?:in|at|on|by) (?:the )?([a-z0-9](?:[a-z0-9-]{0,62}\.){1,6}[a-z]{2,24})\b/i,
    by: "$1",
  },
];
