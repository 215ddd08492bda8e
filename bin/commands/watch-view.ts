/** How a watch and its answers are shown. */

import { dayVerdict, type WatchAnswers, type WatchState } from "../../lib/core/watch.ts";

/** A tenant's answers of now. */
export interface CheckedWatch extends WatchAnswers {
  readonly tenant: string;
  readonly verdict: ReturnType<typeof dayVerdict>;
}

/** A single address without its prefix length. */
export function shownCidr(cidr: string): string {
  return cidr.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, "");
}

/** One cell: what the last check says. */
export function stateText(state: WatchState | undefined): string {
  if (state === undefined) return "not checked yet";
  const told = state.notice === undefined ? "" : state.notice.written ? ", contact told" : ", contact to be told";
  switch (dayVerdict(state)) {
    case "listed":
      return `listed: ${state.listed.map(({ address, lists }) => `${address} (${lists.join(", ")})`).join(", ")}`;
    case "unknown":
      return `could not ask: ${state.unasked.map(({ what, reason }) => `${what} (${reason})`).join(", ")}${told}`;
    case "clear":
      return `clear${told}`;
  }
}

/** All of it, a line for each finding. */
export function watchLines({ tenant, verdict, asked, listed, unasked }: CheckedWatch): string[] {
  const words = { listed: "still listed", clear: "all clear", unknown: "cannot tell" };
  return [
    `${tenant}: ${words[verdict]}; ${asked} ${asked === 1 ? "address" : "addresses"} asked for`,
    ...listed.map(({ address, lists }) => `  ${address}  listed in ${lists.join(", ")}`),
    ...unasked.map(
      ({ what, addresses, reason }) =>
        `  could not ask: ${what}${addresses > 0 ? `, of ${addresses} ${addresses === 1 ? "address" : "addresses"}` : ""} (${reason})`,
    ),
  ];
}
