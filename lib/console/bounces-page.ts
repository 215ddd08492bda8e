/** What did not arrive, grouped by reason and receiver, in plain words with what to do. */

import type { BounceGroup } from "../core/bounce-report.ts";
import type { BounceTrend, TrendLine } from "../core/bounce-trend.ts";
import { FAILURE_KINDS } from "../core/failure-fact.ts";
import { refusalWords } from "../core/refusal-reasons.ts";
import { barChart } from "./chart.ts";
import { type Html, html, link } from "./html.ts";
import { choice, count, field, foreign, idLink, listLinks, searchForm, time } from "./parts.ts";
import type { View } from "./view.ts";

/** All that is shown. */
export interface Bounces {
  readonly tenants: readonly string[];
  readonly groups: readonly BounceGroup[];
  readonly trend: BounceTrend;
  readonly since: string;
}

const GROUPS_SHOWN = 50;
const TRENDS_SHOWN = 6;

/** The page. */
export function bouncesPage(view: View, { tenants, groups, trend, since }: Bounces): Html {
  const { words, query } = view;
  const { bounces } = words;
  const all: [string, string] = ["", words.messages.all];
  return html`<p>${bounces.intro}</p>
${searchForm(view, [
  choice(words.common.tenant, "tenant", query["tenant"] ?? "", [
    all,
    ...tenants.map((id): [string, string] => [id, id]),
  ]),
  field(bounces.domain, "domain", query["domain"] ?? ""),
  field(bounces.to, "to", query["to"] ?? ""),
  choice(bounces.since, "since", since, [
    ["24h", bounces.lastDay],
    ["7d", bounces.lastWeek],
    ["30d", bounces.lastMonth],
  ]),
  choice(bounces.kind, "kind", query["kind"] ?? "", [
    all,
    ...FAILURE_KINDS.map((kind): [string, string] => [kind, bounces.kinds[kind]]),
  ]),
])}
${trend.days.length > 1 && groups.length > 0 ? trendPart(view, trend) : ""}
${groups.length === 0 ? html`<p class="empty">${bounces.empty}</p>` : groups.slice(0, GROUPS_SHOWN).map((group) => groupPart(view, group))}
${groups.length > GROUPS_SHOWN ? html`<p class="muted">${words.common.andMore(groups.length - GROUPS_SHOWN)}</p>` : ""}
${listLinks(view, { csv: "/bounces.csv" })}`;
}

/** All failures by day, then those of the receivers and for the reasons that have most of them. */
function trendPart(view: View, trend: BounceTrend): Html {
  const { words, language } = view;
  const { bounces } = words;
  const chart = (title: string, counts: readonly number[]): Html =>
    barChart(
      title,
      words.overview.day,
      words.overview.numbers,
      [{ name: bounces.failures, mood: "bad" }],
      counts.map((failures, index) => ({ label: (trend.days[index] ?? "").slice(5), values: [failures] })),
      Math.max(1, Math.ceil(trend.days.length / 8)),
    );
  const part = <K extends string>(heading: string, lines: readonly TrendLine<K>[], nameOf: (name: K) => string): Html =>
    html`<h2>${heading}</h2><div class="side">${lines.slice(0, TRENDS_SHOWN).map((line) => chart(`${nameOf(line.name)}: ${count(line.total)}`, line.counts))}</div>
${lines.length > TRENDS_SHOWN ? html`<p class="muted">${words.common.andMore(lines.length - TRENDS_SHOWN)}</p>` : ""}`;
  return html`${chart(bounces.trend, trend.all)}
${part(bounces.byReceiver, trend.receivers(), (name) => name)}
${part(bounces.byReason, trend.reasons(), (name) => refusalWords(name, language).title)}
<p class="links"><a href="${link("/bounces-by-day.csv", withoutLanguage(view))}" download>${bounces.byDayCsv}</a></p>
<h2>${bounces.groups}</h2>`;
}

function withoutLanguage({ query }: View): Record<string, string> {
  const { lang: _, ...rest } = query;
  return rest;
}

function groupPart(view: View, group: BounceGroup): Html {
  const { bounces } = view.words;
  const { title, means, todo } = refusalWords(group.reason, view.language, group.by ?? group.receiver);
  const { example } = group;
  const url = group.url === undefined ? "" : html` <a href="${group.url}" rel="noreferrer">${group.url}</a>`;
  return html`<section class="notice"><h2>${count(group.count)} &#215; ${title} <span class="muted">${group.receiver}</span></h2>
<p>${means}</p><p><strong>${bounces.todo}:</strong> ${todo}${url}</p>
<p class="muted">${bounces.recipients}: ${count(group.recipients)}. ${bounces.last}: ${time(example.at)} ${foreign(example.recipient)} ${idLink(example.id)} <a href="${link("/messages", { q: example.recipient })}">${bounces.sameRecipient}</a></p>
${example.text === "" ? "" : html`<pre tabindex="0"><bdi>${example.text}</bdi></pre>`}</section>`;
}
