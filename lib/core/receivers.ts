/** Who receives mail for an address: the name that its postmasters are known by, else the domain. */

/** Domains of large receivers; a name that ends in a dot stands for all its top-level domains. */
const RECEIVERS: readonly (readonly [name: string, domains: readonly string[]])[] = [
  ["Gmail", ["gmail.com", "googlemail.com"]],
  ["Outlook.com", ["outlook.", "hotmail.", "live.", "msn.com", "passport.com"]],
  ["Yahoo! JAPAN", ["yahoo.co.jp", "ymail.ne.jp"]],
  ["Yahoo", ["yahoo.", "ymail.com", "rocketmail.com", "aol.", "aim.com", "verizon.net", "att.net", "sbcglobal.net"]],
  ["iCloud", ["icloud.com", "me.com", "mac.com", "privaterelay.appleid.com"]],
  ["docomo", ["docomo.ne.jp"]],
  ["au", ["ezweb.ne.jp", "au.com", "uqmobile.jp"]],
  ["SoftBank", ["softbank.ne.jp", "i.softbank.jp", "vodafone.ne.jp", "disney.ne.jp"]],
  ["Y!mobile", ["ymobile.ne.jp", "ymobile1.ne.jp", "willcom.com", "pdx.ne.jp"]],
  ["Rakuten Mobile", ["rakumail.jp"]],
  ["GMX / WEB.DE", ["gmx.", "web.de", "mail.com"]],
];

/** The receiver of an address (`user@domain`, as the ledger keeps it), by its domain alone. */
export function receiverOf(address: string): string {
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  const found = RECEIVERS.find(([, domains]) => domains.some((candidate) => isUnder(domain, candidate)));
  return found?.[0] ?? domain;
}

/** The domain itself or one below it, at a dot: carriers have mail domains like `d.vodafone.ne.jp`. */
function isUnder(domain: string, candidate: string): boolean {
  if (!candidate.endsWith(".")) return domain === candidate || domain.endsWith(`.${candidate}`);
  const rest = domain.startsWith(candidate) ? domain.slice(candidate.length) : undefined;
  return rest !== undefined && /^[a-z]{2,3}(?:\.[a-z]{2})?$/.test(rest);
}
