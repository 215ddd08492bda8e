/** Search for messages: what is asked, what was found, and what cannot be searched for. */

import type { RecipientState } from "../core/message-record.ts";
import { type Html, html } from "./html.ts";
import { badge, choice, field, foreign, idLink, listLinks, type Mood, searchForm, size, table, time } from "./parts.ts";
import type { View } from "./view.ts";

/** One found message. */
export interface MessageRow {
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly tenant: string;
  readonly from: string;
  readonly size: number;
  readonly recipients: number;
  /** The recipient that was looked for, else the first. */
  readonly to: string;
  readonly state: RecipientState | "accepted";
  readonly reason: string;
  /** Empty where it is not kept. */
  readonly subject: string;
}

/** What a search has found. */
export interface MessageList {
  readonly rows: readonly MessageRow[];
  readonly next?: string | undefined;
  /** Messages that were read for it; more than rows where something was filtered. */
  readonly read: number;
}

/** States that can be asked for. */
export const MESSAGE_STATES: readonly RecipientState[] = [
  "sending",
  "waiting",
  "sent",
  "delivered",
  "bounced",
  "complained",
  "rejected",
  "failed",
  "duplicate",
];

const MOODS: Readonly<Record<RecipientState | "accepted", Mood>> = {
  accepted: "busy",
  sending: "busy",
  waiting: "warn",
  sent: "busy",
  delivered: "good",
  bounced: "bad",
  complained: "bad",
  rejected: "bad",
  failed: "bad",
  duplicate: "plain",
};

/** A recipient's state in the reader's language. */
export function stateBadge(view: View, state: RecipientState | "accepted"): Html {
  return badge(view.words.messages.states[state], MOODS[state]);
}

/** What the page offers. */
export interface MessageSearchOffer {
  /** Ids to choose from. */
  readonly tenants: readonly string[];
  /** The environment keeps subjects with the records. */
  readonly keepsSubjects: boolean;
}

/** The page. */
export function messagesPage(view: View, { tenants, keepsSubjects }: MessageSearchOffer, list: MessageList): Html {
  const { words, query } = view;
  const { messages } = words;
  const states = MESSAGE_STATES.map((state): [string, string] => [state, messages.states[state]]);
  return html`<p>${messages.intro}</p>
${searchForm(view, [
  field(messages.name, "q", query["q"] ?? "", { type: "search", hint: messages.nameHint }),
  choice(words.common.tenant, "tenant", query["tenant"] ?? "", [
    ["", messages.all],
    ...tenants.map((id): [string, string] => [id, id]),
  ]),
  field(messages.day, "day", query["day"] ?? "", { type: "date" }),
  field(messages.after, "after", query["after"] ?? "", { hint: messages.clock }),
  field(messages.before, "before", query["before"] ?? "", { hint: messages.clock }),
  choice(words.common.state, "state", query["state"] ?? "", [["", messages.all], ...states]),
  field(messages.sender, "from", query["from"] ?? ""),
  ...(keepsSubjects
    ? [field(messages.subject, "subject", query["subject"] ?? "", { hint: messages.subjectHint })]
    : []),
])}
<p class="muted">${messages.noIndex} ${keepsSubjects ? messages.subjectsKept : messages.noSubjects}</p>
${table(
  messages.caption,
  [
    words.common.id,
    words.common.time,
    words.common.tenant,
    words.common.from,
    words.common.to,
    words.common.state,
    { text: words.common.size, number: true },
    words.common.reason,
    ...(keepsSubjects ? [messages.subject] : []),
  ],
  list.rows.map((row) => [
    idLink(row.id),
    time(row.time),
    html`<a href="/tenants/${encodeURIComponent(row.tenant)}">${row.tenant}</a>`,
    foreign(row.from),
    html`<bdi>${row.to}</bdi>${row.recipients > 1 ? ` ${messages.more(row.recipients - 1)}` : ""}`,
    stateBadge(view, row.state),
    size(row.size),
    foreign(row.reason),
    ...(keepsSubjects ? [foreign(row.subject)] : []),
  ]),
  list.next === undefined ? messages.empty : messages.emptySoFar,
)}
<p class="muted">${messages.read(list.read)}</p>
${listLinks(view, { csv: "/messages.csv", next: list.next })}`;
}
