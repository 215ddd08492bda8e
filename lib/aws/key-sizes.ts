/**
 * What DynamoDB takes as a key of a table or index: a text of 1 to 2048 octets to part by, of 1 to 1024 to sort by.
 *
 * A request that names any other is refused whole, with all other keys in it. Nothing can be stored under one, so whoever
 * looks for a text that a stranger has given asks here first, and finds nothing.
 * See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (partition keys and sort keys).
 */

/** Octets of UTF-8. */
const PARTITION_KEY_OCTETS_MAX = 2048;
const SORT_KEY_OCTETS_MAX = 1024;

/** True when something can be stored under this partition key. */
export function isPartitionKey(text: string): boolean {
  return text !== "" && Buffer.byteLength(text, "utf8") <= PARTITION_KEY_OCTETS_MAX;
}

/** True when something can be stored under this sort key. */
export function isSortKey(text: string): boolean {
  return text !== "" && Buffer.byteLength(text, "utf8") <= SORT_KEY_OCTETS_MAX;
}
