/** What exists in two languages says the same in both, as far as a program can see. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { USAGE_FIELDS } from "../../lib/core/usage.ts";
import { setupPages } from "../support/setup-pages.ts";
import { repositoryFiles } from "./repository-files.ts";
import { codeLines, headingLevels, linkTargets } from "./two-languages.ts";

const files = new Map(repositoryFiles().map(({ path, text }) => [path, text]));
const text = (path: string): string => {
  const found = files.get(path);
  if (found === undefined) throw new Error(`${path} is not there`);
  return found;
};

describe("README.ja.md", () => {
  const english = text("README.md");
  const japanese = text("README.ja.md");

  it("has the headings of README.md", () => {
    expect(headingLevels(japanese)).toEqual(headingLevels(english));
    expect(headingLevels(english).length).toBeGreaterThan(5);
  });

  it("has its commands and code, apart from what explains them", () => {
    expect(codeLines(japanese)).toEqual(codeLines(english));
    expect(codeLines(english).length).toBeGreaterThan(50);
  });

  it("leads to the same documents, and each leads to the other", () => {
    const others = (path: string): string[] =>
      linkTargets(text(path))
        .map((link) => link.replace(/^(docs\/console\/.*)-ja-/, "$1-en-"))
        .filter((link) => !/^(README(\.ja)?\.md|docs\/ja\/.*)$/.test(link));
    expect(new Set(others("README.ja.md"))).toEqual(new Set(others("README.md")));
    expect(linkTargets(english)).toContain("README.ja.md");
    expect(linkTargets(japanese)).toContain("README.md");
  });

  it("is caught when a command, a heading or a line of output is missing or another one", () => {
    const code = "# A\n```\nnpm ci    installs\nout  put\n```\n";
    expect(codeLines("```\nnpm ci    導入\nout  put\n```")).toEqual(codeLines(code));
    expect(codeLines("```\nnpm cj    導入\nout  put\n```")).not.toEqual(codeLines(code));
    expect(codeLines("```\nnpm ci    導入\nout  get\n```")).not.toEqual(codeLines(code));
    expect(headingLevels("# A\n## B\n```\n# c\n```")).toEqual([1, 2]);
  });
});

describe("docs/ja", () => {
  it("has the set-up page of every server, as the command prints it", () => {
    const pages = setupPages();
    for (const { file, text: page } of pages) {
      expect(existsSync(file), file).toBe(true);
      expect(readFileSync(file, "utf8"), "run node test/support/write-setup-pages.ts").toBe(page);
    }
    const [first] = pages;
    expect(readdirSync(dirname(first?.file ?? "")).length).toBe(pages.length);
    const links = linkTargets(text("docs/ja/README.md"));
    for (const { file } of pages) expect(links).toContain(`setup/${file.split("/").at(-1)}`);
  });

  it("explains every number of an invoice", () => {
    for (const field of USAGE_FIELDS) expect(text("docs/ja/README.md")).toContain(`\`${field}\``);
  });

  it("quotes the replies of the relay as the English page does", () => {
    const replies = (path: string): string[] => text(path).match(/`[245]\d\d [245]\.\d\.\d [^`]+`/g) ?? [];
    const english = replies("docs/clients.md").filter((reply) => !reply.startsWith("`452"));
    expect(new Set(replies("docs/ja/README.md"))).toEqual(new Set(english));
  });
});
