/** `relayhost watch add|set|list|remove|check`: whether a tenant's own addresses are still on block lists. */

import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import { changeRow, createRow, deleteRow, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { recentClients } from "../../lib/aws/recent-clients.ts";
import { wholeNumber } from "../../lib/config/declare.ts";
import { tenantId } from "../../lib/config/tenant-settings.ts";
import { watchedLists, watchedNetwork } from "../../lib/config/watch-settings.ts";
import { askWatched } from "../../lib/core/ask-watched.ts";
import { canonicalCidr } from "../../lib/core/cidr.ts";
import { watchKey } from "../../lib/core/directory.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import {
  dayVerdict,
  listId,
  usualLists,
  type Watch,
  watchableLists,
  watchedAddresses,
  wholeSize,
} from "../../lib/core/watch.ts";
import { type CommonOptions, note, reportChange, withChangeOptions, withListOptions } from "./change.ts";
import { type Connection, connect } from "./connect.ts";
import { dqsKeyOf, resolverFor } from "./domain-dns.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { tenantNamed } from "./tenant.ts";
import { type CheckedWatch, shownCidr, stateText, watchLines } from "./watch-view.ts";

interface SettingOptions extends CommonOptions {
  readonly tenant: string;
  readonly clearDays?: string;
  readonly lists?: string;
}

/** Adds the group. */
export function addWatchCommand(program: Command): void {
  const group = program
    .command("watch")
    .description("whether a tenant's own addresses are still on block lists: is the relay still needed?");
  addAdd(group);
  addSet(group);
  addList(group);
  addRemove(group);
  addCheck(group);
}

function withSettings(command: Command): Command {
  return command
    .option(
      "--clear-days <number>",
      `days in a row without a listing until the contact is told (${LIMITS.watch.clearDays})`,
    )
    .option("--lists <names>", `lists that count, with commas (usual: ${usualLists().join(",")})`);
}

function addAdd(group: Command): void {
  withChangeOptions(
    withSettings(
      group
        .command("add")
        .description("look for addresses in block lists every day, and tell the contact when all have been clear")
        .argument("<network...>", "the tenant's own addresses or networks")
        .requiredOption("--tenant <id>", "whose they are"),
    ),
  )
    .addHelpText(
      "after",
      `
Of a network with up to ${LIMITS.watch.wholeNetworkMax} addresses each is asked for. Of a wider one only those from which the tenant's mail
came to the relay: a neighbour's listing is nothing to the tenant. At most ${LIMITS.watch.addressesMax} addresses of a tenant are asked for a day.
A list counts when its own test entries pass. A day on which something could not be asked neither counts as clear nor
ends the run of clear days; a listing does. The mail to the contact (tenant set --contact) comes once for each run.
Spamhaus refuses public and cloud resolvers: give a deployed environment a Data Query Service key (watch.dqsSecretArn in
cdk.json), or leave it out with --lists.

Examples:
  relayhost watch add 192.0.2.25 192.0.2.26 --tenant acme
  relayhost watch add 153.122.0.0/17 --tenant acme --clear-days 14 --env prod`,
    )
    .action(async (texts: string[], options: SettingOptions) => {
      const mistakes = new Mistakes();
      const id = mistakes.read("--tenant", options.tenant, tenantId) ?? "";
      const settings = readSettings(mistakes, options);
      const cidrs = texts.map((text) => mistakes.read("network", text, watchedNetwork));
      mistakes.end();
      const connection = await connect(options.env);
      const { directory } = connection;
      const tenant = await tenantNamed(directory, id);
      const before = await watchOf(connection, id);
      const added = [...new Set(cidrs.filter((cidr) => cidr !== undefined))].filter(
        (cidr) => before?.networks.includes(cidr) !== true,
      );
      const watch: Watch = {
        kind: "watch",
        tenant: id,
        networks: [...(before?.networks ?? []), ...added],
        lists: settings.lists ?? before?.lists ?? usualLists(),
        clearDays: settings.clearDays ?? before?.clearDays ?? LIMITS.watch.clearDays,
        version: (before?.version ?? 0) + 1,
      };
      refuseTooMany(watch);
      if (options.dryRun !== true) await keep(connection, before, watch);
      reportChange(options, `added ${added.map(shownCidr).join(", ") || "nothing new"} to the watch of ${id}`, {
        watch,
      });
      if (tenant.contact === undefined) note(`${id} has no contact to tell: relayhost tenant set ${id} --contact`);
      await noteWideNetworks(connection, watch);
    });
}

function addSet(group: Command): void {
  withChangeOptions(
    withSettings(
      group
        .command("set")
        .description("change after how many days, and which lists count; counting begins anew")
        .requiredOption("--tenant <id>", "whose watch"),
    ),
  )
    .addHelpText(
      "after",
      "\nExample:\n  relayhost watch set --tenant acme --clear-days 14 --lists spamhaus-zen,spamcop",
    )
    .action(async (options: SettingOptions) => {
      const mistakes = new Mistakes();
      const settings = readSettings(mistakes, options);
      if (Object.keys(settings).length === 0) mistakes.add("nothing to change: --clear-days or --lists");
      mistakes.end();
      const connection = await connect(options.env);
      const before = await watchNamed(connection, options.tenant);
      const { state: _, ...rest } = before;
      const watch: Watch = { ...rest, ...settings, version: before.version + 1 };
      if (options.dryRun !== true) await keep(connection, before, watch);
      reportChange(options, `changed the watch of ${options.tenant}`, { watch });
    });
}

function addList(group: Command): void {
  withListOptions(
    group
      .command("list")
      .description("what is watched, and what the last check found")
      .option("--tenant <id>", "only this"),
  )
    .addHelpText("after", "\nExample:\n  relayhost watch list --env prod")
    .action(async (options: CommonOptions & { tenant?: string }) => {
      const connection = await connect(options.env);
      const rows = await watchesOf(connection, options.tenant);
      if (options.json === true) printJson(rows);
      else {
        printTable(
          ["TENANT", "CHECKED", "ADDRESSES", "CLEAR DAYS", "STATE", "NETWORKS"],
          rows.map((watch) => [
            watch.tenant,
            watch.state?.day ?? "never",
            watch.state === undefined ? "" : String(watch.state.asked),
            `${watch.state?.run ?? 0} of ${watch.clearDays}`,
            stateText(watch.state),
            watch.networks.map(shownCidr).join(" "),
          ]),
        );
      }
    });
}

function addRemove(group: Command): void {
  withChangeOptions(
    group
      .command("remove")
      .description("watch these no more; the last one takes the watch with it")
      .argument("<network...>")
      .requiredOption("--tenant <id>", "whose watch"),
  )
    .addHelpText("after", "\nExample:\n  relayhost watch remove 192.0.2.25 --tenant acme")
    .action(async (texts: string[], options: SettingOptions) => {
      const connection = await connect(options.env);
      const before = await watchNamed(connection, options.tenant);
      const cidrs = texts.map((text) => canonicalCidr(text) ?? text);
      const missing = cidrs.filter((cidr) => !before.networks.includes(cidr));
      if (missing.length > 0) throw new CommandError(`${missing.join(", ")}: not watched`, EXIT.notFound);
      const networks = before.networks.filter((cidr) => !cidrs.includes(cidr));
      const { state: _, ...rest } = before;
      const watch: Watch = { ...rest, networks, version: before.version + 1 };
      if (options.dryRun !== true) {
        if (networks.length === 0) await deleteRow(connection.directory, watchKey(before.tenant));
        else await keep(connection, before, watch);
      }
      reportChange(options, `removed ${cidrs.map(shownCidr).join(", ")} from the watch of ${before.tenant}`, { watch });
    });
}

function addCheck(group: Command): void {
  withListOptions(
    group
      .command("check")
      .description("ask the lists now, from here; counts as no day's check")
      .option("--tenant <id>", "only this")
      .option("--resolver <address...>", "name servers to ask, with :port if not 53 (default: the system's)"),
  )
    .addHelpText(
      "after",
      "\nExit code 0: all are clear; 1: something is listed, or could not be asked.\n\nExample:\n  relayhost watch check --tenant acme --env prod",
    )
    .action(async (options: CommonOptions & { tenant?: string; resolver?: string[] }) => {
      const connection = await connect(options.env);
      const rows = await watchesOf(connection, options.tenant);
      const dns = resolverFor(options.resolver);
      const dqsKey = dqsKeyOf(process.env);
      const checked: CheckedWatch[] = [];
      for (const watch of rows) {
        const lists = watchableLists(dqsKey).filter((list) => watch.lists.includes(listId(list)));
        const known = await knownAddresses(connection, watch);
        const deps = { dns, lists, pause: () => wait(LIMITS.watch.pauseMs), isLate: () => false };
        const answers = await askWatched(deps, watchedAddresses(watch.networks, known));
        if (answers === undefined) continue; // never late
        checked.push({ tenant: watch.tenant, verdict: dayVerdict(answers), ...answers });
      }
      if (options.json === true) printJson(checked);
      else for (const one of checked) for (const line of watchLines(one)) console.log(line);
      if (checked.some(({ verdict }) => verdict !== "clear")) process.exitCode = EXIT.failed;
    });
}

function readSettings(mistakes: Mistakes, options: SettingOptions): Partial<Pick<Watch, "clearDays" | "lists">> {
  const clearDays = mistakes.read("--clear-days", options.clearDays, wholeNumber(1, LIMITS.watch.clearDaysMax));
  const lists = mistakes.read("--lists", options.lists, watchedLists);
  return { ...(clearDays === undefined ? {} : { clearDays }), ...(lists === undefined ? {} : { lists }) };
}

function refuseTooMany(watch: Watch): void {
  const sum = watch.networks.reduce((total, cidr) => total + (wholeSize(cidr) ?? 0), 0);
  if (sum > LIMITS.watch.addressesMax) {
    throw new CommandError(
      `${sum} addresses are more than are asked for in a day (${LIMITS.watch.addressesMax}); name those that send mail, ` +
        "or a wider network, of which only those are asked for that the tenant's mail comes from",
      EXIT.usage,
    );
  }
}

/** Written on the condition that nobody has changed it meanwhile; counting begins anew. */
async function keep({ directory }: Connection, before: Watch | undefined, watch: Watch): Promise<void> {
  const { kind: _kind, tenant, ...rest } = watch;
  const changes = { state: undefined, ...rest };
  const done =
    before === undefined
      ? await createRow(directory, watch)
      : await changeRow(directory, watchKey(tenant), changes, { version: before.version });
  if (!done) throw new CommandError(`the watch of ${tenant} has changed meanwhile; try again`);
}

async function watchOf({ directory }: Connection, tenant: string): Promise<Watch | undefined> {
  const row = await readRow(directory, watchKey(tenant));
  return row?.kind === "watch" ? row : undefined;
}

async function watchNamed(connection: Connection, tenant: string): Promise<Watch> {
  const watch = await watchOf(connection, tenant);
  if (watch === undefined) throw new CommandError(`nothing is watched for ${tenant}`, EXIT.notFound);
  return watch;
}

async function watchesOf(connection: Connection, tenant: string | undefined): Promise<Watch[]> {
  if (tenant !== undefined) return [await watchNamed(connection, tenant)];
  const rows = await scanRows(connection.directory, "watch");
  return rows.toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
}

async function knownAddresses({ ledger }: Connection, watch: Watch): Promise<string[]> {
  const isWide = watch.networks.some((cidr) => wholeSize(cidr) === undefined);
  return isWide ? await recentClients(ledger, watch.tenant, Date.now()) : [];
}

/** A wide network is no promise that something is asked for. */
async function noteWideNetworks(connection: Connection, watch: Watch): Promise<void> {
  const wide = watch.networks.filter((cidr) => wholeSize(cidr) === undefined);
  if (wide.length === 0) return;
  const known = await knownAddresses(connection, watch);
  const { empty } = watchedAddresses(watch.networks, known);
  for (const cidr of wide) {
    note(
      empty.includes(cidr)
        ? `${cidr}: no mail of ${watch.tenant} has come from an address in it yet; until then no day counts as clear. Name the addresses instead, if you know them`
        : `${cidr}: asked for are ${watch.tenant}'s own addresses in it, now ${watchedAddresses([cidr], [...known, ...watchedAddresses(watch.networks, known).addresses]).addresses.join(", ")}`,
    );
  }
}
