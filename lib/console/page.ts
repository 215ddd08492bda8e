/** The frame around every page: head, navigation, language, the page itself. */

import { type Content, type Html, html, link } from "./html.ts";
import type { View } from "./view.ts";

/** Where style and script are; the text behind `v` changes with their content, so browsers may keep them. */
export interface Assets {
  readonly style: string;
  readonly script: string;
}

const PLACES = [
  ["/", "overview"],
  ["/messages", "messages"],
  ["/queue", "queue"],
  ["/bounces", "bounces"],
  ["/suppression", "suppression"],
  ["/tenants", "tenants"],
  ["/domains", "domains"],
  ["/setup", "setup"],
  ["/doctor", "doctor"],
  ["/outbox", "outbox"],
  ["/audit", "audit"],
] as const;

/** A whole document. */
export function page(view: View, assets: Assets, title: string, body: Content): Html {
  const { words, language } = view;
  const places = PLACES.filter(([, name]) => name !== "outbox" || view.isLocal);
  const other = language === "en" ? "ja" : "en";
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - relayhost ${view.environment}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets.style}">
<script src="${assets.script}" defer></script>
</head>
<body>
<a class="skip" href="#main">${words.skip}</a>
<header class="top">
<p class="brand"><a href="/">relayhost</a> <span class="badge">${view.environment}</span></p>
<nav aria-label="${words.navigation}"><ul>
${places.map(
  ([path, name]) =>
    html`<li><a href="${path}"${isHere(view.path, path) ? html` aria-current="page"` : ""}>${words.nav[name]}</a></li>
`,
)}</ul></nav>
<p class="language"><a href="${link(view.path, { ...view.query, lang: other })}" hreflang="${other}" lang="${other}">${words.otherLanguage}</a></p>
</header>
<main id="main" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

function isHere(path: string, place: string): boolean {
  return place === "/" ? path === "/" : path === place || path.startsWith(`${place}/`);
}
