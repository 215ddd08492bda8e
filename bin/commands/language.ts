/** In which language a command speaks to the person before the terminal. */

/** `--lang`, else the locale of the terminal (LC_ALL, LC_MESSAGES, LANG); undefined when `--lang` is neither. */
export function commandLanguage(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): "en" | "ja" | undefined {
  if (option !== undefined) return option === "en" || option === "ja" ? option : undefined;
  const locale = [env["LC_ALL"], env["LC_MESSAGES"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return /^ja(?:[_.@-]|$)/i.test(locale ?? "") ? "ja" : "en";
}
