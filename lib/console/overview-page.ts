/** The overview: what needs a person, the way of a message with numbers, and how the last day and month went. */

import { type Asked, judgeStatus, type StatusFacts, type StatusLevel, type StatusLine } from "../core/status.ts";
import { STATUS_WORDS_EN } from "../core/status-words-en.ts";
import { STATUS_WORDS_JA } from "../core/status-words-ja.ts";
import type { UsageCounts } from "../core/usage.ts";
import { barChart, type ChartBar, type ChartSeries } from "./chart.ts";
import { type Content, type Html, html } from "./html.ts";
import { age, badge, count, facts, type Mood, time } from "./parts.ts";
import type { View } from "./view.ts";
import type { Words } from "./words.ts";

/** All that the overview shows. */
export interface Overview {
  readonly facts: StatusFacts;
  /** Of 24 hours, the oldest first: start (epoch milliseconds) and numbers. */
  readonly hours: Asked<readonly (readonly [hourMs: number, counts: UsageCounts])[]>;
  /** Of 30 days (UTC), the oldest first. */
  readonly days: Asked<readonly (readonly [day: string, counts: UsageCounts])[]>;
}

/** Numbers that pages renew by themselves, as they are written. */
export type LiveNumbers = Readonly<Record<(typeof LIVE)[number], string>>;

const LIVE = ["accepted", "queue", "oldest", "sent", "delivered", "bounced"] as const;

const MOODS: Readonly<Record<StatusLevel, Mood>> = {
  act: "bad",
  look: "warn",
  unknown: "warn",
  note: "plain",
  good: "good",
};

/** The page. */
export function overviewPage(view: View, overview: Overview): Html {
  const { words, language } = view;
  // The same judgement as that of `relayhost status`.
  const { lines } = judgeStatus(overview.facts, language === "ja" ? STATUS_WORDS_JA : STATUS_WORDS_EN);
  const pressing = lines.filter(({ level }) => level !== "good" && level !== "note");
  const rest = lines.filter(({ level }) => level === "good" || level === "note");
  return html`<section aria-labelledby="needs"><h2 id="needs">${words.overview.needs}</h2>
${pressing.length === 0 ? html`<p class="notice good">${words.overview.allWell}</p>` : pressing.map((line) => notice(line, view))}
</section>
<section aria-labelledby="way"><h2 id="way">${words.overview.way}</h2>
${flow(view, overview.facts)}
<p class="muted">${words.overview.asOf} ${time(overview.facts.nowMs)}. ${words.overview.liveNote}</p></section>
<section aria-labelledby="results"><h2 id="results">${words.overview.results}</h2><div class="charts">
${hourChart(view, overview)}
${dayChart(view, overview)}
</div></section>
<section aria-labelledby="account"><h2 id="account">${words.overview.account}</h2>${account(view, overview.facts)}</section>
<section aria-labelledby="rest"><h2 id="rest">${words.overview.rest}</h2>${rest.map((line) => notice(line, view))}</section>`;
}

function notice({ level, part, text, todo }: StatusLine, view: View): Html {
  const { words } = view;
  const parts: Readonly<Record<string, string>> = words.overview.parts;
  return html`<div class="notice ${MOODS[level]}"><p>${badge(words.overview.levels[level], MOODS[level])} <strong>${parts[part] ?? part}</strong> <bdi>${text}</bdi></p>${todo === undefined ? "" : html`<p><code>${todo}</code></p>`}</div>`;
}

/** What stands in the boxes. */
export function liveNumbers({ lastHour, queue }: StatusFacts, view: View): LiveNumbers {
  const used = "value" in lastHour ? lastHour.value : undefined;
  const number = (value: number | undefined): string => (value === undefined ? "?" : count(value));
  const waits = "value" in queue ? queue.value : undefined;
  return {
    accepted: number(used?.messages),
    queue: waits === undefined ? "?" : `${count(waits.messages)}${waits.isMore ? "+" : ""}`,
    oldest: waits === undefined ? "?" : waits.oldestSeconds === undefined ? "-" : age(waits.oldestSeconds, view),
    sent: number(used?.sent),
    delivered: number(used?.delivered),
    bounced: number(used === undefined ? undefined : used.bounced + used.refused + used.suppressed),
  };
}

function flow(view: View, status: StatusFacts): Html {
  const { overview } = view.words;
  const numbers = liveNumbers(status, view);
  const box = (name: keyof LiveNumbers, label: string, more: Content, href: string): Html =>
    html`<li><a href="${href}">${label}</a><strong data-live="${name}">${numbers[name]}</strong><small>${more}</small></li>`;
  const oldest = html`${overview.oldest} <span data-live="oldest">${numbers.oldest}</span>`;
  return html`<ol class="flow">${box("accepted", overview.accepted, overview.messagesLastHour, "/messages")}${box("queue", overview.queue, oldest, "/queue")}${box("sent", overview.sent, overview.lastHour, "/messages")}${box("delivered", overview.delivered, overview.lastHour, "/messages")}${box("bounced", overview.bounced, overview.lastHour, "/bounces")}</ol>`;
}

function seriesOf(words: Words): ChartSeries[] {
  const { overview } = words;
  return [
    { name: overview.delivered, mood: "good" },
    { name: overview.open, mood: "busy" },
    { name: overview.suppressed, mood: "plain" },
    { name: overview.refused, mood: "warn" },
    { name: overview.bouncedOnly, mood: "bad" },
  ];
}

function barOf(label: string, counts: UsageCounts): ChartBar {
  const { recipients, delivered, bounced, refused, suppressed, duplicates } = counts;
  const open = Math.max(0, recipients - delivered - bounced - refused - suppressed - duplicates);
  return { label, values: [delivered, open, suppressed, refused, bounced] };
}

function hourChart({ words }: View, { hours }: Overview): Html {
  if ("error" in hours) return unknown(words, hours.error);
  const bars = hours.value.map(([hourMs, counts]) => barOf(new Date(hourMs).toISOString().slice(11, 16), counts));
  const { overview } = words;
  return barChart(overview.hours, overview.hour, overview.numbers, seriesOf(words), bars, 4);
}

function dayChart({ words }: View, { days }: Overview): Html {
  if ("error" in days) return unknown(words, days.error);
  const bars = days.value.map(([day, counts]) => barOf(day.slice(5), counts));
  const { overview } = words;
  return barChart(overview.days, overview.day, overview.numbers, seriesOf(words), bars, 5);
}

function unknown(words: Words, error: string): Html {
  return html`<p class="notice warn">${words.overview.couldNotAsk} <span lang="en">${error}</span></p>`;
}

function account(view: View, status: StatusFacts): Html {
  const { words } = view;
  const asked = status.account;
  if ("error" in asked) return unknown(words, asked.error);
  const { per24Hours, sentLast24Hours, ratePerSecond, production, enforcement, sendingEnabled } = asked.value;
  const used =
    per24Hours > 0
      ? html`<meter min="0" max="${per24Hours}" high="${Math.round(per24Hours * 0.8)}" value="${sentLast24Hours}" aria-label="${words.overview.quota}">${count(sentLast24Hours)}</meter> ${count(sentLast24Hours)} / ${count(per24Hours)}`
      : html`${count(sentLast24Hours)}, ${words.overview.noLimit}`;
  const certificate = "value" in status.certificate ? status.certificate.value : undefined;
  return facts([
    [words.overview.quota, used],
    [words.overview.rate, `${count(ratePerSecond)} ${words.overview.perSecond}`],
    [
      words.overview.sending,
      badge(sendingEnabled ? words.overview.on : words.overview.off, sendingEnabled ? "good" : "bad"),
    ],
    [words.overview.standing, badge(enforcement, enforcement === "HEALTHY" ? "good" : "bad")],
    [
      words.overview.production,
      badge(production ? words.overview.yes : words.overview.sandbox, production ? "good" : "warn"),
    ],
    [words.overview.certificate, certificate?.state === "shown" ? time(certificate.endsAtMs) : undefined],
  ]);
}
