/** Findings as a page: what to do first, then what could not be asked, then what is in order; letters last. */

import type { Language } from "../directory.ts";
import { wrapText } from "../wrap-text.ts";
import { DEAD_LISTS } from "./block-list-zones.ts";
import type { Demand } from "./demands.ts";
import { type Finding, type FindingText, type Severity, sortFindings } from "./finding.ts";

/** One subject. */
export interface Diagnosis {
  readonly subject: string;
  readonly findings: readonly Finding[];
  readonly demands: readonly Demand[];
}

const HEADS: Readonly<Record<Severity, FindingText>> = {
  must: { en: "Do this first", ja: "最優先" },
  should: { en: "Do this", ja: "対処が必要" },
  unknown: { en: "Could not be asked", ja: "確認できなかった項目" },
  note: { en: "Worth knowing", ja: "参考" },
  good: { en: "In order", ja: "正常" },
};
const STATES: Readonly<Record<Demand["state"], FindingText>> = {
  met: { en: "met", ja: "満たしています" },
  "not-met": { en: "NOT MET", ja: "満たしていません" },
  unknown: { en: "not known", ja: "不明" },
};

/** The page of one subject. */
export function doctorPage({ subject, findings, demands }: Diagnosis, language: Language): string {
  const lines: string[] = [subject, "=".repeat(subject.length)];
  let severity: Severity | undefined;
  for (const finding of sortFindings(findings)) {
    if (finding.severity !== severity) {
      severity = finding.severity;
      lines.push("", HEADS[severity][language], "");
    }
    lines.push(...wrapText(`- ${finding.what[language]}`, "  ", ""));
    if (finding.todo !== undefined) lines.push(...wrapText(finding.todo[language], "  "));
    if (finding.url !== undefined) lines.push(`  ${finding.url}`);
  }
  if (demands.length > 0) {
    lines.push("", language === "ja" ? "受信側の要件" : "What receivers demand", "");
    for (const whom of new Set(demands.map(({ receiver }) => receiver))) {
      const own = demands.filter(({ receiver }) => receiver === whom);
      lines.push(
        ...wrapText(
          `- ${whom}: ${own.map(({ what, state }) => `${what[language]}: ${STATES[state][language]}`).join("; ")}`,
          "  ",
          "",
        ),
      );
    }
  }
  for (const { letter, what } of findings) {
    if (letter === undefined) continue;
    lines.push(
      "",
      language === "ja" ? `文面 (${what.ja})` : `Letter (${what.en})`,
      "",
      ...letter.split("\n").map((line) => `    ${line}`),
    );
  }
  if (findings.some(({ check }) => check.startsWith("list:"))) {
    const names = DEAD_LISTS.slice(0, 4).join(", ");
    lines.push(
      "",
      ...wrapText(
        language === "ja"
          ? `閉鎖されたリストには問い合わせません (${names} など)。`
          : `Closed lists are never asked (${names} and others).`,
        "",
      ),
    );
  }
  return `${lines.join("\n")}\n`;
}
