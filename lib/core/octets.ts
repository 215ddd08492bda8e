/** Text measured in octets of UTF-8, as DynamoDB and SMTP measure it. */

/** The beginning of a text that takes up at most `max` octets of UTF-8; no character is cut in two. */
export function firstOctets(text: string, max: number): string {
  if (text.length * 3 <= max) return text;
  const bytes = Buffer.from(text.slice(0, max), "utf8");
  if (bytes.length <= max) return bytes.toString("utf8");
  let end = max;
  // An octet 10xxxxxx goes on with a character that began before (RFC 3629 §3).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
