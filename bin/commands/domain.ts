/** `relayhost domain add|import|list|remove` and, in files of their own, `records`, `check`, `watch`. */

import type { Command } from "commander";
import { deleteRowOf, scanRows, setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import type { Parser } from "../../lib/config/declare.ts";
import { tenantId } from "../../lib/config/tenant-settings.ts";
import { domainKey, type SenderDomain } from "../../lib/core/directory.ts";
import { type DomainList, domainsFromWords } from "../../lib/core/domain-list.ts";
import { MAIL_FROM_LABEL } from "../../lib/core/domain-records.ts";
import { type CommonOptions, note, reportChange, withChangeOptions, withListOptions } from "./change.ts";
import { type Connection, connect } from "./connect.ts";
import { addCheckCommand } from "./domain-check.ts";
import { addRecordsCommand } from "./domain-records.ts";
import { addWatchCommand } from "./domain-watch.ts";
import { domainsNamed, domainsOf } from "./domains-named.ts";
import { Mistakes } from "./mistakes.ts";
import { ageText, printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { tenantNamed } from "./tenant.ts";

interface AddOptions extends CommonOptions {
  readonly tenant: string;
  readonly mailFrom: string;
  readonly allowOverlap?: boolean;
  readonly repair?: boolean;
}

/** Calls of SES for a new domain: identity, feedback, MAIL FROM. */
const CALLS_PER_DOMAIN = 3;

const dnsLabel: Parser<string> = (text) =>
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? { value: text } : { allowed: "one DNS label, such as bounce" };

/** Adds the group. */
export function addDomainCommand(program: Command): void {
  const group = program.command("domain").description("domains that tenants send for");
  addAdd(group);
  addImport(group);
  addList(group);
  addRecordsCommand(group);
  addCheckCommand(group);
  addWatchCommand(group);
  addRemove(group);
}

function withAddOptions(command: Command): Command {
  return withChangeOptions(command)
    .requiredOption("--tenant <id>", "whose domains they are")
    .option("--mail-from <label>", "the label of the MAIL FROM domain, used for nothing else", MAIL_FROM_LABEL)
    .option("--allow-overlap", "take subdomains of another tenant's domain")
    .option("--repair", "look at SES again for domains that are set up already");
}

function addAdd(group: Command): void {
  withAddOptions(group.command("add").description("take in domains").argument("<domain...>"))
    .addHelpText(
      "after",
      "\nA domain covers its subdomains. May be stopped and run again at any time.\n\nExamples:\n  relayhost domain add a.example b.example --tenant acme\n  relayhost domain add a.example --tenant acme --mail-from returns --dry-run",
    )
    .action(async (words: string[], options: AddOptions) => {
      const list = domainsFromWords(words);
      const mistakes = new Mistakes();
      for (const { text, because } of list.leftOut) mistakes.add(`${JSON.stringify(text)}: ${because}`);
      await takeIn(list, options, mistakes);
    });
}

function addImport(group: Command): void {
  withAddOptions(
    group
      .command("import")
      .description("take in the domains of a file or a folder of BIND zone files; - is standard input")
      .argument("<file>")
      .option("--format <name>", "lines, csv, postfix or named (default: as it looks)"),
  )
    .addHelpText(
      "after",
      `
Takes one domain a line, CSV, Postfix's virtual_alias_domains (main.cf, postconf or a table), named.conf, zone files.
What is no domain to send for is named and left out. SES takes about one domain in three seconds; stop it whenever you
like, the same command goes on.

Examples:
  plesk bin domain --list | relayhost domain import - --tenant acme --env prod
  postconf -x virtual_alias_domains | relayhost domain import - --tenant acme
  relayhost domain import customers.csv --tenant acme --dry-run
  relayhost domain import /var/named/masters --tenant acme`,
    )
    .action(async (file: string, options: AddOptions & { format?: string }) => {
      const { readDomainList } = await import("./domain-files.ts");
      const list = await readDomainList(file, options.format);
      for (const { line, text, because } of list.leftOut) {
        note(
          `left out${line === 0 ? "" : ` (line ${line})`}: ${[text, because].filter((part) => part !== "").join(": ")}`,
        );
      }
      if (list.domains.length === 0) throw new CommandError(`${file} holds no domain`, EXIT.notFound);
      await takeIn(list, options, new Mistakes());
    });
}

async function takeIn(list: DomainList, options: AddOptions, mistakes: Mistakes): Promise<void> {
  const tenant = mistakes.read("--tenant", options.tenant, tenantId) ?? "";
  const mailFromLabel = mistakes.read("--mail-from", options.mailFrom, dnsLabel) ?? "";
  mistakes.end();
  const connection = await connect(options.env);
  await tenantNamed(connection.directory, tenant);
  const { onboard, planOnboarding } = await import("./domain-onboard.ts");
  const how = { mailFromLabel, allowOverlap: options.allowOverlap === true, repair: options.repair === true };
  const plan = await planOnboarding(connection, tenant, list.domains, how);
  const results = options.dryRun === true ? plan : await onboard(connection, tenant, plan, how);
  const count = (result: string): number => results.filter((one) => one.result === result).length;
  if (options.json === true) printJson({ dryRun: options.dryRun === true, leftOut: list.leftOut, domains: results });
  else {
    for (const { domain, reason } of results.filter(({ result }) => result === "refused")) {
      console.log(`${domain}  refused: ${reason ?? ""}`);
    }
    const would = options.dryRun === true ? "would be " : "";
    console.log(`${count("added")} ${would}added, ${count("there")} there already, ${count("refused")} refused`);
    if (options.dryRun === true) showDuration(connection, count("added"));
    else if (count("added") > 0) showNext(options, tenant);
  }
  if (count("refused") > 0) process.exitCode = EXIT.failed;
}

function showDuration(connection: Connection, domains: number): void {
  const { sesCallsPerSecond } = connection.names;
  if (domains === 0 || sesCallsPerSecond === 0) return;
  console.log(`about ${ageText((domains * CALLS_PER_DOMAIN) / sesCallsPerSecond)}, at SES's pace`);
}

function showNext(options: AddOptions, tenant: string): void {
  const env = options.env === undefined ? "" : ` --env ${options.env}`;
  console.log(`Next: relayhost domain records --tenant ${tenant}${env}    what to publish in DNS`);
  console.log(`      relayhost domain watch --tenant ${tenant}${env}      until SES has seen it`);
}

function addList(group: Command): void {
  withListOptions(
    group
      .command("list")
      .description("all domains")
      .option("--tenant <id>", "only of this tenant")
      .option("--pending", "only those that wait for SES"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost domain list --tenant acme\n  relayhost domain list --pending --json",
    )
    .action(async (options: CommonOptions & { tenant?: string; pending?: boolean }) => {
      const { directory } = await connect(options.env);
      const all =
        options.tenant === undefined ? await scanRows(directory, "domain") : await domainsOf(directory, options.tenant);
      const rows = all
        .filter(({ status }) => options.pending !== true || status === "pending")
        .toSorted((a, b) => (`${a.tenant} ${a.domain}` < `${b.tenant} ${b.domain}` ? -1 : 1));
      if (options.json === true) printJson(rows);
      else {
        printTable(
          ["DOMAIN", "TENANT", "STATE", "MAIL FROM"],
          rows.map((row) => [row.domain, row.tenant, stateText(row), row.ses?.mailFrom ?? ""]),
        );
      }
    });
}

function stateText(row: SenderDomain): string {
  return row.status === "pending" && row.ses === undefined ? "not set up" : row.status;
}

function addRemove(group: Command): void {
  withChangeOptions(
    group
      .command("remove")
      .description("send for these domains no more, and delete their identities from SES")
      .argument("<domain...>")
      .option("--tenant <id>", "fail if a domain is not this tenant's")
      .option("--keep-identity", "leave the identities in SES"),
  )
    .addHelpText(
      "after",
      "\nAn identity that was in SES before the relay stays in any case. Mail of these domains that is in the queue is returned\nto its senders, as SES refuses it: look at `relayhost queue` first.\n\nExample:\n  relayhost domain remove a.example --tenant acme",
    )
    .action(async (words: string[], options: CommonOptions & { tenant?: string; keepIdentity?: boolean }) => {
      const { directory, names } = await connect(options.env);
      const rows = await domainsNamed(directory, words, options);
      const keeps = (row: SenderDomain): boolean => options.keepIdentity === true || row.ses?.adopted === true;
      if (options.dryRun !== true) {
        const { makeSesControl } = await import("../../lib/aws/ses-control.ts");
        const { removeIdentity } = await import("../../lib/aws/ses-identities.ts");
        const ses = makeSesControl(names.sesCallsPerSecond);
        for (const row of rows) {
          // First nothing more is accepted, last the row goes: stopped in between, the same command goes on.
          await setDomainStatus(directory, row.domain, "pending");
          if (!keeps(row)) await removeIdentity(ses, row.domain, names.sesTenants ? row.tenant : undefined);
          await deleteRowOf(directory, domainKey(row.domain), row.tenant);
        }
        ses.destroy();
      }
      const kept = rows.filter(keeps).map(({ domain }) => domain);
      const identities = kept.length === 0 ? "" : `; left in SES: ${kept.join(", ")}`;
      reportChange(options, `removed ${rows.map(({ domain }) => domain).join(", ")}${identities}`, {
        removed: rows.map(({ domain }) => domain),
        identitiesKept: kept,
      });
    });
}
