/**
 * What a message looks like when it leaves for SES: the header rules, and the one function that applies them.
 *
 * Promise:  bytes in are bytes out but for the edits listed; the body is never decoded, and only its lines over 998
 *           octets may be folded; nothing returned for sending holds a bare CR, a bare LF, a NUL or a long line
 *           (body lines under the policy `pass` excepted).
 * Refusal:  what cannot be sent comes back as `refusal` with nothing to send; no message makes it throw.
 * Memory:   one copy of the message, made at the end.
 *
 * See https://docs.aws.amazon.com/ses/latest/dg/header-fields.html (fields that SES takes once, fields that it
 * overwrites) and RFC 5322 §3.6.
 */

import {
  comparableValue,
  type EditOptions,
  editedPieces,
  type FieldRules,
  type HeaderEdit,
  headerEdits,
  type RuleAction,
} from "./header-edits.ts";
import { fieldValue, type MessageHeader, readHeader } from "./header-fields.ts";
import { messageIdText } from "./header-message-ids.ts";
import { foldLongLines, LINE_OCTETS_MAX, type LineScan, scanLines } from "./message-lines.ts";

/** One row of the table. */
export interface HeaderRule {
  /** Lower case; a `*` at the end stands for any rest. */
  readonly names: readonly string[];
  readonly action: RuleAction;
  readonly because: string;
}

/** SES refuses a message that has one of these twice (`Duplicate header '...'`). Its own list, in its order. */
export const SES_ONCE_ONLY_FIELDS: readonly string[] = [
  "accept-language acceptlanguage archived-at auto-submitted bounces-to comments",
  "content-alternative content-base content-class content-description content-disposition content-duration",
  "content-id content-language content-length content-location content-md5 content-transfer-encoding content-type",
  "date delivered-to disposition-notification-options disposition-notification-to dkim-signature",
  "domainkey-signature errors-to from importance in-reply-to keywords",
  "list-archive list-help list-id list-owner list-post list-subscribe list-unsubscribe list-unsubscribe-post",
  "message-context message-id mime-version organization",
  "original-from original-message-id original-recipient original-subject precedence priority",
  "references reply-to return-path return-receipt-to sender solicitation sensitivity subject",
  "thread-index thread-topic user-agent vbr-info",
].flatMap((line) => line.split(" "));

/** The rules. The first that names a field holds for it; a field that no rule names goes out as it came. */
export const HEADER_RULES: readonly HeaderRule[] = [
  {
    names: ["relayhost-*", "x-ses-*"],
    action: "remove",
    because: "the first are ours, the second are orders to SES (configuration set, tags, tenant)",
  },
  { names: ["bcc", "resent-bcc"], action: "remove", because: "the other recipients must not see it" },
  { names: ["return-path"], action: "remove", because: "it redirects SES's bounces, and is refused if not verified" },
  {
    names: ["dkim-signature"],
    action: "remove-signature",
    because: "SES replaces Date and Message-ID, so it would fail; SES signs anew and refuses two",
  },
  {
    names: ["domainkey-signature"],
    action: "remove",
    because: "nobody checks it any more (RFC 4871), and it would fail",
  },
  { names: ["sender"], action: "keep-if-verified", because: "SES refuses a Sender whose domain is not verified" },
  {
    names: ["to", "cc"],
    action: "repair-recipients",
    because: "SES refuses `To:` and `To: root`; Gmail refuses two To fields",
  },
  { names: ["references", "in-reply-to"], action: "join-ids", because: "SES takes one; threads need the ids of all" },
  {
    names: ["from", "subject", "mime-version", "content-type", "content-transfer-encoding"],
    action: "refuse-if-copies-differ",
    because: "SES takes one, and choosing would change who wrote it or what it says",
  },
  { names: SES_ONCE_ONLY_FIELDS, action: "keep-topmost", because: "SES takes one; the topmost was added last" },
];

/** Fields of addresses: raw ISO-2022-JP beside them becomes encoded-words, since SES takes its octets for syntax. */
export const ADDRESS_FIELDS: readonly string[] = ["from", "sender", "reply-to", "to", "cc"];

/** Why a message cannot be sent, for the DSN: enhanced status (RFC 3463) and a sentence. */
export interface MessageRefusal {
  readonly reason: "bare-line-end" | "copies-differ" | "long-line";
  readonly status: "5.6.11" | "5.6.0";
  readonly text: string;
}

/** What preparing needs to know besides the message. */
export interface PrepareOptions extends EditOptions {
  /** What to do with body lines over 998 octets. */
  readonly longBodyLines: "fold" | "pass" | "refuse";
}

/** A message as SES gets it, and what was done to it. */
export interface PreparedMessage {
  /** What SES gets; empty with a refusal. */
  readonly bytes: Buffer;
  /** What was done to the header, in order and without overlap; none with a refusal. */
  readonly edits: readonly HeaderEdit[];
  /** The topmost Message-ID, without angle brackets. */
  readonly originalMessageId?: string;
  /** The value of the topmost Date. */
  readonly originalDate?: string;
  /** How many lines of the body were folded. */
  readonly foldedBodyLines: number;
  readonly refusal?: MessageRefusal;
}

/**
 * Makes a client's message ready for SES. Never throws on any message; throws an Error when a field given in the
 * options is not one field of whole lines.
 */
export function prepareForSes(message: Buffer, options: PrepareOptions): PreparedMessage {
  const header = readHeader(message);
  const original = originalsOf(message, header);
  const lines = scanLines(message, header.bodyStart);
  const refusal = refusalOf(message, header, lines, options.longBodyLines);
  if (refusal !== undefined) return { bytes: Buffer.alloc(0), edits: [], ...original, foldedBodyLines: 0, refusal };
  const edits = headerEdits(message, header, FIELD_RULES, options);
  const longLines = options.longBodyLines === "fold" ? lines.longLines : [];
  const pieces = editedPieces(message, header.bodyStart, edits);
  const body = foldLongLines(message, header.bodyStart, longLines);
  return { bytes: Buffer.concat(pieces.concat(body)), edits, ...original, foldedBodyLines: longLines.length };
}

/** The first field whose copies may not differ and do, lower case; undefined when all is well. */
export function differingField(message: Buffer, header: MessageHeader): string | undefined {
  const values = new Map<string, string>();
  for (const field of header.fields) {
    if (ruleOf(field.name)?.action !== "refuse-if-copies-differ") continue;
    const value = comparableValue(message, field);
    if ((values.get(field.name) ?? value) !== value) return field.name;
    values.set(field.name, value);
  }
  return undefined;
}

const RULE_BY_NAME: ReadonlyMap<string, HeaderRule> = new Map(
  HEADER_RULES.toReversed().flatMap((rule) => rule.names.map((name): [string, HeaderRule] => [name, rule])),
);
const PREFIX_RULES = HEADER_RULES.flatMap((rule) =>
  rule.names.filter((name) => name.endsWith("*")).map((name) => ({ prefix: name.slice(0, -1), rule })),
);

const ADDRESS_NAMES: ReadonlySet<string> = new Set(ADDRESS_FIELDS);
const FIELD_RULES: FieldRules = {
  actionOf: (name) => ruleOf(name)?.action,
  holdsAddresses: (name) => ADDRESS_NAMES.has(name),
};

/** The rule that holds for a field, by its lower-case name. */
export function ruleOf(name: string): HeaderRule | undefined {
  return RULE_BY_NAME.get(name) ?? PREFIX_RULES.find(({ prefix }) => name.startsWith(prefix))?.rule;
}

function originalsOf(
  message: Buffer,
  header: MessageHeader,
): Pick<PreparedMessage, "originalMessageId" | "originalDate"> {
  const valueOf = (name: string): string | undefined => {
    const field = header.fields.find((candidate) => candidate.name === name);
    return field === undefined ? undefined : fieldValue(message, field);
  };
  const originalMessageId = messageIdText(valueOf("message-id") ?? "");
  const originalDate = valueOf("date");
  return {
    ...(originalMessageId === undefined ? {} : { originalMessageId }),
    ...(originalDate === undefined ? {} : { originalDate }),
  };
}

function refusalOf(
  message: Buffer,
  header: MessageHeader,
  lines: LineScan,
  policy: PrepareOptions["longBodyLines"],
): MessageRefusal | undefined {
  if (lines.badOctetAt !== undefined) {
    const text = `The message holds a bare CR, a bare LF or a NUL (at octet ${lines.badOctetAt}).`;
    return { reason: "bare-line-end", status: "5.6.11", text };
  }
  const differing = differingField(message, header);
  if (differing !== undefined) {
    const text = `The message has more than one "${differing}" field, and they differ.`;
    return { reason: "copies-differ", status: "5.6.0", text };
  }
  const longLine = policy === "refuse" ? lines.longLines[0] : undefined;
  if (longLine !== undefined) {
    const octets = longLine.end - longLine.start;
    const text = `The body has a line of ${octets} octets; at most ${LINE_OCTETS_MAX} are allowed.`;
    return { reason: "long-line", status: "5.6.0", text };
  }
  return undefined;
}
