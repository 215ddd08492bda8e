/** Local mode's outbox: what SES would have sent, as its reader would see it. */

import { type Html, html } from "./html.ts";
import { facts, foreign, idLink, listLinks, size, table, time } from "./parts.ts";
import type { View } from "./view.ts";

/** One mail of the list. */
export interface OutboxEntry {
  readonly sesId: string;
  /** RFC 3339. */
  readonly time: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly size: number;
  readonly queueId?: string | undefined;
}

/** A mail taken apart. Texts are strangers'. */
export interface OutboxMail {
  readonly entry: OutboxEntry;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly date: string;
  readonly text: string | undefined;
  readonly hasHtml: boolean;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly size: number }[];
  /** As much of the octets as is shown. */
  readonly source: string;
  readonly isCut: boolean;
  /** Why its parts cannot be told apart; undefined where they can. */
  readonly unreadable?: string | undefined;
}

/** The list. */
export function outboxPage(view: View, entries: readonly OutboxEntry[], next: string | undefined): Html {
  const { words } = view;
  const { outbox } = words;
  return html`<p>${outbox.intro}</p>
${table(
  outbox.caption,
  [
    "SES",
    words.common.time,
    words.common.from,
    words.common.to,
    { text: words.common.size, number: true },
    words.common.id,
  ],
  entries.map((entry) => [
    html`<a class="id" href="/outbox/${entry.sesId}">${entry.sesId}</a>`,
    time(entry.time),
    foreign(entry.from),
    foreign(entry.to.join(", ")),
    size(entry.size),
    entry.queueId === undefined ? "" : idLink(entry.queueId),
  ]),
  outbox.empty,
)}
${listLinks(view, { csv: "/outbox.csv", next })}`;
}

/** One mail. Its HTML is in a frame of its own, which may run and load nothing. */
export function outboxMailPage(view: View, mail: OutboxMail): Html {
  const { words } = view;
  const { outbox } = words;
  const { entry } = mail;
  const path = `/outbox/${entry.sesId}`;
  return html`${facts([
    [outbox.subject, foreign(mail.subject)],
    [words.common.from, foreign(mail.from)],
    [words.common.to, foreign(mail.to)],
    [outbox.date, foreign(mail.date)],
    [outbox.envelope, foreign(`${entry.from} -> ${entry.to.join(", ")}`)],
    [words.common.size, size(entry.size)],
    [words.common.id, entry.queueId === undefined ? undefined : idLink(entry.queueId)],
  ])}
${mail.unreadable === undefined ? "" : html`<p class="notice warn">${outbox.unreadable} <span lang="en">${mail.unreadable}</span></p>`}
${mail.hasHtml ? html`<h2>${outbox.html}</h2><p class="muted">${outbox.safe}</p><iframe class="mail" sandbox="" referrerpolicy="no-referrer" src="${path}/html" title="${outbox.html}"></iframe>` : ""}
${mail.text === undefined ? "" : html`<h2>${outbox.text}</h2><pre tabindex="0"><bdi>${mail.text}</bdi></pre>`}
${mail.attachments.length === 0 ? "" : html`<h2>${outbox.attachments}</h2><ul>${mail.attachments.map((one, index) => html`<li><a href="${path}/attachments/${index}" download><bdi>${one.name}</bdi></a> <bdi>${one.type}</bdi>, ${size(one.size)}</li>`)}</ul>`}
<h2>${outbox.source}</h2>${mail.isCut ? html`<p class="muted">${outbox.cut}</p>` : ""}<pre tabindex="0">${mail.source}</pre>
<p><a class="button" href="${path}/source" download>${outbox.save}</a></p>`;
}
