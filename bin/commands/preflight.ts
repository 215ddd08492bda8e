/** `relayhost preflight`: what a mail server's log says of the switch to the relay, before it is made. */

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Command } from "commander";
import { listTenantRows, readRow } from "../../lib/aws/directory-dynamo.ts";
import { toAsciiDomain } from "../../lib/core/address.ts";
import { type Language, senderPolicy, tenantKey } from "../../lib/core/directory.ts";
import { parseMailLogLine } from "../../lib/core/preflight/mail-log-event.ts";
import { preflightCounter } from "../../lib/core/preflight/preflight-count.ts";
import { type PreflightTenant, preflightReport, preflightText } from "../../lib/core/preflight/preflight-report.ts";
import { connect } from "./connect.ts";
import { printJson } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

interface PreflightOptions {
  readonly env?: string;
  readonly tenant?: string;
  readonly domains?: string;
  readonly lang?: string;
  readonly json?: boolean;
}

/** Adds the command. */
export function addPreflightCommand(program: Command): void {
  program
    .command("preflight")
    .description("read a mail server's log and say what would happen after the switch to the relay")
    .argument("<logfile...>", "log of Postfix, Exim, sendmail or qmail; .gz too; - is standard input")
    .option("--tenant <id>", "compare with the domains and policy of this tenant")
    .option("--domains <file>", "compare with the domains in this file, one a line")
    .option("--lang <language>", "en or ja (default: the tenant's)")
    .option("--json", "as JSON")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      `
Examples:
  relayhost preflight /var/log/mail.log /var/log/mail.log.2.gz --tenant acme --env prod
  journalctl -u postfix@- -o short-iso | relayhost preflight - --domains domains.txt --lang ja`,
    )
    .action(async (files: string[], options: PreflightOptions) => {
      if (options.tenant !== undefined && options.domains !== undefined) {
        throw new CommandError("--tenant and --domains exclude each other", EXIT.usage);
      }
      if (options.lang !== undefined && options.lang !== "en" && options.lang !== "ja") {
        throw new CommandError("--lang is en or ja", EXIT.usage);
      }
      const { tenant, language } = await knownOf(options);
      const counter = preflightCounter();
      for (const file of files) {
        for await (const line of logLines(file)) counter.add(parseMailLogLine(line));
      }
      const report = preflightReport(counter.result(), tenant);
      if (options.json === true) printJson(report);
      else process.stdout.write(preflightText(report, options.lang ?? language, tenant));
    });
}

/** Lines of a log, whatever its size; a `.gz` is unpacked. Throws a `CommandError` when the file cannot be read. */
export async function* logLines(file: string): AsyncGenerator<string> {
  const source: Readable = file === "-" ? process.stdin : createReadStream(file);
  const unpack = createGunzip();
  const input = file.endsWith(".gz") ? source.pipe(unpack) : source;
  source.once("error", (error) => input.destroy(error));
  try {
    // Bytes that are no UTF-8 become replacement characters: addresses in envelopes are ASCII.
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    if (input.errored !== null) throw input.errored;
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function knownOf(
  options: PreflightOptions,
): Promise<{ tenant: PreflightTenant | undefined; language: Language }> {
  if (options.domains !== undefined) {
    const names = (await readFile(options.domains, "utf8")).split(/\s+/).filter((name) => name !== "");
    const domains = new Map(names.map((name) => [toAsciiDomain(name) ?? name, "verified"] as const));
    return { tenant: { domains, policy: { foreignFrom: "refuse", systemMail: "rewrite" } }, language: "en" };
  }
  if (options.tenant === undefined) return { tenant: undefined, language: "en" };
  const { directory } = await connect(options.env);
  const row = await readRow(directory, tenantKey(options.tenant));
  if (row?.kind !== "tenant") throw new CommandError(`there is no tenant ${options.tenant}`, EXIT.notFound);
  const rows = await listTenantRows(directory, row.id);
  const domains = new Map(rows.flatMap((one) => (one.kind === "domain" ? [[one.domain, one.status] as const] : [])));
  return { tenant: { domains, policy: senderPolicy(row) }, language: row.language };
}
