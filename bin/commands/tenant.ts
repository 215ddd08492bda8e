/** `relayhost tenant add|list|show|set|pause|resume|end|erase`: customers, their contracts and what they may do. */

import type { Command } from "commander";
import {
  changeRow,
  createRow,
  type Directory,
  deleteRow,
  listTenantRows,
  readRow,
  scanRows,
  writeRow,
} from "../../lib/aws/directory-dynamo.ts";
import { label, mailAddress, startTime, tenantId } from "../../lib/config/tenant-settings.ts";
import { senderPauseKey, type Tenant, tenantKey } from "../../lib/core/directory.ts";
import { type CommonOptions, note, reportChange, timeText, withChangeOptions, withListOptions } from "./change.ts";
import { type Connection, connect } from "./connect.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { addEraseCommand } from "./tenant-erase.ts";
import { readSettings, type SettingTexts, withSettings } from "./tenant-settings.ts";
import { shownCredential, shownTenant, tenantLines } from "./tenant-view.ts";

type Options = CommonOptions & SettingTexts;

/** Adds the group; whoever adds a command about tenants takes it from here. */
export function addTenantCommand(program: Command): Command {
  const group = program.command("tenant").description("customers: who may send, under which contract");
  addAdd(group);
  addList(group);
  addShow(group);
  addSet(group);
  addPause(group);
  addResume(group);
  addEnd(group);
  addEraseCommand(group);
  return group;
}

function addAdd(group: Command): void {
  const command = group
    .command("add")
    .description("take in a tenant")
    .argument("<id>", "short name, for ever: a-z 0-9 -");
  withChangeOptions(withSettings(command))
    .addHelpText(
      "after",
      `
Dates are days in this machine's time zone, the last one included; or give an instant with its offset.

Examples:
  relayhost tenant add acme --name "Acme Web K.K." --language ja --contact postmaster@acme.example
  relayhost tenant add acme --name Acme --start 2026-12-01 --end 2027-03-31 --monthly-messages 200000 \\
    --price 120 --currency JPY --price-per recipient --foreign-from rewrite --env prod`,
    )
    .action(async (id: string, options: Options) => {
      const mistakes = new Mistakes();
      mistakes.read("id", id, tenantId);
      const settings = readSettings(options, {}, mistakes);
      if (typeof options["name"] !== "string") mistakes.add("--name is missing");
      mistakes.end();
      const connection = await connect(options.env);
      const tenant = {
        kind: "tenant",
        id,
        status: "active",
        language: "en",
        ...settings,
      } as unknown as Tenant;
      if (options.dryRun === true) {
        if ((await readRow(connection.directory, tenantKey(id))) !== undefined) throw existsAlready(id);
      } else {
        if (!(await createRow(connection.directory, tenant))) throw existsAlready(id);
        await makeSesTenant(connection, id);
      }
      const secret = tenant.webhook?.secret;
      reportChange(options, `added tenant ${id}`, {
        tenant: shownTenant(tenant),
        ...(secret === undefined ? {} : { webhookSecret: secret }),
      });
      warnOfWebhooks(tenant, connection);
      if (options.json !== true) showNext(tenant, options);
    });
}

function existsAlready(id: string): CommandError {
  return new CommandError(`tenant ${id} is there already; relayhost tenant set ${id} changes it`);
}

/** A tenant may have its webhook before the environment sends any. */
function warnOfWebhooks({ id, webhook }: Tenant, { names }: Connection): void {
  if (webhook === undefined || names.webhooks) return;
  note(
    `this environment sends no webhooks: nothing is posted for ${id} until "webhooks" is true in cdk.json and deployed`,
  );
}

function showNext(tenant: Tenant, options: CommonOptions): void {
  const env = options.env === undefined ? "" : ` --env ${options.env}`;
  if (tenant.webhook !== undefined) console.log(`Secret of the webhook, shown once: ${tenant.webhook.secret}`);
  console.log(`Next: relayhost credential add --tenant ${tenant.id}${env}`);
  console.log(`      relayhost domain add --tenant ${tenant.id}${env} <domain...>`);
}

/** Where the environment gives each tenant one of SES. Repeated by `domain add`, should it fail here. */
async function makeSesTenant(connection: Connection, id: string): Promise<void> {
  if (!connection.names.sesTenants) return;
  const { makeSesControl } = await import("../../lib/aws/ses-control.ts");
  const { ensureSesTenant } = await import("../../lib/aws/ses-tenants.ts");
  const ses = makeSesControl(connection.names.sesCallsPerSecond);
  await ensureSesTenant(ses, id, connection.names.configurationSet);
  ses.destroy();
}

function addList(group: Command): void {
  withListOptions(group.command("list").description("all tenants"))
    .addHelpText("after", "\nExamples:\n  relayhost tenant list\n  relayhost tenant list --env prod --json")
    .action(async (options: CommonOptions) => {
      const { directory } = await connect(options.env);
      const tenants = (await scanRows(directory, "tenant")).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      if (options.json === true) {
        printJson(tenants.map(shownTenant));
        return;
      }
      const now = Date.now();
      printTable(
        ["ID", "STATE", "LANG", "START", "END", "PRICE/1000", "NAME"],
        tenants.map((tenant) => [
          tenant.id,
          stateOf(tenant, now),
          tenant.language,
          dayText(tenant.startsAtMs),
          dayText(tenant.endsAtMs),
          tenant.price === undefined ? "" : `${tenant.price.per1000} ${tenant.price.currency}`,
          tenant.name,
        ]),
      );
    });
}

/** `active`, or why it may not send now. */
export function stateOf(tenant: Tenant, nowMs: number): string {
  if (tenant.endsAtMs !== undefined && tenant.endsAtMs <= nowMs) return "ended";
  if (tenant.status === "paused") return tenant.pause?.by === "breaker" ? "paused (breaker)" : "paused";
  if (tenant.startsAtMs !== undefined && tenant.startsAtMs > nowMs) return "not begun";
  if (tenant.limitReachedMonth === new Date(nowMs).toISOString().slice(0, 7)) return "limit reached";
  return "active";
}

function dayText(ms: number | undefined): string {
  return ms === undefined ? "" : timeText(ms).slice(0, 16);
}

function addShow(group: Command): void {
  withListOptions(group.command("show").description("one tenant with all that belongs to it").argument("<id>"))
    .addHelpText("after", "\nExample:\n  relayhost tenant show acme --env prod")
    .action(async (id: string, options: CommonOptions) => {
      const { directory } = await connect(options.env);
      const tenant = await tenantNamed(directory, id);
      const rows = await listTenantRows(directory, id);
      const credentials = rows.filter((row) => row.kind === "credential").map(shownCredential);
      const networks = rows.filter((row) => row.kind === "network");
      const domains = rows.filter((row) => row.kind === "domain");
      const pausedSenders = rows.filter((row) => row.kind === "sender-pause");
      if (options.json === true) {
        printJson({ tenant: shownTenant(tenant), credentials, networks, domains, pausedSenders });
        return;
      }
      for (const line of tenantLines(tenant, stateOf(tenant, Date.now()))) console.log(line);
      const pending = domains.filter(({ status }) => status === "pending").length;
      console.log(`credentials       ${credentials.map(({ login }) => login).join(", ") || "none"}`);
      console.log(`networks          ${networks.map(({ cidr }) => cidr).join(", ") || "none"}`);
      console.log(`domains           ${domains.length}${pending === 0 ? "" : `, ${pending} of them not verified`}`);
      for (const { sender, pause } of pausedSenders) console.log(`paused sender     ${sender}: ${pause.reason}`);
    });
}

/** The tenant, or the exit code for what is not there. */
export async function tenantNamed(directory: Directory, id: string): Promise<Tenant> {
  const row = await readRow(directory, tenantKey(id));
  if (row?.kind !== "tenant") throw new CommandError(`there is no tenant ${id}`, EXIT.notFound);
  return row;
}

function addSet(group: Command): void {
  const command = group.command("set").description("change a tenant's settings").argument("<id>");
  withChangeOptions(withSettings(command))
    .addHelpText(
      "after",
      `
"none" takes an optional setting away. Everything not named stays.

Examples:
  relayhost tenant set acme --end 2027-06-30 --monthly-messages none
  relayhost tenant set acme --foreign-from rewrite --rewrite-domain acme.example --dry-run`,
    )
    .action(async (id: string, options: Options) => {
      const connection = await connect(options.env);
      const { directory } = connection;
      const tenant = await tenantNamed(directory, id);
      const mistakes = new Mistakes();
      const changes = readSettings(options, tenant, mistakes);
      if (Object.keys(changes).length === 0) mistakes.add("nothing to change: name at least one setting");
      mistakes.end();
      if (options.dryRun !== true && !(await changeRow(directory, tenantKey(id), changes))) {
        throw new CommandError(`there is no tenant ${id}`, EXIT.notFound);
      }
      const changed = { ...tenant, ...changes };
      const fresh = tenant.webhook === undefined ? changed.webhook?.secret : undefined;
      reportChange(options, `changed tenant ${id}`, {
        tenant: shownTenant(changed),
        ...(fresh === undefined ? {} : { webhookSecret: fresh }),
      });
      if ("webhook" in changes) warnOfWebhooks(changed, connection);
      if (options.json === true) return;
      for (const line of tenantLines(changed, stateOf(changed, Date.now()))) console.log(line);
      if (fresh !== undefined) console.log(`Secret of the webhook, shown once: ${fresh}`);
    });
}

function addPause(group: Command): void {
  withChangeOptions(
    group
      .command("pause")
      .description("take no more mail of a tenant, or of one of its senders; its servers keep it and try again")
      .argument("<id>")
      .requiredOption("--reason <text>", "shown to you, and in short to its postmaster")
      .option("--sender <address>", "only this envelope sender"),
  )
    .addHelpText(
      "after",
      '\nExamples:\n  relayhost tenant pause acme --reason "invoice of May"\n  relayhost tenant pause acme --sender www@shop.acme.example --reason "web form abused"',
    )
    .action(async (id: string, options: CommonOptions & { reason: string; sender?: string }) => {
      const mistakes = new Mistakes();
      const reason = mistakes.read("--reason", options.reason, label) ?? "";
      const sender = mistakes.read("--sender", options.sender, mailAddress)?.toLowerCase();
      mistakes.end();
      const { directory } = await connect(options.env);
      await tenantNamed(directory, id);
      const pause = { by: "operator", reason, atMs: Date.now() } as const;
      if (options.dryRun !== true) {
        if (sender === undefined) await changeRow(directory, tenantKey(id), { status: "paused", pause });
        else await writeRow(directory, { kind: "sender-pause", tenant: id, sender, pause });
      }
      reportChange(options, `paused ${sender ?? `tenant ${id}`}; the edge knows within a minute`, {
        id,
        sender,
        pause,
      });
    });
}

function addResume(group: Command): void {
  withChangeOptions(
    group
      .command("resume")
      .description("lift a pause, the operator's or the breaker's")
      .argument("<id>")
      .option("--sender <address>", "only the pause of this envelope sender"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost tenant resume acme\n  relayhost tenant resume acme --sender www@shop.acme.example",
    )
    .action(async (id: string, options: CommonOptions & { sender?: string }) => {
      const mistakes = new Mistakes();
      const sender = mistakes.read("--sender", options.sender, mailAddress)?.toLowerCase();
      mistakes.end();
      const { directory } = await connect(options.env);
      const tenant = await tenantNamed(directory, id);
      const row = sender === undefined ? tenant : await readRow(directory, senderPauseKey(id, sender));
      const was = row?.kind === "tenant" || row?.kind === "sender-pause" ? row.pause : undefined;
      if (row === undefined || (row.kind === "tenant" && row.status !== "paused")) {
        throw new CommandError(`${sender ?? `tenant ${id}`} is not paused`, EXIT.notFound);
      }
      if (options.dryRun !== true) {
        if (sender === undefined) await changeRow(directory, tenantKey(id), { status: "active", pause: undefined });
        else await deleteRow(directory, senderPauseKey(id, sender));
      }
      const why = was === undefined ? "" : ` (was paused by the ${was.by}: ${was.reason})`;
      reportChange(options, `resumed ${sender ?? `tenant ${id}`}${why}; the edge knows within a minute`, {
        id,
        sender,
        was,
      });
    });
}

function addEnd(group: Command): void {
  withChangeOptions(
    group
      .command("end")
      .description("end the contract: from then on nothing is accepted; what was accepted is still delivered")
      .argument("<id>")
      .option("--at <date>", "an instant, or a day, of which nothing is accepted any more (default: now)"),
  )
    .addHelpText(
      "after",
      "\nSettings, domains and records stay; `tenant set <id> --end none` begins again, `tenant erase` removes all.\n\nExamples:\n  relayhost tenant end acme\n  relayhost tenant end acme --at 2027-04-01",
    )
    .action(async (id: string, options: CommonOptions & { at?: string }) => {
      const mistakes = new Mistakes();
      const endsAtMs = mistakes.read("--at", options.at, startTime) ?? Date.now();
      mistakes.end();
      const { directory } = await connect(options.env);
      await tenantNamed(directory, id);
      if (options.dryRun !== true) await changeRow(directory, tenantKey(id), { endsAtMs });
      reportChange(options, `ended the contract of ${id} at ${timeText(endsAtMs)}`, { id, endsAtMs });
    });
}
