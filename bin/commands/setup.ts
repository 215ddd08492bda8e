/** `relayhost setup`: what has to be changed on a mail server, with the tenant's own values. */

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { listTenantRows, readRow } from "../../lib/aws/directory-dynamo.ts";
import { credentialKey, type Language, tenantKey } from "../../lib/core/directory.ts";
import type { SelectedDomain } from "../../lib/core/setup/selected-domains.ts";
import { setupPage, undoPage } from "../../lib/core/setup/setup-page.ts";
import { checkSetupValues, type SetupValues } from "../../lib/core/setup/setup-plan.ts";
import { setupScript } from "../../lib/core/setup/setup-script.ts";
import { SETUP_SERVERS, type SetupServer } from "../../lib/core/setup/setup-servers.ts";
import { type Connection, connect } from "./connect.ts";
import { resolverFor } from "./domain-dns.ts";
import { CommandError, EXIT } from "./report.ts";
import { defaultCacheFile, selectDomains } from "./select-domains.ts";

/** What the text is to be made from. */
export interface SetupOptions {
  readonly env?: string;
  readonly tenant?: string;
  readonly credential?: string;
  readonly login: boolean;
  readonly passwordFile?: string;
  readonly host?: string;
  readonly port: string;
  readonly tls?: boolean;
  readonly caFile?: string;
  readonly senderDomain?: string;
  readonly lang?: string;
  readonly onlyGoogleMicrosoft?: boolean;
  readonly recipients: string[];
  readonly log: string[];
  readonly also: string[];
  readonly resolver?: string[];
  readonly cache?: string;
  readonly script?: boolean;
  readonly undo?: boolean;
}

/** Adds the command. */
export function addSetupCommand(program: Command): void {
  program
    .command("setup")
    .description("print what to change on a mail server, how to see that it works, and the way back")
    .argument("<server>", SETUP_SERVERS.map(({ name }) => name).join(", "))
    .option("--tenant <id>", "whose server it is: gives language, login and domain")
    .option("--credential <login>", "the login of this server (with --tenant: its only one, if it has one)")
    .option("--no-login", "the server's address is on the relay's list: no login")
    .option("--password-file <file>", "put the password in, from a file (- is standard input)")
    .option("--host <name>", "name of the relay (default: that of the environment)")
    .option("--port <n>", "its port; 465 speaks TLS from the first byte", "587")
    .option("--tls", "TLS from the first byte on another port than 465")
    .option("--ca-file <path>", "certification authorities, where the system does not keep them in the usual place")
    .option("--sender-domain <domain>", "for the examples (default: the tenant's first domain)")
    .option("--lang <language>", "en or ja (default: the tenant's)")
    .option("--only-google-microsoft", "only mail to domains at Google and Microsoft goes through the relay")
    .option("--recipients <file...>", "with it: recipient domains or addresses, one a line", [])
    .option("--log <file...>", "with it: recipient domains from a mail log", [])
    .option("--also <domain...>", "with it: these too, whoever runs them", [])
    .option("--resolver <address...>", "with it: name servers to ask for MX (default: the system's)")
    .option("--cache <file>", "with it: where answers are kept for a day (default: in ~/.cache/relayhost)")
    .option("--script", "a POSIX shell script that makes the change and can undo it")
    .option("--undo", "only the way back; with --script, a script that undoes when it is started")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      `
Examples:
  relayhost setup postfix --tenant acme --credential srv1 --env prod
  relayhost setup postfix --tenant acme --only-google-microsoft --log /var/log/mail.log
  relayhost setup exim --host relay.example.net --credential srv1 --lang ja
  relayhost setup postfix --tenant acme --script >relay.sh    (on the server: sh relay.sh; sh relay.sh undo)`,
    )
    .action(async (name: string, options: SetupOptions) => {
      const server = SETUP_SERVERS.find((candidate) => candidate.name === name);
      if (server === undefined) {
        const names = SETUP_SERVERS.map((candidate) => candidate.name).join(", ");
        throw new CommandError(`no set-up for ${name}; there are ${names}`, EXIT.usage);
      }
      process.stdout.write(await setupText(server, options));
    });
}

/** The page or the script. Throws `CommandError` for what does not fit together. */
export async function setupText(server: SetupServer, options: SetupOptions): Promise<string> {
  const tenant = await readTenant(options);
  const language = languageOf(options.lang, tenant?.language);
  const only = await selectedOf(server, options);
  const values = { ...(await valuesOf(options, tenant)), ...(only === undefined ? {} : { only }) };
  const problems = checkSetupValues(values);
  if (problems.length > 0) throw new CommandError(problems.join("\nrelayhost: "), EXIT.usage);
  const plan = server.plan(values);
  if (options.script === true) {
    if (!plan.scriptable) {
      throw new CommandError(
        `${plan.title} is not set up by a shell script; relayhost setup ${server.name} without --script prints what to do`,
        EXIT.usage,
      );
    }
    const startsWith = options.undo === true ? "undo" : "apply";
    return setupScript(server.name, plan, values, { language, startsWith });
  }
  return options.undo === true ? undoPage(plan, values, language) : setupPage(plan, values, language);
}

/** The recipient domains of a selective relay. Undefined: everything goes through the relay. */
async function selectedOf(server: SetupServer, options: SetupOptions): Promise<readonly SelectedDomain[] | undefined> {
  const { recipients, log: logs, also } = options;
  if (options.onlyGoogleMicrosoft !== true) {
    if (recipients.length + logs.length + also.length === 0) return undefined;
    throw new CommandError("--recipients, --log and --also go with --only-google-microsoft", EXIT.usage);
  }
  if (!server.selective) {
    throw new CommandError(
      `${server.name} sends everything to one server: --only-google-microsoft has no meaning for it`,
      EXIT.usage,
    );
  }
  const cacheFile = options.cache ?? defaultCacheFile(process.env);
  const { domains, warnings } = await selectDomains(
    { recipients, logs, also, cacheFile },
    resolverFor(options.resolver),
    Date.now(),
  );
  for (const warning of warnings) process.stderr.write(`relayhost: ${warning}\n`);
  return domains;
}

/** What the directory says. */
interface TenantValues {
  readonly connection: Connection;
  readonly language: Language;
  readonly logins: readonly string[];
  readonly domains: readonly string[];
}

async function readTenant(options: SetupOptions): Promise<TenantValues | undefined> {
  if (options.tenant === undefined) return undefined;
  const connection = await connect(options.env);
  const row = await readRow(connection.directory, tenantKey(options.tenant));
  if (row?.kind !== "tenant") throw new CommandError(`there is no tenant ${options.tenant}`, EXIT.notFound);
  const rows = await listTenantRows(connection.directory, row.id);
  return {
    connection,
    language: row.language,
    logins: rows.flatMap((candidate) => (candidate.kind === "credential" ? [candidate.login] : [])),
    domains: rows.flatMap((candidate) => (candidate.kind === "domain" ? [candidate.domain] : [])).toSorted(),
  };
}

function languageOf(given: string | undefined, tenants: Language | undefined): Language {
  const language = given ?? tenants ?? "en";
  if (language !== "en" && language !== "ja") throw new CommandError("--lang is en or ja", EXIT.usage);
  return language;
}

async function valuesOf(options: SetupOptions, tenant: TenantValues | undefined): Promise<SetupValues> {
  const port = Number(options.port);
  const login = await loginOf(options, tenant);
  const host = options.host ?? (tenant?.connection ?? (await connect(options.env))).names.hostName;
  const password = options.passwordFile === undefined ? undefined : await readPassword(options.passwordFile);
  return {
    host,
    port,
    implicitTls: options.tls === true || port === 465,
    ...(login === undefined ? {} : { login }),
    ...(password === undefined || login === undefined ? {} : { password }),
    ...(options.caFile === undefined ? {} : { caFile: options.caFile }),
    senderDomain: options.senderDomain ?? tenant?.domains[0] ?? "a.example",
  };
}

/** The one given, if it is the tenant's; else the only one that the tenant has. */
async function loginOf(options: SetupOptions, tenant: TenantValues | undefined): Promise<string | undefined> {
  const { credential } = options;
  if (!options.login) {
    if (credential !== undefined) throw new CommandError("--credential and --no-login exclude each other", EXIT.usage);
    return undefined;
  }
  if (tenant === undefined) {
    if (credential === undefined) {
      throw new CommandError("name the login with --credential (or --tenant), or say --no-login", EXIT.usage);
    }
    if (options.host === undefined) {
      const { directory } = await connect(options.env);
      if ((await readRow(directory, credentialKey(credential))) === undefined) {
        throw new CommandError(`there is no credential ${credential}`, EXIT.notFound);
      }
    }
    return credential;
  }
  if (credential !== undefined) {
    if (tenant.logins.includes(credential)) return credential;
    throw new CommandError(`${options.tenant} has no credential ${credential}`, EXIT.notFound);
  }
  const [only, ...others] = tenant.logins;
  if (only === undefined) {
    throw new CommandError(`${options.tenant} has no credential; add one, or say --no-login`, EXIT.notFound);
  }
  if (others.length > 0) {
    throw new CommandError(`which one? --credential ${tenant.logins.toSorted().join(" | ")}`, EXIT.usage);
  }
  return only;
}

async function readPassword(file: string): Promise<string> {
  const text = await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  return text.replace(/\r?\n$/, "");
}
