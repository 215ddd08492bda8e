/** Domains: a board of all, and one with each record, the exact mistake, and what to publish. */

import type { SenderDomain } from "../core/directory.ts";
import type { RecordVerdict } from "../core/dns/check-records.ts";
import { ZONE_FORMATS } from "../core/domain-record-formats.ts";
import type { WantedRecord } from "../core/domain-records.ts";
import { type Html, html, link } from "./html.ts";
import {
  badge,
  changeForm,
  choice,
  copyable,
  facts,
  foreign,
  hiddenFields,
  listLinks,
  type Mood,
  searchForm,
  table,
} from "./parts.ts";
import type { View } from "./view.ts";

/** A record as DNS has it, in words. */
export interface CheckedRecord extends RecordVerdict {
  readonly what: string;
  readonly remedy: string;
}

/** A domain of the board; records only where DNS was asked. */
export interface DomainEntry {
  readonly row: SenderDomain;
  readonly records?: readonly CheckedRecord[] | undefined;
}

/** `pending`, `verified`, or that SES was never asked for it. */
export function domainState(row: SenderDomain): "pending" | "verified" | "not-set-up" {
  return row.status === "pending" && row.ses === undefined ? "not-set-up" : row.status;
}

function domainBadge(view: View, row: SenderDomain): Html {
  const state = domainState(row);
  return badge(view.words.domains.states[state], state === "verified" ? "good" : state === "pending" ? "warn" : "bad");
}

function recordMood({ status, record }: CheckedRecord): Mood {
  if (status === "good") return "good";
  if (status === "unknown") return "plain";
  return record.need === "required" ? "bad" : "warn";
}

/** The board. `asksDns`: whether it was asked; `canAsk`: whether it can be. */
export function domainsPage(
  view: View,
  tenants: readonly string[],
  entries: readonly DomainEntry[],
  next: string | undefined,
  canAsk: boolean,
): Html {
  const { words, query } = view;
  const { domains } = words;
  return html`<p>${domains.intro}</p>
${searchForm(view, [
  choice(words.common.tenant, "tenant", query["tenant"] ?? "", [
    ["", words.messages.all],
    ...tenants.map((id): [string, string] => [id, id]),
  ]),
  choice(words.common.state, "state", query["state"] ?? "", [
    ["", words.messages.all],
    ["pending", domains.states.pending],
    ["verified", domains.states.verified],
  ]),
  ...(canAsk
    ? [
        choice("DNS", "dns", query["dns"] ?? "", [
          ["", domains.dnsNo],
          ["1", domains.dnsYes],
        ]),
      ]
    : []),
])}
${canAsk ? "" : html`<p class="muted">${domains.noDns}</p>`}
${entries.length === 0 ? "" : html`<form id="act" class="actions" method="post" action="/do/domain-check">${hiddenFields({ token: view.token })}<button>${domains.check}</button></form>`}
${table(
  words.nav.domains,
  [words.queue.choose, words.common.domain, words.common.tenant, words.common.state, "MAIL FROM", domains.records],
  entries.map(({ row, records }) => [
    html`<input type="checkbox" name="domain" value="${row.domain}" form="act" aria-label="${words.queue.choose} ${row.domain}">`,
    html`<a href="/domains/${row.domain}">${row.domain}</a>`,
    html`<a href="/tenants/${row.tenant}">${row.tenant}</a>`,
    domainBadge(view, row),
    row.ses?.mailFrom,
    (records ?? []).map(
      (one) => html`${badge(`${one.record.type} ${words.domains.verdicts[one.status]}`, recordMood(one))} `,
    ),
  ]),
  html`${domains.empty} <code>npx relayhost domain add --tenant acme acme.example</code>`,
)}
${listLinks(view, { csv: "/domains.csv", next })}`;
}

/** One domain. */
export function domainPage(
  view: View,
  row: SenderDomain,
  wanted: readonly WantedRecord[],
  records: readonly CheckedRecord[] | undefined,
  zones: Readonly<Record<string, string>>,
  canAsk: boolean,
): Html {
  const { words } = view;
  const { domains } = words;
  return html`${facts([
    [words.common.tenant, html`<a href="/tenants/${row.tenant}">${row.tenant}</a>`],
    [words.common.state, domainBadge(view, row)],
    ["MAIL FROM", row.ses?.mailFrom],
  ])}
<div class="actions">${changeForm(view, "domain-check", { domain: row.domain }, domains.checkOne)}
${canAsk ? html`<a class="button" href="${link(view.path, { dns: "1" })}">${domains.askDns}</a>` : html`<span class="muted">${domains.noDns}</span>`}
<a class="button" href="${link("/doctor", { subject: row.domain })}">${words.nav.doctor}</a></div>
${
  records === undefined
    ? ""
    : table(
        domains.published,
        [domains.name, domains.type, words.common.state, domains.what, domains.remedy],
        records.map((one) => [
          foreign(one.record.name),
          one.record.type,
          badge(words.domains.verdicts[one.status], recordMood(one)),
          foreign(one.what),
          foreign(one.remedy),
        ]),
        "",
      )
}
<h2>${domains.publish}</h2>
${wanted.length === 0 ? html`<p class="empty">${domains.notReady} <code>npx relayhost domain add --tenant ${row.tenant} --repair ${row.domain}</code></p>` : ""}
${wanted.map((record, index) => html`<section><h3>${record.type} <bdi>${record.name}</bdi> ${badge(domains.needs[record.need], record.need === "required" ? "warn" : "plain")}</h3>${copyable(view, `record-${index}`, `${record.preference === undefined ? "" : `${record.preference} `}${record.value}`)}</section>`)}
${wanted.length === 0 ? "" : html`<h2>${domains.files}</h2>${ZONE_FORMATS.map((format) => html`<details><summary>${domains.formats[format]}</summary>${copyable(view, `zone-${format}`, zones[format] ?? "")}<p class="links"><a href="${link(`/domains/${row.domain}/records`, { format })}" download>${domains.save}</a></p></details>`)}`}`;
}
