/**
 * Suppression lists as text: one address a line, or CSV (RFC 4180) with a header line.
 *
 * What `formatSuppressionCsv` writes, `parseSuppressionList` reads back. Columns are known by name, those of SES's own
 * list too (EmailAddress, Reason, LastUpdateTime); others are passed over.
 */

import { addressKey, isAddress, parseAddress } from "./address.ts";
import type { Suppression, SuppressionReason } from "./suppression.ts";

/** Entries, and one sentence for each line that is wrong. */
export interface ParsedSuppressionList {
  readonly entries: readonly Suppression[];
  readonly problems: readonly string[];
}

const COLUMNS: Readonly<Record<string, "address" | "reason" | "since" | "detail">> = {
  address: "address",
  email: "address",
  emailaddress: "address",
  reason: "reason",
  since: "since",
  lastupdatetime: "since",
  detail: "detail",
};

/** Reads a list. `now` (RFC 3339) stands in where a line has no time; without a reason an entry is `manual`. */
export function parseSuppressionList(text: string, tenant: string, now: string): ParsedSuppressionList {
  const rows = parseCsv(text.replace(/^\uFEFF/, ""));
  const heads = (rows[0]?.cells ?? []).map((cell) => COLUMNS[cell.toLowerCase().replace(/[\s_-]/g, "")]);
  const headed = heads.includes("address");
  const entries = new Map<string, Suppression>();
  const problems: string[] = [];
  for (const { cells, line } of headed ? rows.slice(1) : rows) {
    if (cells.every((cell) => cell === "") || (!headed && cells[0]?.startsWith("#"))) continue;
    const value = (column: "address" | "reason" | "since" | "detail"): string => {
      const at = headed ? heads.indexOf(column) : column === "address" ? 0 : -1;
      return cells[at]?.trim() ?? "";
    };
    const address = value("address");
    if (!isAddress(parseAddress(address))) {
      problems.push(`line ${line}: ${JSON.stringify(address)} is not a mail address`);
      continue;
    }
    const since = value("since") === "" ? now : isoTime(value("since"));
    if (since === undefined) {
      problems.push(`line ${line}: ${JSON.stringify(value("since"))} is not a time such as 2026-11-24T10:00:00Z`);
      continue;
    }
    const detail = value("detail");
    entries.set(addressKey(address), {
      tenant,
      address: addressKey(address),
      reason: reasonOf(value("reason")),
      since,
      ...(detail === "" ? {} : { detail }),
    });
  }
  return { entries: [...entries.values()], problems };
}

/** The list as CSV with a header line and CRLF line ends. */
export function formatSuppressionCsv(entries: readonly Suppression[]): string {
  const rows = entries.map(({ address, reason, since, detail }) => [address, reason, since, detail ?? ""]);
  return [["address", "reason", "since", "detail"], ...rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function reasonOf(text: string): SuppressionReason {
  const reason = text.toLowerCase();
  return reason === "bounce" || reason === "complaint" ? reason : "manual";
}

function isoTime(text: string): string | undefined {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** Spreadsheets take a cell that begins with one of `=+-@` for a formula; a tab in front of it prevents that. */
function csvCell(text: string): string {
  const safe = /^[=+@-]/.test(text) ? `\t${text}` : text;
  return /[",\r\n\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

interface CsvRow {
  readonly cells: readonly string[];
  /** From 1. */
  readonly line: number;
}

function parseCsv(text: string): CsvRow[] {
  if (text === "") return [];
  const rows: CsvRow[] = [];
  let line = 1;
  let start = 1;
  let cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|\r|$)/gy;
  for (let match = cell.exec(text); match !== null; match = cell.exec(text)) {
    const [whole, quoted, plain = "", end = ""] = match;
    cells.push((quoted === undefined ? plain : quoted.replaceAll('""', '"')).trim());
    line += whole.split("\n").length - 1;
    if (end !== ",") {
      rows.push({ cells, line: start });
      cells = [];
      start = line;
      if (end === "" || cell.lastIndex >= text.length) return rows;
    }
  }
  return rows;
}
