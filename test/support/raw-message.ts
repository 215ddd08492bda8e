/** Takes messages apart as bytes, so that a test can compare them without any MIME library's opinion (RFC 5322 §2). */

/** One header field: the name in lower case, and everything up to its last CRLF as it stands, folds included. */
export type RawField = { readonly name: string; readonly raw: string };

/** Header block (with the CRLF of its last field) and body. Without an empty line, all of it is header. */
export function splitMessage(bytes: Uint8Array): { header: Buffer; body: Buffer } {
  const message = Buffer.from(bytes);
  if (message.subarray(0, 2).equals(Buffer.from("\r\n"))) {
    return { header: Buffer.alloc(0), body: message.subarray(2) };
  }
  const end = message.indexOf("\r\n\r\n");
  if (end === -1) return { header: message, body: Buffer.alloc(0) };
  return { header: message.subarray(0, end + 2), body: message.subarray(end + 4) };
}

/** The fields of a header block in order, each octet as one character (latin1). Throws on a line that is no field. */
export function headerFields(header: Uint8Array): RawField[] {
  const lines = Buffer.from(header)
    .toString("latin1")
    .split(/(?<=\r\n)/);
  const fields: { name: string; raw: string }[] = [];
  for (const line of lines.filter((text) => text !== "")) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last.raw += line;
      continue;
    }
    const name = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:/.exec(line)?.[1];
    if (name === undefined) throw new Error(`not a header field: ${JSON.stringify(line)}`);
    fields.push({ name: name.toLowerCase(), raw: line });
  }
  return fields;
}
