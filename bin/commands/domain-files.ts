/** The lists of domains that `relayhost domain import` reads: a file, standard input, or a folder of BIND zone files. */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  Collector,
  type DomainList,
  guessListFormat,
  LIST_FORMATS,
  type ListFormat,
  parseDomainList,
  zoneOfMasterFile,
} from "../../lib/core/domain-list.ts";
import { CommandError, EXIT } from "./report.ts";

const ZONE_FILE_BYTES_MAX = 32 * 1024 * 1024;

/** Reads a list; `-` is standard input. `format` undefined: as it looks. Throws when it cannot be read. */
export async function readDomainList(path: string, format: string | undefined): Promise<DomainList> {
  const known = LIST_FORMATS.find((name) => name === format);
  if (format !== undefined && known === undefined) {
    throw new CommandError(`--format: got ${JSON.stringify(format)}; allowed: ${LIST_FORMATS.join(", ")}`, EXIT.usage);
  }
  if (path === "-") return parse(await readInput(), known);
  try {
    if ((await stat(path)).isDirectory()) return await readZoneFolder(path);
    return parse(await readFile(path, "utf8"), known);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.usage,
    );
  }
}

function parse(text: string, format: ListFormat | undefined): DomainList {
  return parseDomainList(text, format ?? guessListFormat(text));
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function readZoneFolder(folder: string): Promise<DomainList> {
  const collect = new Collector();
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, parentPath } of files) {
    const path = join(parentPath, name);
    if (name.startsWith(".") || /\.(jnl|jbk|key|private|bak)$|~$/.test(name)) continue;
    if ((await stat(path)).size > ZONE_FILE_BYTES_MAX) collect.leave(0, path, "too large for a zone file");
    else {
      const zone = zoneOfMasterFile(name, await readFile(path, "utf8"));
      if (zone === undefined) collect.leave(0, path, "no zone file: it holds no SOA record as text");
      else collect.add(0, zone);
    }
  }
  return collect;
}
