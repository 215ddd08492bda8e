/** The console's words, in the languages it speaks. */

import type { Language } from "../core/directory.ts";
import { WORDS_EN } from "./words-en.ts";
import { WORDS_JA } from "./words-ja.ts";

type Widened<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Widened<T[K]> };

/** One language. */
export type Words = Widened<typeof WORDS_EN>;

/** All of them. A word that one lacks does not compile. */
export const WORDS: Readonly<Record<Language, Words>> = { en: WORDS_EN, ja: WORDS_JA };

/** The language of a request: what it asks for, else what was chosen before, else what the browser prefers. */
export function requestLanguage(
  asked: string | undefined,
  remembered: string | undefined,
  acceptLanguage: string | undefined,
): Language {
  for (const choice of [asked, remembered]) if (choice === "en" || choice === "ja") return choice;
  const wanted = (acceptLanguage ?? "")
    .split(",")
    .map((part, index) => {
      const [tag = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
      const quality = Number(/^q=([\d.]+)$/.exec(parameters.find((one) => one.startsWith("q=")) ?? "q=1")?.[1] ?? 1);
      return { tag: tag.slice(0, 2), quality: Number.isFinite(quality) ? quality : 0, index };
    })
    .filter(({ tag, quality }) => quality > 0 && (tag === "en" || tag === "ja"))
    .toSorted((a, b) => b.quality - a.quality || a.index - b.index);
  return wanted[0]?.tag === "ja" ? "ja" : "en";
}
