/** CSV as RFC 4180 has it, for spreadsheets. */

/**
 * Lines with CRLF. A cell that a spreadsheet would take for a formula gets an apostrophe in front: the words of a
 * stranger's server must not run in it.
 */
export function csvText(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
