/** What the console's pages find and show, and what its changes do, against local services. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addToBucket } from "../../lib/aws/breaker-dynamo.ts";
import { changeRow, readRow } from "../../lib/aws/directory-dynamo.ts";
import { createMessage, readMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { breakerHour } from "../../lib/core/breaker.ts";
import { credentialKey, domainKey, tenantKey } from "../../lib/core/directory.ts";
import type { MessageRecord, RecipientState } from "../../lib/core/message-record.ts";
import { verifyPassword } from "../../lib/core/password-hash.ts";
import { makeQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { formOf, startTestConsole, type TestConsole, unescaped } from "../support/console.ts";

let served: TestConsole;
const DAY = "2026-03-05";
const START_MS = Date.parse(`${DAY}T00:00:00Z`);
const MESSAGES = 120;
const MANY = { mails: 200, bounced: 8, complained: 0 };
const ids: QueueId[] = [];

beforeAll(async () => {
  served = await startTestConsole();
  const { ledger } = served.connection;
  const expiresAt = Math.floor(Date.now() / 1000) + 10_000;
  for (let i = 0; i < MESSAGES; i++) {
    const atMs = START_MS + i * 60_000;
    const id = makeQueueId(atMs, new Uint8Array(11).fill(i));
    ids.push(id);
    const time = new Date(atMs).toISOString();
    const state: RecipientState = i % 10 === 0 ? "bounced" : "delivered";
    await createMessage(ledger, {
      id,
      tenant: "demo",
      credential: "demo",
      returnPath: i % 4 === 0 ? "news@example.jp" : "a@example.com",
      time,
      size: 1000 + i,
      messageId: `m${i}@example.com`,
      ...(i % 5 === 0 ? { subject: `\u3054\u8acb\u6c42\u66f8 No. ${i}` } : {}),
      clientAddress: "192.0.2.1",
      recipients: 1,
      expiresAt,
    });
    await saveRecipient(ledger, {
      id,
      index: 0,
      tenant: "demo",
      address: i % 2 === 0 ? "even@example.net" : "odd@example.net",
      version: 1,
      state,
      attempts: 1,
      sesId: `0100-${i}`,
      history:
        state === "bounced"
          ? [
              {
                at: time,
                what: "Bounce",
                eventKey: "x|Bounce|Permanent/General",
                detail: "Permanent/General smtp; 550 5.1.1 user unknown",
                status: "5.1.1",
              },
            ]
          : [{ at: time, what: "Delivery", detail: "250 ok" }],
      expiresAt,
    });
  }
});
afterAll(async () => await served.close());

/** Ids in the order of the page, and where the next part is. */
async function listed(path: string): Promise<{ ids: string[]; next: string | undefined }> {
  const { status, body } = await served.browser().get(path);
  expect(status).toBe(200);
  const found = [...body.matchAll(/<tr>.*?href="\/messages\/([0-9a-z]{20})"/gs)].map(([, id = ""]) => id);
  const next = /<a rel="next" href="([^"]*)"/.exec(body)?.[1];
  return { ids: found, next: next === undefined ? undefined : unescaped(next) };
}

async function oneMessage(id: QueueId | undefined): Promise<MessageRecord> {
  const { message } = id === undefined ? {} : await readMessage(served.connection.ledger, id);
  if (message === undefined) throw new Error("no message");
  return message;
}

async function allParts(path: string): Promise<string[]> {
  const all: string[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const part: { ids: string[]; next: string | undefined } = await listed(next);
    all.push(...part.ids);
    next = part.next;
  }
  return all;
}

const newestFirst = (wanted: (index: number) => boolean): string[] =>
  ids.filter((_, index) => wanted(index)).toReversed();

describe("search", () => {
  it("goes to a message by its queue id", async () => {
    const { status, headers } = await served.browser().get(`/messages?q=${ids[3]}`);
    expect([status, headers.location]).toEqual([303, `/messages/${ids[3]}`]);
  });

  it.each([
    ["an SES id", "0100-7", [7]],
    ["a Message-ID", "m8@example.com", [8]],
    ["a Message-ID in brackets", "<m9@example.com>", [9]],
  ])("finds by %s", async (_, name, wanted) => {
    const found = await listed(`/messages?q=${encodeURIComponent(name)}`);
    expect(found.ids).toEqual(wanted.map((index) => ids[index]));
  });

  it("finds all of a recipient, newest first, part by part", async () => {
    expect(await allParts("/messages?q=Even%40example.net")).toEqual(newestFirst((index) => index % 2 === 0));
  });

  it("finds all of a tenant's day, and of a part of it", async () => {
    expect(await allParts(`/messages?tenant=demo&day=${DAY}`)).toEqual(newestFirst(() => true));
    const part = await allParts(`/messages?tenant=demo&day=${DAY}&after=00:30&before=01:40`);
    expect(part).toEqual(newestFirst((index) => index >= 30 && index < 100));
    expect(await allParts(`/messages?tenant=demo&day=2026-03-06`)).toEqual([]);
  });

  it("filters by state and sender, and says how many it has looked at", async () => {
    expect(await allParts(`/messages?tenant=demo&day=${DAY}&state=bounced`)).toEqual(
      newestFirst((index) => index % 10 === 0),
    );
    expect(await allParts(`/messages?tenant=demo&day=${DAY}&from=example.jp`)).toEqual(
      newestFirst((index) => index % 4 === 0),
    );
    const { body } = await served.browser().get(`/messages?tenant=demo&day=${DAY}&from=nobody.example`);
    expect(body).toContain(`${MESSAGES} looked at.`);
  });

  it("finds by any part of a subject, whichever width its letters have", async () => {
    const invoices = encodeURIComponent("\u8acb\u6c42\u66f8 \uff2e\uff4f. 1");
    const wanted = newestFirst((index) => index % 5 === 0 && String(index).startsWith("1"));
    expect(await allParts(`/messages?tenant=demo&day=${DAY}&subject=${invoices}`)).toEqual(wanted);
    const { body } = await served.browser().get(`/messages.csv?tenant=demo&day=${DAY}&subject=${invoices}`);
    expect(body.trim().split("\r\n").at(-1)).toMatch(/,\u3054\u8acb\u6c42\u66f8 No\. 10$/);
    const page = (await served.browser().get(`/messages/${ids[10]}`)).body;
    expect(page).toContain("\u3054\u8acb\u6c42\u66f8 No. 10");
  });

  it("takes a cursor of nobody for the beginning", async () => {
    const { ids: first } = await listed(`/messages?tenant=demo&day=${DAY}&cursor=%22x`);
    expect(first[0]).toBe(ids.at(-1));
  });

  it("gives the same as CSV", async () => {
    const { body } = await served.browser().get(`/messages.csv?tenant=demo&day=${DAY}`);
    expect(
      body
        .trim()
        .split("\r\n")
        .slice(1)
        .map((line) => line.slice(0, 20)),
    ).toEqual(newestFirst(() => true));
  });
});

describe("the overview", () => {
  it("says in the reader's language what needs a person, and what is in order", async () => {
    const english = (await served.browser().get("/?lang=en")).body;
    expect(english).toContain("<bdi>none is paused</bdi>");
    const japanese = (await served.browser().get("/?lang=ja")).body;
    expect(japanese).toContain("<bdi>\u505c\u6b62\u4e2d\u306e\u3082\u306e\u306f\u3042\u308a\u307e\u305b\u3093</bdi>");
    for (const sentence of ["none is paused", "not verified yet", "empty</bdi>", "local mode has none"]) {
      expect(japanese).not.toContain(sentence);
    }
  });
});

describe("a message", () => {
  it("shows its time line with the remote server's words explained, in both languages", async () => {
    const english = (await served.browser().get(`/messages/${ids[10]}`)).body;
    expect(english).toContain("550 5.1.1 user unknown");
    expect(english).toContain("The message itself is kept no more");
    const japanese = (await served.browser().get(`/messages/${ids[10]}?lang=ja`)).body;
    expect(japanese).toContain("\u5bfe\u5fdc");
    expect(japanese).not.toContain("To do");
  });

  it("that is unknown says so", async () => {
    expect((await served.browser().get("/messages/00000000000000000000")).status).toBe(404);
    expect((await served.browser().get("/messages/x/source")).status).toBe(404);
  });
});

describe("bounces", () => {
  it("are grouped, with words and what to do", async () => {
    const { body } = await served.browser().get("/bounces?since=2026-03-01&tenant=demo");
    expect(body).toMatch(/12 &#215; /);
    expect(body).toContain("To do:");
    const csv = (await served.browser().get("/bounces.csv?since=2026-03-01")).body;
    expect(csv.split("\r\n")[1]).toMatch(/^12,1,bounce,/);
  });

  it("are counted by day for each receiver and each reason, as charts with their numbers and as CSV", async () => {
    const path = "since=2026-03-01&tenant=demo";
    const { body } = await served.browser().get(`/bounces?${path}&lang=en`);
    const chart = /<figure class="chart"><figcaption>example\.net: 12<.*?<\/figure>/s.exec(body)?.[0] ?? "";
    expect(chart).toContain("<title>03-05: Did not arrive 12</title>");
    expect(chart).toMatch(/<td>03-05<\/td><td class="number">12<\/td>/);
    expect(chart).toMatch(/<td>03-06<\/td><td class="number">0<\/td>/);
    expect(body).toMatch(/<h2>By reason<\/h2>.*<figcaption>[^<]+: 12</s);
    const japanese = (await served.browser().get(`/bounces?${path}&lang=ja`)).body;
    expect(japanese).toContain("\u53d7\u4fe1\u5074\u3054\u3068");
    const csv = (await served.browser().get(`/bounces-by-day.csv?${path}`)).body;
    expect(csv.trim().split("\r\n").slice(1)).toEqual([
      "2026-03-05,receiver,example.net,12",
      expect.stringMatching(/^2026-03-05,reason,[a-z-]+,12$/),
    ]);
    expect((await served.browser().get("/bounces?since=24h&lang=en")).body).not.toContain("By reason");
  });

  it("say what is wrong with a question", async () => {
    const { status, body } = await served.browser().get("/bounces?since=yesterday");
    expect([status, body.includes("--since")]).toEqual([400, true]);
  });
});

describe("a tenant", () => {
  it("shows contract, logins, networks and usage, in both languages", async () => {
    for (const lang of ["en", "ja"]) {
      const { status, body } = await served.browser().get(`/tenants/demo?month=2026-03&lang=${lang}`);
      expect([status, body.includes("<code>demo</code>"), body.includes("2026-03")]).toEqual([200, true, true]);
    }
    expect((await served.browser().get("/tenants")).body).toContain('href="/tenants/demo"');
    expect((await served.browser().get("/tenants/..%2f")).status).toBe(404);
    const invoice = (await served.browser().get("/usage.csv?tenant=demo&month=2026-03")).body;
    expect(invoice).toMatch(/^\ufefftenant,name,month,/);
  });

  it("is paused with a reason, and resumed", async () => {
    const browser = served.browser();
    const { asked } = await browser.change(await browser.get("/tenants/demo"), "/do/tenant-pause", [
      ["reason", "invoice"],
    ]);
    expect(asked.body).toContain("Reason: invoice");
    const row = async () => await readRow(served.connection.directory, tenantKey("demo"));
    expect(await row()).toMatchObject({ status: "paused", pause: { by: "operator", reason: "invoice" } });
    await browser.change(await browser.get("/tenants/demo"), "/do/tenant-resume", []);
    expect(await row()).toMatchObject({ status: "active" });
  });

  it("gets a login whose password is shown once, changed and revoked", async () => {
    const browser = served.browser();
    const row = async () => {
      const found = await readRow(served.connection.directory, credentialKey("plesk7"));
      return found?.kind === "credential" ? found : undefined;
    };
    const passwordOf = (body: string): string => /<pre id="secret"[^>]*>([^<]*)</.exec(body)?.[1] ?? "";
    const fields = [
      ["login", "plesk7"],
      ["label", "seven"],
    ] as const;
    const made = await browser.change(await browser.get("/tenants/demo"), "/do/credential-add", fields);
    const first = passwordOf(made.done.body);
    expect(await verifyPassword(first, (await row())?.passwordHash ?? "")).toBe(true);
    expect((await browser.get("/audit")).body).not.toContain(first);

    const wanted = { login: "plesk7", overlap: "7d" };
    const form = formOf((await browser.get("/tenants/demo")).body, "/do/credential-rotate", wanted);
    const asked = await browser.post(form.action, form.fields);
    const question = formOf(asked.body, "/do/credential-rotate");
    const second = passwordOf((await browser.post(form.action, [...question.fields, ["confirmed", "yes"]])).body);
    expect(await verifyPassword(second, (await row())?.passwordHash ?? "")).toBe(true);
    expect(await verifyPassword(first, (await row())?.previousPasswordHash ?? "")).toBe(true);

    const revoke = formOf((await browser.get("/tenants/demo")).body, "/do/credential-revoke", { login: "plesk7" });
    const again = formOf((await browser.post(revoke.action, revoke.fields)).body, "/do/credential-revoke");
    await browser.post(revoke.action, [...again.fields, ["confirmed", "yes"]]);
    expect(await row()).toBeUndefined();
  });

  it("shows what is used of each limit, as a bar and in numbers", async () => {
    const { directory, ledger } = served.connection;
    const page = async (query = ""): Promise<string> =>
      (await served.browser().get(`/tenants/demo?lang=en${query}`)).body;
    const free = await page();
    expect(free).not.toContain("<meter");
    expect(free).toContain("no limit of its own");
    const nowMs = Date.now();
    const id = makeQueueId(nowMs - 1000, new Uint8Array(11).fill(1));
    const time = new Date(nowMs - 1000).toISOString();
    const expiresAt = Math.floor(nowMs / 1000) + 10_000;
    const old = { ...(await oneMessage(ids[0])), id, time, expiresAt };
    await createMessage(ledger, old);
    await addToBucket(ledger, "demo", { sender: "a@example.com", hourMs: breakerHour(nowMs) }, MANY);
    await changeRow(directory, tenantKey("demo"), {
      monthlyMessagesMax: 1000,
      limits: { messagesPerMinute: 20, connections: 3 },
      breaker: { bounceRateMax: 0.05 },
    });
    const bound = await page();
    await changeRow(directory, tenantKey("demo"), {
      monthlyMessagesMax: undefined,
      limits: undefined,
      breaker: undefined,
    });
    expect(bound).toMatch(/<meter min="0" max="1000" high="800" value="0" aria-label="Messages in [\d-]+">0 \/ 1,000</);
    expect(bound).toMatch(/aria-label="Messages in the last minute">1 \/ 20<\/meter> 1 \/ 20/);
    expect(bound).toContain("4 % (8 / 200), paused above 5 %");
    expect(bound).toContain("connections 3");
  });

  it("has a login paused with a reason that is kept and shown, and resumed", async () => {
    const browser = served.browser();
    const { asked } = await browser.change(await browser.get("/tenants/demo?lang=en"), "/do/credential-pause", [
      ["reason", "hacked site"],
    ]);
    expect(asked.body).toContain("Reason: hacked site");
    const row = async () => await readRow(served.connection.directory, credentialKey("demo"));
    expect(await row()).toMatchObject({ status: "paused", pause: { by: "operator", reason: "hacked site" } });
    const shown = await browser.get("/tenants/demo");
    expect(shown.body).toContain("<bdi>hacked site</bdi>");
    const { asked: question } = await browser.change(shown, "/do/credential-resume", []);
    expect(question.body).toContain("hacked site");
    expect(await row()).toMatchObject({ status: "active" });
    const form = formOf((await browser.get("/tenants/demo")).body, "/do/credential-pause");
    const without = await browser.post(form.action, form.fields);
    expect([without.status, without.body.includes("Reason of the pause")]).toEqual([400, true]);
  });

  it("says what is wrong with a network, and takes one", async () => {
    const browser = served.browser();
    const page = await browser.get("/tenants/demo");
    const { action, fields } = formOf(page.body, "/do/network-add");
    for (const [language, text] of [
      ["en", /192\.0\.2\.5.*10\.0\.0\.0\/9|10\.0\.0\.0\/9.*192\.0\.2\.5.*needs --wide/],
      ["ja", /10\.0\.0\.0\/9.*\u4f7f\u3048\u307e\u305b\u3093.*192\.0\.2\.5/],
    ] as const) {
      const wrong = await browser.post(`${action}?lang=${language}`, [...fields, ["cidr", "10.0.0.0/9"]]);
      expect([wrong.status, wrong.body]).toEqual([400, expect.stringMatching(text)]);
    }
    await browser.change(page, "/do/network-add", [
      ["cidr", "192.0.2.25"],
      ["networkLabel", "plesk"],
    ]);
    expect((await browser.get("/tenants/demo")).body).toContain("192.0.2.25/32");
    const one = formOf((await browser.get("/tenants/demo")).body, "/do/network-remove");
    const question = formOf((await browser.post(one.action, one.fields)).body, "/do/network-remove");
    await browser.post(one.action, [...question.fields, ["confirmed", "yes"]]);
    expect((await browser.get("/tenants/demo")).body).not.toContain("192.0.2.25/32");
  });
});

describe("domains, set-up and doctor", () => {
  it("show each record to publish and its file", async () => {
    const ses = {
      region: "us-east-1",
      dkimZone: "dkim.amazonses.com",
      dkimTokens: ["t1", "t2", "t3"],
      mailFrom: "bounce.example.com",
    };
    await changeRow(served.connection.directory, domainKey("example.com"), { ses });
    const { body } = await served.browser().get("/domains/example.com");
    expect(body).toContain("t1._domainkey.example.com");
    const zone = await served.browser().get("/domains/example.com/records?format=zone");
    expect(zone.headers["content-disposition"]).toBe('attachment; filename="example.com.zone"');
    expect(zone.body).toContain("$ORIGIN example.com.");
    expect((await served.browser().get("/domains?state=verified")).body).toContain("/domains/example.com");
    expect((await served.browser().get("/domains/nobody.example")).status).toBe(404);
  });

  it("print the set-up of a tenant's server, in the language asked for", async () => {
    const english = (await served.browser().get("/setup?server=postfix&tenant=demo&for=en")).body;
    expect(english).toContain("relayhost = [");
    const script = (await served.browser().get("/setup?server=postfix&tenant=demo&form=script")).body;
    expect(script).toContain("#!/bin/sh");
    expect((await served.browser().get("/setup?server=exchange&tenant=demo&form=script")).body).toContain(
      'role="alert"',
    );
  });

  it("save the set-up as a file, and begin a mail to the tenant's contact", async () => {
    const { directory } = served.connection;
    await changeRow(directory, tenantKey("demo"), { contact: "it@example.com" });
    const { body } = await served.browser().get("/setup?server=postfix&tenant=demo&for=en&lang=en");
    expect(body).toMatch(/href="mailto:it@example\.com\?subject=Your%20mail%20server[^"]*&amp;body=The%20file/);
    const file = /href="(\/setup\.txt[^"]*)"/.exec(body)?.[1] ?? "";
    const saved = await served.browser().get(unescaped(file));
    expect(saved.headers["content-disposition"]).toBe('attachment; filename="relayhost-postfix-demo.txt"');
    expect(saved.body).toContain("relayhost = [");
    expect((await served.browser().get("/setup.txt?server=postfix")).status).toBe(404);
    expect((await served.browser().get("/setup.txt?server=exchange&tenant=demo&form=script")).status).toBe(400);
  });

  it("examine nothing for another site", async () => {
    const led = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    const { status, body } = await served.browser().get("/doctor?subject=a.example", led);
    expect([status, body.includes("nothing was asked")]).toEqual([200, true]);
    expect((await served.browser().get("/doctor?subject=%3Cb%3E")).body).toContain(
      "neither a domain nor an IP address",
    );
  });
});
