/** A tenant's suppression list: search, and lifting of entries. */

import type { Suppression } from "../core/suppression.ts";
import { type Html, html } from "./html.ts";
import { choice, field, foreign, hiddenFields, idLink, listLinks, searchForm, table, time } from "./parts.ts";
import type { View } from "./view.ts";

/** The page. `tenant` undefined: none is chosen yet. */
export function suppressionPage(
  view: View,
  tenants: readonly string[],
  tenant: string | undefined,
  entries: readonly Suppression[],
  next: string | undefined,
): Html {
  const { words, query } = view;
  const { suppression } = words;
  return html`<p>${suppression.intro}</p>
${searchForm(view, [
  choice(
    words.common.tenant,
    "tenant",
    tenant ?? "",
    tenants.map((id): [string, string] => [id, id]),
  ),
  field(suppression.begins, "q", query["q"] ?? "", { type: "search", hint: suppression.beginsHint }),
])}
${entries.length === 0 || tenant === undefined ? "" : html`<form id="act" class="actions" method="post" action="/do/unsuppress">${hiddenFields({ token: view.token, tenant })}<button>${suppression.lift}</button></form>`}
${table(
  tenant === undefined ? words.nav.suppression : `${words.nav.suppression}: ${tenant}`,
  [
    words.queue.choose,
    suppression.address,
    words.common.reason,
    suppression.since,
    suppression.detail,
    words.common.id,
  ],
  entries.map((entry) => [
    html`<input type="checkbox" name="address" value="${entry.address}" form="act" aria-label="${words.queue.choose} ${entry.address}">`,
    foreign(entry.address),
    suppression.reasons[entry.reason],
    time(entry.since),
    foreign(entry.detail),
    entry.messageId === undefined ? "" : idLink(entry.messageId),
  ]),
  suppression.empty,
)}
${tenant === undefined ? "" : listLinks({ ...view, query: { ...query, tenant } }, { csv: "/suppression.csv", next })}`;
}
