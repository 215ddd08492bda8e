/** Recipient domains that go through the relay while all others are delivered directly, and the lines of maps for them. */

/** One of them. */
export interface SelectedDomain {
  readonly domain: string;
  /** Who runs its mail, in one word, or why it is on the list. */
  readonly provider: string;
  /** The mail exchanger that shows it; empty for those that were put on the list by hand. */
  readonly exchanger: string;
  /** Date of the look-up, `2026-11-24`. */
  readonly date: string;
}

/** For each domain a comment that says why it is here, then the lines of it; in the order of names. */
export function mapLines(domains: readonly SelectedDomain[], linesOf: (domain: string) => readonly string[]): string[] {
  return domains
    .toSorted((a, b) => (a.domain < b.domain ? -1 : 1))
    .flatMap((selected) => [`# ${whySelected(selected)}`, ...linesOf(selected.domain)]);
}

/** `gmail.com: google, MX gmail-smtp-in.l.google.com, 2026-11-24` */
export function whySelected(selected: SelectedDomain): string {
  const { domain, provider, exchanger, date } = selected;
  return `${domain}: ${provider}${exchanger === "" ? "" : `, MX ${exchanger}`}, ${date}`;
}
