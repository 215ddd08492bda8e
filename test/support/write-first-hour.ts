/** Writes docs/first-hour.md anew: node test/support/write-first-hour.ts */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FIRST_HOUR_FILE, playFirstHour } from "./first-hour.ts";

await writeFile(join(import.meta.dirname, "../..", FIRST_HOUR_FILE), await playFirstHour());
console.log(`${FIRST_HOUR_FILE} is written`);
