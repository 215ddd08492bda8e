/** How the groups of `relayhost bounces` look: lines for a terminal, CSV for a spreadsheet. */

import type { BounceGroup } from "../../lib/core/bounce-report.ts";
import { csvText } from "../../lib/core/csv.ts";
import { refusalWords } from "../../lib/core/refusal-reasons.ts";
import { plainText } from "./output.ts";
import { padText, wrapText } from "./wrap-text.ts";

type Language = "en" | "ja";

/** A group with its words. */
export interface ExplainedGroup extends BounceGroup {
  readonly title: string;
  readonly means: string;
  readonly todo: string;
}

/** Adds the words of a language. */
export function explained(group: BounceGroup, language: Language): ExplainedGroup {
  return { ...group, ...refusalWords(group.reason, language, group.by ?? group.receiver) };
}

const CSV_HEADS = [
  "count",
  "recipients",
  "kind",
  "reason",
  "title",
  "receiver",
  "first",
  "last",
  "example_recipient",
  "example_id",
  "status",
  "reply",
  "means",
  "todo",
  "url",
];

/** All groups as CSV. */
export function bounceCsv(groups: readonly BounceGroup[], language: Language): string {
  return csvText(
    CSV_HEADS,
    groups.map((group) => csvRow(group, language)),
  );
}

function csvRow(group: BounceGroup, language: Language): string[] {
  const { title, means, todo } = explained(group, language);
  const { count, recipients, kind, reason, receiver, firstAt, lastAt, example, url } = group;
  return [
    String(count),
    String(recipients),
    kind,
    reason,
    title,
    receiver,
    firstAt,
    lastAt,
    example.recipient,
    example.id,
    example.status ?? "",
    example.text,
    means,
    todo,
    url ?? "",
  ];
}

interface Labels {
  readonly means: string;
  readonly todo: string;
  readonly url: string;
  readonly example: string;
  readonly reply: string;
  readonly none: string;
  readonly total: (recipients: number, groups: number, shown: number) => string;
}

const LABELS: Readonly<Record<Language, Labels>> = {
  en: {
    means: "Means",
    todo: "To do",
    url: "See",
    example: "Last",
    reply: "Reply",
    none: "Nothing: whatever was accepted in this time has arrived, or is under way.",
    total: (recipients, groups, shown) =>
      `${recipients} in ${groups} ${groups === 1 ? "group" : "groups"}${shown < groups ? `, the largest ${shown} shown` : ""}`,
  },
  ja: {
    means: "意味",
    todo: "対応",
    url: "参照",
    example: "直近",
    reply: "応答",
    none: "ありません。この期間に受け付けたメールは、届いたか配送中です。",
    total: (recipients, groups, shown) =>
      `合計 ${recipients} 件、${groups} 種類${shown < groups ? `（上位 ${shown} 種類を表示）` : ""}`,
  },
};

/** The groups with the most, as lines for a terminal; the last says how many there are in all. */
export function bounceLines(
  groups: readonly BounceGroup[],
  top: number,
  language: Language,
  columns: number,
): string[] {
  const labels = LABELS[language];
  if (groups.length === 0) return [labels.none];
  const width = Math.max(60, Math.min(100, columns));
  const shown = groups.slice(0, top);
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const end = labels.total(total, groups.length, shown.length);
  return [...shown.flatMap((group) => groupLines(explained(group, language), width, labels)), end];
}

const MARGIN = 8;
const TEXT_COLUMN = 16;

function groupLines(group: ExplainedGroup, width: number, labels: Labels): string[] {
  const { example } = group;
  const named = group.title.includes(group.receiver) ? "" : `  (${group.receiver})`;
  const line = (label: string, text: string): string => {
    const head = `${" ".repeat(MARGIN)}${padText(label, TEXT_COLUMN - MARGIN)}`;
    return head + wrapText(plainText(text), width, " ".repeat(TEXT_COLUMN), TEXT_COLUMN);
  };
  return [
    wrapText(
      `${String(group.count).padStart(MARGIN - 2)}  ${plainText(group.title + named)}`,
      width,
      " ".repeat(MARGIN),
    ),
    line(labels.means, group.means),
    line(labels.todo, group.todo),
    ...(group.url === undefined ? [] : [line(labels.url, group.url)]),
    line(labels.example, `${example.at.slice(0, 16).replace("T", " ")}Z  ${example.recipient}  ${example.id}`),
    ...(example.text === "" ? [] : [line(labels.reply, example.text)]),
    "",
  ];
}
