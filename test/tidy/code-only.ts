/**
 * Source text without what is no code, so that a rule about calls is not fooled by a comment that speaks of one.
 *
 * A scanner of tokens, not a parser: it knows comments, strings, templates and regular expressions. What it leaves
 * out becomes spaces, so that offsets and lines stay.
 */

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const REGEXP = /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;
/** After this a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEXP =
  /(?:^|[([{},;:=!&|?+*%<>~^-]|(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|await|throw))\s*$/;

/** The code; strings, templates and regular expressions keep their quotes and lose what stands between them. */
export function codeOnly(text: string): string {
  let out = "";
  /** Braces that are open inside each `${` that is open. */
  const braces: number[] = [];
  const next = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = out.length;
    return pattern.exec(text)?.[0];
  };
  const templateText = (): void => {
    out += blank(next(TEMPLATE_TEXT) ?? "");
    const opens = text.startsWith("${", out.length);
    if (opens) braces.push(0);
    out += text.slice(out.length, out.length + (opens ? 2 : 1));
  };
  while (out.length < text.length) {
    const char = text.charAt(out.length);
    const comment = next(COMMENT);
    const quoted = next(STRING) ?? (char === "/" && BEFORE_REGEXP.test(out.slice(-40)) ? next(REGEXP) : undefined);
    if (comment !== undefined) out += blank(comment);
    else if (quoted !== undefined) out += char + blank(quoted.slice(2)) + char;
    else if (char === "`" || (char === "}" && braces.at(-1) === 0)) {
      if (char === "}") braces.pop();
      out += char;
      templateText();
    } else {
      const open = braces.length - 1;
      if (open >= 0 && char === "{") braces[open] = (braces[open] ?? 0) + 1;
      if (open >= 0 && char === "}") braces[open] = (braces[open] ?? 0) - 1;
      out += char;
    }
  }
  return out;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
