/** House rules for source files. Each takes files and gives one line for each place that breaks it. */

import { codeOnly } from "./code-only.ts";
import type { RepositoryFile } from "./repository-files.ts";

/** A rule; `name` completes "source has ...". */
export interface SourceRule {
  readonly name: string;
  readonly problems: (file: RepositoryFile) => string[];
}

const LINES_MAX = 400;
const PRODUCT = /^(lib|lambda|relay-edge)\//;
const MAY_READ_ENVIRONMENT =
  /^(bin|test|bench|\.ci)\/|^relay-edge\/main\.ts$|^lambda\/[^/]+\/handler\.ts$|^lib\/local\/start-local\.ts$|^lib\/aws\/clients\.ts$|\.config\.ts$/;
/** Programs that a person starts. */
const MAY_PRINT = /^(bin|bench|\.ci|test\/f(?:ault|uzz))\/|^test\/support\/(write-[^/]+|[^/]+-process)\.ts$/;
/** Texts that Japanese senders read, and samples of mail. */
const MAY_BE_JAPANESE =
  /^lib\/core\/(dsn-(date|reasons|text)|refusal-words-ja|status-words-ja|watch-notice|breaker-notice)\.ts$|^lib\/core\/(setup|preflight|doctor|dns)\/|^lib\/console\/words-ja\.ts$|^bin\/commands\/bounce-lines\.ts$|^test\//;
const UNFINISHED = new RegExp(["\\bTO", "DO\\b|\\bFIX", "ME\\b"].join(""), "g");

/** Places where a pattern is found in the code, comments and quotes left out. */
function found(file: RepositoryFile, pattern: RegExp, say: string): string[] {
  return places(file.path, codeOnly(file.text), pattern, say);
}

function places(path: string, text: string, pattern: RegExp, say: string): string[] {
  return [...text.matchAll(pattern)].map((match) => `${path}:${lineAt(text, match.index)} ${say}`);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** All rules. */
export const SOURCE_RULES: readonly SourceRule[] = [
  {
    name: "no default exports",
    problems: (file) =>
      file.path.endsWith(".config.ts")
        ? []
        : found(file, /^export default\b/gm, "has a default export; give it the name of the file"),
  },
  {
    name: "no barrels",
    problems: (file) =>
      found(file, /^export (?:\*|(?:type )?\{)/gm, "passes on a name; import it where it is declared, export it there"),
  },
  {
    name: "no file named for nothing",
    problems: ({ path }) =>
      /(^|\/)(utils?|index|helpers?|misc|common|types)\.[cm]?[jt]s$/.test(path)
        ? [`${path} is named for nothing; a file has the name of its main export`]
        : [],
  },
  {
    name: "the environment read in composition roots only",
    problems: (file) =>
      MAY_READ_ENVIRONMENT.test(file.path)
        ? []
        : found(
            file,
            /\bprocess\s*\.\s*env\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\b/g,
            "reads process.env; take the value as a parameter",
          ),
  },
  {
    name: "no printing outside programs",
    problems: (file) =>
      MAY_PRINT.test(file.path)
        ? []
        : found(file, /\bconsole\s*\.\s*\w+/g, "prints; use the Log it is given, or a print function"),
  },
  {
    name: "nothing unfinished",
    problems: (file) => places(file.path, file.text, UNFINISHED, "is unfinished; do it, or file an issue"),
  },
  {
    name: "no way around the types",
    problems: (file) => found(file, /\bas any\b/g, "casts to any; parse it into a type"),
  },
  {
    name: `at most ${LINES_MAX} lines, or a reason`,
    problems: ({ path, text }) => {
      const lines = text.split("\n").length - 1;
      const header = text.slice(0, text.indexOf("*/") + 1);
      return lines <= LINES_MAX || header.includes(`Longer than ${LINES_MAX} lines because`)
        ? []
        : [`${path} has ${lines} lines; split it, or say in its header "Longer than ${LINES_MAX} lines because ..."`];
    },
  },
  {
    name: "a comment at the head of each file that says what it promises",
    problems: ({ path, text }) =>
      PRODUCT.test(path) && !/^(#![^\n]*\n)?\/\*\*/.test(text)
        ? [`${path} does not begin with a contract comment`]
        : [],
  },
  { name: "a comment on every export", problems: (file) => (PRODUCT.test(file.path) ? withoutDocs(file) : []) },
  {
    name: "ASCII only, but for section signs and where Japanese is meant",
    problems: ({ path, text }) =>
      MAY_BE_JAPANESE.test(path)
        ? []
        : places(
            path,
            Buffer.from(text, "latin1").toString("utf8"),
            /[^\0-\x7f\u00a7]+/g,
            "holds other characters than ASCII; write \\u escapes",
          ),
  },
];

/**
 * Exported declarations whose comment is missing. Of overloads only the first needs one, and the comment at the head
 * of the file is that of the export which the file is named for.
 */
function withoutDocs(file: RepositoryFile): string[] {
  const main = (/([^/]+)\.[jt]s$/.exec(file.path)?.[1] ?? "").replaceAll("-", "");
  const code = codeOnly(file.text).split("\n");
  const lines = file.text.split("\n");
  const seen = new Set<string>();
  return code.flatMap((line, index) => {
    const declared =
      /^export (?:(?:declare|abstract|async) )*(?:function\*?|class|interface|type|const|let|enum) +([\w$]+)/.exec(
        line,
      );
    const name = declared?.[1];
    if (name === undefined || seen.has(name) || name.toLowerCase() === main) return [];
    seen.add(name);
    let above = index - 1;
    while (/^\/\/ (oxlint|biome)-/.test(lines[above] ?? "")) above--;
    return (lines[above] ?? "").endsWith("*/")
      ? []
      : [`${file.path}:${index + 1} exports ${name} without a comment that says what it promises`];
  });
}
