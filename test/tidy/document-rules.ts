/** Documents and the code they speak of stay in step; and what belongs to no product stays out of it. */

import { posix } from "node:path";
import type { RepositoryFile } from "./repository-files.ts";

/** Folders whose paths a document may name; anything else in backticks with a slash is not a path of ours. */
const FOLDERS = /^(\.ci|bench|bin|docs|lambda|lib|relay-edge|test)\//;

/** Paths of the repository that a document names in backticks or links, and that are not there. */
export function missingPaths(document: RepositoryFile, paths: ReadonlySet<string>): string[] {
  const code = [...document.text.matchAll(/`([^`\n]+)`/g)].map((match) => (match[1] ?? "").replace(/:\d+$/, ""));
  const links = [...document.text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
  const named = [
    ...code
      .filter((path) => FOLDERS.test(`${path}/`) || /^[A-Z]+\.md$/.test(path))
      .filter((path) => !/[\s<>(){}]/.test(path)),
    ...links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => posix.join(posix.dirname(document.path), link)),
  ];
  return [...new Set(named)]
    .filter((path) => !exists(path, paths))
    .map((path) => `${document.path} names ${path}, which does not exist`);
}

/** A `*` stands for one name or a part of one. A folder exists if something is in it. */
function exists(path: string, paths: ReadonlySet<string>): boolean {
  const escaped = path
    .replace(/\/$/, "")
    .replace(/[.+^$|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*");
  const pattern = new RegExp(`^${escaped}(/|$)`);
  for (const candidate of paths) if (pattern.test(candidate)) return true;
  return false;
}

/**
 * Tests that a document names as `suite/file` and titles in quotes behind it, and that do not say so. A title may be a
 * part of one, and stands as in the source, with its `%s`.
 */
export function missingTests(document: RepositoryFile, files: readonly RepositoryFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const named = [...document.text.matchAll(/`([a-z]+\/[a-z0-9-]+)`((?:,? "[^"\n]+")+)/g)];
  return named.flatMap(([, file = "", titles = ""]) => {
    const source = texts.get(`test/${file}.test.ts`) ?? "";
    return [...titles.matchAll(/"([^"]+)"/g)]
      .map(([, title = ""]) => title)
      .filter((title) => !source.includes(title))
      .map((title) => `${document.path} names the test "${title}" of ${file}, which does not exist`);
  });
}

/** Words and places of a workshop, in pieces so that this file may be looked at too. */
const joined = (...words: readonly (readonly string[])[]): string => words.map((pieces) => pieces.join("")).join("|");
const NAMES = joined(["Cla", "ude"], ["Anth", "ropic"], ["Open", "AI"], ["Chat", "GPT"], ["sub", "agent"]);
const WORKSHOP: readonly RegExp[] = [
  new RegExp(`\\b(?:${NAMES})`, "gi"),
  new RegExp(`\\b(?:${joined(["L", "LM"], ["DES", "IGN"])})s?\\b`, "g"),
  new RegExp(joined(["/wo", "rk/"], ["/tmp/br", "ief"], ["hel", "per-"]), "gi"),
];

/** Words that tell how or where the project was made and not what it is. */
export function workshopWords(file: RepositoryFile): string[] {
  const text = file.path === "package-lock.json" ? file.text.replace(/"integrity": "[^"]*"/g, "") : file.text;
  return WORKSHOP.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${file.path}:${line} says "${match[0]}", which is no word of this project`;
    }),
  );
}

/** Addresses of a registry in a lockfile: an installation must use the one that npm is set to. */
export function registryAddresses(lockfile: string): string[] {
  return [...lockfile.matchAll(/"resolved": *"([^"]*)"/g)].map(
    (match) => `package-lock.json names ${match[1]}; install with the settings in .npmrc`,
  );
}
