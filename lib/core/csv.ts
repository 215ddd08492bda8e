/** Comma-separated values: RFC 4180, with line ends of LF as well, and semicolons or tabs where a file uses those. */

/**
 * Heads and rows with CRLF. A cell that a spreadsheet would take for a formula gets an apostrophe in front: the words of a
 * stranger's server must not run in it.
 */
export function csvText(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [heads, ...rows].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(cell: string | number): string {
  if (typeof cell === "number") return String(cell);
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** All rows of a text; the separator is that of `,`, `;` and tab which the first line has most of. Never throws. */
export function parseCsv(text: string): string[][] {
  const body = text.replace(/^\ufeff/, "");
  const first = body.slice(0, Math.max(0, body.search(/[\r\n]|$/)));
  const separator = [",", ";", "\t"].reduce((best, one) => (count(first, one) > count(first, best) ? one : best));
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endRow = (): void => {
    row.push(cell);
    if (row.length > 1 || cell !== "") rows.push(row);
    row = [];
    cell = "";
  };
  for (let i = 0; i < body.length; i++) {
    const char = body.charAt(i);
    if (quoted) {
      if (char !== '"') cell += char;
      else if (body.charAt(i + 1) === '"') cell += body.charAt(++i);
      else quoted = false;
    } else if (char === '"' && cell === "") quoted = true;
    else if (char === separator) {
      row.push(cell);
      cell = "";
    } else if (char === "\n" || char === "\r") endRow();
    else cell += char;
  }
  endRow();
  return rows;
}

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}
