/** What all lists of the console have in common, and the suppression list, over HTTP against local services. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addSuppression, listSuppressions } from "../../lib/aws/suppression-dynamo.ts";
import { formOf, startTestConsole, type TestConsole, unescaped } from "../support/console.ts";

let served: TestConsole;

beforeAll(async () => {
  served = await startTestConsole();
});
afterAll(async () => await served.close());

describe("the suppression list", () => {
  it("is searched by the beginning of an address, and entries are lifted", async () => {
    const { ledger } = served.connection;
    const since = new Date().toISOString();
    for (const address of ["a1@example.net", "a2@example.net", "b1@example.net"]) {
      await addSuppression(ledger, { tenant: "demo", address, reason: "manual", since });
    }
    const browser = served.browser();
    const page = await browser.get("/suppression?tenant=demo&q=A");
    expect([page.body.includes("a1@example.net"), page.body.includes("b1@example.net")]).toEqual([true, false]);
    const { asked, done } = await browser.change(page, "/do/unsuppress", [["address", "a1@example.net"]]);
    expect(asked.body).toContain("is sent again");
    expect(done.body).toContain("a1@example.net: lifted");
    const left: string[] = [];
    for await (const { address } of listSuppressions(ledger, "demo")) left.push(address);
    expect(left).toEqual(["a2@example.net", "b1@example.net"]);
    expect(() => formOf(done.body, "/do/unsuppress")).toThrow();
  });
});

describe("every list", () => {
  it.each([
    ["/messages?tenant=demo&day=2026-03-05&state=bounced", "/messages.csv", "id,"],
    ["/queue", "/queue.csv", "id,"],
    ["/bounces?since=2026-03-01&tenant=demo", "/bounces.csv", "count,"],
    ["/suppression?tenant=demo&q=b", "/suppression.csv", "address,"],
    ["/tenants", "/tenants.csv", "id,"],
    ["/domains?tenant=demo&state=verified", "/domains.csv", "domain,"],
    ["/outbox", "/outbox.csv", "ses_id,"],
    ["/audit?month=2026-03", "/audit.csv", "at,"],
  ])("has an address that can be shared and the same question as CSV: %s", async (path, csv, head) => {
    const { status, body } = await served.browser().get(path);
    expect(status).toBe(200);
    const found = [...body.matchAll(/<a href="([^"]*)" download>/g)].map(([, href = ""]) => unescaped(href));
    const own = found.find((href) => href.split("?")[0] === csv) ?? "none";
    expect(new URLSearchParams(own.split("?")[1])).toEqual(new URLSearchParams(path.split("?")[1]));
    const answer = await served.browser().get(own);
    expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8");
    expect(answer.body.slice(1)).toMatch(new RegExp(`^${head}`));
  });

  it.each([
    ["/messages?q=nobody@example.net", "Give a name, or choose"],
    ["/queue", "Look for a message under Messages"],
    ["/bounces?since=24h&to=nobody.example", "A longer time may be chosen"],
    ["/suppression?tenant=demo&q=nobody", "Entries come by themselves"],
    ["/domains?tenant=nobody", "relayhost domain add"],
    ["/outbox", "relayhost send"],
    ["/audit?month=2026-03", "Another month may be chosen"],
    ["/setup", "Choose a server and a tenant"],
    ["/doctor", "Give a domain or an IP address"],
  ])("that is empty says what to do next: %s", async (path, text) => {
    const { body } = await served.browser().get(`${path}${path.includes("?") ? "&" : "?"}lang=en`);
    expect(/<p class="empty">(.*?)<\/p>/s.exec(body)?.[1]).toContain(text);
  });

  it.each([
    ["/messages?q=", "\u3042".repeat(700)],
    ["/suppression?tenant=demo&q=", "x".repeat(1100)],
    ["/suppression?tenant=demo&cursor=", "x".repeat(1100)],
  ])("finds nothing, or all, under what is too long for any key: %s", async (path, text) => {
    const { status } = await served.browser().get(`${path}${encodeURIComponent(text)}`);
    expect(status).toBe(200);
  });
});

it("an environment that keeps no subjects says so, and does not ask for one", async () => {
  const silent = await startTestConsole({ names: { keepSubjects: false } });
  try {
    const { body } = await silent.browser().get("/messages?lang=en");
    expect(body).toContain("Subjects are not kept");
    expect(body).not.toContain('name="subject"');
    expect((await served.browser().get("/messages?lang=en")).body).toContain('name="subject"');
  } finally {
    await silent.close();
  }
});
