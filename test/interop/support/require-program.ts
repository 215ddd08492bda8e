/** Tests fail without the program they are about; they are never skipped. */

import { access, constants } from "node:fs/promises";

/** Resolves with the path when it is a program; rejects, naming the remedy, when it is not. */
export async function requireProgram(path: string): Promise<string> {
  try {
    await access(path, constants.X_OK);
  } catch (cause) {
    throw new Error(`${path} is missing: run test/interop/install.sh`, { cause });
  }
  return path;
}
