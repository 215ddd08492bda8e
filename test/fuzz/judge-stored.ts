/**
 * Whether what is in the spool is what a session has sent, and nothing else.
 *
 * It does not follow the protocol, since then it would share the edge's mistakes. It goes by the bytes: a message lies
 * between a line that says DATA and the first CRLF.CRLF after it (RFC 5321 §4.1.1.4), with one dot less at the start of
 * lines that begin with two (§4.5.2). Whatever else the edge might store, such as a message that ended too early or
 * what stood behind an end that is none, is not among these.
 */

import { domainToASCII } from "node:url";
import type { SpoolObject } from "../../lib/core/spool-object.ts";

/** A message that may lie in what a client sent. */
export type Candidate = { readonly start: number; readonly end: number; readonly message: Buffer };

/** An object of the spool. */
export type Stored = SpoolObject & { readonly bytes: Buffer };

/** Queue ids in replies to the end of data, in order. */
export function acknowledgedIds(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /^250 2\.0\.0 Ok: queued as (\w+)$/.exec(line)?.[1] ?? []);
}

/** Every message that may lie in these bytes, by its start. */
export function candidates(sent: Buffer): Candidate[] {
  const text = sent.toString("latin1");
  return [...text.matchAll(/(?<=^|\n)[^\n]{0,4}data[^\n]{0,16}\n/gi)].flatMap(({ index, 0: { length } }) => {
    const start = index + length;
    const end = text.startsWith(".\r\n", start) ? start : text.indexOf("\r\n.\r\n", start) + 2;
    if (end < start) return [];
    const message = text.slice(start, end).replace(/(^|\r\n)\.\./g, "$1.");
    return [{ start, end, message: Buffer.from(message, "latin1") }];
  });
}

/**
 * What is wrong with what a session stored, in sentences. `sent` is what it sent under TLS; `stored` is in the order in
 * which it was answered.
 */
export function judgeStored(sent: Buffer, login: string, stored: readonly Stored[]): string[] {
  const faults = stored.flatMap((object) => [...bytesFaults(object), ...envelopeFaults(sent, login, object)]);
  let from = 0;
  const all = candidates(sent);
  for (const { envelope, message } of stored) {
    const found = all.find((candidate) => candidate.start >= from && candidate.message.equals(message));
    if (found === undefined) faults.push(`${envelope.id} is no message that was sent: ${excerpt(message)}`);
    else from = found.end;
  }
  return faults;
}

function bytesFaults({ envelope, bytes }: Stored): string[] {
  const bad = /\0|\r(?!\n)|(?<!\r)\n/.exec(bytes.toString("latin1"));
  return bad === null ? [] : [`${envelope.id} holds a bare CR, a bare LF or NUL at octet ${bad.index}`];
}

/** It is the tenant's, came under TLS after the log-in, and names no recipient that the client has not named. */
function envelopeFaults(sent: Buffer, login: string, { envelope }: Stored): string[] {
  const { id, tenant, credential, returnPath, recipients, client } = envelope;
  const said = sent.toString("latin1").toLowerCase();
  const faults: string[] = [];
  if (tenant !== "acme" || credential !== `server ${login}`) faults.push(`${id} is from ${credential} of ${tenant}`);
  if (client.tls === undefined) faults.push(`${id} came in the clear`);
  if (returnPath !== null && !returnPath.endsWith("@example.com")) faults.push(`${id} has the sender ${returnPath}`);
  for (const { address } of recipients) {
    if (/^[\w.@-]+$/.test(address) && !hasNamed(sent, said, address.toLowerCase()))
      faults.push(`${id} is for ${address}`);
  }
  return faults;
}

/** A domain of A-labels may have been named by the letters that stand for it, in UTF-8 (RFC 5890 §2.3.2.1). */
function hasNamed(sent: Buffer, said: string, address: string): boolean {
  if (said.includes(address)) return true;
  const [local, domain = ""] = address.split(/@(?=[^@]*$)/);
  const after = sent.toString("utf8").toLowerCase().split(`${local}@`).slice(1);
  return after.some((text) => domainToASCII(/^[^\s>]*/.exec(text)?.[0]?.replace(/\.$/, "") ?? "") === domain);
}

function excerpt(message: Buffer): string {
  return JSON.stringify(message.toString("latin1", 0, 300));
}
