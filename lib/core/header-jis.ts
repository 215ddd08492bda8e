/**
 * Raw ISO-2022-JP in names beside addresses, as old Japanese mail programs and web forms write it, made into
 * encoded-words: the same octets in a form that cannot be mistaken.
 *
 * Half the octets of such text are printable ASCII, and many are `"`, `(`, `,`, `;`, `<` or `@`: a reader that does
 * not know the escapes, as SES does not, sees broken addresses and refuses the mail. Nothing is decoded here.
 * See RFC 1468 for the escapes and RFC 2047 §2, §5 for encoded-words.
 */

/** One stretch from an escape into a Japanese set (also the older ones and katakana) to the escape back. */
const STRETCH = String.raw`\x1b(?:\$[@B]|\$\(D|\(I)[\x1b\x20-\x7e]*?\x1b\([BJ]`;
/** Stretches with blanks between them: one word, since readers drop blanks between two encoded-words. */
const STRETCHES = String.raw`${STRETCH}(?:[ \t]*${STRETCH})*`;
/** In quotes, alone or with plain letters: the quotes must go, for inside them nothing is decoded. */
const QUOTED = new RegExp(String.raw`"([A-Za-z0-9 \t]*(?:${STRETCHES}[A-Za-z0-9 \t]*)+)"`, "g");
const BARE = new RegExp(STRETCHES, "g");
const SIMPLE = new RegExp(String.raw`^(\x1b(?:\$[@B]|\$\(D|\(I))([\x20-\x7e]*)(\x1b\([BJ])$`);
const ESCAPE = "\x1b";

/** So many octets of text in an encoded-word of at most 75 characters; even, so that no character is cut. */
const WORD_OCTETS = 34;

/** True when the value holds an escape at all. */
export function hasRawJis(value: string): boolean {
  return value.includes(ESCAPE);
}

/**
 * The value (octets as latin1, folding included) with raw ISO-2022-JP as encoded-words. A value in which something
 * else follows an escape is returned as it is.
 */
export function encodeRawJis(value: string): string {
  const unquoted = value.replace(QUOTED, "$1");
  const encoded = unquoted.replace(BARE, (text, offset: number) => {
    const before = unquoted.charAt(offset - 1);
    const after = unquoted.charAt(offset + text.length);
    const left = before === "" || " \t\n(".includes(before) ? "" : " ";
    const right = after === "" || " \t\r)".includes(after) ? "" : " ";
    return `${left}${encodedWords(text)}${right}`;
  });
  return hasRawJis(encoded) ? value : encoded;
}

function encodedWords(text: string): string {
  const [, open, octets, close] = SIMPLE.exec(text) ?? [];
  if (open === undefined || octets === undefined || close === undefined) return encodedWord(text);
  const words: string[] = [];
  for (let at = 0; at < octets.length || at === 0; at += WORD_OCTETS) {
    words.push(encodedWord(`${open}${octets.slice(at, at + WORD_OCTETS)}${close}`));
  }
  return words.join(" ");
}

function encodedWord(text: string): string {
  return `=?ISO-2022-JP?B?${Buffer.from(text, "latin1").toString("base64")}?=`;
}
