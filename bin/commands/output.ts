/** How commands show things: tables that fit the terminal, JSON for scripts. */

/** Pretty JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Text of a peer for a terminal: what could start a line or steer the terminal becomes a space. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

/**
 * A table of left-aligned columns; the last is cut to what the terminal leaves it (all of it when not a terminal).
 * Control characters in a cell become spaces.
 */
export function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [heads, ...rows].map((row) => heads.map((_, column) => plainText(row[column] ?? "")));
  const widths = heads.map((_, column) => cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0));
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const room = process.stdout.isTTY ? Math.max(12, (process.stdout.columns || 80) - before) : Number.POSITIVE_INFINITY;
  for (const row of cells) {
    const line = row.map((cell, column) => {
      if (column < heads.length - 1) return cell.padEnd(widths[column] ?? 0);
      return cell.length > room ? `${cell.slice(0, room - 1)}\u2026` : cell;
    });
    console.log(line.join("  ").trimEnd());
  }
}

/** `42s`, `7m`, `3h`, `2d`. A time that our clock has not reached yet counts as now. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** `512 B`, `10.2 KB`, `3.1 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
