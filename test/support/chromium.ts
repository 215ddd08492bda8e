/**
 * Debian's Chromium before the console, and a witness: every name under `.example` leads to a socket of ours, so that
 * whatever a page makes the browser ask of a stranger arrives there. What a policy refuses never does.
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where bash test/interop/install.sh puts it. */
const PROGRAM = "/usr/bin/chromium";

/** A browser and what strangers heard of it. */
export interface WatchedBrowser {
  readonly browser: Browser;
  /** Connections that arrived at names under `.example` so far. */
  strangers(): number;
  /** Does the work in a context of its own: cookies, scheme, size of the screen. */
  inContext(options: BrowserContextOptions, work: (context: BrowserContext) => Promise<void>): Promise<void>;
  /** Looks over the page as axe does; its serious and critical faults, one line each. */
  faults(page: Page): Promise<string[]>;
  close(): Promise<void>;
}

interface AxeRun {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** Starts both. Rejects where there is no Chromium. */
export async function openBrowser(): Promise<WatchedBrowser> {
  let heard = 0;
  const witness = createServer((socket) => {
    heard += 1;
    socket.on("error", () => undefined);
    socket.destroy();
  });
  await new Promise<void>((resolve) => witness.listen(0, "127.0.0.1", resolve));
  const { port } = witness.address() as AddressInfo;
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: ["--no-sandbox", `--host-resolver-rules=MAP *.example 127.0.0.1:${port}`],
  });
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  return {
    browser,
    strangers: () => heard,
    inContext: async (options, work) => {
      const context = await browser.newContext(options);
      try {
        await work(context);
      } finally {
        await context.close();
      }
    },
    faults: async (page) => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate<AxeRun>("axe.run(document, { iframes: false })");
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""} ${nodes[0]?.failureSummary ?? ""}`);
    },
    close: async () => {
      await browser.close();
      await new Promise((resolve) => witness.close(resolve));
    },
  };
}

/** A page of the context, and what happens on it that must not: dialogs, windows, downloads, errors of scripts. */
export async function watchedPage(
  context: BrowserContext,
): Promise<{ readonly page: Page; readonly unwanted: string[] }> {
  const page = await context.newPage();
  const unwanted: string[] = [];
  page.on("dialog", (dialog) => {
    unwanted.push(`dialog ${dialog.message()}`);
    dialog.dismiss().catch((error: unknown) => unwanted.push(String(error)));
  });
  page.on("popup", (popup) => unwanted.push(`window ${popup.url()}`));
  page.on("download", (download) => unwanted.push(`download ${download.url()}`));
  page.on("pageerror", (error) => unwanted.push(`error ${error.message}`));
  return { page, unwanted };
}
