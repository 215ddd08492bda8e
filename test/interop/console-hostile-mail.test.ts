/** Mail that attacks whoever opens it, opened in Chromium: nothing runs, nothing is asked of a stranger, nothing leads away. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type WatchedBrowser, watchedPage } from "../support/chromium.ts";
import { startTestConsole, type TestConsole } from "../support/console.ts";
import { HOSTILE_MAIL, putIntoOutbox } from "../support/hostile-mail.ts";

let served: TestConsole;
let watched: WatchedBrowser;
/** Mails whose HTML was shown: nothing is proved by a frame that is not there. */
let shown = 0;

beforeAll(async () => {
  served = await startTestConsole();
  watched = await openBrowser();
});
afterAll(async () => {
  await watched?.close();
  await served?.close();
});

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
      const sesId = await putIntoOutbox(served.cli.dataDir, index, raw);
      const before = watched.strangers();
      const context = await watched.browser.newContext();
      try {
        // In its frame, and by itself, as somebody opens the frame in a window of its own.
        await Promise.all(
          [`/outbox/${sesId}`, `/outbox/${sesId}/html`].map(async (path) => {
            const { page, unwanted } = await watchedPage(context);
            const response = await page.goto(`http://127.0.0.1:${served.port}${path}`, { waitUntil: "networkidle" });
            expect([200, path.endsWith("/html") ? 404 : 200]).toContain(response?.status());
            if (path.endsWith("/html") && response?.status() === 200) shown += 1;
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

  it("is HTML for the most part, and that was shown", () => {
    const html = HOSTILE_MAIL.filter(({ raw }) => /^content-type: text\/html/im.test(raw.toString("latin1")));
    expect(shown).toBeGreaterThan(HOSTILE_MAIL.length / 2);
    expect(shown).toBeLessThanOrEqual(html.length);
  });
});
