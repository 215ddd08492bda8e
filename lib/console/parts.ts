/** Parts that pages are made of: tables, badges, forms, times. */

import { type Content, type Html, html, link, NO_HTML } from "./html.ts";
import type { View } from "./view.ts";

/** A column's head; numbers stand to the right. */
export type Head = string | { readonly text: string; readonly number: true };

/** A table with its caption; rows scroll sideways on narrow screens. Empty: what to do next. */
export function table(
  caption: string,
  heads: readonly Head[],
  rows: readonly (readonly Content[])[],
  empty: Content,
): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const isNumber = heads.map((head) => typeof head !== "string");
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head) =>
    typeof head === "string"
      ? html`<th scope="col">${head}</th>`
      : html`<th scope="col" class="number">${head.text}</th>`,
  )}</tr></thead>
<tbody>
${rows.map(
  (cells) =>
    html`<tr>${cells.map((cell, index) => (isNumber[index] === true ? html`<td class="number">${cell}</td>` : html`<td>${cell}</td>`))}</tr>
`,
)}</tbody>
</table></div>`;
}

/** Name and value, one under the other. Values that are undefined are left out. */
export function facts(pairs: readonly (readonly [name: string, value: Content])[]): Html {
  return html`<dl class="facts">${pairs
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** How good a thing is; never said by colour alone. */
export type Mood = "good" | "busy" | "warn" | "bad" | "plain";

/** A short word with a mood. */
export function badge(text: string, mood: Mood = "plain"): Html {
  return html`<span class="badge ${mood}">${text}</span>`;
}

/** Words of a stranger: their direction does not change that of what is around. */
export function foreign(text: string | undefined): Content {
  return text === undefined || text === "" ? undefined : html`<bdi>${text}</bdi>`;
}

/** A queue id with the way to its message. */
export function idLink(id: string): Html {
  return html`<a class="id" href="/messages/${id}">${id}</a>`;
}

/** A time, for people in UTC to the second, for programs as RFC 3339. `time` is RFC 3339 or epoch milliseconds. */
export function time(time: string | number | undefined): Content {
  if (time === undefined) return undefined;
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const iso = date.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace("T", " ")}Z</time>`;
}

/** `42 s`, `7 min`, `3 h`, `2 d`. */
export function age(seconds: number, view: View): string {
  const { units } = view.words;
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} ${units.seconds}`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} ${units.minutes}`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} ${units.hours}`;
  return `${Math.floor(seconds / 86_400)} ${units.days}`;
}

/** A whole number with separators. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `512 B`, `10.2 KB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** A labelled text field. */
export function field(
  label: string,
  name: string,
  value: string,
  options: {
    readonly type?: "text" | "date" | "search" | "month" | "datetime-local";
    readonly hint?: string;
    readonly required?: boolean;
  } = {},
): Html {
  const hintId = options.hint === undefined ? undefined : `hint-${name}`;
  return html`<p class="field"><label for="field-${name}">${label}</label>
<input id="field-${name}" name="${name}" type="${options.type ?? "text"}" value="${value}" autocomplete="off" spellcheck="false"${options.required === true ? html` required` : ""}${hintId === undefined ? "" : html` aria-describedby="${hintId}"`}>${hintId === undefined ? "" : html`<small id="${hintId}">${options.hint}</small>`}</p>`;
}

/** A labelled choice. */
export function choice(
  label: string,
  name: string,
  value: string,
  options: readonly (readonly [value: string, text: string])[],
): Html {
  return html`<p class="field"><label for="field-${name}">${label}</label>
<select id="field-${name}" name="${name}">${options.map(
    ([one, text]) => html`<option value="${one}"${one === value ? html` selected` : ""}>${text}</option>`,
  )}</select></p>`;
}

/** A form that looks for something: its address can be shared. */
export function searchForm(view: View, fields: readonly Html[], action = view.path): Html {
  return html`<form class="search" method="get" action="${action}" role="search">${fields}<p class="field"><button>${view.words.show}</button></p></form>`;
}

/** A form that asks for a change; the next page says what it will do and asks again. */
export function changeForm(
  view: View,
  change: string,
  hidden: Readonly<Record<string, string>>,
  button: string,
  fields: Content = NO_HTML,
): Html {
  return html`<form class="change" method="post" action="/do/${change}">${hiddenFields({ token: view.token, ...hidden })}${fields}<button>${button}</button></form>`;
}

/** Values that a form carries along. */
export function hiddenFields(values: Readonly<Record<string, string | readonly string[]>>): Html {
  return html`${Object.entries(values).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map(
      (one) => html`<input type="hidden" name="${name}" value="${one}">`,
    ),
  )}`;
}

/** The way to the same list as CSV, and to its next part. */
export function listLinks(view: View, options: { readonly csv?: string; readonly next?: string | undefined }): Html {
  const { cursor: _, lang: _lang, ...query } = view.query;
  return html`<p class="links">${options.next === undefined ? "" : html`<a rel="next" href="${link(view.path, { ...query, cursor: options.next })}">${view.words.next}</a> `}${options.csv === undefined ? "" : html`<a href="${link(options.csv, query)}" download>${view.words.csv}</a>`}</p>`;
}

/** Text as it is, with a button that copies it where there is JavaScript. */
export function copyable(view: View, id: string, text: string): Html {
  return html`<div class="copyable"><pre id="${id}" tabindex="0">${text}</pre><button type="button" class="copy" data-copy="${id}" hidden>${view.words.copy}</button></div>`;
}
