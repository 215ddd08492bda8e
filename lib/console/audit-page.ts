/** The audit record: who has changed what, and what came of it. */

import type { AuditEntry } from "../core/audit.ts";
import { type Html, html } from "./html.ts";
import { badge, field, foreign, listLinks, type Mood, searchForm, table, time } from "./parts.ts";
import type { View } from "./view.ts";

const MOODS: Readonly<Record<AuditEntry["phase"], Mood>> = { begun: "plain", done: "good", failed: "bad" };

/** The page of a month. */
export function auditPage(view: View, month: string, entries: readonly AuditEntry[], next: string | undefined): Html {
  const { words } = view;
  const { audit } = words;
  return html`<p>${audit.intro}</p>
${searchForm(view, [field(audit.month, "month", month, { type: "month" })])}
${table(
  `${audit.caption} ${month}`,
  [words.common.time, audit.phase, audit.who, audit.action, words.common.tenant, audit.subjects, audit.text],
  entries.map((entry) => [
    time(entry.at),
    badge(audit.phases[entry.phase], MOODS[entry.phase]),
    foreign(entry.who),
    entry.action,
    entry.tenant,
    foreign(shortList(entry.subjects)),
    foreign(entry.text.join(" ")),
  ]),
  audit.empty,
)}
${listLinks(view, { csv: "/audit.csv", next })}`;
}

const SHOWN_MAX = 5;

function shortList(subjects: readonly string[]): string {
  const more = subjects.length - SHOWN_MAX;
  return `${subjects.slice(0, SHOWN_MAX).join(", ")}${more > 0 ? ` (+${more})` : ""}`;
}
