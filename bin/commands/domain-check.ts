/** `relayhost domain check`: asks SES how far each domain is, and puts the directory right. */

import type { Command } from "commander";
import { changeRow, setDomainStatus } from "../../lib/aws/directory-dynamo.ts";
import { makeSesControl, type SesControl } from "../../lib/aws/ses-control.ts";
import { type IdentityState, readIdentity } from "../../lib/aws/ses-identities.ts";
import { domainKey, type Language, type SenderDomain } from "../../lib/core/directory.ts";
import { sesCheckWords } from "../../lib/core/dns/ses-check-words.ts";
import { type CommonOptions, withListOptions } from "./change.ts";
import { type Connection, connect } from "./connect.ts";
import { makeRecordCheck, type RecordReport, recordLines } from "./domain-dns.ts";
import { domainsNamed } from "./domains-named.ts";
import { plainText, printJson, printTable } from "./output.ts";
import { startProgress } from "./progress.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options extends CommonOptions {
  readonly tenant?: string;
  readonly pending?: boolean;
  readonly asIfPublished?: boolean;
  readonly resolver?: string[];
  readonly lang?: string;
}

/** What came of it, in words. */
export interface Checked {
  readonly domain: string;
  readonly tenant: string;
  readonly status: SenderDomain["status"];
  readonly dkim: string;
  readonly mailFrom: string;
  readonly todo: string;
  /** What DNS says of each wanted record; absent where DNS was not asked. */
  readonly records?: readonly RecordReport[];
}

/** Adds the command. */
export function addCheckCommand(group: Command): void {
  withListOptions(
    group
      .command("check")
      .description("ask SES and DNS how far domains are; what SES has verified may send at once")
      .argument("[domain...]", "default: all of --tenant")
      .option("--tenant <id>", "all domains of this tenant")
      .option("--pending", "only those that wait for SES")
      .option("--resolver <address...>", "name servers to ask, with :port if not 53 (default: the system's)")
      .option("--lang <language>", "of what is said to do: en or ja", "en")
      .option("--as-if-published", "local mode: behave as if DNS held the records"),
  )
    .addHelpText(
      "after",
      `
DNS is asked for each record that is wanted, and a mistake in one is named below the table.
SES looks for the records by itself for 72 hours, usually it takes minutes. The relay asks it every five minutes too.
Exit code 1: a domain is not verified.

Examples:
  relayhost domain check a.example
  relayhost domain check --tenant acme --pending --env prod`,
    )
    .action(async (words: string[], options: Options) => {
      if (options.asIfPublished === true && options.env !== undefined) {
        throw new CommandError("--as-if-published is for local mode, which has no DNS", EXIT.usage);
      }
      if (options.lang !== "en" && options.lang !== "ja") throw new CommandError("--lang is en or ja", EXIT.usage);
      const connection = await connect(options.env);
      // Local mode has no DNS of its own, and the world's knows nothing of its tokens.
      const asksDns = options.env !== undefined || options.resolver !== undefined;
      const recordsOf = asksDns ? makeRecordCheck(options.resolver, options.lang) : undefined;
      const rows = await domainsNamed(connection.directory, words, options);
      const ses = makeSesControl(connection.names.sesCallsPerSecond);
      const progress = startProgress(rows.length, "domains checked");
      const results: Checked[] = [];
      for (const [index, row] of rows.entries()) {
        progress.step(index, row.domain);
        if (options.asIfPublished === true) await publishLocally(row.domain);
        const checked = await checkDomain(connection, ses, row, options.lang);
        const identity = checked.identity;
        const records = identity === undefined ? undefined : await recordsOf?.(row.domain, identity);
        results.push({ ...checked.result, ...(records === undefined ? {} : { records }) });
      }
      progress.end();
      ses.destroy();
      show(results, options);
      if (results.some(({ status }) => status !== "verified")) process.exitCode = EXIT.failed;
    });
}

function show(results: readonly Checked[], options: Options): void {
  if (options.json === true) {
    printJson(results);
    return;
  }
  printTable(
    ["DOMAIN", "STATE", "DKIM", "MAIL FROM", "TO DO"],
    results.map(({ domain, status, dkim, mailFrom, todo }) => [domain, status, dkim, mailFrom, todo]),
  );
  for (const line of results.flatMap(({ records }) => recordLines(records ?? []))) console.log(plainText(line));
}

/** One domain: what SES says, written to the directory where that differs. `language`: of what to do. */
export async function checkDomain(
  connection: Connection,
  ses: SesControl,
  row: SenderDomain,
  language: Language,
): Promise<{ readonly result: Checked; readonly identity?: IdentityState["identity"] }> {
  const { directory, names } = connection;
  const { domain, tenant } = row;
  const state = await readIdentity(ses, domain, names.region);
  if (state === undefined) {
    const covered = row.status === "verified" && row.ses === undefined;
    const todo = covered ? "" : sesCheckWords(undefined, language);
    return { result: { domain, tenant, status: row.status, dkim: "none", mailFrom: "none", todo } };
  }
  if (row.ses === undefined || !sameIdentity(row.ses, state.identity)) {
    await changeRow(directory, domainKey(domain), { ses: state.identity }, { tenant });
  }
  const status = state.verified ? "verified" : "pending";
  if (status !== row.status) await setDomainStatus(directory, domain, status);
  const result = {
    domain,
    tenant,
    status,
    dkim: stateWord(state.dkim),
    mailFrom: state.mailFrom === undefined ? "none" : stateWord(state.mailFrom),
    todo: sesCheckWords(state, language),
  } as const;
  return { result, identity: state.identity };
}

function sameIdentity(a: NonNullable<SenderDomain["ses"]>, b: NonNullable<SenderDomain["ses"]>): boolean {
  return a.dkimTokens.join() === b.dkimTokens.join() && a.dkimZone === b.dkimZone && a.mailFrom === b.mailFrom;
}

/** `SUCCESS` to `good`, `TEMPORARY_FAILURE` to `temporary failure`. */
function stateWord(word: string): string {
  return word === "SUCCESS" ? "good" : word.toLowerCase().replaceAll("_", " ");
}

/** There is no DNS in local mode, so local SES is told. */
async function publishLocally(identity: string): Promise<void> {
  const response = await fetch(`${process.env["AWS_ENDPOINT_URL"] ?? ""}/local/verify`, {
    method: "POST",
    body: JSON.stringify({ identity }),
  });
  if (!response.ok) throw new CommandError(`local SES answered ${response.status}: ${await response.text()}`);
}
