/**
 * MAIL and RCPT as values: the path and the parameters that this relay knows.
 *
 * Promise:  a line is understood whole or answered with a reply from the table; it never throws.
 * See RFC 5321 §4.1.2 (paths), RFC 1870 (SIZE), RFC 6152 (BODY), RFC 3461 (RET, ENVID, NOTIFY, ORCPT), RFC 4954 §5
 * (AUTH, which is ignored: clients put logins and local names there).
 */

import { type Address, type AddressProblem, isAddress, parseAddress } from "./address.ts";
import { type SmtpReply, smtpReply } from "./smtp-reply.ts";
import { decodeXtext, type EnvelopeRecipient, type Notify } from "./spool-object.ts";

/** MAIL FROM. */
export interface MailCommand {
  readonly kind: "mail";
  /** `null`: the null reverse-path. */
  readonly from: Address | null;
  /** Octets as the client declares them. */
  readonly size?: number;
  readonly body?: "7BIT" | "8BITMIME";
  readonly ret?: "FULL" | "HDRS";
  /** Decoded. */
  readonly envid?: string;
}

/** RCPT TO, with its address already in the form of the envelope. */
export interface RcptCommand {
  readonly kind: "rcpt";
  readonly to: Address;
  readonly notify?: EnvelopeRecipient["notify"] & {};
  readonly orcpt?: EnvelopeRecipient["orcpt"] & {};
}

/** The line is answered with this. */
export interface RefusedCommand {
  readonly kind: "refused";
  readonly reply: SmtpReply;
}

/** RFC 3461 §4.4 and §4.2: characters before encoding and after. */
const ENVID_CHARS_MAX = 100;
const ORCPT_CHARS_MAX = 500;

/** Parses a whole MAIL command line. */
export function parseMailCommand(line: Uint8Array): MailCommand | RefusedCommand {
  const split = splitCommand(line, /^MAIL +FROM: */i, smtpReply("mailSyntax"));
  if ("kind" in split) return split;
  const from = split.path === "" ? null : parseAddress(split.path);
  if (from !== null && !isAddress(from)) return refuse(senderProblem(from));
  const parameters = parseParameters(split.parameters, ["SIZE", "BODY", "RET", "ENVID", "AUTH"]);
  if ("kind" in parameters) return parameters;
  const { SIZE, BODY, RET, ENVID } = parameters.values;
  const body = BODY?.toUpperCase();
  const ret = RET?.toUpperCase();
  const envid = ENVID === undefined ? undefined : xtextValue(ENVID);
  if (SIZE !== undefined && !/^\d{1,20}$/.test(SIZE)) return badParameter("SIZE");
  if (body !== undefined && body !== "7BIT" && body !== "8BITMIME") return badParameter("BODY");
  if (ret !== undefined && ret !== "FULL" && ret !== "HDRS") return badParameter("RET");
  if (ENVID !== undefined && (envid === undefined || envid.length > ENVID_CHARS_MAX)) return badParameter("ENVID");
  return {
    kind: "mail",
    from,
    ...(SIZE === undefined ? {} : { size: Number(SIZE) }),
    ...(body === undefined ? {} : { body }),
    ...(ret === undefined ? {} : { ret }),
    ...(envid === undefined ? {} : { envid }),
  };
}

/** Parses a whole RCPT command line. */
export function parseRcptCommand(line: Uint8Array): RcptCommand | RefusedCommand {
  const split = splitCommand(line, /^RCPT +TO: */i, smtpReply("rcptSyntax"));
  if ("kind" in split) return split;
  const to = parseAddress(split.path);
  if (!isAddress(to)) return refuse(recipientProblem(to));
  const parameters = parseParameters(split.parameters, ["NOTIFY", "ORCPT"]);
  if ("kind" in parameters) return parameters;
  const { NOTIFY, ORCPT } = parameters.values;
  const notify = NOTIFY === undefined ? undefined : parseNotify(NOTIFY);
  if (NOTIFY !== undefined && notify === undefined) return badParameter("NOTIFY");
  const orcpt = ORCPT === undefined ? undefined : parseOrcpt(ORCPT);
  if (ORCPT !== undefined && orcpt === undefined) return badParameter("ORCPT");
  return { kind: "rcpt", to, ...(notify === undefined ? {} : { notify }), ...(orcpt === undefined ? {} : { orcpt }) };
}

/** Characters that no command may have: control characters save TAB; or others than ASCII, which only paths may. */
export function commandProblem(line: Uint8Array): "control" | "non-ascii" | undefined {
  let nonAscii = false;
  for (const byte of line) {
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) return "control";
    if (byte > 0x7f) nonAscii = true;
  }
  return nonAscii ? "non-ascii" : undefined;
}

function refuse(reply: SmtpReply): RefusedCommand {
  return { kind: "refused", reply };
}

function badParameter(parameter: string): RefusedCommand {
  return refuse(smtpReply("badParameter", { parameter }));
}

function senderProblem(problem: AddressProblem): SmtpReply {
  if (problem === "non-ascii-local") return smtpReply("nonAsciiLocalPart");
  return problem === "no-domain" ? smtpReply("senderNoDomain") : smtpReply("senderInvalid");
}

function recipientProblem(problem: AddressProblem): SmtpReply {
  if (problem === "non-ascii-local") return smtpReply("nonAsciiLocalPart");
  return problem === "no-domain" ? smtpReply("recipientNoDomain") : smtpReply("recipientInvalid");
}

/** Takes `<path>` and what follows apart. White space after the colon is not RFC 5321, but widely sent and taken. */
function splitCommand(
  line: Uint8Array,
  verb: RegExp,
  syntax: SmtpReply,
): { path: string; parameters: string } | RefusedCommand {
  const problem = commandProblem(line);
  if (problem === "control") return refuse(smtpReply("controlCharacter"));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return refuse(smtpReply("nonAsciiCommand"));
  }
  const match = verb.exec(text);
  const open = match?.[0].length ?? 0;
  if (match === null || text[open] !== "<") return refuse(syntax);
  const close = endOfPath(text, open);
  const after = text.slice(close + 1);
  if (close === -1 || (after !== "" && !/^[ \t]/.test(after))) return refuse(syntax);
  // Only a path may hold other characters, and they get an answer of their own.
  if (problem === "non-ascii" && /[^ -~\t]/.test(after)) return refuse(smtpReply("nonAsciiCommand"));
  return { path: withoutRoute(text.slice(open + 1, close)), parameters: after };
}

/** Position of the `>` that ends the path; one in a quoted local part does not. */
function endOfPath(text: string, open: number): number {
  let quoted = false;
  for (let at = open + 1; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === ">") return at;
    else if (!quoted && (char === "<" || char === " ")) return -1;
  }
  return -1;
}

/** RFC 5321 §4.1.1.3 and appendix C: a source route is taken and ignored. */
function withoutRoute(path: string): string {
  return path.replace(/^@[^\s,:@"]+(?:,@[^\s,:@"]+)*:/, "");
}

function parseParameters<const N extends string>(
  text: string,
  known: readonly N[],
): { values: { readonly [K in N]?: string } } | RefusedCommand {
  const values: { [K in N]?: string } = {};
  for (const word of text.split(/[ \t]+/)) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const keyword = (equals === -1 ? word : word.slice(0, equals)).toUpperCase();
    const name = known.find((candidate) => candidate === keyword);
    if (name === undefined) return refuse(smtpReply("unknownParameter", { parameter: keyword.slice(0, 40) }));
    if (values[name] !== undefined) return refuse(smtpReply("duplicateParameter", { parameter: name }));
    const value = equals === -1 ? "" : word.slice(equals + 1);
    if (value === "") return badParameter(name);
    values[name] = value;
  }
  return { values };
}

/** Decodes xtext (RFC 3461 §4); undefined when it is none, or stands for other than printable ASCII (§4.2, §4.4). */
function xtextValue(text: string): string | undefined {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(text)) return undefined;
  const value = decodeXtext(text);
  return /^[ -~]*$/.test(value) ? value : undefined;
}

function parseNotify(text: string): readonly Notify[] | undefined {
  const words = text.toUpperCase().split(",");
  const notify: Notify[] = [];
  for (const word of words) {
    if (word !== "NEVER" && word !== "SUCCESS" && word !== "FAILURE" && word !== "DELAY") return undefined;
    if (!notify.includes(word)) notify.push(word);
  }
  return notify.includes("NEVER") && notify.length > 1 ? undefined : notify;
}

function parseOrcpt(text: string): { type: string; value: string } | undefined {
  const match = /^([A-Za-z0-9!#$%&'*+/?^_`{|}~.-]{1,64});(.+)$/.exec(text);
  const value = match?.[2] === undefined || text.length > ORCPT_CHARS_MAX ? undefined : xtextValue(match[2]);
  return match?.[1] === undefined || value === undefined ? undefined : { type: match[1], value };
}
