/** Mail that attacks whoever looks at it, seen through the console's pages as a browser gets them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { safeMailHtml } from "../../lib/console/safe-html.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";
import { startTestConsole, type TestConsole } from "../support/console.ts";
import { HOSTILE_MAIL, putIntoOutbox } from "../support/hostile-mail.ts";

let served: TestConsole;

beforeAll(async () => {
  served = await startTestConsole();
});
afterAll(async () => await served.close());

/** Everything that would be an element in the console's own page and is not one of its own. */
function strangers(body: string): string[] {
  return (
    body
      .replaceAll('<script src="/console.js', "")
      .match(/<(?:script|svg|img|form(?! class| id)|meta http|base|object|embed|b>|style|plaintext)[^>]*/gi) ?? []
  );
}

describe.each(HOSTILE_MAIL.map(({ name, raw }, index) => ({ name, raw, index })))("$name", ({ raw, index }) => {
  it("is text in the pages", async () => {
    const sesId = await putIntoOutbox(served.cli.dataDir, index, raw);
    for (const path of ["/outbox", `/outbox/${sesId}`, `/outbox/${sesId}?lang=ja`]) {
      const { status, body, headers } = await served.browser().get(path);
      expect(status).toBe(200);
      expect(strangers(body)).toEqual([]);
      expect(headers["content-security-policy"]).toContain("script-src 'self'");
      expect(headers["set-cookie"]?.join()).not.toContain("a=b");
    }
  });

  it("is in a frame that runs and loads nothing", async () => {
    const sesId = await putIntoOutbox(served.cli.dataDir, index, raw);
    const page = await served.browser().get(`/outbox/${sesId}`);
    for (const frame of page.body.match(/<iframe[^>]*>/g) ?? []) expect(frame).toContain(' sandbox="" ');
    const { status, body, headers } = await served.browser().get(`/outbox/${sesId}/html`);
    if (status === 404) return;
    const policy = String(headers["content-security-policy"]);
    expect(policy).toMatch(/^default-src 'none'; img-src data:; style-src 'unsafe-inline'; .*; sandbox$/);
    expect(policy).not.toContain("allow-");
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["x-dns-prefetch-control"]).toBe("off");
    // What no policy stops: names to look up and to go to.
    expect(body.replace('<meta charset="utf-8">', "")).not.toMatch(
      /<(?:script|link|meta|base|iframe|object|embed|form)[\s/>]/i,
    );
    expect(body).not.toMatch(/<img[^>]*data:image\/svg/);
    expect(body.length).toBeLessThan(1_300_000);
  });

  it("is saved as a file, whatever it says it is", async () => {
    const sesId = await putIntoOutbox(served.cli.dataDir, index, raw);
    for (const path of ["source", "attachments/0", "attachments/1"]) {
      const { status, headers } = await served.browser().get(`/outbox/${sesId}/${path}`);
      if (status === 404) continue;
      expect(headers["content-type"]).toBe("application/octet-stream");
      expect(headers["content-disposition"]).toMatch(/^attachment; filename="[A-Za-z0-9._-]+"$/);
      expect(headers["set-cookie"]?.join()).not.toContain("a=b");
    }
  });
});

describe("a message whose records are a stranger's words", () => {
  it("shows them as text", async () => {
    const { ledger } = served.connection;
    const id = makeQueueId(Date.now(), new Uint8Array(11));
    const evil = `"><script>alert(1)</script>`;
    const expiresAt = Math.floor(Date.now() / 1000) + 1000;
    await createMessage(ledger, {
      id,
      tenant: "demo",
      credential: evil,
      returnPath: evil,
      time: new Date().toISOString(),
      size: 1,
      messageId: evil,
      clientAddress: evil,
      recipients: 1,
      expiresAt,
    });
    const bounce = {
      at: new Date().toISOString(),
      what: "Bounce",
      eventKey: "x|Bounce|Permanent/General",
      detail: `Permanent/General smtp; 550 5.1.1 ${evil}`,
      status: "5.1.1",
    } as const;
    await saveRecipient(ledger, {
      id,
      index: 0,
      tenant: "demo",
      address: `${evil}@example.net`,
      version: 1,
      state: "bounced",
      attempts: 1,
      reason: evil,
      history: [bounce],
      expiresAt,
    });
    for (const path of [
      `/messages/${id}`,
      `/messages?q=${encodeURIComponent(evil)}`,
      "/messages?tenant=demo",
      "/bounces",
    ]) {
      const { status, body } = await served.browser().get(path);
      expect([path, status, strangers(body).filter((tag) => !tag.startsWith("<svg viewBox"))]).toEqual([path, 200, []]);
      expect(body).toContain("&lt;script&gt;alert(1)");
    }
  });
});

describe("a path to a file that is no mail", () => {
  it.each(["..%2f..%2flocal.json", "local", "010001a2/../../local", "x%00"])("of %s leads nowhere", async (id) => {
    expect((await served.browser().get(`/outbox/${id}`)).status).toBe(404);
    expect((await served.browser().get(`/outbox/${id}/source`)).status).toBe(404);
  });
});

describe("a mail's own pictures", () => {
  it("are put in where it names them, and nothing else is", () => {
    const images = new Map([["a@b", "data:image/png;base64,AA=="]]);
    expect(safeMailHtml(`<img src="cid:a%40b"><img src='cid:other'>`, images)).toContain(
      `<img src="data:image/png;base64,AA=="><img src='cid:other'>`,
    );
  });
});
