/** Source keeps to the house rules in source-rules.ts, and each rule catches what breaks it. */

import { describe, expect, it } from "vitest";
import { codeOnly } from "./code-only.ts";
import { type RepositoryFile, sourceFiles } from "./repository-files.ts";
import { SOURCE_RULES } from "./source-rules.ts";

const files = sourceFiles();

describe("source has", () => {
  it.each(SOURCE_RULES.map((rule) => [rule.name, rule] as const))("%s", (_, rule) => {
    expect(files.flatMap(rule.problems)).toEqual([]);
  });
});

/** Problems of all rules but the head comment, for a file of the product that has one. */
function problemsOf(code: string, path = "lib/core/a.ts"): string[] {
  const file: RepositoryFile = { path, text: Buffer.from(`/** Head. */\n\n${code}\n`).toString("latin1") };
  return SOURCE_RULES.flatMap((rule) => rule.problems(file));
}

describe("the rules catch", () => {
  const unfinished = ["TO", "DO"].join("");
  it.each([
    ["a default export", "/** A. */\nexport default 5;", "lib/core/a.ts:4 has a default export"],
    ["a name exported as default", "export { a as default };", "passes on a name"],
    ["a barrel", 'export * from "./b.ts";', "lib/core/a.ts:3 passes on a name"],
    ["a re-export of a type", 'export type { A } from "./b.ts";', "passes on a name"],
    ["the environment read", 'const a = process.env["A"];', "lib/core/a.ts:3 reads process.env"],
    ["the environment imported", 'import { env } from "node:process";', "reads process.env"],
    ["printing", "console.log(5);", "lib/core/a.ts:3 prints"],
    ["an error printed", "console.error(5);", "prints"],
    ["an unfinished place", `// ${unfinished}: later`, "lib/core/a.ts:3 is unfinished"],
    ["a cast to any", "const a = b as any;", "lib/core/a.ts:3 casts to any"],
    ["a function without a comment", "export function b(): void {}", "exports b without a comment"],
    ["an async function without a comment", "export async function b() {}", "exports b without a comment"],
    ["a generator without a comment", "export async function* b() {}", "exports b without a comment"],
    ["a class without a comment", "const x = 1;\nexport class B {}", "exports B without a comment"],
    ["a type without a comment", "// not this\nexport type B = 5;", "exports B without a comment"],
    ["a constant without a comment", "export const b = 5;", "exports b without a comment"],
    ["a typographic character", "const a = '\u2026';", "lib/core/a.ts:3 holds other characters than ASCII"],
    ["401 lines", "x;\n".repeat(399), "lib/core/a.ts has 402 lines"],
  ])("%s", (_, code, words) => {
    const problems = problemsOf(code);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(words);
  });

  it("a file without a contract comment", () => {
    const rules = SOURCE_RULES.flatMap((rule) => rule.problems({ path: "lib/core/a.ts", text: "const a = 5;\n" }));
    expect(rules).toEqual(["lib/core/a.ts does not begin with a contract comment"]);
  });

  it.each(["lib/core/utils.ts", "lib/index.ts", "relay-edge/helpers.ts", "utils.ts"])("a file named %s", (path) => {
    expect(problemsOf("", path).filter((problem) => problem.includes("named for nothing"))).toHaveLength(1);
  });

  it("the environment read anywhere but in a composition root", () => {
    const reading = (path: string) => problemsOf("const a = process.env;", path);
    const roots = [
      "relay-edge/main.ts",
      "lambda/forward/handler.ts",
      "bin/commands/queue.ts",
      "lib/local/start-local.ts",
    ];
    expect(roots.flatMap(reading)).toEqual([]);
    for (const path of ["relay-edge/edge.ts", "lambda/forward/forward-message.ts", "lib/local/local-aws.ts"]) {
      expect(reading(path), path).toHaveLength(1);
    }
  });
});

describe("the rules let pass", () => {
  it.each([
    [
      "words in comments and quotes",
      '// process.env, console.log, as any\nconst a = "export default process.env as any";',
    ],
    ["documented exports", "/** A. */\nexport const a = 5;\n\n/**\n * B.\n */\nexport interface B {}"],
    ["a lint remark between comment and export", "/** A. */\n// oxlint-disable-next-line x\nexport const a = 5;"],
    ["overloads with one comment", "/** A. */\nexport function a(x: 1): 1;\nexport function a(x: 2): 2;"],
    ["section signs", "// RFC 5321 \u00a74.2.5"],
    ["escapes", "const a = '\\u2026';"],
    ["the export that the file is named for", "export function a(): void {}"],
    ["an export in a template", "const a = `\nexport default 5;\nexport const b = 5;\n`;"],
  ])("%s", (_, code) => {
    expect(problemsOf(code)).toEqual([]);
  });

  it("a long file that says why", () => {
    const text = `/**\n * Replies.\n * Longer than 400 lines because it is one table.\n */\n${"x;\n".repeat(500)}`;
    expect(SOURCE_RULES.flatMap((rule) => rule.problems({ path: "lib/core/a.ts", text }))).toEqual([]);
  });
});

describe("codeOnly", () => {
  it("keeps every offset and every line", () => {
    for (const { path, text } of files) {
      const code = codeOnly(text);
      expect(code.length, path).toBe(text.length);
      expect(code.split("\n").length, path).toBe(text.split("\n").length);
    }
  });

  it.each([
    ["a / b / c; // x", "a / b / c;     "],
    ["f(/['/]/); g", "f(/    /); g"],
    ["a('// no'); b", "a('     '); b"],
    ['a("\\"x"); b', 'a("   "); b'],
    ["`a${b + `c${'d'}`}e` + f", "` ${b + ` ${' '}`} ` + f"],
    ["`${{ a: `}` }}`; b", "`${{ a: ` ` }}`; b"],
    ["x /* y\n z */ w", "x     \n      w"],
    ["return /a`b/.test(c)", "return /   /.test(c)"],
  ])("reads %j", (text, code) => {
    expect(codeOnly(text)).toBe(code);
  });
});
