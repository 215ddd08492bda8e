/**
 * Raw ISO-2022-JP in names beside addresses, as old Japanese mail programs and web forms write it, made into
 * encoded-words: the same octets in a form that cannot be mistaken.
 *
 * Half the octets of such text are printable ASCII, and many are `"`, `(`, `,`, `;`, `<` or `@`: a reader that does
 * not know the escapes, as SES does not, sees broken addresses and refuses the mail. Nothing is decoded here, and the
 * cost is linear. See RFC 1468 for the escapes and RFC 2047 §2, §5 for encoded-words.
 */

const ESCAPE = "\x1b";
/** Into a Japanese set: the two of RFC 1468, JIS X 0212, and the katakana that some programs write. */
const TO_JAPANESE = ["\x1b$B", "\x1b$@", "\x1b$(D", "\x1b(I"];
const TO_ASCII = ["\x1b(B", "\x1b(J"];

/** So many octets of text make an encoded-word of at most 75 characters; even, so that no character is cut. */
const WORD_OCTETS = 34;

/** Text from an escape into a Japanese set to the escape back. */
interface Stretch {
  readonly text: string;
  /** Its escapes and what is between them, when there are only two. */
  readonly simple: { readonly open: string; readonly octets: string; readonly close: string } | undefined;
}

/** True when the value holds an escape at all. */
export function hasRawJis(value: string): boolean {
  return value.includes(ESCAPE);
}

/**
 * The value (octets as latin1, folding included) with raw ISO-2022-JP as encoded-words. A value in which something
 * else follows an escape, or the escape back is missing, is returned as it is.
 */
export function encodeRawJis(value: string): string {
  const parts = takeApart(value);
  if (parts === undefined) return value;
  // oxlint-disable no-control-regex
  // Inside quotes nothing is decoded, so they go where they hold nothing else that needs them.
  const skeleton = parts.skeleton.replace(/"([A-Za-z0-9 \t]*\x1b[A-Za-z0-9 \t\x1b]*)"/g, "$1");
  let next = 0;
  // Readers drop the blanks between two encoded-words, so stretches with only blanks between them become one.
  return skeleton.replace(/\x1b(?:[ \t]*\x1b)*/g, (marks, offset: number) => {
    const before = skeleton.charAt(offset - 1);
    const after = skeleton.charAt(offset + marks.length);
    const left = before === "" || " \t\n(".includes(before) ? "" : " ";
    const right = after === "" || " \t\r)".includes(after) ? "" : " ";
    const simple = marks.length === 1 ? parts.stretches[next]?.simple : undefined;
    const text = marks.replaceAll(ESCAPE, () => parts.stretches[next++]?.text ?? "");
    return `${left}${simple === undefined ? encodedWord(text) : simpleWords(simple)}${right}`;
  });
}

/** The value with a lone escape in place of each stretch, and the stretches. */
function takeApart(value: string): { skeleton: string; stretches: Stretch[] } | undefined {
  const stretches: Stretch[] = [];
  let skeleton = "";
  let offset = 0;
  for (;;) {
    const start = value.indexOf(ESCAPE, offset);
    if (start === -1) return { skeleton: skeleton + value.slice(offset), stretches };
    const stretch = stretchAt(value, start);
    if (stretch === undefined) return undefined;
    stretches.push(stretch);
    skeleton += value.slice(offset, start) + ESCAPE;
    offset = start + stretch.text.length;
  }
}

function stretchAt(value: string, start: number): Stretch | undefined {
  let escape = TO_JAPANESE.find((sequence) => value.startsWith(sequence, start));
  if (escape === undefined) return undefined;
  const open = escape;
  let isSimple = true;
  let offset = start;
  for (;;) {
    const textStart = offset + escape.length;
    const textEnd = value.indexOf(ESCAPE, textStart);
    if (textEnd === -1 || !/^[ -~]*$/.test(value.slice(textStart, textEnd))) return undefined;
    const close = TO_ASCII.find((sequence) => value.startsWith(sequence, textEnd));
    if (close !== undefined) {
      const simple = isSimple ? { open, octets: value.slice(textStart, textEnd), close } : undefined;
      return { text: value.slice(start, textEnd + close.length), simple };
    }
    escape = TO_JAPANESE.find((sequence) => value.startsWith(sequence, textEnd));
    if (escape === undefined) return undefined;
    isSimple = false;
    offset = textEnd;
  }
}

function simpleWords(stretch: { open: string; octets: string; close: string }): string {
  const words: string[] = [];
  for (let at = 0; at === 0 || at < stretch.octets.length; at += WORD_OCTETS) {
    words.push(encodedWord(`${stretch.open}${stretch.octets.slice(at, at + WORD_OCTETS)}${stretch.close}`));
  }
  return words.join(" ");
}

function encodedWord(text: string): string {
  return `=?ISO-2022-JP?B?${Buffer.from(text, "latin1").toString("base64")}?=`;
}
