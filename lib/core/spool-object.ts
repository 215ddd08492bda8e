/**
 * The spool object: envelope and message in one valid .eml.
 *
 * In front of the bytes that the client gave stand `Relayhost-*` fields (envelope, in SMTP's own syntax) and one
 * `Received:` field. The block ends at the first field that is not ours, so nothing a client writes can belong to
 * it: the client's own bytes come after our `Received:`. Encode and decode live here and nowhere else.
 */

import { parseAddress } from "./address.ts";
import { parseQueueId, type QueueId } from "./queue-id.ts";

/** Version of the object's form; a reader refuses what it does not know. */
export const SPOOL_VERSION = 1;

/** NOTIFY of RFC 3461 §4.1; an empty list never occurs, absent means "not given". */
export type Notify = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY";

/** One RCPT of the transaction. */
export interface EnvelopeRecipient {
  /** `local@domain`, domain in lower-case A-labels. */
  readonly address: string;
  readonly notify?: readonly Notify[];
  /** Decoded ORCPT: address type and value (RFC 3461 §4.2). */
  readonly orcpt?: { readonly type: string; readonly value: string };
}

/** Everything about a message that is not in the client's bytes. */
export interface Envelope {
  readonly id: QueueId;
  readonly tenant: string;
  /** Label of the credential or network that submitted it; `relayhost` for our own DSNs. */
  readonly credential: string;
  /** `null` is the null reverse-path `<>`. */
  readonly returnPath: string | null;
  readonly recipients: readonly EnvelopeRecipient[];
  readonly ret?: "FULL" | "HDRS";
  /** Decoded ENVID. */
  readonly envid?: string;
  readonly body?: "7BIT" | "8BITMIME";
  /** RFC 3339 UTC with milliseconds: when DATA ended. */
  readonly time: string;
  readonly client: {
    readonly address: string;
    readonly port: number;
    readonly helo: string;
    /** TLS protocol, for example `TLSv1.3`; absent in the clear. */
    readonly tls?: string;
  };
  /** Set on mail the relay itself wrote: never makes another DSN. Value: which message it reports on. */
  readonly dsnFor?: string;
}

export interface SpoolObject {
  readonly envelope: Envelope;
  /** Our own trace field, unfolded, with its line end; kept on what goes out. */
  readonly received: Buffer;
  /** The client's bytes, untouched. */
  readonly message: Buffer;
}

/** Thrown when an object under the spool prefix is not one of ours; retrying does not help. */
export class NotASpoolObject extends Error {
  override readonly name = "NotASpoolObject";
}

/** xtext of RFC 3461 §4. */
export function encodeXtext(text: string): string {
  let out = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const plain = byte >= 0x21 && byte <= 0x7e && byte !== 0x2b && byte !== 0x3d;
    out += plain ? String.fromCharCode(byte) : `+${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** The reverse of `encodeXtext`; a `+` that starts no hex pair stays as it is. */
export function decodeXtext(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = /^\+([0-9A-Fa-f]{2})/.exec(text.slice(i, i + 3));
    if (hex?.[1] === undefined) bytes.push(text.charCodeAt(i) & 0xff);
    else {
      bytes.push(Number.parseInt(hex[1], 16));
      i += 2;
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

/** The bytes that stand in front of the client's own. `received` is a whole field with CRLF at its end. */
export function encodeSpoolHeader(envelope: Envelope, received: string): Buffer {
  const lines: string[] = [
    `Relayhost-Version: ${SPOOL_VERSION}`,
    `Relayhost-Id: ${envelope.id}`,
    `Relayhost-Tenant: ${encodeXtext(envelope.tenant)}`,
    `Relayhost-Credential: ${encodeXtext(envelope.credential)}`,
    `Relayhost-Time: ${envelope.time}`,
    `Relayhost-Client: ${formatClient(envelope.client)}`,
    `Relayhost-Mail: FROM:<${envelope.returnPath ?? ""}>${formatMailParameters(envelope)}`,
  ];
  if (envelope.dsnFor !== undefined) lines.push(`Relayhost-Dsn-For: ${encodeXtext(envelope.dsnFor)}`);
  for (const recipient of envelope.recipients) lines.push(`Relayhost-Rcpt: ${formatRecipient(recipient)}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n${received}`, "latin1");
}

/** Takes an object apart. Throws `NotASpoolObject` with what is wrong. */
export function decodeSpoolObject(bytes: Buffer): SpoolObject {
  const fields = new Map<string, string[]>();
  let offset = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", offset);
    if (end === -1) break;
    const line = bytes.toString("latin1", offset, end);
    const match = /^Relayhost-([A-Za-z-]+): (.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) break;
    const values = fields.get(match[1]) ?? [];
    values.push(match[2]);
    fields.set(match[1], values);
    offset = end + 2;
  }
  const received = receivedField(bytes, offset);
  return { envelope: envelopeOf(fields), received, message: bytes.subarray(offset + received.length) };
}

function receivedField(bytes: Buffer, start: number): Buffer {
  if (bytes.toString("latin1", start, start + 9).toLowerCase() !== "received:") {
    throw new NotASpoolObject("no Received field after the Relayhost block");
  }
  let offset = start;
  for (;;) {
    const end = bytes.indexOf("\r\n", offset);
    if (end === -1) throw new NotASpoolObject("the Received field has no end");
    offset = end + 2;
    const next = bytes[offset];
    if (next !== 0x20 && next !== 0x09) return bytes.subarray(start, offset);
  }
}

function envelopeOf(fields: ReadonlyMap<string, readonly string[]>): Envelope {
  const one = (name: string): string => {
    const values = fields.get(name);
    if (values?.length !== 1 || values[0] === undefined) {
      throw new NotASpoolObject(`Relayhost-${name} is there ${values?.length ?? 0} times instead of once`);
    }
    return values[0];
  };
  const version = one("Version");
  if (version !== String(SPOOL_VERSION)) throw new NotASpoolObject(`version ${version} is not known here`);
  const id = parseQueueId(one("Id"));
  if (id === undefined) throw new NotASpoolObject("Relayhost-Id is not a queue id");
  const time = one("Time");
  if (Number.isNaN(Date.parse(time))) throw new NotASpoolObject("Relayhost-Time is not a time");
  const recipients = (fields.get("Rcpt") ?? []).map(parseRecipient);
  if (recipients.length === 0) throw new NotASpoolObject("there is no Relayhost-Rcpt");
  const dsnFor = fields.get("Dsn-For")?.[0];
  return {
    id,
    tenant: decodeXtext(one("Tenant")),
    credential: decodeXtext(one("Credential")),
    time,
    client: parseClient(one("Client")),
    ...parseMail(one("Mail")),
    recipients,
    ...(dsnFor === undefined ? {} : { dsnFor: decodeXtext(dsnFor) }),
  };
}

function formatClient(client: Envelope["client"]): string {
  const tls = client.tls === undefined ? "" : ` TLS=${encodeXtext(client.tls)}`;
  return `ADDR=${encodeXtext(client.address)} PORT=${client.port} HELO=${encodeXtext(client.helo)}${tls}`;
}

function parseClient(text: string): Envelope["client"] {
  const p = parseParameters(text);
  const tls = p.get("TLS");
  return {
    address: decodeXtext(p.get("ADDR") ?? ""),
    port: Number(p.get("PORT") ?? 0),
    helo: decodeXtext(p.get("HELO") ?? ""),
    ...(tls === undefined ? {} : { tls: decodeXtext(tls) }),
  };
}

function formatMailParameters(envelope: Envelope): string {
  let out = "";
  if (envelope.body !== undefined) out += ` BODY=${envelope.body}`;
  if (envelope.ret !== undefined) out += ` RET=${envelope.ret}`;
  if (envelope.envid !== undefined) out += ` ENVID=${encodeXtext(envelope.envid)}`;
  return out;
}

function parseMail(text: string): Pick<Envelope, "returnPath" | "body" | "ret" | "envid"> {
  const match = /^FROM:<(.*?)>((?: [A-Z]+=[!-~]*)*)$/.exec(text);
  if (match?.[1] === undefined) throw new NotASpoolObject("Relayhost-Mail is not MAIL's syntax");
  const p = parseParameters(match[2] ?? "");
  const body = p.get("BODY");
  const ret = p.get("RET");
  const envid = p.get("ENVID");
  return {
    returnPath: match[1] === "" ? null : match[1],
    ...(body === "7BIT" || body === "8BITMIME" ? { body } : {}),
    ...(ret === "FULL" || ret === "HDRS" ? { ret } : {}),
    ...(envid === undefined ? {} : { envid: decodeXtext(envid) }),
  };
}

function formatRecipient(recipient: EnvelopeRecipient): string {
  let out = `TO:<${recipient.address}>`;
  if (recipient.notify !== undefined) out += ` NOTIFY=${recipient.notify.join(",")}`;
  if (recipient.orcpt !== undefined) out += ` ORCPT=${recipient.orcpt.type};${encodeXtext(recipient.orcpt.value)}`;
  return out;
}

const NOTIFY: ReadonlySet<string> = new Set<Notify>(["NEVER", "SUCCESS", "FAILURE", "DELAY"]);
const isNotify = (word: string): word is Notify => NOTIFY.has(word);

function parseRecipient(text: string): EnvelopeRecipient {
  const match = /^TO:<(.*?)>((?: [A-Z]+=[!-~]*)*)$/.exec(text);
  const address = match?.[1];
  if (address === undefined || typeof parseAddress(address) === "string") {
    throw new NotASpoolObject("Relayhost-Rcpt is not RCPT's syntax");
  }
  const p = parseParameters(match?.[2] ?? "");
  const notify = p.get("NOTIFY")?.split(",").filter(isNotify);
  const [type, value] = splitOnce(p.get("ORCPT") ?? "", ";");
  return {
    address,
    ...(notify === undefined || notify.length === 0 ? {} : { notify }),
    ...(value === undefined ? {} : { orcpt: { type, value: decodeXtext(value) } }),
  };
}

function parseParameters(text: string): Map<string, string> {
  const result = new Map<string, string>();
  for (const word of text.split(" ")) {
    const [name, value] = splitOnce(word, "=");
    if (value !== undefined) result.set(name, value);
  }
  return result;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
