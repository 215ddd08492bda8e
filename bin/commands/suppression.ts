/** `relayhost suppression list|add|remove|import|export`: a tenant's addresses to which nothing is sent. */

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { readRow } from "../../lib/aws/directory-dynamo.ts";
import { addSuppression, listSuppressions, removeSuppression } from "../../lib/aws/suppression-dynamo.ts";
import { addressKey, isAddress, parseAddress } from "../../lib/core/address.ts";
import { TENANT_ID_PATTERN, tenantKey } from "../../lib/core/directory.ts";
import type { Suppression } from "../../lib/core/suppression.ts";
import { formatSuppressionCsv, parseSuppressionList } from "../../lib/core/suppression-list.ts";
import { type Connection, connect } from "./connect.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options {
  readonly tenant: string;
  readonly env?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly detail?: string;
  readonly limit?: string;
}

/** Adds the group. */
export function addSuppressionCommand(program: Command): void {
  const group = program
    .command("suppression")
    .description("addresses to which nothing is sent for a tenant: they bounced, complained, or were put there")
    .addHelpText(
      "after",
      `
Hard bounces and complaints put an address on the list of the tenant whose mail it was, and of no other. The sender
of the next mail to it gets a report that says so. To lift an entry: relayhost suppression remove.

Examples:
  relayhost suppression list --tenant demo
  relayhost suppression remove --tenant demo someone@example.net`,
    );
  common(group.command("list"), "show the list, by address")
    .option("--limit <n>", "show at most this many", "1000")
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost suppression list --tenant demo\n  relayhost suppression list --tenant demo --json",
    )
    .action(async (options: Options) => await list(options));
  common(group.command("add"), "put addresses on the list")
    .argument("<address...>", "mail addresses")
    .option("--detail <text>", "why, in your words; senders read it")
    .option("--dry-run", "say what would be done, and do nothing")
    .addHelpText(
      "after",
      '\nExample:\n  relayhost suppression add --tenant demo left@example.net --detail "left the company"',
    )
    .action(async (addresses: string[], options: Options) => {
      const since = new Date().toISOString();
      const entries = checked(addresses).map(
        (address): Suppression => ({
          tenant: options.tenant,
          address,
          reason: "manual",
          since,
          ...(options.detail === undefined ? {} : { detail: options.detail }),
        }),
      );
      await add(entries, options);
    });
  common(group.command("remove"), "lift entries: mail to these addresses is sent again")
    .argument("<address...>", "mail addresses")
    .option("--dry-run", "say what would be done, and do nothing")
    .addHelpText("after", "\nExample:\n  relayhost suppression remove --tenant demo someone@example.net")
    .action(async (addresses: string[], options: Options) => await remove(checked(addresses), options));
  common(group.command("import"), "put the addresses of a file on the list")
    .argument("[file]", "one address a line, or CSV with a header line that names address, reason, since, detail", "-")
    .option("--dry-run", "read and check, and put nothing on the list")
    .addHelpText(
      "after",
      `
What export writes, import reads; so it does the list of SES (aws sesv2 list-suppressed-destinations as CSV with
EmailAddress, Reason, LastUpdateTime). Without a file it reads standard input. Nothing is imported if a line is wrong.

Examples:
  relayhost suppression import --tenant demo bounced.txt
  relayhost suppression export --tenant a | relayhost suppression import --tenant b`,
    )
    .action(async (file: string, options: Options) => await importFile(file, options));
  common(group.command("export"), "write the whole list as CSV (--json: as JSON)")
    .addHelpText("after", "\nExample:\n  relayhost suppression export --tenant demo > suppression.csv")
    .action(async (options: Options) => {
      const entries = await all(await connectTo(options));
      if (options.json === true) printJson(entries);
      else process.stdout.write(formatSuppressionCsv(entries));
    });
}

function common(command: Command, description: string): Command {
  return command
    .description(description)
    .requiredOption("--tenant <id>", "whose list")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--json", "as JSON");
}

interface Connected extends Connection {
  readonly tenant: string;
}

/** Throws `CommandError` for what is no tenant's id and for a tenant that is not there. */
async function connectTo({ tenant, env }: Options): Promise<Connected> {
  if (!TENANT_ID_PATTERN.test(tenant)) throw new CommandError(`not a tenant id: ${tenant}`, EXIT.usage);
  const connection = await connect(env);
  if ((await readRow(connection.directory, tenantKey(tenant))) === undefined) {
    throw new CommandError(`there is no tenant ${tenant}`, EXIT.notFound);
  }
  return { ...connection, tenant };
}

/** Lower-case addresses. Throws `CommandError` that names all that are none. */
function checked(addresses: readonly string[]): string[] {
  const wrong = addresses.filter((address) => !isAddress(parseAddress(address)));
  if (wrong.length > 0) throw new CommandError(`not a mail address: ${wrong.join(", ")}`, EXIT.usage);
  return addresses.map(addressKey);
}

async function all({ ledger, tenant }: Connected): Promise<Suppression[]> {
  const entries: Suppression[] = [];
  for await (const entry of listSuppressions(ledger, tenant)) entries.push(entry);
  return entries;
}

async function list(options: Options): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1)
    throw new CommandError("--limit must be a whole number from 1", EXIT.usage);
  const { ledger, tenant } = await connectTo(options);
  const shown: Suppression[] = [];
  let more = false;
  for await (const entry of listSuppressions(ledger, tenant)) {
    more = shown.length === limit;
    if (more) break;
    shown.push(entry);
  }
  if (options.json === true) {
    printJson(shown);
    return;
  }
  if (shown.length === 0) {
    console.log(`The list of ${tenant} is empty: mail to every address is sent.`);
    return;
  }
  printTable(
    ["ADDRESS", "REASON", "SINCE", "DETAIL"],
    shown.map((entry) => [entry.address, entry.reason, entry.since.slice(0, 10), entry.detail ?? ""]),
  );
  console.log(`${shown.length} shown${more ? "; there are more (--limit)" : ""}`);
}

interface Result {
  readonly address: string;
  readonly result: string;
}

async function add(entries: readonly Suppression[], options: Options): Promise<void> {
  const { ledger } = await connectTo(options);
  const results: Result[] = [];
  for (const entry of entries) {
    const isNew = options.dryRun === true ? undefined : await addSuppression(ledger, entry);
    const result = isNew === undefined ? "would be added" : isNew ? "added" : "was on the list";
    results.push({ address: entry.address, result });
  }
  printResults(results, options);
}

async function remove(addresses: readonly string[], options: Options): Promise<void> {
  const connection = await connectTo(options);
  const known = options.dryRun === true ? new Set((await all(connection)).map(({ address }) => address)) : undefined;
  const results: Result[] = [];
  for (const address of addresses) {
    const there = known?.has(address) ?? (await removeSuppression(connection.ledger, connection.tenant, address));
    const done = options.dryRun === true ? "would be removed" : "removed";
    results.push({ address, result: there ? done : NOT_THERE });
  }
  printResults(results, options);
  if (results.some(({ result }) => result === NOT_THERE)) process.exitCode = EXIT.notFound;
}

const NOT_THERE = "not on the list";

function printResults(results: readonly Result[], options: Options): void {
  if (options.json === true) printJson(results);
  else for (const { address, result } of results) console.log(`${address}  ${result}`);
}

async function importFile(file: string, options: Options): Promise<void> {
  const content = file === "-" ? await text(process.stdin) : await readText(file);
  const { entries, problems } = parseSuppressionList(content, options.tenant, new Date().toISOString());
  if (problems.length > 0) {
    const shown = problems.slice(0, 20).map((problem) => `\n  ${problem}`);
    const rest = problems.length > 20 ? `\n  and ${problems.length - 20} more` : "";
    throw new CommandError(`nothing was imported:${shown.join("")}${rest}`, EXIT.usage);
  }
  const { ledger } = await connectTo(options);
  let added = 0;
  for (const entry of entries) if (options.dryRun !== true && (await addSuppression(ledger, entry))) added += 1;
  const summary = { read: entries.length, added, dryRun: options.dryRun === true };
  if (options.json === true) printJson(summary);
  else if (summary.dryRun) console.log(`${entries.length} read, all of them right; nothing was changed`);
  else console.log(`${entries.length} read, ${added} added, ${entries.length - added} were on the list`);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${error instanceof Error ? error.message : ""}`, EXIT.usage);
  }
}
