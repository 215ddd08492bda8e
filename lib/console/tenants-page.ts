/** Tenants: the list, and one with its contract, logins, networks, and what it has used. */

import type { BreakerCounts } from "../core/breaker.ts";
import type { Credential, Network, SenderDomain, SenderPause, Tenant } from "../core/directory.ts";
import type { UsageCounts } from "../core/usage.ts";
import { barChart } from "./chart.ts";
import { type Content, type Html, html, link } from "./html.ts";
import { badge, changeForm, count, facts, field, foreign, listLinks, type Mood, table, time } from "./parts.ts";
import type { View } from "./view.ts";

/** A tenant with the word for what it may do now, as `relayhost tenant list` has it. */
export interface TenantEntry {
  readonly tenant: Tenant;
  readonly state: string;
}

/** All that one tenant's page shows. */
export interface TenantFacts extends TenantEntry {
  readonly credentials: readonly Credential[];
  readonly networks: readonly Network[];
  readonly domains: readonly SenderDomain[];
  readonly pausedSenders: readonly SenderPause[];
  /** `2026-11`, UTC. */
  readonly month: string;
  readonly days: readonly (readonly [day: string, counts: UsageCounts])[];
  readonly total: UsageCounts;
  /** Messages of the last sixty seconds. */
  readonly lastMinute: number;
  /** What the breaker goes by: mails of the last 24 hours of which the end is known. */
  readonly lastDay: BreakerCounts;
  /** What is owed so far, with its currency; undefined where no price is agreed. */
  readonly amount: string | undefined;
}

function stateBadge(view: View, state: string): Html {
  const states: Readonly<Record<string, string>> = view.words.tenants.states;
  const mood: Mood = state === "active" ? "good" : state === "paused (breaker)" ? "bad" : "warn";
  return badge(states[state] ?? state, mood);
}

/** The list. */
export function tenantsPage(view: View, entries: readonly TenantEntry[]): Html {
  const { words } = view;
  const { tenants } = words;
  return html`<p>${tenants.intro}</p>
${table(
  words.nav.tenants,
  [
    words.common.tenant,
    tenants.name,
    words.common.state,
    tenants.language,
    tenants.starts,
    tenants.ends,
    tenants.price,
  ],
  entries.map(({ tenant, state }) => [
    html`<a href="/tenants/${tenant.id}">${tenant.id}</a>`,
    foreign(tenant.name),
    stateBadge(view, state),
    tenant.language,
    time(tenant.startsAtMs),
    time(tenant.endsAtMs),
    priceText(tenant),
  ]),
  html`${tenants.empty} <code>npx relayhost tenant add acme --name "Acme Web"</code>`,
)}
${listLinks(view, { csv: "/tenants.csv" })}`;
}

function priceText({ price }: Tenant): string {
  return price === undefined ? "" : `${price.per1000} ${price.currency} / 1,000 ${price.per}`;
}

/** One tenant. */
export function tenantPage(view: View, one: TenantFacts): Html {
  const { words } = view;
  const { tenants } = words;
  const { tenant, state } = one;
  return html`${facts([
    [tenants.name, foreign(tenant.name)],
    [words.common.state, stateBadge(view, state)],
    [tenants.pausedFor, foreign(tenant.pause?.reason)],
    [tenants.language, tenant.language],
    [tenants.contact, foreign(tenant.contact)],
    [tenants.starts, time(tenant.startsAtMs)],
    [tenants.ends, time(tenant.endsAtMs)],
    [tenants.price, priceText(tenant)],
    [tenants.foreignFrom, tenant.foreignFrom ?? "refuse"],
    [tenants.systemMail, tenant.systemMail ?? "rewrite"],
    ["Webhook", foreign(tenant.webhook?.url)],
  ])}
${tenant.status === "paused" ? changeForm(view, "tenant-resume", { tenant: tenant.id }, tenants.resume) : changeForm(view, "tenant-pause", { tenant: tenant.id }, tenants.pause, field(tenants.pauseReason, "reason", "", { required: true }))}
${limits(view, one)}
${usage(view, one)}
<h2>${tenants.credentials}</h2>${credentials(view, one)}
<h2>${tenants.networks}</h2>${networks(view, one)}
${
  one.pausedSenders.length === 0
    ? ""
    : html`<h2>${tenants.pausedSenders}</h2>${table(
        tenants.pausedSenders,
        [words.common.from, words.common.reason, words.common.time, ""],
        one.pausedSenders.map(({ sender, pause }) => [
          foreign(sender),
          foreign(pause.reason),
          time(pause.atMs),
          changeForm(view, "tenant-resume", { tenant: tenant.id, sender }, tenants.resume),
        ]),
        "",
      )}`
}
<h2>${tenants.more}</h2><ul>
<li><a href="${link("/domains", { tenant: tenant.id })}">${words.nav.domains}: ${one.domains.length}</a></li>
<li><a href="${link("/messages", { tenant: tenant.id })}">${words.nav.messages}</a></li>
<li><a href="${link("/bounces", { tenant: tenant.id })}">${words.nav.bounces}</a></li>
<li><a href="${link("/suppression", { tenant: tenant.id })}">${words.nav.suppression}</a></li>
<li><a href="${link("/setup", { tenant: tenant.id })}">${words.nav.setup}</a></li>
</ul>`;
}

function members(value: object | undefined): string {
  return Object.entries(value ?? {})
    .map(([name, member]) => `${name} ${String(member)}`)
    .join(", ");
}

/** Each limit with what is used of it, as a bar and in numbers. */
function limits(view: View, { tenant, month, total, lastMinute, lastDay }: TenantFacts): Html {
  const { tenants, overview } = view.words;
  const ofMax = (label: string, used: number, max: number | undefined): Content =>
    max === undefined
      ? html`${count(used)} (${overview.noLimit})`
      : bar(label, used, max, `${count(used)} / ${count(max)}`);
  const rate = (label: string, bad: number, max: number | undefined): Content => {
    const share = lastDay.mails === 0 ? 0 : bad / lastDay.mails;
    const text = `${percent(share)} (${count(bad)} / ${count(lastDay.mails)})`;
    return max === undefined ? text : bar(label, share, max, `${text}, ${tenants.breakerAt} ${percent(max)}`);
  };
  const { messagesPerMinute, ...others } = tenant.limits ?? {};
  const { bounceRateMax, complaintRateMax, ...breaker } = tenant.breaker ?? {};
  const inMonth = `${tenants.messagesIn} ${month}`;
  return html`<h2>${tenants.limits}</h2><p class="muted">${tenants.limitsNote}</p>${facts([
    [inMonth, ofMax(inMonth, total.messages, tenant.monthlyMessagesMax)],
    [
      tenants.lastMinute,
      messagesPerMinute === undefined
        ? html`${count(lastMinute)} (${tenants.relaysLimit})`
        : ofMax(tenants.lastMinute, lastMinute, messagesPerMinute),
    ],
    [tenants.bounceRate, rate(tenants.bounceRate, lastDay.bounced, bounceRateMax)],
    [tenants.complaintRate, rate(tenants.complaintRate, lastDay.complained, complaintRateMax)],
    [tenants.otherLimits, members(others)],
    [tenants.breaker, members(breaker)],
  ])}`;
}

function bar(label: string, used: number, max: number, text: string): Html {
  return html`<meter min="0" max="${max > 0 ? max : 1}" high="${max > 0 ? max * 0.8 : 1}" value="${Math.min(used, max)}" aria-label="${label}">${text}</meter> ${text}`;
}

/** As the breaker writes it: `4 %`, `0.08 %`. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

function usage(view: View, { tenant, month, days, total, amount }: TenantFacts): Html {
  const { words } = view;
  const { tenants, overview } = words;
  return html`<h2>${tenants.usage} ${month}</h2>
<form class="search" method="get" action="/tenants/${tenant.id}">${field(words.audit.month, "month", month, { type: "month" })}<p class="field"><button>${words.show}</button></p></form>
${facts([
  [tenants.messages, count(total.messages)],
  [tenants.recipients, count(total.recipients)],
  [overview.delivered, count(total.delivered)],
  [overview.bouncedOnly, count(total.bounced)],
  [tenants.amount, amount],
])}
${barChart(
  `${tenants.usage} ${month} (UTC)`,
  overview.day,
  overview.numbers,
  [
    { name: overview.delivered, mood: "good" },
    { name: overview.suppressed, mood: "plain" },
    { name: overview.refused, mood: "warn" },
    { name: overview.bouncedOnly, mood: "bad" },
  ],
  days.map(([day, counts]) => ({
    label: day.slice(8),
    values: [counts.delivered, counts.suppressed, counts.refused, counts.bounced],
  })),
  5,
)}
<p class="links"><a href="${link("/usage.csv", { tenant: tenant.id, month })}" download>${tenants.invoice}</a> <a href="${link("/usage.csv", { tenant: tenant.id, month, by: "day" })}" download>${tenants.invoiceDays}</a></p>`;
}

function credentials(view: View, { tenant, credentials: rows }: TenantFacts): Html {
  const { words } = view;
  const { tenants } = words;
  return html`${table(
    tenants.credentials,
    [tenants.login, tenants.label, words.common.state, tenants.oldUntil, tenants.actions],
    rows.map(({ login, label, status, pause, previousUntilMs }) => [
      html`<code>${login}</code>`,
      foreign(label),
      html`${badge(tenants.states[status], status === "active" ? "good" : "warn")} ${foreign(pause?.reason)} ${time(pause?.atMs)}`,
      previousUntilMs === undefined || previousUntilMs <= view.nowMs ? "" : time(previousUntilMs),
      html`${changeForm(view, "credential-rotate", { login, overlap: "7d" }, tenants.rotate)}
${changeForm(view, "credential-rotate", { login, overlap: "0s" }, tenants.rotateNow)}
${status === "active" ? changeForm(view, "credential-pause", { login }, tenants.pauseLogin, loginReason(view, login)) : changeForm(view, "credential-resume", { login }, tenants.resume)}
${changeForm(view, "credential-revoke", { login }, tenants.revoke)}`,
    ]),
    tenants.noCredentials,
  )}
${changeForm(view, "credential-add", { tenant: tenant.id }, tenants.addCredential, [
  field(tenants.login, "login", "", { hint: tenants.loginHint }),
  field(tenants.label, "label", "", { hint: tenants.labelHint }),
])}`;
}

/** Several of them are on the page, so each has an id of its own. */
function loginReason({ words }: View, login: string): Html {
  const id = `reason-${login}`;
  return html`<p class="field"><label for="${id}">${words.tenants.pauseReason}</label><input id="${id}" name="reason" autocomplete="off" required></p>`;
}

function networks(view: View, { tenant, networks: rows }: TenantFacts): Html {
  const { words } = view;
  const { tenants } = words;
  return html`${table(
    tenants.networks,
    [tenants.network, tenants.networkLabel, words.common.state, "TLS", tenants.actions],
    rows.map(({ cidr, label, status, tlsRequired }) => [
      html`<code>${cidr}</code>`,
      foreign(label),
      badge(tenants.states[status], status === "active" ? "good" : "warn"),
      tlsRequired ? tenants.required : tenants.notRequired,
      changeForm(view, "network-remove", { cidr }, tenants.removeNetwork),
    ]),
    tenants.noNetworks,
  )}
${changeForm(view, "network-add", { tenant: tenant.id }, tenants.addNetwork, [
  field(tenants.network, "cidr", "", { hint: "192.0.2.25, 2001:db8:1::/64", required: true }),
  field(tenants.networkLabel, "networkLabel", ""),
])}`;
}
