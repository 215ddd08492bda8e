/**
 * One small file that is always whole: written beside, then renamed over the old one.
 *
 * Promise:  when `save` resolves, the file holds a text at least as new as the one at the time of the call. Calls that
 * come while a write is under way share the next one, so a burst of changes costs two writes.
 * A rename survives the death of the process; that of the machine is not promised (no fsync).
 */

import { readFile, rename, writeFile } from "node:fs/promises";

/** The file; nothing else may write it. */
export interface StateFile {
  /** The text, or undefined when there is no file yet. Rejects when it cannot be read. */
  load(): Promise<string | undefined>;
  /** Writes what `text` gives when its turn comes. Rejects when it cannot be written. */
  save(): Promise<void>;
}

/** The folder must exist. */
export function makeStateFile(path: string, text: () => string): StateFile {
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    await writeFile(`${path}.tmp`, text());
    await rename(`${path}.tmp`, path);
  };
  const run = async (after: Promise<void> | undefined): Promise<void> => {
    await after?.catch(() => undefined); // its own callers hear of that failure
    writing = next;
    next = undefined;
    await write();
  };
  return {
    async load() {
      try {
        return await readFile(path, "utf8");
      } catch (cause) {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
        throw cause;
      }
    },
    save() {
      next ??= run(writing);
      return next;
    },
  };
}
