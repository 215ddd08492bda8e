/** `relayhost doctor`: why mail of a domain or an address is refused, and what to do about it, the most pressing first. */

import { hostname } from "node:os";
import type { Command } from "commander";
import { listTenantRows, readRow } from "../../lib/aws/directory-dynamo.ts";
import { toAsciiDomain } from "../../lib/core/address.ts";
import { canonicalIp } from "../../lib/core/cidr.ts";
import { type Language, tenantKey } from "../../lib/core/directory.ts";
import { type BlockList, blockLists } from "../../lib/core/doctor/block-list-zones.ts";
import { demandsOn } from "../../lib/core/doctor/demands.ts";
import { type Diagnosis, doctorPage } from "../../lib/core/doctor/doctor-page.ts";
import { examineAddress } from "../../lib/core/doctor/examine-address.ts";
import { examineDomain } from "../../lib/core/doctor/examine-domain.ts";
import { sortFindings } from "../../lib/core/doctor/finding.ts";
import { ENV } from "../../lib/core/names.ts";
import { probeMxTls } from "../../lib/dns/mx-tls.ts";
import { connect } from "./connect.ts";
import { dqsKeyOf, resolverFor } from "./domain-dns.ts";
import { printJson } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

/** How to examine. */
export interface DoctorOptions {
  readonly env?: string;
  readonly tenant?: string;
  readonly dkimSelector?: string[];
  readonly ip?: string[];
  readonly helo?: string;
  readonly resolver?: string[];
  readonly lists: boolean;
  readonly tls: boolean;
  readonly lang?: string;
  readonly json?: boolean;
}

/** Adds the command. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("examine a domain or an address as receivers do, and list what to do, the most pressing first")
    .argument("<subject...>", "domains, IP addresses, or all (with --tenant: its domains and addresses)")
    .option("--dkim-selector <selector...>", "DKIM selectors of the domain")
    .option("--ip <address...>", "addresses from which the domain sends directly: SPF is evaluated for them")
    .option("--helo <name>", "name that the server at the address gives in EHLO")
    .option("--tenant <id>", "whose domains and addresses `all` means; gives the language")
    .option("--resolver <address...>", "name servers to ask, with :port if not 53 (default: the system's)")
    .option("--no-lists", "ask no block lists")
    .option("--no-tls", "do not connect to mail exchangers")
    .option("--lang <language>", "en or ja (default: the tenant's)")
    .option("--json", "as JSON")
    .option("--env <name>", "a deployed environment instead of local mode")
    .addHelpText(
      "after",
      `
Each block list is asked for its own test entries first; one that does not pass counts as "could not ask". Spamhaus refuses
public and cloud resolvers: set ${ENV.spamhausDqsKey} to a Data Query Service key, or name a resolver of your own.
Exit code 1: something has to be done first.

Examples:
  relayhost doctor a.example --dkim-selector default --ip 203.0.113.9
  relayhost doctor 203.0.113.9 --helo mail.a.example --lang ja
  relayhost doctor all --tenant acme --env prod --json`,
    )
    .action(async (words: string[], options: DoctorOptions) => {
      if (options.lang !== undefined && options.lang !== "en" && options.lang !== "ja") {
        throw new CommandError("--lang is en or ja", EXIT.usage);
      }
      const { subjects, language } = await subjectsOf(words, options);
      const examine = await makeExamination(options);
      const diagnoses: Diagnosis[] = [];
      for (const subject of subjects) {
        const diagnosis = await examine(subject);
        diagnoses.push(diagnosis);
        if (options.json !== true) {
          process.stdout.write(`${diagnoses.length > 1 ? "\n" : ""}${doctorPage(diagnosis, options.lang ?? language)}`);
        }
      }
      if (options.json === true) printJson(diagnoses);
      if (diagnoses.some(({ findings }) => findings.some(({ severity }) => severity === "must"))) {
        process.exitCode = EXIT.failed;
      }
    });
}

/** One resolver for all: what is asked twice is asked once, the tests of the lists too. */
export async function makeExamination(options: DoctorOptions): Promise<(subject: string) => Promise<Diagnosis>> {
  const dns = resolverFor(options.resolver);
  const key = dqsKeyOf(process.env);
  const lists: BlockList[] = options.lists ? blockLists(key) : [];
  const addresses = (options.ip ?? []).map((text) => {
    const address = canonicalIp(text);
    if (address === undefined) throw new CommandError(`--ip ${text} is not an IP address`, EXIT.usage);
    return address;
  });
  // The library is large, and no other command needs it.
  const { makeSpfEvaluation } = await import("../../lib/dns/evaluate-spf.ts");
  const evaluateSpf = makeSpfEvaluation(dns);
  const helo = options.helo ?? hostname();
  return async (subject) => {
    const address = canonicalIp(subject);
    if (address !== undefined) {
      const findings = await examineAddress(
        { address, lists, ...(options.helo === undefined ? {} : { helo: options.helo }) },
        dns,
      );
      return { subject: address, findings: sortFindings(findings), demands: demandsOn(findings, "address") };
    }
    const findings = await examineDomain(
      {
        domain: subject,
        selectors: options.dkimSelector ?? [],
        addresses,
        lists,
        evaluateSpf,
        probeTls: (host) =>
          options.tls ? probeMxTls(host, { helo }) : Promise.resolve({ state: "could-not-ask", reason: "--no-tls" }),
      },
      dns,
    );
    return { subject, findings: sortFindings(findings), demands: demandsOn(findings, "domain") };
  };
}

async function subjectsOf(
  words: readonly string[],
  options: DoctorOptions,
): Promise<{ subjects: string[]; language: Language }> {
  const wantsAll = words.includes("all");
  if (wantsAll && options.tenant === undefined) throw new CommandError("all needs --tenant", EXIT.usage);
  const subjects: string[] = [];
  let language: Language = "en";
  if (options.tenant !== undefined) {
    const { directory } = await connect(options.env);
    const row = await readRow(directory, tenantKey(options.tenant));
    if (row?.kind !== "tenant") throw new CommandError(`there is no tenant ${options.tenant}`, EXIT.notFound);
    language = row.language;
    if (wantsAll) {
      for (const one of await listTenantRows(directory, row.id)) {
        if (one.kind === "domain") subjects.push(one.domain);
        // A network has too many addresses; a single one is a server.
        if (one.kind === "network" && /\/(?:32|128)$/.test(one.cidr)) subjects.push(one.cidr.replace(/\/\d+$/, ""));
      }
    }
  }
  for (const word of words) {
    if (word === "all") continue;
    const subject = canonicalIp(word) ?? toAsciiDomain(word);
    if (subject === undefined) throw new CommandError(`${word} is neither a domain nor an IP address`, EXIT.usage);
    subjects.push(subject);
  }
  if (subjects.length === 0) throw new CommandError(`${options.tenant} has no domains and no addresses`, EXIT.notFound);
  return { subjects: [...new Set(subjects)], language };
}
