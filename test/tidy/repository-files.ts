/** The files of the repository, for the rules that look at all of them. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A file by its path in the repository, with `/` whatever the machine. */
export interface RepositoryFile {
  readonly path: string;
  readonly text: string;
}

/** Every file that is not ignored by .gitignore (of which only `name/` and `*.suffix` are understood), by path. */
export function repositoryFiles(): RepositoryFile[] {
  const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n").filter(Boolean);
  const folders = new Set([".git", ...ignored.filter((line) => line.endsWith("/")).map((line) => line.slice(0, -1))]);
  const suffixes = ignored.filter((line) => line.startsWith("*")).map((line) => line.slice(1));
  const files: RepositoryFile[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const full = join(folder, entry.name);
      if (entry.isDirectory() && !folders.has(entry.name)) walk(full);
      // `.git` is a file in a worktree.
      if (!entry.isFile() || folders.has(entry.name) || suffixes.some((suffix) => entry.name.endsWith(suffix)))
        continue;
      files.push({ path: relative(ROOT, full).replaceAll(sep, "/"), text: readFileSync(full, "latin1") });
    }
  };
  walk(ROOT);
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The TypeScript and JavaScript among them. */
export function sourceFiles(): RepositoryFile[] {
  return repositoryFiles().filter((file) => /\.[cm]?[jt]s$/.test(file.path));
}
