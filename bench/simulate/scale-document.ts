/** Where the computed tables stand in docs/scale.md. */

const BEGIN = "<!-- tables: npm run simulate -- --write -->";
const END = "<!-- end of tables -->";

/** The document with these tables in the place of the old ones. Throws when the marks are gone. */
export function withTables(document: string, tables: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("docs/scale.md has lost the marks around its tables");
  return `${document.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${document.slice(end)}`;
}
