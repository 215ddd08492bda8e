/**
 * Listing of a bucket in the order that S3 promises.
 *
 * fauxqs 2.4.1 sorts keys by the rules of the machine's language and then goes on after a key by comparing code
 * units, so that a listing of more than one page can leave keys out. S3's order is that of the UTF-8 octets.
 * See https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html.
 */

import type { S3Store } from "./fauxqs-parts.ts";

type Listing = ReturnType<S3Store["listObjects"]>;
type ListingRequest = NonNullable<Parameters<S3Store["listObjects"]>[1]>;

const KEYS_PER_PAGE_MAX = 1000;

/** Replaces the store's listing. */
export function listInKeyOrder(store: S3Store): void {
  const original = store.listObjects.bind(store);
  store.listObjects = (bucket, request = {}) => {
    const { prefix = "" } = request;
    const everything = original(bucket, { prefix, maxKeys: Number.POSITIVE_INFINITY }).objects;
    return page(
      everything.sort((a, b) => compareKeys(a.key, b.key)),
      request,
    );
  };
}

function page(objects: Listing["objects"], request: ListingRequest): Listing {
  const { prefix = "", delimiter = "", maxKeys = KEYS_PER_PAGE_MAX } = request;
  const after = request.startAfter ?? request.marker ?? "";
  const found: Listing = { objects: [], commonPrefixes: [], isTruncated: false };
  for (const object of objects) {
    const end = delimiter === "" ? -1 : object.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : object.key.slice(0, end + delimiter.length);
    if (group !== undefined && group === found.commonPrefixes.at(-1)) continue;
    if (after !== "" && compareKeys(group ?? object.key, after) <= 0) continue;
    if (found.objects.length + found.commonPrefixes.length >= maxKeys) {
      found.isTruncated = true;
      break;
    }
    if (group === undefined) found.objects.push(object);
    else found.commonPrefixes.push(group);
  }
  return found;
}

/** The order of UTF-8 octets. That of code units differs only where a surrogate meets U+E000 to U+FFFF. */
function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return SURROGATE.test(a) || SURROGATE.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1;
}

const SURROGATE = /[\ud800-\udfff]/;
