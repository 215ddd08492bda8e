/** A change is asked for again, with all that it will do; then it is told what came of it. */

import { type Content, type Html, html } from "./html.ts";
import { copyable, hiddenFields } from "./parts.ts";
import type { View } from "./view.ts";

/** What a change would do. */
export interface ChangePlan {
  /** What is done, as a heading: "Hold 2 messages". */
  readonly title: string;
  /** Each consequence as a sentence. */
  readonly effects: readonly string[];
  /** Where the person came from. */
  readonly back: string;
}

/** What a change has done. */
export interface ChangeResult {
  readonly title: string;
  readonly lines: readonly string[];
  /** Shown on this page and nowhere else, never written down. */
  readonly secret?: string;
  /** A page that shows what came of it. */
  readonly next?: { readonly path: string; readonly text: string };
  readonly back: string;
}

/** The question. `form` is what was asked for, word for word. */
export function confirmPage(
  view: View,
  change: string,
  plan: ChangePlan,
  form: Readonly<Record<string, string | readonly string[]>>,
  changed: boolean,
): Html {
  const { words } = view;
  return html`${changed ? html`<p class="notice warn" role="alert">${words.confirm.changed}</p>` : ""}
<p>${words.confirm.intro}</p>
<ul>${plan.effects.map((effect) => html`<li>${effect}</li>`)}</ul>
<p class="muted">${words.confirm.audited}</p>
<form class="change" method="post" action="/do/${change}">${hiddenFields(form)}
<button class="primary" name="confirmed" value="yes">${plan.title}</button> <a class="button" href="${plan.back}">${words.confirm.cancel}</a></form>`;
}

/** The answer. */
export function resultPage(view: View, result: ChangeResult): Html {
  const { words } = view;
  const secret: Content =
    result.secret === undefined
      ? undefined
      : html`<section class="notice good"><h2>${words.confirm.secret}</h2>${copyable(view, "secret", result.secret)}</section>`;
  return html`<ul role="status">${result.lines.map((line) => html`<li>${line}</li>`)}</ul>
${secret}
<p>${result.next === undefined ? "" : html`<a class="button" href="${result.next.path}">${result.next.text}</a> `}<a class="button" href="${result.back}">${words.confirm.back}</a></p>`;
}
