/** Prose for a terminal, in English and Japanese. */

const COLUMNS = 96;

/** Lines of prose, at most 96 columns each: broken at blanks, Japanese anywhere but before closing marks. */
export function wrapText(text: string, indent: string, firstIndent = indent): string[] {
  const lines: string[] = [];
  let line = firstIndent;
  let column = columnsOf(firstIndent);
  for (const piece of text.match(/[!-~]+ ?|[^!-~][\u3001\u3002\u300d\uff09\u300f):]*/gu) ?? []) {
    const width = columnsOf(piece.trimEnd());
    if (column + width > COLUMNS && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = indent;
      column = columnsOf(indent);
    }
    line += piece;
    column += columnsOf(piece);
  }
  return [...lines, line.trimEnd()];
}

/** Columns of a terminal: East Asian wide characters take two. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += (char.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
  return columns;
}
