/** What to change on a tenant's mail server, to print or to send; and the form that asks which. */

import { type Html, html, link } from "./html.ts";
import { choice, copyable, searchForm } from "./parts.ts";
import type { View } from "./view.ts";

/** What can be chosen. */
export interface SetupChoices {
  readonly servers: readonly string[];
  readonly tenants: readonly string[];
  readonly logins: readonly string[];
}

/** The page; `text` is the instruction, `problem` why there is none, `contact` where the tenant gets mail. */
export function setupInstructionPage(
  view: View,
  choices: SetupChoices,
  text: string | undefined,
  problem: string | undefined,
  contact: string | undefined,
): Html {
  const { words, query } = view;
  const { setup } = words;
  const pairs = (names: readonly string[]): [string, string][] => names.map((name) => [name, name]);
  return html`<p>${setup.intro}</p>
${searchForm(view, [
  choice(setup.server, "server", query["server"] ?? "", pairs(choices.servers)),
  choice(words.common.tenant, "tenant", query["tenant"] ?? "", pairs(choices.tenants)),
  choice(words.tenants.login, "login", query["login"] ?? "", [["", setup.onlyLogin], ...pairs(choices.logins)]),
  choice(setup.language, "for", query["for"] ?? "", [
    ["", setup.tenantsLanguage],
    ["en", "English"],
    ["ja", "\u65e5\u672c\u8a9e"],
  ]),
  choice(setup.form, "form", query["form"] ?? "page", [
    ["page", setup.page],
    ["script", setup.script],
    ["undo", setup.undo],
  ]),
])}
${problem === undefined ? "" : html`<p class="notice warn" role="alert">${problem}</p>`}
${text === undefined ? "" : html`<p class="muted">${setup.print}</p>${copyable(view, "instruction", text)}${sending(view, contact)}`}
${text === undefined && problem === undefined ? html`<p class="empty">${setup.empty}</p>` : ""}`;
}

/** A mail cannot be begun with a text as long as this one, so the file is saved and attached. */
function sending({ words, query }: View, contact: string | undefined): Html {
  const { setup } = words;
  const { lang: _, ...asked } = query;
  const mail = new URLSearchParams({ subject: setup.mailSubject, body: setup.mailBody })
    .toString()
    .replaceAll("+", "%20");
  return html`<p class="links"><a href="${link("/setup.txt", asked)}" download>${setup.save}</a> <a href="mailto:${encodeURIComponent(contact ?? "").replace("%40", "@")}?${mail}">${setup.mail}</a></p>`;
}
