/** Text in lines of a width, as a terminal counts it: Japanese characters take two columns and may be parted anywhere. */

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
/** What must not begin a line in Japanese. */
const CLOSING = /[\u3001\u3002\u300d\u300f\u3011\uff09\uff0c\uff0e\u30fb\u30fc\u3063\u30c3\u3083\u3085\u3087]/;

/** Columns that a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Pads with spaces on the right up to a number of columns. */
export function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/**
 * Breaks a text at spaces and between wide characters. A word that is longer than a line stays whole. `indent` is put in
 * front of every line but the first and counts; `first` columns are taken already on the first.
 */
export function wrapText(text: string, width: number, indent = "", first = 0): string {
  const lines: string[] = [];
  let line = "";
  let used = first;
  for (const piece of pieces(text)) {
    const size = textWidth(piece.trimEnd());
    if (used + size > width && line !== "" && !CLOSING.test(piece)) {
      lines.push(line.trimEnd());
      line = indent;
      used = indent.length;
    }
    line += piece;
    used += textWidth(piece);
  }
  lines.push(line.trimEnd());
  return lines.join("\n");
}

/** Words with the space behind them, and single wide characters. */
function pieces(text: string): string[] {
  const found: string[] = [];
  let word = "";
  for (const character of text) {
    if (WIDE.test(character)) {
      if (word !== "") found.push(word);
      word = "";
      found.push(character);
    } else {
      word += character;
      if (character === " ") {
        found.push(word);
        word = "";
      }
    }
  }
  return word === "" ? found : [...found, word];
}
