/**
 * The console in Debian's Chromium before a running local mode with real traffic: every page in both languages, light and
 * dark, wide and narrow, looked over by axe; and every change that a page offers, made by clicking.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../bin/commands/connect.ts";
import { noteMessage } from "../../lib/aws/ledger-dynamo.ts";
import { addSuppression } from "../../lib/aws/suppression-dynamo.ts";
import { WORDS } from "../../lib/console/words.ts";
import { ENV } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";
import { openBrowser, type WatchedBrowser, watchedPage } from "../support/chromium.ts";
import { acceptMessage } from "../support/pipeline.ts";
import { DEMO_LOGIN, type RelayProcess, startRelay } from "../support/relay-process.ts";
import { SmtpClient } from "../support/smtp-client.ts";
import { waitFor } from "../support/wait-for.ts";

let relay: RelayProcess;
let watched: WatchedBrowser;
let connection: Awaited<ReturnType<typeof connect>>;
let base: string;
let bounced: string;
let sesId: string;

/** `queue hold`: a form's change and, where its buttons differ, the button. What pages offer, and what was made here. */
const offered = new Set<string>();
const made = new Set<string>();
let number = 0;

beforeAll(async () => {
  relay = await startRelay();
  base = `http://127.0.0.1:${relay.consolePort}`;
  process.env[ENV.dataDir] = relay.dataDir;
  connection = await connect(undefined);
  watched = await openBrowser();
  await send("someone@example.net");
  await send("complaint@simulator.amazonses.com");
  bounced = await send("bounce@simulator.amazonses.com");
  const mails = await relay.waitForOutbox(4); // with the report of the bounce
  sesId = mails[0]?.id ?? "";
  await putHeld("waits");
});
afterAll(async () => {
  delete process.env[ENV.dataDir];
  await watched?.close();
  await relay?.remove();
});

async function send(to: string): Promise<string> {
  const client = await SmtpClient.connect({ port: relay.smtpPort });
  try {
    await client.logIn(DEMO_LOGIN);
    const data = `From: a@example.com\r\nTo: ${to}\r\nSubject: to ${to}\r\nMessage-ID: <${++number}@example.com>\r\n\r\nHello.\r\n`;
    const reply = await client.sendMail({ from: "a@example.com", to: [to], data });
    const id = /queued as (\S+)/.exec(reply.lines.join(" "))?.[1];
    if (id === undefined) throw new Error(`not accepted: ${reply.lines.join(" ")}`);
    return id;
  } finally {
    client.destroy();
  }
}

/** A message that stays in the queue, as one that an operator has held: the hold is there before the message. */
async function putHeld(subject: string): Promise<QueueId> {
  const id = makeQueueId(Date.now(), Buffer.alloc(11, ++number));
  await noteMessage(connection.ledger, id, { order: "hold" }, Date.now());
  const bytes = `From: a@example.com\r\nTo: ${subject}@example.net\r\nSubject: ${subject}\r\nMessage-ID: <${id}@example.com>\r\n\r\nx\r\n`;
  return await acceptMessage(connection.spool, { bytes, to: [`${subject}@example.net`], envelope: { id } });
}

async function text(path: string): Promise<string> {
  return await (await fetch(`${base}${path}`)).text();
}

async function open(page: Page, path: string, lang: string): Promise<number | undefined> {
  const response = await page.goto(`${base}${path}${path.includes("?") ? "&" : "?"}lang=${lang}`);
  await noteOffers(page);
  return response?.status();
}

/** The changes that the page's forms and buttons would make. */
async function noteOffers(page: Page): Promise<void> {
  const found = await page.evaluate<string[]>(`[...document.forms]
    .filter((form) => form.getAttribute("action").startsWith("/do/"))
    .flatMap((form) => [...form.elements]
      .filter((element) => element.type === "submit" && element.name !== "confirmed")
      .map((element) => form.getAttribute("action").slice(4) + " " + (element.value || form.elements.namedItem("action")?.value || "")))`);
  for (const one of found) offered.add(one.trim());
}

function pages(): string[] {
  return [
    "/",
    "/messages?tenant=demo",
    `/messages/${bounced}`,
    "/queue",
    "/bounces",
    "/suppression?tenant=demo",
    "/tenants",
    "/tenants/demo",
    "/domains",
    "/domains/example.com",
    "/setup?server=postfix&tenant=demo",
    "/doctor",
    "/doctor?subject=someone%40example.net",
    "/outbox",
    `/outbox/${sesId}`,
    "/audit",
    "/nowhere",
  ];
}

/** Faults of a page: what axe finds, and how far it sticks out of the screen (wide tables scroll by themselves). */
async function wrongWith(page: Page): Promise<string[]> {
  const over = Number(
    await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
  );
  return [...(await watched.faults(page)), ...(over === 0 ? [] : [`sticks out by ${over} pixels`])];
}

describe.each([
  { lang: "en", colorScheme: "light", width: 1280 },
  { lang: "ja", colorScheme: "dark", width: 360 },
] as const)("in $lang, $colorScheme, $width wide", ({ lang, colorScheme, width }) => {
  it("every page is whole, without serious faults, and asks nobody else", async () => {
    await watched.inContext({ colorScheme, viewport: { width, height: 900 } }, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      for (const path of pages()) {
        expect([path, await open(page, path, lang)]).toEqual([path, path === "/nowhere" ? 404 : 200]);
        expect([path, await page.getAttribute("html", "lang")]).toEqual([path, lang]);
        expect([path, await wrongWith(page)]).toEqual([path, []]);
      }
      expect([unwanted, asked.filter((url) => !url.startsWith(`${base}/`) && url !== "data:,")]).toEqual([[], []]);
    });
  });

  it("every place of the navigation is reached by its link", async () => {
    await watched.inContext({ colorScheme, viewport: { width, height: 900 } }, async (context) => {
      const { page } = await watchedPage(context);
      await open(page, "/", lang);
      const { nav } = WORDS[lang];
      for (const name of Object.values(nav)) {
        await page.click(`nav a:text-is("${name}")`);
        expect(await page.textContent("h1")).toBe(name);
        expect(await page.getAttribute("nav a[aria-current]", "aria-current")).toBe("page");
      }
    });
  });
});

describe("with the keyboard", () => {
  it("the first stop leads to the content", async () => {
    await watched.inContext({}, async (context) => {
      const { page } = await watchedPage(context);
      await open(page, "/queue", "en");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("main");
    });
  });

  it("a search is typed and sent, and its address can be shared", async () => {
    await watched.inContext({}, async (context) => {
      const { page } = await watchedPage(context);
      await open(page, "/messages", "en");
      await page.focus("#field-q");
      await page.keyboard.type("someone@example.net");
      await page.keyboard.press("Enter");
      await page.waitForURL(/q=someone%40example\.net/);
      expect(await page.textContent("tbody")).toContain("someone@example.net");
    });
  });
});

describe("with scripts", () => {
  it("the overview's numbers move by themselves, and one box chooses all", async () => {
    await watched.inContext({}, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      await open(page, "/", "en");
      const delivered = async (): Promise<number> =>
        Number((await page.textContent('[data-live="delivered"]'))?.replace(/\D/g, ""));
      const before = await delivered();
      await send("mover@example.net");
      await waitFor(async () => ((await delivered()) > before ? true : undefined), {
        deadlineMs: 60_000,
        otherwise: () => `the number of the delivered is still ${before}`,
      });
      await open(page, "/queue", "en");
      await page.check("#all");
      expect(await page.isChecked('input[name="id"]')).toBe(true);
      expect(unwanted).toEqual([]);
    });
  });
});

describe.each(["en", "ja"] as const)("the changes, without scripts, in %s", (lang) => {
  const words = WORDS[lang];

  /** Clicks, looks at the question, agrees, and returns what the answer's page says. */
  async function change(page: Page, selector: string, name: string): Promise<string> {
    await page.click(selector);
    await page.waitForSelector("button.primary");
    expect([name, await wrongWithStatic(page)]).toEqual([name, []]);
    expect([name, await page.textContent("main")]).toEqual([name, expect.stringContaining(words.confirm.intro)]);
    await page.click("button.primary");
    await page.waitForSelector("ul[role=status]");
    made.add(name);
    const answer = (await page.textContent("main")) ?? "";
    expect([name, answer]).toEqual([name, expect.stringContaining(words.confirm.back)]);
    return answer;
  }

  /** axe is a script, and this browser runs none: language and title by hand. */
  async function wrongWithStatic(page: Page): Promise<string[]> {
    const titled = (await page.title()) !== "" && (await page.locator("h1").count()) === 1;
    return [
      ...(titled ? [] : ["no heading"]),
      ...((await page.getAttribute("html", "lang")) === lang ? [] : ["another language"]),
    ];
  }

  it("of the queue: held, released and delivered, retried, dropped with a report and without one", async () => {
    const [one, two, three, four] = [
      await putHeld(`release-${lang}`),
      await putHeld(`drop-${lang}`),
      await putHeld(`quiet-${lang}`),
      await putHeld(`stays-${lang}`),
    ];
    await watched.inContext({ javaScriptEnabled: false }, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      const many = async (ids: readonly string[], action: string): Promise<void> => {
        await open(page, "/queue", lang);
        for (const id of ids) await page.check(`input[value="${id}"]`);
        await change(page, `#act button[value="${action}"]`, `queue ${action}`);
      };
      await many([four], "hold");
      await many([four], "retry");
      await many([one], "release");
      await relay.waitForOutbox((all) =>
        all.some(({ recipients }) => recipients.includes(`release-${lang}@example.net`)),
      );
      await many([two], "drop");
      await relay.waitForOutbox((all) => all.some(({ raw }) => raw.includes(`drop-${lang}@example.net`)));
      await many([three], "drop-silently");
      await waitFor(async () => ((await text("/queue")).includes(three) ? undefined : true), {
        deadlineMs: 60_000,
        otherwise: () => `the message is still in the queue: ${relay.output()}`,
      });
      // The same from the message's own page.
      await open(page, `/messages/${four}`, lang);
      await change(page, 'form[action="/do/queue"]:has(input[value="drop-silently"]) button', "queue drop-silently");
      expect(unwanted).toEqual([]);
      const mails = await relay.outbox();
      expect(mails.some(({ raw }) => raw.includes(`quiet-${lang}`) || raw.includes(`stays-${lang}`))).toBe(false);
    });
  });

  it("of a message that bounced: sent again to who lacks it, under an id that its page names", async () => {
    const copies = async (): Promise<number> =>
      (await relay.outbox()).filter(({ recipients }) => recipients.includes("bounce@simulator.amazonses.com")).length;
    const before = await copies();
    await watched.inContext({ javaScriptEnabled: false }, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      await open(page, `/messages/${bounced}`, lang);
      await change(page, 'form[action="/do/resend"] button', "resend");
      await waitFor(async () => ((await copies()) === before + 1 ? true : undefined), {
        deadlineMs: 60_000,
        otherwise: () => `no further copy came: ${relay.output()}`,
      });
      await open(page, `/messages/${bounced}`, lang);
      expect(await page.textContent(".facts")).toContain(words.messages.resend.copy);
      expect(unwanted).toEqual([]);
    });
  });

  it("of a tenant: a login made, shown once, paused, given a new password, revoked; a network; the tenant paused", async () => {
    await watched.inContext({ javaScriptEnabled: false }, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      const tenant = async (): Promise<void> => void (await open(page, "/tenants/demo", lang));
      const row = (text: string, action: string): string => `tr:has-text("${text}") form[action="/do/${action}"]`;
      await tenant();
      await page.fill('form[action="/do/credential-add"] input[name=login]', "plesk9");
      await change(page, 'form[action="/do/credential-add"] button', "credential-add");
      expect(await page.textContent("#secret")).toMatch(/^[A-Za-z0-9_-]{32}$/);
      await tenant();
      for (const overlap of ["7d", "0s"]) {
        await change(
          page,
          `${row("plesk9", "credential-rotate")}:has(input[value="${overlap}"]) button`,
          "credential-rotate",
        );
        expect(await page.textContent("#secret")).toMatch(/^[A-Za-z0-9_-]{32}$/);
        await tenant();
      }
      const reason = page.locator(`${row("plesk9", "credential-pause")} input[name=reason]`);
      if ((await reason.count()) > 0) await reason.fill("hacked");
      await change(page, `${row("plesk9", "credential-pause")} button`, "credential-pause");
      await tenant();
      await change(page, `${row("plesk9", "credential-resume")} button`, "credential-resume");
      await tenant();
      await change(page, `${row("plesk9", "credential-revoke")} button`, "credential-revoke");
      await tenant();
      expect(await page.textContent("main")).not.toContain("plesk9");

      await page.fill('form[action="/do/network-add"] input[name=cidr]', "192.0.2.25");
      await change(page, 'form[action="/do/network-add"] button', "network-add");
      await tenant();
      await change(page, `${row("192.0.2.25", "network-remove")} button`, "network-remove");
      await tenant();
      expect(await page.textContent("main")).not.toContain("192.0.2.25/");

      await page.fill('form[action="/do/tenant-pause"] input[name=reason]', "invoice of May");
      await change(page, 'form[action="/do/tenant-pause"] button', "tenant-pause");
      await tenant();
      expect(await page.textContent("main")).toContain("invoice of May");
      await change(page, 'form[action="/do/tenant-resume"] button', "tenant-resume");
      expect(unwanted).toEqual([]);
    });
  });

  it("of domains and the suppression list: checked now, lifted, and all in the audit record", async () => {
    const address = `angry-${lang}@example.net`;
    const since = new Date().toISOString();
    await addSuppression(connection.ledger, { tenant: "demo", address, reason: "complaint", since });
    await watched.inContext({ javaScriptEnabled: false }, async (context) => {
      const { page, unwanted } = await watchedPage(context);
      await open(page, "/domains", lang);
      await page.check('input[value="example.com"]');
      await change(page, '#act[action="/do/domain-check"] button', "domain-check");
      await open(page, "/suppression?tenant=demo", lang);
      await page.check(`input[value="${address}"]`);
      await change(page, '#act[action="/do/unsuppress"] button', "unsuppress");
      await open(page, "/suppression?tenant=demo", lang);
      expect(await page.textContent("main")).not.toContain(address);
      await open(page, "/audit", lang);
      const record = (await page.textContent("main")) ?? "";
      for (const one of made) expect(record).toContain(one.split(" ")[0]);
      expect(unwanted).toEqual([]);
    });
  });
});

describe("what is saved", () => {
  it.each([
    [
      "every list as CSV",
      [
        "/messages.csv?tenant=demo",
        "/queue.csv",
        "/bounces.csv",
        "/suppression.csv?tenant=demo",
        "/tenants.csv",
        "/domains.csv",
        "/outbox.csv",
        "/audit.csv",
      ],
    ],
    ["an invoice", ["/usage.csv?tenant=demo"]],
  ])("%s", async (_, paths) => {
    for (const path of paths) {
      const response = await fetch(`${base}${path}`);
      expect([path, response.status, response.headers.get("content-type")]).toEqual([
        path,
        200,
        "text/csv; charset=utf-8",
      ]);
      expect((await response.text()).split("\r\n").length).toBeGreaterThan(1);
    }
  });

  it("the source of a message and of an outbox mail, by their links", async () => {
    await watched.inContext({ acceptDownloads: true }, async (context) => {
      const page = await context.newPage();
      for (const path of [`/messages/${bounced}`, `/outbox/${sesId}`]) {
        await page.goto(`${base}${path}`);
        const [download] = await Promise.all([page.waitForEvent("download"), page.click('a[href$="/source"]')]);
        expect(download.suggestedFilename()).toMatch(/\.eml$/);
        expect(await download.failure()).toBeNull();
      }
    });
  });
});

describe("after all that", () => {
  it("every change that a page offers has been made", () => {
    expect([...offered].filter((one) => !made.has(one))).toEqual([]);
    expect(offered.size).toBeGreaterThan(10);
  });
});
