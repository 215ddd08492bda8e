/** The queue: everything we are responsible for, and what can be done with many of it at once. */

import type { QueueRow } from "../core/queue-row.ts";
import { type Html, html } from "./html.ts";
import {
  age,
  badge,
  changeForm,
  foreign,
  hiddenFields,
  idLink,
  listLinks,
  type Mood,
  size,
  table,
  time,
} from "./parts.ts";
import type { View } from "./view.ts";

/** Of a long queue its part after `cursor`. */
export interface QueuePart {
  readonly entries: readonly QueueRow[];
  readonly next?: string | undefined;
}

/** What can be done with messages of the queue. */
export const QUEUE_ACTIONS = ["retry", "hold", "release", "drop", "drop-silently"] as const;

const MOODS: Readonly<Record<string, Mood>> = {
  held: "warn",
  dropping: "warn",
  unreadable: "bad",
  foreign: "bad",
  waiting: "warn",
  sending: "busy",
};

/** The page. */
export function queuePage(view: View, part: QueuePart): Html {
  const { words } = view;
  const { queue } = words;
  const rows = part.entries.map((entry) => {
    const acts = entry.state !== "foreign";
    return [
      acts
        ? html`<input type="checkbox" name="id" value="${entry.id}" form="act" aria-label="${queue.choose} ${entry.id}">`
        : undefined,
      acts ? idLink(entry.id) : foreign(entry.id),
      badge(stateWord(view, entry.state), MOODS[entry.state] ?? "plain"),
      age(entry.ageSeconds, view),
      size(entry.size),
      entry.tenant === "" ? "" : html`<a href="/tenants/${encodeURIComponent(entry.tenant)}">${entry.tenant}</a>`,
      foreign(entry.from),
      `${entry.handled}/${entry.recipients}`,
      entry.attempts,
      entry.nextTry === null ? "" : time(entry.nextTry),
      foreign(entry.reason),
    ];
  });
  return html`<p>${queue.intro}</p>
${rows.length === 0 ? "" : html`<form id="act" class="actions" method="post" action="/do/queue">${hiddenFields({ token: view.token })}<span><input type="checkbox" id="all" data-all="id" hidden aria-label="${queue.chooseAll}"> ${queue.withChosen}</span>${QUEUE_ACTIONS.map((action) => html`<button name="action" value="${action}">${queue.actions[action]}</button>`)}</form>`}
${table(
  queue.caption,
  [
    queue.choose,
    words.common.id,
    words.common.state,
    { text: words.common.age, number: true },
    { text: words.common.size, number: true },
    words.common.tenant,
    words.common.from,
    { text: queue.done, number: true },
    { text: words.common.tries, number: true },
    queue.next,
    words.common.reason,
  ],
  rows,
  queue.empty,
)}
${listLinks(view, { csv: "/queue.csv", next: part.next })}`;
}

/** Buttons for one message. */
export function queueButtons(view: View, id: string): Html {
  return html`<div class="actions">${QUEUE_ACTIONS.map((action) => changeForm(view, "queue", { id, action }, view.words.queue.actions[action]))}</div>`;
}

function stateWord(view: View, state: string): string {
  const states: Readonly<Record<string, string>> = view.words.queue.states;
  return states[state] ?? state;
}
