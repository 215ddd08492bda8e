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
const BEFORE_REGEXP = /(?:^|[([{},;:=!&|?+*%<>~^-]|(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|await|throw))\s*$/;
const BEFORE_MODULE = /\b(?:import|require)\(\s*$/;

/** `strings`: what stands in quotes stays (templates only where they name a module). `nothing`: quotes are emptied. */
export function codeOnly(text: string, keep: "strings" | "nothing"): string {
  let out = "";
  /** Open braces inside each `${` that is open. */
  const braces: number[] = [];
  const next = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = out.length;
    return pattern.exec(text)?.[0];
  };
  const template = (kept: boolean): void => {
    const words = next(TEMPLATE_TEXT) ?? "";
    out += kept ? words : blank(words);
    const end = text.slice(out.length, out.length + 2) === "${" ? "${" : text.slice(out.length, out.length + 1);
    if (end === "${") braces.push(0);
    out += end;
  };
  while (out.length < text.length) {
    const char = text.charAt(out.length);
    const comment = next(COMMENT);
    const string = next(STRING);
    const regexp = BEFORE_REGEXP.test(out.slice(-40)) ? next(REGEXP) : undefined;
    if (comment !== undefined) out += blank(comment);
    else if (string !== undefined) out += keep === "strings" ? string : `"${blank(string.slice(2))}"`;
    else if (regexp !== undefined) out += blank(regexp);
    else if (char === "`") {
      const kept = keep === "strings" && BEFORE_MODULE.test(out.slice(-40));
      out += char;
      template(kept);
    } else if (char === "}" && braces.at(-1) === 0) {
      braces.pop();
      out += char;
      template(false);
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
