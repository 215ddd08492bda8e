/**
 * The spool object: envelope and message in one valid .eml.
 *
 * In front of the bytes that the client gave stand `Relayhost-*` fields (envelope, in SMTP's own syntax) and one
 * `Received:` field. The block ends at the first field that is not ours, so nothing a client writes can belong to
 * it: the client's own bytes come after our `Received:`. Encode and decode live here and nowhere else.
 */

import { isAddress, parseAddress } from "./address.ts";
import { parseQueueId, type QueueId } from "./queue-id.ts";
import { isRewriteClass, type RewriteClass } from "./sender-class.ts";

/**
 * Version of the object's form. A reader of today reads every earlier one; a later one it leaves alone (see
 * `NewerSpoolObject`). To be raised when a reader of before would misunderstand an object, not for a field that it may
 * overlook.
 */
export const SPOOL_VERSION = 1;

/** Octets of one line of the block: a HELO as long as a command line may be, encoded, is the longest that occurs. */
const LINE_BYTES_MAX = 128 * 1024;
const PRINTABLE = /^[ -~]*$/;
/** A path without its angle brackets. Only inside the quotes of a local part may `>` and a space stand. */
const PATH = String.raw`(?:"(?:[ !#-\[\]-~]|\\[ -~])*"|[!#-;=?-~])*`;
const WHOLE_PATH = new RegExp(`^${PATH}$`);
const MAIL_LINE = new RegExp(`^FROM:<(${PATH})>((?: [A-Z]+=[!-~]*)*)$`);
const RCPT_LINE = new RegExp(`^TO:<(${PATH})>((?: [A-Z]+=[!-~]*)*)$`);
/** Address type of an ORCPT: no separator of the parameters may be in it. */
const ORCPT_TYPE = /^[!-:<-~]*$/;
const RECEIVED_FIELD = /^Received:[\t\x20-\xff]*\r\n(?:[\t ][\t\x20-\xff]*\r\n)*$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** Value of Relayhost-Return-Path; without the field the return path is the tenant's, or null. */
const FOREIGN = "foreign";

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
  /** Set on mail that the operator sends again: the message that it is a further copy of. */
  readonly resendOf?: QueueId;
  /** Set when the mail is to go out under another From; the kind of mail it is. */
  readonly rewrite?: RewriteClass;
  /** Set when the return path is in no domain of the tenant: nothing is ever sent to it. */
  readonly foreignReturnPath?: true;
}

/** An object taken apart. */
export interface SpoolObject {
  readonly envelope: Envelope;
  /** Our own trace field as it was written, with its line end; kept on what goes out. */
  readonly received: Buffer;
  /** The client's bytes, untouched. */
  readonly message: Buffer;
}

/** Thrown when an object under the spool prefix is not one of ours; retrying does not help. */
export class NotASpoolObject extends Error {
  override readonly name = "NotASpoolObject";
}

/**
 * Thrown when an object is one of ours and says what only a later version of the relay understands: the functions were
 * taken back to an earlier version, or the edge was deployed first. It waits for them; nothing is wrong with it.
 */
export class NewerSpoolObject extends NotASpoolObject {}

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

/**
 * The bytes that stand in front of the client's own. `received` is a whole field with CRLF at its end. Its length is
 * written down, so that a client's first line is never taken for the end of it.
 *
 * Throws RangeError when a value could not be read back as it is, above all one that would break out of its line.
 */
export function encodeSpoolHeader(envelope: Envelope, received: string): Buffer {
  if (received.length > LINE_BYTES_MAX || !RECEIVED_FIELD.test(received)) {
    throw new RangeError("the trace field is not one whole Received field");
  }
  const lines: string[] = [
    `Relayhost-Version: ${SPOOL_VERSION}`,
    `Relayhost-Id: ${envelope.id}`,
    `Relayhost-Tenant: ${encodeXtext(envelope.tenant)}`,
    `Relayhost-Credential: ${encodeXtext(envelope.credential)}`,
    `Relayhost-Time: ${envelope.time}`,
    `Relayhost-Client: ${formatClient(envelope.client)}`,
    `Relayhost-Received-Size: ${received.length}`,
    `Relayhost-Mail: FROM:<${checkedPath(envelope.returnPath ?? "")}>${formatMailParameters(envelope)}`,
  ];
  if (envelope.dsnFor !== undefined) lines.push(`Relayhost-Dsn-For: ${encodeXtext(envelope.dsnFor)}`);
  if (envelope.resendOf !== undefined) lines.push(`Relayhost-Resend-Of: ${envelope.resendOf}`);
  if (envelope.rewrite !== undefined) lines.push(`Relayhost-Rewrite: ${envelope.rewrite}`);
  if (envelope.foreignReturnPath === true) lines.push(`Relayhost-Return-Path: ${FOREIGN}`);
  for (const recipient of envelope.recipients) lines.push(`Relayhost-Rcpt: ${formatRecipient(recipient)}`);
  if (envelope.recipients.length === 0) throw new RangeError("there is no recipient");
  if (!isTime(envelope.time)) throw new RangeError("the time is not in RFC 3339 UTC");
  for (const line of lines) {
    if (line.length <= LINE_BYTES_MAX && PRINTABLE.test(line)) continue;
    throw new RangeError(`${line.slice(0, line.indexOf(":"))} cannot hold its value`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n${received}`, "latin1");
}

/** Takes an object apart. Throws `NotASpoolObject` with what is wrong. */
export function decodeSpoolObject(bytes: Buffer): SpoolObject {
  const fields = new Map<string, string[]>();
  let offset = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", offset);
    if (end === -1) break;
    if (end - offset > LINE_BYTES_MAX) throw new NotASpoolObject("a line of the Relayhost block is too long");
    const line = bytes.toString("latin1", offset, end);
    const match = /^Relayhost-([A-Za-z-]+): (.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) break;
    const values = fields.get(match[1]) ?? [];
    values.push(match[2]);
    fields.set(match[1], values);
    offset = end + 2;
  }
  const envelope = envelopeOf(fields);
  const received = receivedField(bytes, offset, onlyValue(fields, "Received-Size"));
  return { envelope, received, message: bytes.subarray(offset + received.length) };
}

function receivedField(bytes: Buffer, start: number, size: string): Buffer {
  const length = /^\d{1,6}$/.test(size) ? Number(size) : 0;
  const field = bytes.subarray(start, start + Math.min(length, LINE_BYTES_MAX));
  if (field.length === length && RECEIVED_FIELD.test(field.toString("latin1"))) return field;
  throw new NotASpoolObject("no whole Received field after the Relayhost block");
}

function onlyValue(fields: ReadonlyMap<string, readonly string[]>, name: string): string {
  const values = fields.get(name);
  if (values?.length !== 1 || values[0] === undefined) {
    throw new NotASpoolObject(`Relayhost-${name} is there ${values?.length ?? 0} times instead of once`);
  }
  return values[0];
}

function envelopeOf(fields: ReadonlyMap<string, readonly string[]>): Envelope {
  const one = (name: string): string => onlyValue(fields, name);
  checkVersion(one("Version"));
  const id = parseQueueId(one("Id"));
  if (id === undefined) throw new NotASpoolObject("Relayhost-Id is not a queue id");
  const time = one("Time");
  if (!isTime(time)) throw new NotASpoolObject("Relayhost-Time is not a time");
  const recipients = (fields.get("Rcpt") ?? []).map(parseRecipient);
  if (recipients.length === 0) throw new NotASpoolObject("there is no Relayhost-Rcpt");
  const optional = (name: string): string | undefined => (fields.has(name) ? one(name) : undefined);
  const dsnFor = optional("Dsn-For");
  const resendOf = optional("Resend-Of");
  const original = resendOf === undefined ? undefined : parseQueueId(resendOf);
  if (resendOf !== undefined && original === undefined) throw newer(`Relayhost-Resend-Of is ${resendOf}`);
  const rewrite = optional("Rewrite");
  if (rewrite !== undefined && !isRewriteClass(rewrite)) throw newer(`Relayhost-Rewrite is ${rewrite}`);
  const owner = optional("Return-Path");
  if (owner !== undefined && owner !== FOREIGN) throw newer(`Relayhost-Return-Path is ${owner}`);
  return {
    id,
    tenant: decodeXtext(one("Tenant")),
    credential: decodeXtext(one("Credential")),
    time,
    client: parseClient(one("Client")),
    ...parseMail(one("Mail")),
    recipients,
    ...(dsnFor === undefined ? {} : { dsnFor: decodeXtext(dsnFor) }),
    ...(original === undefined ? {} : { resendOf: original }),
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(owner === undefined ? {} : { foreignReturnPath: true }),
  };
}

function checkVersion(version: string): void {
  if (!/^[1-9]\d{0,5}$/.test(version)) throw new NotASpoolObject(`version ${version} is none`);
  if (Number(version) > SPOOL_VERSION) throw newer(`its version is ${version}, known here is ${SPOOL_VERSION}`);
}

function newer(what: string): NewerSpoolObject {
  return new NewerSpoolObject(
    `written by a later version of the relay (${what}): it waits until that is deployed here`,
  );
}

function isTime(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/** The path, if what is written can be read back. */
function checkedPath(path: string): string {
  if (!WHOLE_PATH.test(path)) throw new RangeError("an address is not in SMTP's own syntax");
  return path;
}

function formatClient(client: Envelope["client"]): string {
  if (!isPort(client.port)) throw new RangeError("the client's port is not a port");
  const tls = client.tls === undefined ? "" : ` TLS=${encodeXtext(client.tls)}`;
  return `ADDR=${encodeXtext(client.address)} PORT=${client.port} HELO=${encodeXtext(client.helo)}${tls}`;
}

function parseClient(text: string): Envelope["client"] {
  const p = parseParameters(text);
  const tls = p.get("TLS");
  const port = Number(p.get("PORT") ?? Number.NaN);
  if (!isPort(port)) throw new NotASpoolObject("Relayhost-Client has no port");
  return {
    address: decodeXtext(p.get("ADDR") ?? ""),
    port,
    helo: decodeXtext(p.get("HELO") ?? ""),
    ...(tls === undefined ? {} : { tls: decodeXtext(tls) }),
  };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

function formatMailParameters(envelope: Envelope): string {
  let out = "";
  if (envelope.body !== undefined) out += ` BODY=${envelope.body}`;
  if (envelope.ret !== undefined) out += ` RET=${envelope.ret}`;
  if (envelope.envid !== undefined) out += ` ENVID=${encodeXtext(envelope.envid)}`;
  return out;
}

function parseMail(text: string): Pick<Envelope, "returnPath" | "body" | "ret" | "envid"> {
  const match = MAIL_LINE.exec(text);
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
  if (!isAddress(parseAddress(recipient.address))) throw new RangeError("a recipient is not an address");
  if (!ORCPT_TYPE.test(recipient.orcpt?.type ?? "")) throw new RangeError("the type of an ORCPT is not an atom");
  let out = `TO:<${checkedPath(recipient.address)}>`;
  if (recipient.notify !== undefined) out += ` NOTIFY=${recipient.notify.join(",")}`;
  if (recipient.orcpt !== undefined) out += ` ORCPT=${recipient.orcpt.type};${encodeXtext(recipient.orcpt.value)}`;
  return out;
}

const NOTIFY: ReadonlySet<string> = new Set<Notify>(["NEVER", "SUCCESS", "FAILURE", "DELAY"]);
const isNotify = (word: string): word is Notify => NOTIFY.has(word);

function parseRecipient(text: string): EnvelopeRecipient {
  const match = RCPT_LINE.exec(text);
  const address = match?.[1];
  if (address === undefined || !isAddress(parseAddress(address))) {
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
