/**
 * The SES message tag that says which recipients of a message a call was for, so that an event finds their records even
 * before SES's answer is on them.
 *
 * Indexes with `_` between them. SES takes `A-Z a-z 0-9 _ -` in a tag, at most 256 of them:
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html.
 */

/** Characters of a tag's value that SES takes. */
const TAG_CHARS_MAX = 256;

/** The value for these indexes. Throws RangeError when it would be too long: `fitsRecipientTag` tells before. */
export function formatRecipientTag(indexes: readonly number[]): string {
  if (!fitsRecipientTag(indexes)) throw new RangeError(`${indexes.length} recipients do not fit into a tag`);
  return indexes.join("_");
}

/** Whether one tag can hold these indexes. 50 of four digits do. */
export function fitsRecipientTag(indexes: readonly number[]): boolean {
  return indexes.join("_").length <= TAG_CHARS_MAX;
}

/** The indexes of a tag's value; none when it is not ours. */
export function parseRecipientTag(value: string): readonly number[] {
  return /^\d{1,9}(?:_\d{1,9})*$/.test(value) ? value.split("_").map(Number) : [];
}
