/** What is watched for a tenant, as an operator types it. */

import { canonicalCidr } from "../core/cidr.ts";
import { listId, usualLists, watchableLists } from "../core/watch.ts";
import type { Parser } from "./declare.ts";

/** Canonical CIDR; wide ones too, since only the tenant's own addresses inside are asked for. */
export const watchedNetwork: Parser<string> = (text) => {
  const cidr = canonicalCidr(text.trim());
  return cidr === undefined
    ? { allowed: "an address or network such as 192.0.2.5 or 192.0.2.0/24, not wider than /8 (IPv6: /29)" }
    : { value: cidr };
};

/** Names of lists with commas between them; `usual` for those that are watched without this. */
export const watchedLists: Parser<readonly string[]> = (text) => {
  if (text === "usual") return { value: usualLists() };
  const known = watchableLists().map(listId);
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  return names.every((name) => known.includes(name))
    ? { value: names }
    : { allowed: `usual, or of ${known.join(",")}` };
};
