/**
 * Sender domains out of the lists that operators have: one per line, CSV, Postfix, BIND, Plesk.
 *
 * Promise:  every domain is lower case in A-labels and stands once, in the order of the text. What is left out is named
 *           with its line and the reason, so that nobody believes a domain to be onboarded that is not.
 * It never throws: a text without a single domain gives an empty list.
 */

import { toAsciiDomain } from "./address.ts";
import { parseCsv } from "./csv.ts";

/** Something in a list that is no domain to send for. */
export interface LeftOut {
  /** Counted from 1; 0: the list as a whole. */
  readonly line: number;
  readonly text: string;
  readonly because: string;
}

/** What a list holds. */
export interface DomainList {
  readonly domains: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * How a list is written. `lines`: one domain per line, as `plesk bin domain --list` prints them, or a Postfix table (the
 * first word of a line counts, of an address its domain). `csv`: the column called domain, or else the first with a
 * domain in it. `postfix`: a parameter as in main.cf or from `postconf`. `named`: the zone statements of named.conf.
 */
export type ListFormat = "lines" | "csv" | "postfix" | "named";

/** All formats. */
export const LIST_FORMATS: readonly ListFormat[] = ["lines", "csv", "postfix", "named"];

/** The format that a text looks like. */
export function guessListFormat(text: string): ListFormat {
  const plain = text.replace(/^\ufeff/, "");
  if (/^\s*zone\s+"[^"]+"/m.test(plain)) return "named";
  if (/^\s*(virtual_alias_domains|virtual_mailbox_domains|mydestination|relay_domains)\s*=/m.test(plain))
    return "postfix";
  const first = plain.split(/\r?\n/).find((line) => line.trim() !== "" && !/^\s*[#;]/.test(line)) ?? "";
  const columns = first.replace(/\s[#;].*$/, "").trim();
  return /[,;\t]/.test(columns) && !/^\S+\t+\S+$/.test(columns) ? "csv" : "lines";
}

/** Reads a list in a given format. */
export function parseDomainList(text: string, format: ListFormat): DomainList {
  const collect = new Collector();
  const body = text.replace(/^\ufeff/, "");
  switch (format) {
    case "lines":
      fromLines(body, collect);
      break;
    case "csv":
      fromCsv(body, collect);
      break;
    case "postfix":
      fromPostfix(body, collect);
      break;
    case "named":
      fromNamedConf(body, collect);
      break;
  }
  return collect;
}

/** Domains that were typed as arguments. */
export function domainsFromWords(words: readonly string[]): DomainList {
  const collect = new Collector();
  for (const [index, word] of words.entries()) collect.add(index + 1, word);
  return collect;
}

/**
 * The zone that a BIND master file is of: its `$ORIGIN` before the SOA record, the SOA's own name when that ends with a
 * dot, or the file's name (`a.example.zone`, `db.a.example`, `a.example.hosts`). Undefined: it holds no SOA record.
 */
export function zoneOfMasterFile(fileName: string, text: string): string | undefined {
  let origin: string | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/;.*$/, "");
    const directive = /^\$ORIGIN\s+(\S+)/i.exec(line)?.[1];
    if (directive !== undefined) origin = directive;
    const soa = /^(\S*)\s+(?:(?:\d+[smhdw]?|IN)\s+)*SOA\s/i.exec(line)?.[1];
    if (soa === undefined) continue;
    if (soa.endsWith(".") && soa !== ".") return soa.slice(0, -1);
    if (origin !== undefined && origin !== ".") return origin.replace(/\.$/, "");
    return fileName.replace(/^(db|zone|pri|master)\./i, "").replace(/\.(zone|db|hosts|dns|txt|conf|signed|ma)$/i, "");
  }
  return undefined;
}

/** Collects domains once each, and what is none. */
export class Collector implements DomainList {
  readonly #seen = new Set<string>();
  readonly leftOut: LeftOut[] = [];

  get domains(): readonly string[] {
    return [...this.#seen];
  }

  /** Takes a name, an address (of which the domain counts), or says why it is left out. */
  add(line: number, given: string): void {
    const name = given.trim().slice(given.trim().lastIndexOf("@") + 1);
    const domain = toAsciiDomain(name);
    const because = domain === undefined ? "not a domain name" : whyNotSender(domain);
    if (domain === undefined || because !== undefined) this.leave(line, given.trim(), because ?? "");
    else this.#seen.add(domain);
  }

  /** Names what is left out. */
  leave(line: number, text: string, because: string): void {
    this.leftOut.push({ line, text, because });
  }
}

/** Names under which nobody sends mail to the world. Undefined: nothing speaks against it. */
function whyNotSender(domain: string): string | undefined {
  if (!domain.includes(".")) return "a name of one label";
  if (/^[\d.]+$/.test(domain)) return "an address, not a domain";
  if (/\.(in-addr|ip6)\.arpa$/.test(domain)) return "a reverse zone";
  if (/\.(local|localhost|localdomain|internal|lan|invalid|home\.arpa)$/.test(domain))
    return "no name of the public DNS";
  if (domain.split(".").some((label) => label.startsWith("_"))) return "a name for records, not for mail";
  return undefined;
}

function fromLines(text: string, collect: Collector): void {
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const word =
      raw
        .replace(/(^|\s)(#|;|\/\/).*$/, "")
        .trim()
        .split(/\s+/)[0] ?? "";
    if (word !== "") collect.add(index + 1, word);
  }
}

const DOMAIN_HEAD = /^"?(domain|domains|domain ?name|zone|name|host ?name|site|\u30c9\u30e1\u30a4\u30f3(\u540d)?)"?$/i;

function fromCsv(text: string, collect: Collector): void {
  const rows = parseCsv(text);
  const heads = rows[0] ?? [];
  let column = heads.findIndex((head) => DOMAIN_HEAD.test(head.trim()));
  const hasHead = column !== -1 || !heads.some(looksLikeDomain);
  if (column === -1) column = (rows[hasHead ? 1 : 0] ?? []).findIndex(looksLikeDomain);
  if (column === -1) {
    collect.leave(0, "", "no column holds domains");
    return;
  }
  for (const [index, row] of rows.entries()) {
    if (index === 0 && hasHead) continue;
    const cell = row[column]?.trim() ?? "";
    if (cell !== "" && !cell.startsWith("#")) collect.add(index + 1, cell);
  }
}

function looksLikeDomain(cell: string): boolean {
  const domain = toAsciiDomain(cell.trim());
  return domain !== undefined && whyNotSender(domain) === undefined;
}

/** postconf(5): words set apart by commas or white space; a line that begins with white space goes on the one before. */
function fromPostfix(text: string, collect: Collector): void {
  let takes = false;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const parameter = /^([A-Za-z0-9_]+)\s*=(.*)$/.exec(raw);
    if (parameter !== null)
      takes = /^(virtual_alias_domains|virtual_mailbox_domains|mydestination|relay_domains)$/.test(parameter[1] ?? "");
    else if (!/^\s/.test(raw)) takes = true; // the value alone, as "postconf -h" prints it
    if (!takes) continue;
    for (const word of (parameter?.[2] ?? raw).split(/[\s,]+/)) {
      if (word === "") continue;
      if (word.includes("$")) collect.leave(index + 1, word, "a parameter; give its value (postconf -xh shows it)");
      else if (/^[a-z]+:|^\//.test(word)) collect.leave(index + 1, word, "a table; import the file it is made from");
      else collect.add(index + 1, word);
    }
  }
}

/** The zones that this server is master of; those it only copies belong to somebody else's server but may be senders too. */
function fromNamedConf(text: string, collect: Collector): void {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(#|\/\/).*$/gm, "");
  for (const match of code.matchAll(/\bzone\s+"([^"]+)"[^{;]*\{([^}]*)/g)) {
    const line = code.slice(0, match.index).split("\n").length;
    const type = /\btype\s+([\w-]+)/.exec(match[2] ?? "")?.[1];
    if (type === "hint" || type === "forward" || type === "stub")
      collect.leave(line, match[1] ?? "", `a zone of type ${type}`);
    else collect.add(line, match[1] ?? "");
  }
}
