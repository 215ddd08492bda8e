/** One message: what became of it for each recipient, in the order of time, with the words of strangers explained. */

import type { Language } from "../core/directory.ts";
import { factOfEntry } from "../core/failure-fact.ts";
import type { HeaderEdit } from "../core/header-edits.ts";
import { isHandled, type MessageRecord, type RecipientRecord } from "../core/message-record.ts";
import type { HistoryEntry } from "../core/recipient-history.ts";
import { refusalWords } from "../core/refusal-reasons.ts";
import { lacksMail } from "../core/resend.ts";
import { type Content, type Html, html, NO_HTML } from "./html.ts";
import { stateBadge } from "./messages-page.ts";
import { badge, changeForm, count, facts, foreign, idLink, size, time } from "./parts.ts";
import { queueButtons } from "./queue-page.ts";
import type { View } from "./view.ts";

/** A header as the rules for SES make it. */
export interface SentHeader {
  readonly text: string;
  /** What the rules did. */
  readonly edits: readonly Pick<HeaderEdit, "field" | "kinds">[];
  /** Why SES would get nothing. */
  readonly refusal: string | undefined;
  /** Those that SES put in the place of the message's own. */
  readonly messageIds: readonly string[];
}

/** All that is shown of it. */
export interface MessageFacts {
  readonly id: string;
  readonly message: MessageRecord | undefined;
  readonly recipients: readonly RecipientRecord[];
  /** Of the envelope, where the ledger has not heard of it yet. */
  readonly waiting: readonly string[];
  readonly tenant: string;
  readonly credential: string;
  readonly from: string;
  /** RFC 3339. */
  readonly time: string;
  readonly client: string;
  readonly unreadable?: string | undefined;
  readonly order?: string | undefined;
  readonly inQueue: boolean;
  /** The message that this is a further copy of. */
  readonly resendOf?: string | undefined;
  /** Further copies of it; `found`: something is known of that one. */
  readonly resends: readonly {
    readonly id: string;
    readonly at: string;
    readonly recipients: number;
    readonly found: boolean;
  }[];
  /** The header as it came; undefined where the message is kept no more. */
  readonly received?: string | undefined;
  /** The header as SES got it, where that is kept: in local mode. */
  readonly sent?: string | undefined;
  /** What the rules make of the header as it came, where what was sent is not kept. */
  readonly computed?: SentHeader | undefined;
  /** SES ids whose mail lies in local mode's outbox. */
  readonly outbox: readonly string[];
}

/** The page. */
export function messagePage(view: View, message: MessageFacts): Html {
  const { words } = view;
  const { one } = words.messages;
  return html`${message.unreadable === undefined ? "" : html`<p class="notice bad">${one.unreadable}: <span lang="en">${message.unreadable}</span></p>`}
${message.order === undefined ? "" : html`<p class="notice warn">${one.order}: ${badge(message.order, "warn")}</p>`}
${facts([
  [words.common.time, time(message.time)],
  [words.common.tenant, html`<a href="/tenants/${encodeURIComponent(message.tenant)}">${message.tenant}</a>`],
  [one.credential, message.credential],
  [words.common.from, foreign(message.from)],
  ["Message-ID", foreign(message.message?.messageId)],
  [words.messages.subject, message.message?.subject === undefined ? undefined : foreign(message.message.subject)],
  [words.common.size, message.message === undefined ? undefined : size(message.message.size)],
  [one.client, message.client],
  [one.report, message.message?.dsnFor === undefined ? undefined : idLink(message.message.dsnFor)],
  [one.rewrite, message.message?.rewrite],
  [words.messages.resend.original, message.resendOf === undefined ? undefined : idLink(message.resendOf)],
  ...message.resends.map(({ id, at, recipients, found }): [string, Html] => [
    words.messages.resend.copy,
    html`${idLink(id)} ${time(at)} (${one.recipients}: ${count(recipients)}) ${found ? "" : badge(words.messages.resend.copyUnknown, "warn")}`,
  ]),
])}
${message.inQueue ? html`<h2>${one.actions}</h2>${queueButtons(view, message.id)}` : html`<p class="muted">${one.notInQueue}</p>`}
<h2>${one.recipients}</h2>
${message.recipients.map((record) => recipient(view, record, message))}
${message.waiting.map((address) => html`<section><h3><bdi>${address}</bdi> ${stateBadge(view, "accepted")}</h3></section>`)}
${resendPart(view, message)}
<h2>${one.headers}</h2>
${
  message.received === undefined
    ? html`<p class="empty">${one.notKept}</p>`
    : html`<div class="side"><section><h3>${one.received}</h3><pre tabindex="0">${message.received}</pre></section><section><h3>${one.sent}</h3>${sentPart(view, message)}</section></div>
<p><a class="button" href="/messages/${message.id}/source" download>${one.source}</a></p>`
}`;
}

function sentPart(view: View, { sent, computed }: MessageFacts): Html {
  const { one } = view.words.messages;
  if (sent !== undefined) return html`<pre tabindex="0">${sent}</pre>`;
  if (computed === undefined) return html`<p class="empty">${one.sentNotKept}</p>`;
  if (computed.refusal !== undefined)
    return html`<p class="notice warn">${one.refused}: <span lang="en">${computed.refusal}</span></p>`;
  return html`<p class="muted">${one.computed}</p><pre tabindex="0">${computed.text}</pre>
<p>${one.sesAdds}</p>${facts(computed.messageIds.map((id) => ["Message-ID", foreign(id)]))}
<details><summary>${one.edits}</summary><ul>${computed.edits.map(({ field, kinds }) => html`<li>${field === "" ? one.noField : html`<bdi>${field}</bdi>`}: ${kinds.map((kind) => one.editKinds[kind]).join(", ")}</li>`)}</ul></details>`;
}

/** Who ended may be sent it again, those who lack it are chosen already. */
function resendPart(view: View, { id, recipients, received }: MessageFacts): Html {
  const { resend } = view.words.messages;
  const ended = recipients.filter(isHandled);
  if (ended.length === 0) return NO_HTML;
  if (received === undefined)
    return html`<h2>${resend.heading}</h2><p class="empty">${resend.obstacles["not-kept"](id)}</p>`;
  const boxes = ended.map(
    (record) =>
      html`<label class="choice"><input type="checkbox" name="recipient" value="${record.index}"${lacksMail(record) ? html` checked` : ""}> <bdi>${record.address}</bdi> ${stateBadge(view, record.state)}</label>`,
  );
  return html`<h2>${resend.heading}</h2><p>${resend.intro}</p>${changeForm(view, "resend", { id }, resend.button, html`<fieldset><legend>${resend.to}</legend>${boxes}</fieldset>`)}`;
}

function recipient(view: View, record: RecipientRecord, message: MessageFacts): Html {
  const { one } = view.words.messages;
  const reports = (record.dsns ?? []).map(
    ({ id, outcome, written }) =>
      html`<li>${one.dsn} (${outcome.action}): ${id === undefined ? one.owed : idLink(id)}${written ? "" : html` ${badge(one.owed, "warn")}`}</li>`,
  );
  const accepted = html`<li>${time(message.time)} ${one.what.accepted} ${message.client}</li>`;
  const inOutbox = record.sesId !== undefined && message.outbox.includes(record.sesId);
  return html`<section><h3><bdi>${record.address}</bdi> ${stateBadge(view, record.state)}</h3>
${facts([
  [
    "SES",
    record.sesId === undefined
      ? undefined
      : inOutbox
        ? html`<a class="id" href="/outbox/${record.sesId}">${record.sesId}</a>`
        : html`<span class="id">${record.sesId}</span>`,
  ],
  [view.words.common.tries, record.attempts],
  [view.words.queue.next, record.nextTryAt === undefined ? undefined : time(record.nextTryAt)],
])}
<ol class="timeline">${accepted}${record.history.map((entry) => historyEntry(view, record, entry))}</ol>
${reports.length === 0 ? "" : html`<ul>${reports}</ul>`}</section>`;
}

function historyEntry(view: View, record: RecipientRecord, entry: HistoryEntry): Html {
  const { what } = view.words.messages.one;
  return html`<li>${time(entry.at)} <strong>${what[entry.what]}</strong>${entry.status === undefined ? "" : ` ${entry.status}`}${entry.detail === undefined ? "" : html`<br><bdi>${entry.detail}</bdi>`}${explanation(view.language, record, entry, view)}</li>`;
}

function explanation(language: Language, record: RecipientRecord, entry: HistoryEntry, view: View): Content {
  const fact = factOfEntry(record, entry);
  if (fact === undefined) return undefined;
  const { title, means, todo } = refusalWords(fact.reason, language, fact.by ?? fact.receiver);
  const url = fact.url === undefined ? "" : html` <a href="${fact.url}" rel="noreferrer">${fact.url}</a>`;
  return html`<div class="notice"><p><strong>${title}</strong></p><p>${means}</p><p>${view.words.bounces.todo}: ${todo}${url}</p></div>`;
}
