/** `npm run cost`: writes docs/cost.md anew. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { costPage } from "./cost-page.ts";

const FILE = join(import.meta.dirname, "..", "..", "docs", "cost.md");
await writeFile(FILE, costPage());
console.log(`wrote ${FILE}`);
