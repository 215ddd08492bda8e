/**
 * `PageSize` and `NextToken` of the list operations: the token names the last entry given, so a page stays right when
 * entries are added or removed in between.
 */

import { SesError } from "./ses-error.ts";
import { type Fields, invalid, numberOf, optional, textOf } from "./ses-json.ts";
import type { SesCall } from "./ses-router.ts";

const PAGE_SIZE_MAX = 1000;
const PAGE_SIZE_DEFAULT = 100;

/** One page of `entries`, which must be sorted by `keyOf`, and the token for the next. Throws InvalidNextTokenException. */
export function page<T>(
  entries: readonly T[],
  keyOf: (entry: T) => string,
  request: Fields,
): { entries: T[]; NextToken?: string } {
  const size = numberOf(request, "PageSize") ?? PAGE_SIZE_DEFAULT;
  if (!Number.isInteger(size) || size < 1 || size > PAGE_SIZE_MAX) {
    throw invalid("PageSize", `Member must have value between 1 and ${PAGE_SIZE_MAX}`);
  }
  const token = textOf(request, "NextToken");
  const after = token === undefined ? undefined : decodeToken(token);
  const start = after === undefined ? 0 : entries.findIndex((entry) => keyOf(entry) > after);
  const rest = start === -1 ? [] : entries.slice(start);
  const given = rest.slice(0, size);
  const last = given.at(-1);
  const more = rest.length > given.length && last !== undefined;
  return { entries: given, ...optional("NextToken", more ? encodeToken(keyOf(last)) : undefined) };
}

/** The paging members of a GET, where they are in the query. */
export function pagingOfQuery(call: SesCall): Fields {
  const size = call.query.get("PageSize");
  return {
    ...optional("PageSize", size === null ? undefined : Number(size)),
    ...optional("NextToken", call.query.get("NextToken") ?? undefined),
  };
}

function encodeToken(key: string): string {
  return Buffer.from(`after:${key}`).toString("base64url");
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith("after:")) throw new SesError("InvalidNextTokenException", "The next token is not valid.");
  return text.slice("after:".length);
}
