/** The transcript for new operators is what the terminal shows today. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FIRST_HOUR_FILE, playFirstHour } from "../support/first-hour.ts";

it("docs/first-hour.md is what a new operator sees (node test/support/write-first-hour.ts writes it anew)", async () => {
  const written = await readFile(join(import.meta.dirname, "../..", FIRST_HOUR_FILE), "utf8");
  expect(await playFirstHour()).toBe(written);
}, 300_000);
