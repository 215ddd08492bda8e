/** Mail that attacks whoever opens it, opened in Chromium: nothing runs, nothing is asked of a stranger, nothing leads away. */

import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type WatchedBrowser, watchedPage } from "../support/chromium.ts";
import { startTestConsole, type TestConsole } from "../support/console.ts";
import { HOSTILE_MAIL } from "../support/hostile-mail.ts";

let served: TestConsole;
let watched: WatchedBrowser;

beforeAll(async () => {
  served = await startTestConsole();
  await mkdir(join(served.cli.dataDir, "outbox"), { recursive: true });
  watched = await openBrowser();
});
afterAll(async () => {
  await watched?.close();
  await served?.close();
});

/** Straight into the outbox: the edge takes no such mail, and SES would send none. */
async function put(index: number, raw: Buffer): Promise<string> {
  const sesId = `010001a2${String(index).padStart(8, "0")}-00000000-0000-4000-8000-000000000000-000000`;
  const folder = join(served.cli.dataDir, "outbox");
  await writeFile(join(folder, `${sesId}.eml`), raw);
  const request = { time: new Date().toISOString(), source: "a@example.com", recipients: ["b@example.net"], tags: {} };
  await writeFile(join(folder, `${sesId}.json`), JSON.stringify(request));
  return sesId;
}

describe("the witness", () => {
  it("hears what a page without a policy asks of a stranger", async () => {
    const plain = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end('<!doctype html><title>-</title><img alt="" src="http://evil.example/pixel.gif">');
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const context = await watched.browser.newContext();
    try {
      const before = watched.strangers();
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${(plain.address() as AddressInfo).port}/`, { waitUntil: "networkidle" });
      expect(watched.strangers()).toBeGreaterThan(before);
    } finally {
      await context.close();
      plain.closeAllConnections();
      await new Promise((resolve) => plain.close(resolve));
    }
  });
});

describe("mail that attacks", () => {
  it.each(HOSTILE_MAIL.map(({ name, raw }, index) => ({ name, raw, index })))(
    "with $name runs nothing, asks nothing of a stranger and leads nowhere",
    async ({ raw, index }) => {
      const sesId = await put(index, raw);
      const before = watched.strangers();
      const context = await watched.browser.newContext();
      try {
        // In its frame, and by itself, as somebody opens the frame in a window of its own.
        await Promise.all(
          [`/outbox/${sesId}`, `/outbox/${sesId}/html`].map(async (path) => {
            const { page, unwanted } = await watchedPage(context);
            const response = await page.goto(`http://127.0.0.1:${served.port}${path}`, { waitUntil: "networkidle" });
            expect([200, path.endsWith("/html") ? 404 : 200]).toContain(response?.status());
            expect(new URL(page.url()).pathname).toBe(path);
            expect(unwanted).toEqual([]);
          }),
        );
        expect(watched.strangers()).toBe(before);
      } finally {
        await context.close();
      }
    },
  );
});
