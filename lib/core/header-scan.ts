/**
 * Looks at a message's header while it streams by, and keeps only what the edge decides on.
 *
 * Promise:  memory does not grow with the header, save for the few fields listed below. A line that is neither a
 *           field nor the rest of one ends in a problem, never in a guess where the header ends: two readers that guess
 *           differently would see two different From fields.
 * Works on bytes whose lines end with CR LF (`LineCheck` sees to that). See RFC 5322 §2.2, §3.6.
 */

/** Fields of which a message may have only one, and on whose contents readers would disagree. */
const ONCE = ["from", "subject", "mime-version", "content-type", "content-transfer-encoding"] as const;
type OnceField = (typeof ONCE)[number];

/** Fields of which the first is kept, without a look at others. */
const FIRST = ["message-id", "auto-submitted"] as const;
type FirstField = (typeof FIRST)[number];

/** Fields that only a mailing list writes (RFC 2919, RFC 2369 §3.4); a newsletter has others of their kind. */
const LIST: ReadonlySet<string> = new Set(["list-id", "list-post"]);

/** Octets of the whole header, and of the From field; the latter holds for the other kept fields too. */
export interface HeaderLimits {
  readonly headerBytesMax: number;
  readonly fromBytesMax: number;
}

/** What is wrong with a header. */
export type HeaderProblem =
  | { readonly kind: "too-big"; readonly limit: number }
  /** The line (counted from 1) is no header field. */
  | { readonly kind: "bad-line"; readonly line: number }
  /** The field is there twice with different contents. Its name as it is usually written. */
  | { readonly kind: "differs"; readonly field: string };

/** What the edge wants to know of a header. */
export interface HeaderFacts {
  /** Contents of the From field, unfolded, one character per octet; undefined: there is none. */
  readonly from: string | undefined;
  /** Contents of the first Message-ID field, without white space around it. */
  readonly messageId: string | undefined;
  readonly receivedCount: number;
  /** Contents of the first field of these names, unfolded. */
  readonly autoSubmitted: string | undefined;
  readonly contentType: string | undefined;
  /** True when a mailing list has written into it. */
  readonly isList: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** Written as usual, for people. */
const DISPLAY: Readonly<Record<OnceField, string>> = {
  from: "From",
  subject: "Subject",
  "mime-version": "MIME-Version",
  "content-type": "Content-Type",
  "content-transfer-encoding": "Content-Transfer-Encoding",
};

/** Longest name that any field kept here has. */
const NAME_CHARS_MAX = Math.max(...[...ONCE, ...FIRST, ...LIST].map((name) => name.length));

/** One message's scan. Feed it every chunk in order until `done`, then ask `facts` or `problem`. */
export class HeaderScan {
  readonly #limits: HeaderLimits;
  readonly #once = new Map<OnceField, string>();
  readonly #first = new Map<FirstField, string>();
  #isList = false;
  #receivedCount = 0;

  #bytes = 0;
  #line = 1;
  #done = false;
  #problem: HeaderProblem | undefined;
  /** The current line up to the end of the previous chunk. */
  #rest: Buffer[] = [];
  #restLength = 0;
  /** The field being read, if it is one that is kept. */
  #field: { readonly name: OnceField | FirstField; value: string } | undefined;
  #anyField = false;

  constructor(limits: HeaderLimits) {
    this.#limits = limits;
  }

  /** True when the header is over or a problem was found: nothing more needs to be fed. */
  get done(): boolean {
    return this.#done;
  }

  /** What is wrong with the header, as far as it was seen. */
  get problem(): HeaderProblem | undefined {
    return this.#problem;
  }

  /** What was found. Of use after `end`, and when there is no problem. */
  get facts(): HeaderFacts {
    return {
      from: this.#once.get("from"),
      messageId: this.#first.get("message-id")?.trim(),
      receivedCount: this.#receivedCount,
      autoSubmitted: this.#first.get("auto-submitted"),
      contentType: this.#once.get("content-type"),
      isList: this.#isList,
    };
  }

  /** Looks at the next chunk. */
  feed(chunk: Buffer): void {
    let start = 0;
    while (!this.#done) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) {
        this.#keepRest(chunk.subarray(start));
        return;
      }
      this.#takeLine(
        this.#restLength === 0 ? chunk.subarray(start, end + 1) : this.#joinRest(chunk.subarray(start, end + 1)),
      );
      start = end + 1;
    }
  }

  /** To be called after the last chunk: a message may end with its header. */
  end(): void {
    if (this.#done) return;
    if (this.#restLength > 0) this.#takeLine(this.#joinRest(Buffer.alloc(0)));
    if (!this.#done) this.#finish();
  }

  #keepRest(rest: Buffer): void {
    if (rest.length === 0) return;
    if (this.#bytes + this.#restLength + rest.length > this.#limits.headerBytesMax) this.#tooBig();
    else {
      // A copy: the chunk is a view of a buffer that would stay in memory.
      this.#rest.push(Buffer.from(rest));
      this.#restLength += rest.length;
    }
  }

  #joinRest(more: Buffer): Buffer {
    const line = Buffer.concat([...this.#rest, more]);
    this.#rest = [];
    this.#restLength = 0;
    return line;
  }

  #takeLine(line: Buffer): void {
    this.#bytes += line.length;
    if (this.#bytes > this.#limits.headerBytesMax) return this.#tooBig();
    if (line.length === 2 && line[0] === CR && line[1] === LF) return this.#finish();
    if (line[0] === SPACE || line[0] === TAB) {
      if (!this.#anyField) return this.#fail({ kind: "bad-line", line: this.#line });
      if (this.#field !== undefined) this.#append(this.#field, line);
    } else {
      this.#closeField();
      this.#openField(line);
    }
    this.#line++;
  }

  #openField(line: Buffer): void {
    const colon = line.indexOf(COLON);
    if (colon < 1) return this.#fail({ kind: "bad-line", line: this.#line });
    let nameEnd = colon;
    // Obsolete syntax (RFC 5322 §4.5) has white space before the colon, and some readers still take it.
    while (nameEnd > 0 && (line[nameEnd - 1] === SPACE || line[nameEnd - 1] === TAB)) nameEnd--;
    if (nameEnd === 0 || !isFieldName(line, nameEnd)) return this.#fail({ kind: "bad-line", line: this.#line });
    this.#anyField = true;
    if (nameEnd > NAME_CHARS_MAX) return;
    const name = line.toString("latin1", 0, nameEnd).toLowerCase();
    if (name === "received") this.#receivedCount++;
    else if (LIST.has(name)) this.#isList = true;
    else if (isFirst(name) || isOnce(name)) {
      this.#field = { name, value: "" };
      this.#append(this.#field, line.subarray(colon + 1));
    }
  }

  /** Unfolding takes the line end away and leaves the white space (RFC 5322 §2.2.3). */
  #append(field: { readonly name: string; value: string }, line: Buffer): void {
    const end = line[line.length - 1] === LF ? line.length - 2 : line.length;
    field.value += line.toString("latin1", 0, end);
    if (field.value.length > this.#limits.fromBytesMax) {
      this.#fail({ kind: "too-big", limit: this.#limits.fromBytesMax });
    }
  }

  #closeField(): void {
    const field = this.#field;
    this.#field = undefined;
    if (field === undefined) return;
    if (isFirst(field.name)) {
      if (!this.#first.has(field.name)) this.#first.set(field.name, field.value);
      return;
    }
    const earlier = this.#once.get(field.name);
    if (earlier === undefined) this.#once.set(field.name, field.value);
    else if (earlier.trim() !== field.value.trim()) this.#fail({ kind: "differs", field: DISPLAY[field.name] });
  }

  #finish(): void {
    this.#closeField();
    this.#done = true;
  }

  #tooBig(): void {
    this.#fail({ kind: "too-big", limit: this.#limits.headerBytesMax });
  }

  #fail(problem: HeaderProblem): void {
    this.#problem ??= problem;
    this.#done = true;
    this.#field = undefined;
    this.#rest = [];
    this.#restLength = 0;
  }
}

function isFirst(name: string): name is FirstField {
  return (FIRST as readonly string[]).includes(name);
}

function isOnce(name: string): name is OnceField {
  return (ONCE as readonly string[]).includes(name);
}

/** RFC 5322 §2.2: printable ASCII without space and colon. */
function isFieldName(line: Buffer, end: number): boolean {
  for (let i = 0; i < end; i++) {
    const byte = line[i] ?? 0;
    if (byte < 0x21 || byte > 0x7e) return false;
  }
  return true;
}
