/** `relayhost network add|list|remove|pause|resume`: servers that send without a login, known by their address. */

import type { Command } from "commander";
import { changeRow, createRow, deleteRow, listTenantRows, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { networkCidr } from "../../lib/config/network-setting.ts";
import { serverLabel, tenantId } from "../../lib/config/tenant-settings.ts";
import { canonicalCidr, cidrRelation } from "../../lib/core/cidr.ts";
import { type Network, networkKey } from "../../lib/core/directory.ts";
import { type CommonOptions, note, reportChange, withChangeOptions, withListOptions } from "./change.ts";
import { connect } from "./connect.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { tenantNamed } from "./tenant.ts";

interface AddOptions extends CommonOptions {
  readonly tenant: string;
  readonly label?: string;
  readonly wide?: boolean;
  readonly allowPlaintext?: boolean;
}

/** Adds the group. */
export function addNetworkCommand(program: Command): void {
  const group = program.command("network").description("servers that send without a login, known by their address");
  addAdd(group);
  addList(group);
  addRemove(group);
  addPauseAndResume(group);
}

function addAdd(group: Command): void {
  withChangeOptions(
    group
      .command("add")
      .description("let servers send for a tenant by their address")
      .argument("<cidr...>", "addresses or networks")
      .requiredOption("--tenant <id>", "whose servers they are")
      .option("--label <text>", "for people: which server")
      .option("--allow-plaintext", "take mail without TLS: for printers and old programs only")
      .option("--wide", "take networks wider than /16 (IPv6: /32)"),
  )
    .addHelpText(
      "after",
      "\nA login is the safer way: an address says nothing about who uses it today.\n\nExamples:\n  relayhost network add 192.0.2.25 --tenant acme --label plesk1\n  relayhost network add 192.0.2.0/28 2001:db8:1::/64 --tenant acme --env prod",
    )
    .action(async (texts: string[], options: AddOptions) => {
      const mistakes = new Mistakes();
      const id = mistakes.read("--tenant", options.tenant, tenantId);
      const name = mistakes.read("--label", options.label, serverLabel);
      const cidrs = texts.map((text) => mistakes.read("network", text, networkCidr(options.wide === true)));
      mistakes.end();
      const { directory } = await connect(options.env);
      await tenantNamed(directory, id ?? "");
      const rows = [...new Set(cidrs)]
        .filter((cidr) => cidr !== undefined)
        .map(
          (cidr): Network => ({
            kind: "network",
            cidr,
            tenant: id ?? "",
            label: name ?? cidr,
            status: "active",
            tlsRequired: options.allowPlaintext !== true,
          }),
        );
      const present = await scanRows(directory, "network");
      const taken = rows.flatMap((row) => present.filter(({ cidr }) => cidr === row.cidr));
      if (taken.length > 0) {
        throw new CommandError(taken.map(({ cidr, tenant }) => `${cidr} is there already, for ${tenant}`).join("\n"));
      }
      for (const row of rows) warnOfOverlap(row, present);
      for (const row of options.dryRun === true ? [] : rows) {
        if (!(await createRow(directory, row))) throw new CommandError(`${row.cidr} is there already`);
      }
      reportChange(options, `added ${rows.map(({ cidr }) => cidr).join(", ")} for ${id ?? ""}`, { networks: rows });
    });
}

/** The most specific network decides, which may surprise whoever added the other. */
function warnOfOverlap(row: Network, present: readonly Network[]): void {
  for (const other of present) {
    if (other.tenant === row.tenant) continue;
    const relation = cidrRelation(row.cidr, other.cidr);
    if (relation === "inside")
      note(`${row.cidr} is a part of ${other.cidr} of ${other.tenant}; it now counts as ${row.tenant}'s`);
    if (relation === "around")
      note(`${other.cidr} of ${other.tenant} is a part of ${row.cidr} and stays ${other.tenant}'s`);
  }
}

function addList(group: Command): void {
  withListOptions(group.command("list").description("all networks").option("--tenant <id>", "only of this tenant"))
    .addHelpText("after", "\nExample:\n  relayhost network list --tenant acme")
    .action(async (options: CommonOptions & { tenant?: string }) => {
      const { directory } = await connect(options.env);
      const rows =
        options.tenant === undefined
          ? await scanRows(directory, "network")
          : (await listTenantRows(directory, options.tenant)).filter((row) => row.kind === "network");
      const sorted = rows.toSorted((a, b) => (`${a.tenant} ${a.cidr}` < `${b.tenant} ${b.cidr}` ? -1 : 1));
      if (options.json === true) printJson(sorted);
      else {
        printTable(
          ["NETWORK", "TENANT", "STATE", "TLS", "LABEL"],
          sorted.map((row) => [
            row.cidr,
            row.tenant,
            row.status,
            row.tlsRequired ? "required" : "not asked",
            row.label,
          ]),
        );
      }
    });
}

function addRemove(group: Command): void {
  withChangeOptions(group.command("remove").description("let these servers send no more").argument("<cidr...>"))
    .addHelpText("after", "\nExample:\n  relayhost network remove 192.0.2.0/28")
    .action(async (texts: string[], options: CommonOptions) => {
      const { directory } = await connect(options.env);
      const rows = await networksNamed(directory, texts);
      for (const { cidr } of options.dryRun === true ? [] : rows) await deleteRow(directory, networkKey(cidr));
      reportChange(options, `removed ${rows.map(({ cidr }) => cidr).join(", ")}`, { networks: rows });
    });
}

function addPauseAndResume(group: Command): void {
  for (const [name, status, past, description] of [
    ["pause", "paused", "paused", "take no mail from these servers for now; they keep it and try again"],
    ["resume", "active", "resumed", "take mail from these servers again"],
  ] as const) {
    withChangeOptions(group.command(name).description(description).argument("<cidr...>"))
      .addHelpText("after", `\nExample:\n  relayhost network ${name} 192.0.2.0/28`)
      .action(async (texts: string[], options: CommonOptions) => {
        const { directory } = await connect(options.env);
        const rows = await networksNamed(directory, texts);
        for (const { cidr } of options.dryRun === true ? [] : rows) {
          await changeRow(directory, networkKey(cidr), { status });
        }
        const networks = rows.map((row) => ({ ...row, status }));
        reportChange(options, `${past} ${rows.map(({ cidr }) => cidr).join(", ")}; the edge knows within a minute`, {
          networks,
        });
      });
  }
}

/** The networks by any spelling; all mistakes at once. */
async function networksNamed(directory: Parameters<typeof readRow>[0], texts: readonly string[]): Promise<Network[]> {
  const rows: Network[] = [];
  const missing: string[] = [];
  for (const text of texts) {
    const cidr = canonicalCidr(text);
    const row = cidr === undefined ? undefined : await readRow(directory, networkKey(cidr));
    if (row?.kind === "network") rows.push(row);
    else missing.push(text);
  }
  if (missing.length > 0) throw new CommandError(`there is no network ${missing.join(", ")}`, EXIT.notFound);
  return rows;
}
