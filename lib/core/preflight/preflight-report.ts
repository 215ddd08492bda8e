/** What the count means for the switch: which mail the relay would refuse, what it would cost, and what to do first. */

import { coveringDomains } from "../address.ts";
import type { Language, SenderPolicy } from "../directory.ts";
import { wrapText } from "../wrap-text.ts";
import type { PreflightCount, SenderCount } from "./preflight-count.ts";

/** US dollars. SES: a la carte, July 2026 (AWS Price List), attachments counted as if all were; AWS calls of the relay itself. */
export const PRICES = { sesPer1000Recipients: 0.1, sesPerGb: 0.12, relayPer1000Messages: 0.018 } as const;

const DAYS_PER_MONTH = 30.4;
const GB = 1e9;

/** How a sender domain stands with the relay. */
export type SenderStanding = "onboarded" | "pending" | "missing" | "server-name" | "no-domain";

/** The report as a value; its JSON form is for scripts. */
export interface PreflightReport extends PreflightCount {
  /** Absent: it was not known which domains are onboarded. */
  readonly standings?: readonly (SenderCount & { readonly standing: SenderStanding })[];
  /** Messages that the relay would refuse under the policy, out of `messages`. */
  readonly refused: number;
  readonly recipientsPerDay: number;
  readonly busiestDay: { readonly day: string; readonly recipients: number } | undefined;
  readonly costPerMonthUsd: number;
}

/** What is known of the tenant. */
export interface PreflightTenant {
  readonly domains: ReadonlyMap<string, "verified" | "pending">;
  readonly policy: SenderPolicy;
}

/** Adds to the count what follows from it. */
export function preflightReport(count: PreflightCount, tenant: PreflightTenant | undefined): PreflightReport {
  const standings =
    tenant === undefined
      ? undefined
      : count.senders.map((sender) => ({ ...sender, standing: standingOf(sender.domain, tenant, count.hosts) }));
  const refused = (standings ?? [])
    .filter(({ standing }) => isRefused(standing, tenant?.policy))
    .reduce((sum, { messages }) => sum + messages, 0);
  const days = Math.max(1, count.days.length);
  const perMonth = (value: number): number => (value / days) * DAYS_PER_MONTH;
  const cost =
    (perMonth(count.recipients) / 1000) * PRICES.sesPer1000Recipients +
    (perMonth(count.bytes) / GB) * PRICES.sesPerGb +
    (perMonth(count.messages) / 1000) * PRICES.relayPer1000Messages;
  return {
    ...count,
    ...(standings === undefined ? {} : { standings }),
    refused,
    recipientsPerDay: Math.round(count.recipients / days),
    busiestDay: count.days.toSorted((a, b) => b.recipients - a.recipients)[0],
    costPerMonthUsd: Math.round(cost * 100) / 100,
  };
}

function standingOf(domain: string, tenant: PreflightTenant, hosts: readonly string[]): SenderStanding {
  if (domain === "") return "no-domain";
  for (const covering of coveringDomains(domain)) {
    const status = tenant.domains.get(covering);
    if (status !== undefined) return status === "verified" ? "onboarded" : "pending";
  }
  const isServers =
    hosts.some((host) => domain === host || domain.startsWith(`${host.split(".")[0]}.`)) ||
    domain === "localhost" ||
    domain === "localhost.localdomain";
  return isServers ? "server-name" : "missing";
}

function isRefused(standing: SenderStanding, policy: SenderPolicy | undefined): boolean {
  if (standing === "missing" || standing === "pending") return policy?.foreignFrom !== "rewrite";
  if (standing === "server-name" || standing === "no-domain") return policy?.systemMail === "refuse";
  return false;
}

const STANDINGS: Readonly<Record<SenderStanding, Readonly<Record<Language, string>>>> = {
  onboarded: { en: "onboarded", ja: "登録済み" },
  pending: { en: "not verified yet", ja: "未確認 (DNS 待ち)" },
  missing: { en: "not onboarded", ja: "未登録" },
  "server-name": { en: "the server's own name", ja: "サーバーのホスト名" },
  "no-domain": { en: "no domain", ja: "ドメインなし" },
};

const ROWS_MAX = 40;

/** The report as text, at most 96 columns wide. */
export function preflightText(
  report: PreflightReport,
  language: Language,
  tenant: PreflightTenant | undefined,
): string {
  const ja = language === "ja";
  const n = (value: number): string => value.toLocaleString("en-US");
  const share = (value: number): string =>
    `${n(value)} (${report.messages === 0 ? 0 : Math.round((value / report.messages) * 1000) / 10} %)`;
  const lines: string[] = [];
  const put = (en: string, japanese: string): void => {
    lines.push(ja ? japanese : en);
  };
  if (report.messages === 0) {
    put(
      `No mail to other servers in ${n(report.lines)} lines (${n(report.linesUnknown)} of them are of no log known here: Postfix, Exim, sendmail, qmail).`,
      `${n(report.lines)} 行のログに、外部宛てのメールが見つかりません (うち ${n(report.linesUnknown)} 行は Postfix / Exim / sendmail / qmail のログではありません)。`,
    );
    return `${lines.join("\n")}\n`;
  }
  const { days, busiestDay } = report;
  put(
    `${n(report.messages)} messages to ${n(report.recipients)} recipients on other servers, on ${days.length} days (${days[0]?.day} to ${days.at(-1)?.day}).`,
    `外部宛て ${n(report.messages)} 通、宛先 ${n(report.recipients)} 件、${days.length} 日間 (${days[0]?.day} ～ ${days.at(-1)?.day})`,
  );
  lines.push("");
  put(
    `Recipients a day      ${n(report.recipientsPerDay)} on average, ${n(busiestDay?.recipients ?? 0)} on the busiest (${busiestDay?.day})`,
    `1 日あたりの宛先数    平均 ${n(report.recipientsPerDay)}、最大 ${n(busiestDay?.recipients ?? 0)} (${busiestDay?.day})`,
  );
  put(`Forwarded             ${share(report.forwarded)}`, `転送メール            ${share(report.forwarded)}`);
  put(`From the null sender  ${share(report.nullSender)}`, `空の差出人 (<>)       ${share(report.nullSender)}`);
  put(
    `Refused for good      ${n(report.bounced)} recipients, ${n(report.refusedForReputation)} of them for this server's address`,
    `恒久的な拒否          宛先 ${n(report.bounced)} 件 (うち IP アドレスの評判によるもの ${n(report.refusedForReputation)} 件)`,
  );
  put(
    `Estimated cost        US$ ${report.costPerMonthUsd.toFixed(2)} a month: SES and AWS calls, without what stands by`,
    `費用の見積もり        月額 US$ ${report.costPerMonthUsd.toFixed(2)} (SES とリレーの API 呼び出し。待機費用は含みません)`,
  );
  lines.push("", ...senderLines(report, language), "", ...adviceLines(report, language, tenant));
  return `${lines.join("\n")}\n`;
}

function senderLines(report: PreflightReport, language: Language): string[] {
  const ja = language === "ja";
  const rows = report.standings ?? report.senders.map((sender) => ({ ...sender, standing: undefined }));
  // What needs doing first.
  const order: readonly (SenderStanding | undefined)[] = [
    "missing",
    "pending",
    "no-domain",
    "server-name",
    "onboarded",
    undefined,
  ];
  const sorted = rows.toSorted((a, b) => order.indexOf(a.standing) - order.indexOf(b.standing));
  const width = Math.max(6, ...sorted.slice(0, ROWS_MAX).map(({ domain }) => domain.length));
  const shown = sorted.slice(0, ROWS_MAX).map(({ domain, messages, standing }) => {
    const words = standing === undefined ? "" : `  ${STANDINGS[standing][language]}`;
    return `  ${domain.padEnd(width)}  ${String(messages).padStart(9)}${words}`;
  });
  const more = sorted.length - shown.length;
  return [
    ja ? "差出人 (エンベロープ) ドメインと通数:" : "Envelope sender domains and their messages:",
    ...shown,
    ...(more > 0 ? [ja ? `  ほか ${more} 件 (--json ですべて表示)` : `  and ${more} more (--json shows all)`] : []),
  ];
}

function adviceLines(report: PreflightReport, language: Language, tenant: PreflightTenant | undefined): string[] {
  const ja = language === "ja";
  const advice: string[] = [];
  if (tenant === undefined) {
    advice.push(
      ja
        ? "登録済みドメインと照合するには --tenant または --domains を付けてください。"
        : "Add --tenant or --domains to see which of these are onboarded.",
    );
  } else if (report.refused > 0) {
    advice.push(
      ja
        ? `切り替えると ${report.refused.toLocaleString("en-US")} 通が 550 で拒否されます。未登録のドメインを先に登録してください: relayhost domain add`
        : `After the switch ${report.refused.toLocaleString("en-US")} of these messages would be refused (550). Onboard their domains first: relayhost domain add`,
    );
  } else
    advice.push(
      ja
        ? "登録済みドメインだけが使われています。拒否されるメールはありません。"
        : "All senders are covered: by this log nothing would be refused for its envelope sender.",
    );
  if (report.forwarded > 0 && tenant?.policy.foreignFrom !== "rewrite") {
    advice.push(
      ja
        ? "転送メールの From は外部のドメインです。ポリシー foreignFrom を rewrite にしないと、転送メールは拒否されます。"
        : "Forwarded mail has its author's From. Without the policy foreignFrom: rewrite the relay refuses it.",
    );
  }
  if (report.nullSender > 0 && tenant?.policy.systemMail !== "refuse") {
    advice.push(
      ja
        ? "空の差出人のメール (不達通知や自動応答) は、リレーのアドレスに書き換えて送信されます。"
        : "Mail from the null sender (bounces, automatic replies) is taken and leaves under the relay's own address.",
    );
  }
  return advice.flatMap((line) => wrapText(`- ${line}`, "  ", ""));
}
