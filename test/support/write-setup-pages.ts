/** Writes the set-up pages in docs/ja/setup anew: `node test/support/write-setup-pages.ts`. */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setupPages } from "./setup-pages.ts";

for (const { file, text } of setupPages()) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
