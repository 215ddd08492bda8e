/**
 * `npm run pictures`: docs/console, pictures of the console's main pages before a ledger with some thousand messages, light
 * and dark, English and Japanese. Needs Debian's chromium, pngquant and a Japanese font (fonts-ipafont-gothic).
 */

import { execFile } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect } from "../../bin/commands/connect.ts";
import { ENV } from "../../lib/core/names.ts";
import { openBrowser } from "../../test/support/chromium.ts";
import { startRelay } from "../../test/support/relay-process.ts";
import { fillForConsole } from "../console-bench.ts";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "docs/console");
const RECORDS = 12_000;
const VIEWPORT = { width: 1100, height: 780 };
/** Colours of a picture: enough for two schemes and their badges. */
const COLOURS = "64";

const run = promisify(execFile);

await mkdir(FOLDER, { recursive: true });
for (const name of await readdir(FOLDER)) if (name.endsWith(".png")) await rm(join(FOLDER, name));
const relay = await startRelay();
try {
  process.env[ENV.dataDir] = relay.dataDir;
  const connection = await connect(undefined);
  const { pair } = await fillForConsole(connection, RECORDS, "whole", tell);
  const add = ["bin/relayhost.ts", "domain", "add", "--tenant", "demo", "shop.example"];
  await run(process.execPath, add, { cwd: ROOT, env: relay.env });
  const pages = [
    ["overview", "/"],
    ["messages", "/messages?tenant=demo"],
    ["message", `/messages/${pair(0).message.id}`],
    ["bounces", "/bounces?since=7d"],
    ["tenant", "/tenants/demo"],
    ["domain", "/domains/shop.example"],
  ] as const;
  const watched = await openBrowser();
  try {
    for (const language of ["en", "ja"] as const) {
      for (const colorScheme of ["light", "dark"] as const) {
        const context = await watched.browser.newContext({ colorScheme, viewport: VIEWPORT });
        const page = await context.newPage();
        for (const [name, path] of pages) {
          // Both schemes of the overview; of the others one for each language.
          if (name !== "overview" && (language === "en") !== (colorScheme === "light")) continue;
          const query = path.includes("?") ? "&" : "?";
          await page.goto(`http://127.0.0.1:${relay.consolePort}${path}${query}lang=${language}`);
          const file = join(FOLDER, `${name}-${language}-${colorScheme}.png`);
          await page.screenshot({ path: file });
          await run("pngquant", ["--force", "--strip", "--output", file, COLOURS, file]);
          tell(`${name}, ${language}, ${colorScheme}`);
        }
        await context.close();
      }
    }
  } finally {
    await watched.close();
  }
} finally {
  await relay.remove();
}

function tell(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
