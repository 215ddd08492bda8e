/**
 * Turns rules into edits: for each field that a rule names, which octets of the header go and which come.
 *
 * Promise:  an edit replaces whole lines by whole lines (or by nothing), edits do not overlap, and what no edit
 *           touches is left octet for octet. Every line written is at most 998 octets and none is empty.
 * The rules themselves are in `header-rules.ts`; this is how each of their actions is done.
 */

import { fieldValue, type HeaderField, type HeaderLines, type MessageHeader } from "./header-fields.ts";
import { foldHeaderField } from "./header-fold.ts";
import { encodeRawJis, hasRawJis } from "./header-jis.ts";
import { formatIdField, idsOfCopies, messageIds, REFERENCES_OCTETS_MAX, threadFields } from "./header-message-ids.ts";
import { domainOfMailbox, joinRecipients, repairRecipients } from "./header-recipients.ts";

/** What a header rule does with the fields it names. */
export type RuleAction =
  /** Every copy is taken out. */
  | "remove"
  /** Taken out, unless the topmost is to be kept (`keepDkim`). */
  | "remove-signature"
  /** The topmost stays if we may send for its domain; every other copy is taken out. */
  | "keep-if-verified"
  /** Entries that SES would refuse are repaired, copies joined into one field, a field with no address taken out. */
  | "repair-recipients"
  /** Copies become one field with the message ids of all; ids are added so that threads hold together. */
  | "join-ids"
  /** Copies with the same value become one; a copy with another value makes the message unsendable. */
  | "refuse-if-copies-differ"
  /** The topmost stays. */
  | "keep-topmost";

/** What was done to a field, in a word for the log. */
export type EditKind =
  | "received-added"
  | "mbox-line-removed"
  | "removed"
  | "copy-removed"
  | "copies-joined"
  | "recipients-repaired"
  | "names-encoded"
  | "references-extended"
  | "references-cut"
  | "in-reply-to-extended"
  | "set"
  | "renamed"
  | "lines-folded"
  | "line-ended"
  | "separator-added";

/** One change of the header: `[start, end)` of the message was replaced by `bytes`. */
export interface HeaderEdit {
  readonly kinds: readonly EditKind[];
  /** Lower-case name of the field; empty for lines that are no field. */
  readonly field: string;
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

/** What holds for a field, by its lower-case name. */
export interface FieldRules {
  readonly actionOf: (name: string) => RuleAction | undefined;
  /** True for fields of addresses, in which raw ISO-2022-JP is made into encoded-words. */
  readonly holdsAddresses: (name: string) => boolean;
}

/** What the edits need to know besides the message. */
export interface EditOptions {
  /** Our own trace field, whole, with CRLF at its end. */
  readonly receivedField: Buffer;
  /** May the tenant send for this domain (lower-case A-labels)? Asked for Sender. */
  readonly isVerifiedDomain: (domain: string) => boolean;
  /** Added to bare names in To and Cc; without it such entries are left out. */
  readonly defaultDomain?: string;
  /** Keeps the topmost DKIM-Signature of the origin. */
  readonly keepDkim?: boolean;
  /** False: the Message-ID that SES replaces is not added to References. */
  readonly keepMessageId?: boolean;
  /** The ids under which SES sent an earlier mail, given its Message-ID; all without angle brackets. */
  readonly sesIdsOf?: (messageId: string) => readonly string[];
  /**
   * Fields that a policy sets, by lower-case name: whole fields with CRLF at their end. Each stands where the
   * topmost copy stood, or at the end of the header; the rules are not applied to it.
   */
  readonly setFields?: ReadonlyMap<string, Buffer>;
}

const CRLF = Buffer.from("\r\n", "latin1");
const NOTHING = Buffer.alloc(0);
/** In front of what is no legal field, or a To that SES would refuse: still there to be read, but not in the way. */
const MALFORMED = "X-Malformed";

/**
 * The edits of one message, in order and without overlap. Copies that may not differ must not differ
 * (`differingField`). Throws an Error when a field in the options is not whole lines.
 */
export function headerEdits(
  message: Buffer,
  header: MessageHeader,
  rules: FieldRules,
  options: EditOptions,
): HeaderEdit[] {
  const { actionOf } = rules;
  const editor = new HeaderEditor(message, rules);
  editor.insert("received-added", "received", 0, options.receivedField);
  if (header.mboxEnd > 0) editor.replace(["mbox-line-removed"], "", { start: 0, end: header.mboxEnd }, NOTHING);
  for (const stray of header.strays) editor.rename(stray, "", `${MALFORMED}: `);
  const groups = new Map<string, [HeaderField, ...HeaderField[]]>();
  for (const field of header.fields) {
    if (actionOf(field.name) === undefined && options.setFields?.has(field.name) !== true) {
      editor.keep(field);
      continue;
    }
    const copies = groups.get(field.name);
    if (copies === undefined) groups.set(field.name, [field]);
    else copies.push(field);
  }
  for (const [name, copies] of groups) {
    const set = options.setFields?.get(name);
    const action = actionOf(name);
    if (set !== undefined) editor.keepTopmost(copies, set);
    else if (action !== undefined) applyRule(editor, action, copies, options);
  }
  editThread(editor, header, groups, options);
  for (const [name, field] of options.setFields ?? []) {
    if (!groups.has(name)) editor.insert("set", name, header.end, field);
  }
  if (!header.hasSeparator) editor.replace(["separator-added"], "", { start: header.end, end: header.end }, CRLF);
  return editor.sorted();
}

/** The bytes before `end` with the edits made, as pieces to be joined; untouched stretches are not copied. */
export function editedPieces(message: Buffer, end: number, edits: readonly HeaderEdit[]): Buffer[] {
  const pieces: Buffer[] = [];
  let offset = 0;
  for (const edit of edits) {
    pieces.push(message.subarray(offset, edit.start), edit.bytes);
    offset = edit.end;
  }
  pieces.push(message.subarray(offset, end));
  return pieces;
}

/** One edit in a few words for the log; the octets themselves are somebody's mail and stay out. */
export function describeEdit(edit: HeaderEdit): string {
  const octets = `${edit.end - edit.start} to ${edit.bytes.length} octets`;
  return `${edit.field === "" ? "header" : edit.field}: ${edit.kinds.join(", ")} (${octets})`;
}

/** A value with runs of blanks as one space, for comparing copies. */
export function comparableValue(message: Buffer, field: HeaderField): string {
  return fieldValue(message, field).replace(/[ \t]+/g, " ");
}

/** Collects edits; knows how to keep every written line short and ended. */
class HeaderEditor {
  readonly message: Buffer;
  readonly #rules: FieldRules;
  readonly #edits: HeaderEdit[] = [];

  constructor(message: Buffer, rules: FieldRules) {
    this.message = message;
    this.#rules = rules;
  }

  /**
   * Leaves a field as it is, but for names that are to be encoded, lines that are too long and (at the end of a
   * message without body) a line that is not ended.
   */
  keep(field: HeaderField): void {
    const { value, kinds } = this.value(field);
    if (kinds.length > 0) this.setValue(kinds, field, value);
    else if (field.hasLongLine || field.end === this.message.length) {
      this.replace([], field.name, field, this.whole(field));
    }
  }

  /** All octets after the colon but the last CRLF, names encoded where they have to be. */
  value(field: HeaderField): { value: string; kinds: EditKind[] } {
    if (!this.#rules.holdsAddresses(field.name)) return { value: "", kinds: [] };
    const raw = this.whole(field)
      .subarray(field.colon + 1 - field.start, -CRLF.length)
      .toString("latin1");
    if (!hasRawJis(raw)) return { value: raw, kinds: [] };
    const value = encodeRawJis(raw);
    return { value, kinds: value === raw ? [] : ["names-encoded"] };
  }

  /** Writes another value behind the field's own name and colon. */
  setValue(kinds: readonly EditKind[], field: HeaderField, value: string): void {
    const name = this.message.toString("latin1", field.start, field.colon + 1);
    this.replace(kinds, field.name, field, Buffer.from(`${name}${value}\r\n`, "latin1"));
  }

  /** Keeps the first copy, or puts `set` in its place, and takes out the others. */
  keepTopmost(copies: readonly [HeaderField, ...HeaderField[]], set?: Buffer): void {
    const [topmost, ...others] = copies;
    if (set === undefined) this.keep(topmost);
    else this.replace(["set"], topmost.name, topmost, wholeLines(set));
    for (const copy of others) this.remove("copy-removed", copy);
  }

  remove(kind: EditKind, field: HeaderField): void {
    this.replace([kind], field.name, field, NOTHING);
  }

  /** Writes `prefix` in front of the lines. */
  rename(lines: HeaderLines, field: string, prefix: string): void {
    this.replace(["renamed"], field, lines, Buffer.concat([Buffer.from(prefix, "latin1"), this.whole(lines)]));
  }

  insert(kind: EditKind, field: string, at: number, bytes: Buffer): void {
    this.replace([kind], field, { start: at, end: at }, wholeLines(bytes));
  }

  /** `bytes` are whole lines or nothing. No edit is recorded when folding leaves the octets as they were. */
  replace(kinds: readonly EditKind[], field: string, range: { start: number; end: number }, bytes: Buffer): void {
    const folded = foldHeaderField(bytes, bytes.indexOf(":"));
    const made = [...kinds];
    if (folded !== bytes) made.push("lines-folded");
    if (kinds.length === 0 && bytes.length > range.end - range.start) made.push("line-ended");
    if (made.length > 0) this.#edits.push({ kinds: made, field, start: range.start, end: range.end, bytes: folded });
  }

  /** The octets of the lines, with the CRLF that the last line of a message without body may lack. */
  whole(lines: HeaderLines): Buffer {
    const bytes = this.message.subarray(lines.start, lines.end);
    return endsWithCrlf(bytes) ? bytes : Buffer.concat([bytes, CRLF]);
  }

  /** Insertions come before the edit of the field at the same place, in the order in which they were made. */
  sorted(): HeaderEdit[] {
    return this.#edits.sort((a, b) => a.start - b.start || a.end - b.end);
  }
}

function applyRule(
  editor: HeaderEditor,
  action: RuleAction,
  copies: readonly [HeaderField, ...HeaderField[]],
  options: EditOptions,
): void {
  switch (action) {
    case "remove":
      for (const copy of copies) editor.remove("removed", copy);
      return;
    case "remove-signature":
      if (options.keepDkim === true) editor.keepTopmost(copies);
      else for (const copy of copies) editor.remove("removed", copy);
      return;
    case "keep-if-verified": {
      const domain = domainOfMailbox(fieldValue(editor.message, copies[0]));
      if (domain !== undefined && options.isVerifiedDomain(domain)) editor.keepTopmost(copies);
      else for (const copy of copies) editor.remove("removed", copy);
      return;
    }
    case "repair-recipients":
      editRecipients(editor, copies, options.defaultDomain);
      return;
    case "join-ids":
      // References and In-Reply-To depend on each other: see editThread.
      return;
    case "refuse-if-copies-differ":
    case "keep-topmost":
      editor.keepTopmost(copies);
      return;
  }
}

function editRecipients(editor: HeaderEditor, copies: readonly HeaderField[], defaultDomain: string | undefined): void {
  const good: { field: HeaderField; value: string; kinds: readonly EditKind[] }[] = [];
  for (const field of copies) {
    const { value, kinds } = editor.value(field);
    const repair = repairRecipients(value, defaultDomain);
    if (repair.kind === "empty") editor.remove("removed", field);
    else if (repair.kind === "unusable") editor.rename(field, field.name, `${MALFORMED}-`);
    else if (repair.kind === "good") good.push({ field, value, kinds });
    else good.push({ field, value: repair.value, kinds: [...kinds, "recipients-repaired"] });
  }
  const [first, ...others] = good;
  if (first === undefined) return;
  const joined = joinRecipients(good.map((copy) => copy.value));
  const kinds = new Set(good.flatMap((copy) => copy.kinds));
  if (joined !== first.value) kinds.add("copies-joined");
  if (kinds.size === 0) editor.keep(first.field);
  else editor.setValue([...kinds], first.field, joined);
  for (const other of others) editor.remove("copy-removed", other.field);
}

/** References and In-Reply-To: copies joined, ids added. */
function editThread(
  editor: HeaderEditor,
  header: MessageHeader,
  groups: ReadonlyMap<string, readonly [HeaderField, ...HeaderField[]]>,
  options: EditOptions,
): void {
  const { message } = editor;
  const isSet = (name: string): boolean => options.setFields?.has(name) === true;
  const references = groups.get("references") ?? [];
  const inReplyTo = groups.get("in-reply-to") ?? [];
  const messageId = groups.get("message-id")?.[0];
  const own = messageId === undefined || isSet("message-id") ? "" : fieldValue(message, messageId);
  const thread = threadFields({
    references: idsOfCopies(message, references),
    inReplyTo: idsOfCopies(message, inReplyTo),
    ownId: options.keepMessageId === false ? undefined : messageIds(own)[0],
    sesIdsOf: options.sesIdsOf ?? (() => []),
  });
  if (!isSet("in-reply-to")) editIds(editor, inReplyTo, thread.inReplyTo, "in-reply-to-extended");
  if (isSet("references")) return;
  if (references.length > 0) editIds(editor, references, thread.references, "references-extended");
  else if (thread.references.hasNews) {
    const at = messageId ?? inReplyTo[0];
    const field = formatIdField("References", thread.references.ids);
    editor.insert("references-extended", "references", at === undefined ? header.end : at.end, field);
  }
}

/** Writes `wanted` into the topmost copy and takes out the others. A lone field that only grows keeps its octets. */
function editIds(
  editor: HeaderEditor,
  copies: readonly HeaderField[],
  wanted: { readonly ids: readonly string[]; readonly hasNews: boolean; readonly isCut: boolean },
  extended: EditKind,
): void {
  const [topmost, ...others] = copies;
  if (topmost === undefined) return;
  const kinds: EditKind[] = [];
  const ownIds = messageIds(fieldValue(editor.message, topmost));
  if (wanted.hasNews) kinds.push(extended);
  if (wanted.isCut) kinds.push("references-cut");
  if (idsOfCopies(editor.message, copies).length > ownIds.length) kinds.push("copies-joined");
  const whole = editor.whole(topmost);
  const addedIds = wanted.ids.slice(ownIds.length);
  const onlyGrows = !wanted.isCut && ownIds.length > 0 && ownIds.every((id, index) => id === wanted.ids[index]);
  if (kinds.length === 0) editor.keep(topmost);
  else if (onlyGrows && whole.length <= REFERENCES_OCTETS_MAX) {
    const added = Buffer.from(addedIds.map((id) => `\r\n ${id}`).join(""), "latin1");
    editor.replace(kinds, topmost.name, topmost, Buffer.concat([whole.subarray(0, -CRLF.length), added, CRLF]));
  } else {
    const name = editor.message.toString("latin1", topmost.start, topmost.colon);
    editor.replace(kinds, topmost.name, topmost, formatIdField(name, wanted.ids));
  }
  for (const other of others) editor.remove("copy-removed", other);
}

function wholeLines(bytes: Buffer): Buffer {
  if (!endsWithCrlf(bytes) || /^[ \t]|(^|[^\r])\n|\r([^\n]|$)|\r\n[^ \t]/.test(bytes.toString("latin1"))) {
    throw new Error("a field to be written is not one field of whole lines");
  }
  return bytes;
}

function endsWithCrlf(bytes: Buffer): boolean {
  return bytes.length >= CRLF.length && bytes.subarray(-CRLF.length).equals(CRLF);
}
