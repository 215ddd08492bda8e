/** `relayhost domain records`: exactly what to publish in DNS, in the form of the place where it is published. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { domainName, mailAddress } from "../../lib/config/tenant-settings.ts";
import { csvText } from "../../lib/core/csv.ts";
import type { SenderDomain } from "../../lib/core/directory.ts";
import {
  formatRecords,
  RECORD_COLUMNS,
  recordCells,
  ZONE_FORMATS,
  type ZoneFormat,
} from "../../lib/core/domain-record-formats.ts";
import { type WantedRecord, wantedRecords } from "../../lib/core/domain-records.ts";
import { connect } from "./connect.ts";
import { domainsNamed } from "./domains-named.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options {
  readonly env?: string;
  readonly tenant?: string;
  readonly pending?: boolean;
  readonly format: string;
  readonly dmarc: boolean;
  readonly dmarcReports?: string;
  readonly zone?: string;
  readonly out?: string;
  readonly apply?: boolean;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const FORMATS = ["table", ...ZONE_FORMATS, "csv", "json"] as const;
const FILE_ENDING: Readonly<Record<ZoneFormat, string>> = {
  zone: "zone",
  plesk: "sh",
  route53: "json",
  cloudflare: "json",
};

/** Adds the command. */
export function addRecordsCommand(group: Command): void {
  group
    .command("records")
    .description("what to publish in DNS")
    .argument("[domain...]", "default: all of --tenant")
    .option("--tenant <id>", "all domains of this tenant")
    .option("--pending", "only of domains that wait for SES")
    .option("--format <name>", FORMATS.join(", "), "table")
    .option("--zone <name>", "the zone that holds the records, where it is above the domain")
    .option("--no-dmarc", "leave the DMARC record out: there is one already")
    .option("--dmarc-reports <address>", "where DMARC reports go")
    .option("--out <folder>", "a file for each domain instead of standard output")
    .option("--apply", "write them into the Route 53 zones of the account instead of printing them")
    .option("--replace", "with --apply: write over records that differ")
    .option("--dry-run", "with --apply: say what would be written")
    .option("--json", "as --format json")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      `
The three CNAMEs are needed; MX and TXT of the MAIL FROM domain align SPF. The domain's own SPF record stays as it is:
it is not looked at for mail through the relay, and a second one would break the first. Nothing here replaces a record,
unless --replace says so, and a DMARC policy that is there is always kept.

  zone        lines for a BIND zone file         plesk       commands for the Plesk server
  route53     for: aws route53 change-resource-record-sets --hosted-zone-id Z... --change-batch file://<file>
  cloudflare  for: POST https://api.cloudflare.com/client/v4/zones/<id>/dns_records/batch

Examples:
  relayhost domain records a.example
  relayhost domain records --tenant acme --format plesk --no-dmarc > records.sh
  relayhost domain records --tenant acme --format route53 --out records/
  relayhost domain records --tenant acme --env prod --apply --dry-run`,
    )
    .action(async (words: string[], options: Options) => {
      const mistakes = new Mistakes();
      const format = FORMATS.find((name) => name === (options.json === true ? "json" : options.format));
      if (format === undefined) mistakes.add(`--format: got "${options.format}"; allowed: ${FORMATS.join(", ")}`);
      const reports = mistakes.read("--dmarc-reports", options.dmarcReports, mailAddress);
      const zone = mistakes.read("--zone", options.zone, domainName);
      if (options.apply === true && options.env === undefined) {
        mistakes.add("--apply needs --env: local mode has no Route 53");
      }
      if (options.apply !== true && (options.replace === true || options.dryRun === true)) {
        mistakes.add("--replace and --dry-run go with --apply");
      }
      mistakes.end();
      const { directory } = await connect(options.env);
      const rows = await domainsNamed(directory, words, options);
      const unready = rows.filter(({ ses }) => ses === undefined).map(({ domain }) => domain);
      if (unready.length > 0) {
        throw new CommandError(
          `SES is not set up yet for ${unready.slice(0, 5).join(", ")}${unready.length > 5 ? ` and ${unready.length - 5} more` : ""}; ` +
            "run relayhost domain add or import again",
        );
      }
      const sets = rows.map((row) => ({ row, records: recordsOf(row, options.dmarc, reports) }));
      const outside = zone === undefined ? [] : rows.filter(({ domain }) => !`.${domain}`.endsWith(`.${zone}`));
      if (outside.length > 0) {
        throw new CommandError(`${outside[0]?.domain ?? ""} is not in the zone ${zone ?? ""}`, EXIT.usage);
      }
      const all = sets.flatMap(({ records }) => records);
      if (options.apply === true) await apply(all, options);
      else if (format === "json") printJson(all);
      else if (format === "table") showTable(all);
      else if (format === "csv") {
        process.stdout.write(csvText(RECORD_COLUMNS, all.map(recordCells)));
      } else if (format !== undefined) await writeZones(format, zone, sets, options.out);
    });
}

async function apply(records: readonly WantedRecord[], options: Options): Promise<void> {
  const { applyRecords, reportApplied } = await import("./domain-apply.ts");
  const how = { dryRun: options.dryRun === true, replace: options.replace === true, json: options.json === true };
  reportApplied(await applyRecords(records, how), how);
}

function recordsOf({ domain, ses }: SenderDomain, dmarc: boolean, reports: string | undefined): WantedRecord[] {
  const records = ses === undefined ? [] : wantedRecords(domain, ses, reports);
  return dmarc ? records : records.filter(({ purpose }) => purpose !== "dmarc");
}

function showTable(records: readonly WantedRecord[]): void {
  const priority = ({ preference }: WantedRecord): string => (preference === undefined ? "" : `${preference} `);
  printTable(
    ["NAME", "TYPE", "VALUE"],
    records.map((record) => [record.name, record.type, `${priority(record)}${record.value}`]),
  );
}

/** JSON of several zones is no single document, so each zone then needs its own file. */
async function writeZones(
  format: ZoneFormat,
  zone: string | undefined,
  sets: readonly { readonly row: SenderDomain; readonly records: readonly WantedRecord[] }[],
  folder: string | undefined,
): Promise<void> {
  if (folder === undefined) {
    if (FILE_ENDING[format] === "json" && sets.length > 1 && zone === undefined) {
      throw new CommandError(`--format ${format} with ${sets.length} domains needs --out <folder>`, EXIT.usage);
    }
    const groups =
      zone === undefined
        ? sets.map(({ row, records }) => ({ name: row.domain, records }))
        : [{ name: zone, records: sets.flatMap(({ records }) => records) }];
    process.stdout.write(groups.map(({ name, records }) => formatRecords(format, name, records)).join("\n"));
    return;
  }
  await mkdir(folder, { recursive: true });
  for (const { row, records } of sets) {
    const file = join(folder, `${row.domain}.${FILE_ENDING[format]}`);
    await writeFile(file, formatRecords(format, zone ?? row.domain, records));
  }
  console.log(`${sets.length} files in ${folder}`);
}
