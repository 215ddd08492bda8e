/** What keeps strangers out of the console, over real sockets. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAudit } from "../../lib/aws/audit-dynamo.ts";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { putSpoolObject } from "../../lib/aws/spool-s3.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { formOf, send, startTestConsole, type TestConsole } from "../support/console.ts";
import { acceptMessage } from "../support/pipeline.ts";

let served: TestConsole;

beforeAll(async () => {
  served = await startTestConsole();
});
afterAll(async () => await served.close());

async function accept(): Promise<QueueId> {
  return await acceptMessage(served.connection.spool);
}

async function orderOf(id: QueueId): Promise<string | undefined> {
  return (await readMessage(served.connection.ledger, id)).notes.order;
}

async function auditLines(): Promise<readonly string[]> {
  const month = new Date().toISOString().slice(0, 7);
  const { entries } = await readAudit(served.connection.ledger, month, 100);
  return entries.toReversed().map(({ action, phase, subjects }) => `${action} ${phase} ${subjects.join()}`);
}

describe("who may speak to the console", () => {
  it.each(["127.0.0.1", "localhost", "[::1]"])("is a browser that calls it %s", async (host) => {
    const { status } = await send(served.port, "GET", "/queue", { host: `${host}:${served.port}` });
    expect(status).toBe(200);
  });

  it.each(["evil.example", "evil.example:PORT", "127.0.0.1.evil.example:PORT", "127.0.0.1", "localhost:1"])(
    "is nobody who calls it %j: a name of somebody else that points here",
    async (name) => {
      const host = name.replace("PORT", String(served.port));
      const { status, body } = await send(served.port, "GET", "/queue", { host });
      expect([status, body.includes("<html")]).toEqual([421, false]);
    },
  );

  it("is on loopback only", async () => {
    // Of 127.0.0.0/8 only the one address that was bound.
    await expect(
      new Promise((resolve, reject) => {
        import("node:net").then(({ connect }) => {
          const socket = connect(served.port, "127.0.0.2");
          socket.once("connect", () => {
            socket.destroy();
            resolve("open");
          });
          socket.once("error", reject);
        }, reject);
      }),
    ).rejects.toThrow("ECONNREFUSED");
  });

  it("is no page of another site, not even for pictures and scripts", async () => {
    const cross = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
    expect((await served.browser().get("/queue.csv", cross)).status).toBe(403);
    const followed = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await served.browser().get("/queue", followed)).status).toBe(200);
  });

  it.each(["PUT", "DELETE", "OPTIONS", "TRACE"])("asks nothing by %s", async (method) => {
    expect((await send(served.port, method, "/queue", { host: `127.0.0.1:${served.port}` })).status).toBe(405);
  });
});

describe("every answer", () => {
  it.each(["/", "/queue", "/audit", "/queue.csv", "/console.css", "/console.js", "/live.json", "/nowhere"])(
    "of %s runs nothing inline, loads nothing from elsewhere, and is framed and sniffed by nobody",
    async (path) => {
      const { headers } = await served.browser().get(path);
      const policy = String(headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["x-frame-options"]).toBe("DENY");
      expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    },
  );

  it("says so even when it refuses", async () => {
    const { headers } = await send(served.port, "GET", "/", { host: "evil.example" });
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
  });

  it("has no script in the page", async () => {
    const { body } = await served.browser().get("/");
    expect(body.match(/<script[^>]*>[^<]*/g)).toEqual([
      expect.stringMatching(/^<script src="\/console\.js\?v=\w+" defer>$/),
    ]);
    expect(body).not.toMatch(/ (?:style|on\w+)=/);
  });
});

describe("a change", () => {
  it("is asked again, made once, and stands in the audit record before and after", async () => {
    const id = await accept();
    const browser = served.browser();
    const page = await browser.get("/queue");
    expect(page.body).toContain(id);
    const before = await auditLines();
    const { action, fields } = formOf(page.body, "/do/queue");
    const asked = await browser.post(action, [...fields, ["action", "hold"], ["id", id]]);
    expect(asked.body).toContain("Nothing of these is sent until they are released");
    expect(await orderOf(id)).toBeUndefined();
    expect(await auditLines()).toEqual(before);

    const question = formOf(asked.body, "/do/queue");
    const done = await browser.post("/do/queue", [...question.fields, ["confirmed", "yes"]]);
    expect(done.body).toContain("Done for 1 message.");
    expect(await orderOf(id)).toBe("hold");
    expect((await auditLines()).slice(before.length)).toEqual([`queue begun ${id}`, `queue done ${id}`]);

    // The same confirmation again, as a reloaded page sends it, is a new question.
    const again = await browser.post("/do/queue", [...question.fields, ["confirmed", "yes"]]);
    expect(again.body).toContain("Please look again");
    expect((await auditLines()).length).toBe(before.length + 2);
  });

  it("is asked again when it would do something else by now", async () => {
    const ids = [await accept(), await accept()];
    const browser = served.browser();
    const { fields } = formOf((await browser.get("/queue")).body, "/do/queue");
    const chosen = ids.map((id) => ["id", id] as const);
    const asked = await browser.post("/do/queue", [...fields, ["action", "hold"], ...chosen]);
    await served.connection.spool.client.send(
      new (await import("@aws-sdk/client-s3")).DeleteObjectCommand({
        Bucket: served.connection.spool.bucket,
        Key: `spool/${ids[0]}.eml`,
      }),
    );
    const question = formOf(asked.body, "/do/queue");
    const answer = await browser.post("/do/queue", [...question.fields, ["confirmed", "yes"]]);
    expect(answer.body).toContain("Please look again");
    expect(await orderOf(ids[1] as QueueId)).toBeUndefined();
  });

  it.each([
    ["no token", (token: string) => token && undefined],
    ["a token of another browser", () => "other"],
    ["a token that is nearly right", (token: string) => `${token.slice(0, -1)}x`],
  ])("with %s is refused", async (_, tokenOf) => {
    const id = await accept();
    const other = formOf((await served.browser().get("/queue")).body, "/do/queue").fields[0]?.[1] ?? "";
    const browser = served.browser();
    const own = formOf((await browser.get("/queue")).body, "/do/queue").fields[0]?.[1] ?? "";
    const wanted = tokenOf(own);
    const token = wanted === "other" ? other : wanted;
    const fields: [string, string][] = [
      ["action", "hold"],
      ["id", id],
      ["confirmed", "yes"],
    ];
    if (token !== undefined) fields.push(["token", token]);
    const { status, body } = await browser.post("/do/queue", fields);
    expect([status, body.includes("not one of this console")]).toEqual([400, true]);
    expect(await orderOf(id)).toBeUndefined();
  });

  it.each([["https://evil.example"], ["null"], ["http://127.0.0.1"], [undefined]])(
    "from the origin %s is refused, token or not",
    async (origin) => {
      const browser = served.browser();
      const { fields } = formOf((await browser.get("/queue")).body, "/do/queue");
      const body = new URLSearchParams([
        ...fields.map(([name, value]): [string, string] => [name, value]),
        ["action", "hold"],
      ]).toString();
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const { status } = await send(
        served.port,
        "POST",
        "/do/queue",
        {
          host: `127.0.0.1:${served.port}`,
          cookie,
          "content-type": "application/x-www-form-urlencoded",
          ...(origin === undefined ? {} : { origin }),
        },
        body,
      );
      expect(status).toBe(403);
    },
  );

  it("takes no other kind of form, and none without end", async () => {
    const browser = served.browser();
    const json = { "content-type": "text/plain" };
    expect((await browser.post("/do/queue", [["token", "x"]], json)).status).toBe(400);
    expect((await browser.post("/do/queue", [["token", "x".repeat(2_000_000)]])).status).toBe(413);
  });

  it("is not made by following a link", async () => {
    expect((await served.browser().get("/do/queue?action=hold&confirmed=yes")).status).toBe(404);
  });

  it("that cannot be written to the audit record is not made", async () => {
    const id = await accept();
    const browser = served.browser();
    const { fields } = formOf((await browser.get("/queue")).body, "/do/queue");
    const asked = await browser.post("/do/queue", [...fields, ["action", "hold"], ["id", id]]);
    const question = formOf(asked.body, "/do/queue");
    const { ledger } = served.connection;
    const client = ledger.client;
    // The ledger fails for writing of the audit record only.
    client.middlewareStack.add(
      (next) => async (args) => {
        if (JSON.stringify(args.input).includes("a#")) throw new Error("no audit today");
        return await next(args);
      },
      { step: "initialize", name: "failAudit" },
    );
    try {
      const { status, body } = await browser.post("/do/queue", [...question.fields, ["confirmed", "yes"]]);
      expect([status, body.includes("no audit today")]).toEqual([502, true]);
      expect(await orderOf(id)).toBeUndefined();
    } finally {
      client.middlewareStack.remove("failAudit");
    }
  });
});

describe("a console with a key", () => {
  it("shows nothing to whoever has only the port, and remembers whoever had the address", async () => {
    const locked = await startTestConsole({ key: "correct-horse" });
    try {
      const browser = locked.browser();
      for (const path of ["/", "/queue", "/console.js", "/?key=wrong", "/?key="]) {
        expect((await browser.get(path)).status).toBe(401);
      }
      const opened = await browser.get("/queue?key=correct-horse&lang=ja");
      expect([opened.status, opened.headers.location]).toEqual([303, "/queue?lang=ja"]);
      expect(opened.headers["set-cookie"]?.[0]).toMatch(/HttpOnly; SameSite=Lax/);
      expect((await browser.get("/queue")).status).toBe(200);
    } finally {
      await locked.close();
    }
  });
});

describe("the language", () => {
  it("is what is asked for, then remembered, else the browser's, else English", async () => {
    const browser = served.browser();
    const langOf = (body: string): string | undefined => /<html lang="(\w+)">/.exec(body)?.[1];
    expect(langOf((await browser.get("/queue")).body)).toBe("en");
    expect(langOf((await browser.get("/queue", { "accept-language": "fr, ja;q=0.8, en;q=0.3" })).body)).toBe("ja");
    expect(langOf((await browser.get("/queue?lang=ja")).body)).toBe("ja");
    expect(langOf((await browser.get("/audit", { "accept-language": "en" })).body)).toBe("ja");
    expect(langOf((await browser.get("/audit?lang=en")).body)).toBe("en");
    expect(langOf((await browser.get("/audit?lang=%22%3E%3Cscript%3E")).body)).toBe("en");
  });
});

describe("a path that looks like another host", () => {
  it("leads nowhere else", async () => {
    const { body } = await served.browser().get("//evil.example/x");
    expect(body).toContain('href="/evil.example/x?lang=ja"');
    const locked = await startTestConsole({ key: "k" });
    try {
      const { headers } = await locked.browser().get("//evil.example/?key=k");
      expect(headers.location).toBe("/evil.example/");
    } finally {
      await locked.close();
    }
  });
});

describe("a name from outside", () => {
  it("never becomes markup", async () => {
    const hostile = `"><script>alert(1)</script>`;
    for (const path of [
      `/audit?month=${encodeURIComponent(hostile)}`,
      `/${encodeURIComponent(hostile)}`,
      `/queue?cursor=${encodeURIComponent(hostile)}&x=${encodeURIComponent(hostile)}`,
    ]) {
      expect((await served.browser().get(path)).body).not.toContain("<script>alert");
    }
    await putSpoolObject(served.connection.spool, "<b>x" as QueueId, Buffer.from("x"));
    const { body } = await served.browser().get("/queue");
    expect(body).toContain("&lt;b&gt;x");
  });
});
