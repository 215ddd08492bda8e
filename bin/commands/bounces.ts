/** `relayhost bounces`: what did not arrive, grouped by the reason in plain words, and what to do about each. */

import type { Command } from "commander";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { eachFailedRecipient } from "../../lib/aws/failed-recipients.ts";
import { isAddress, parseAddress, toAsciiDomain } from "../../lib/core/address.ts";
import { BounceReport } from "../../lib/core/bounce-report.ts";
import { TENANT_ID_PATTERN } from "../../lib/core/directory.ts";
import { FAILURE_KINDS, type FailureFact, failureFact } from "../../lib/core/failure-fact.ts";
import type { MessageRecord } from "../../lib/core/message-record.ts";
import { bounceCsv, bounceLines, explained } from "./bounce-lines.ts";
import { type Connection, connect } from "./connect.ts";
import { commandLanguage } from "./language.ts";
import { printJson } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

/** The command's options, as texts. */
export interface BounceOptions {
  readonly tenant?: string;
  readonly domain?: string;
  readonly to?: string;
  readonly since: string;
  readonly kind?: string;
  readonly top: string;
  readonly lang?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

interface Options extends BounceOptions {
  readonly env?: string;
}

/** Adds the command. */
export function addBouncesCommand(program: Command): void {
  program
    .command("bounces")
    .description("show what did not arrive, grouped by reason, with what it means and what to do")
    .option("--env <name>", "a deployed environment instead of local mode")
    .option("--tenant <id>", "only this tenant's mail")
    .option("--domain <domain>", "only mail from this sender's domain")
    .option("--to <domain>", "only mail to this recipient's domain")
    .option("--since <time>", "mail accepted since: 12h, 7d, or a day such as 2026-11-01 (UTC)", "7d")
    .option("--kind <kinds>", `only these, with commas between: ${FAILURE_KINDS.join(", ")}`)
    .option("--top <n>", "show at most this many groups", "20")
    .option("--lang <en|ja>", "language of the explanations; without it, that of the terminal (LANG)")
    .option("--json", "as JSON, one array, all groups")
    .option("--csv", "as CSV, all groups")
    .addHelpText(
      "after",
      `
bounce: refused for good by the receiver; temporary: put off until trying ended; complaint: delivered and called spam;
suppressed: not sent, because of a list; refused: by Amazon SES; gave-up: by the relay, after its time limit.

Examples:
  relayhost bounces
  relayhost bounces --tenant acme --since 30d --kind bounce,complaint
  relayhost bounces --to docomo.ne.jp --lang ja
  relayhost bounces --env prod --since 2026-11-01 --csv > bounces.csv`,
    )
    .action(async (options: Options) => await showBounces(options));
}

async function showBounces(options: Options): Promise<void> {
  const wanted = readBounceQuery(options, Date.now());
  const groups = (await collectBounces(await connect(options.env), wanted)).groups();
  if (options.json === true) printJson(groups.map((group) => explained(group, wanted.language)));
  else if (options.csv === true) process.stdout.write(bounceCsv(groups, wanted.language));
  else {
    const lines = bounceLines(groups, wanted.top, wanted.language, process.stdout.columns || 80);
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
}

/** Reads what failed; `also` sees each fact that counts. Throws what DynamoDB throws. */
export async function collectBounces(
  connection: Connection,
  wanted: BounceQuery,
  also: (fact: FailureFact) => void = () => undefined,
): Promise<BounceReport> {
  const tenants =
    wanted.tenant === undefined
      ? (await scanRows(connection.directory, "tenant")).map(({ id }) => id)
      : [wanted.tenant];
  const report = new BounceReport();
  for (const tenant of tenants) {
    const query = { tenant, days: wanted.days, withMessage: wanted.domain !== undefined };
    await eachFailedRecipient(connection.ledger, query, ({ record, message }) => {
      if (wanted.domain !== undefined && !isFrom(message, wanted.domain)) return;
      if (wanted.to !== undefined && !isUnder(domainOf(record.address), wanted.to)) return;
      const fact = failureFact(record);
      if (fact === undefined || !wanted.kinds.has(fact.kind) || fact.acceptedMs < wanted.sinceMs) return;
      report.add(fact);
      also(fact);
    });
  }
  return report;
}

/** Which failures. */
export interface BounceQuery {
  readonly tenant: string | undefined;
  readonly days: readonly string[];
  readonly sinceMs: number;
  readonly kinds: ReadonlySet<string>;
  readonly language: "en" | "ja";
  readonly top: number;
  readonly domain: string | undefined;
  readonly to: string | undefined;
}

/** Throws `CommandError` with every mistake. */
export function readBounceQuery(options: BounceOptions, nowMs: number): BounceQuery {
  const mistakes: string[] = [];
  const sinceMs = sinceTime(options.since, nowMs);
  if (sinceMs === undefined)
    mistakes.push(`--since: got ${JSON.stringify(options.since)}; allowed: 12h, 7d, 2026-11-01`);
  const kinds = (options.kind ?? FAILURE_KINDS.join(",")).split(",").map((kind) => kind.trim());
  const unknown = kinds.filter((kind) => !FAILURE_KINDS.some((known) => known === kind));
  if (unknown.length > 0) mistakes.push(`--kind: got ${unknown.join(", ")}; allowed: ${FAILURE_KINDS.join(", ")}`);
  if (options.tenant !== undefined && !TENANT_ID_PATTERN.test(options.tenant)) {
    mistakes.push(`--tenant: got ${JSON.stringify(options.tenant)}; allowed: an id of a-z, 0-9 and hyphens`);
  }
  const language = commandLanguage(options.lang, process.env);
  if (language === undefined) mistakes.push(`--lang: got ${JSON.stringify(options.lang)}; allowed: en, ja`);
  const top = Number(options.top);
  if (!Number.isSafeInteger(top) || top < 1)
    mistakes.push(`--top: got ${JSON.stringify(options.top)}; allowed: 1 or more`);
  const domain = domainOption("--domain", options.domain, mistakes);
  const to = domainOption("--to", options.to, mistakes);
  if (options.json === true && options.csv === true) mistakes.push("--json and --csv: give one of them");
  if (mistakes.length > 0) throw new CommandError(mistakes.join("\n"), EXIT.usage);
  const since = sinceMs ?? nowMs;
  return {
    tenant: options.tenant,
    days: utcDays(since, nowMs),
    sinceMs: since,
    kinds: new Set(kinds),
    language: language ?? "en",
    top,
    domain,
    to,
  };
}

function domainOption(name: string, text: string | undefined, mistakes: string[]): string | undefined {
  if (text === undefined) return undefined;
  const domain = toAsciiDomain(text);
  if (domain === undefined) mistakes.push(`${name}: got ${JSON.stringify(text)}; allowed: a domain`);
  return domain;
}

const HOUR_MS = 3_600_000;
/** Records are kept ten years at most. */
const DAYS_MAX = 3_650;

function sinceTime(text: string, nowMs: number): number | undefined {
  const span = /^(\d{1,5})([hd])$/.exec(text);
  if (span !== null) {
    const hours = Number(span[1]) * (span[2] === "d" ? 24 : 1);
    return hours <= DAYS_MAX * 24 ? nowMs - hours * HOUR_MS : undefined;
  }
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) || ms > nowMs || nowMs - ms > DAYS_MAX * 24 * HOUR_MS ? undefined : ms;
}

/** Every UTC day from one time to another, the newest first. */
function utcDays(fromMs: number, toMs: number): string[] {
  const days: string[] = [];
  const first = new Date(fromMs).toISOString().slice(0, 10);
  for (let ms = toMs; ; ms -= 24 * HOUR_MS) {
    const day = new Date(ms).toISOString().slice(0, 10);
    if (day < first) return days;
    days.push(day);
  }
}

function isFrom(message: MessageRecord | undefined, domain: string): boolean {
  const sender = parseAddress(message?.returnPath ?? "");
  return isAddress(sender) && isUnder(sender.domain, domain);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

function isUnder(domain: string, wanted: string): boolean {
  return domain === wanted || domain.endsWith(`.${wanted}`);
}
