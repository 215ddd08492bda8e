import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";

let aws: TestAws;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
});

afterAll(async () => {
  await aws.close();
});

/** Runs a test against an edge of its own. */
async function withEdge(
  settings: Parameters<typeof startTestEdge>[1],
  test: (edge: TestEdge) => Promise<void>,
): Promise<void> {
  const edge = await startTestEdge(aws, settings);
  try {
    await test(edge);
  } finally {
    await edge.close();
  }
}

describe("the limit of connections", () => {
  const TOO_MANY = "421 4.7.0 Too many connections from 127.0.0.1; use fewer at a time";

  it("holds for one address over both ports, and others still get in", async () => {
    await withEdge({ connectionsPerAddressMax: 3 }, async (edge) => {
      const open = [
        await edge.connect(),
        await edge.logIn(),
        await edge.logIn({ port: edge.edge.smtpsPort, secure: true }),
      ];
      const refused = await edge.connect();
      expect(line(refused.greeting)).toBe(TOO_MANY);
      await refused.closed();
      await expect(edge.connect({ port: edge.edge.smtpsPort, secure: true })).rejects.toThrow();
      const other = await edge.connect({ localAddress: "127.0.0.9" });
      expect(other.greeting.code).toBe(220);
      for (const client of [...open, other]) await client.quit();
    });
  });

  it("holds in all", async () => {
    await withEdge({ connectionsMax: 2, connectionsPerAddressMax: 2 }, async (edge) => {
      const open = [await edge.connect(), await edge.connect({ localAddress: "127.0.0.9" })];
      const refused = await edge.connect({ localAddress: "127.0.0.8" });
      expect(line(refused.greeting)).toBe("421 4.7.0 Too many connections in all; try again in a minute");
      await refused.closed();
      for (const client of open) await client.quit();
    });
  });

  it.each(["quit", "destroy"] as const)(
    "counts a connection until it is closed, however it was used and however it ended (%s)",
    async (end) => {
      await withEdge({ connectionsPerAddressMax: 4 }, async (edge) => {
        const inData = await edge.logIn();
        await inData.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<a@b.example>", "DATA"]);
        const open = await Promise.all([
          edge.connect(),
          edge.logIn(),
          edge.logIn({ port: edge.edge.smtpsPort, secure: true }),
        ]);
        expect(line((await edge.connect()).greeting)).toBe(TOO_MANY);
        inData.destroy();
        for (const client of open) {
          if (end === "quit") await client.quit();
          else client.destroy();
        }
        const greetings = async () => {
          const clients = await Promise.all([edge.connect(), edge.connect(), edge.connect(), edge.connect()]);
          for (const client of clients) client.destroy();
          return clients.map(({ greeting }) => greeting.code);
        };
        await expect.poll(greetings, { timeout: 10_000, interval: 200 }).toEqual([220, 220, 220, 220]);
      });
    },
  );

  it("is logged in sums, not for each connection", async () => {
    const edge = await startTestEdge(aws, { connectionsPerAddressMax: 1 });
    const open = await edge.connect();
    for (let i = 0; i < 20; i++) await (await edge.connect()).closed();
    await open.quit();
    await edge.close();
    expect(edge.events.filter(({ event }) => event === "connections-refused")).toEqual([
      { event: "connections-refused", reason: "tooManyConnectionsFromAddress", count: 20, client: "127.0.0.1" },
    ]);
  });
});

describe("the time of a client", () => {
  const TIMEOUT = "421 4.4.2 Time for this command is over; closing connection";

  it.each([
    ["says nothing after the greeting", async (edge: TestEdge) => await edge.connect()],
    [
      "says nothing after EHLO",
      async (edge: TestEdge) => {
        const client = await edge.connect();
        await client.ehlo();
        return client;
      },
    ],
    [
      "says nothing after MAIL",
      async (edge: TestEdge) => {
        const client = await edge.logIn();
        await client.command("MAIL FROM:<me@example.com>");
        return client;
      },
    ],
    [
      "says nothing at a challenge",
      async (edge: TestEdge) => {
        const client = await edge.connect({ port: edge.edge.smtpsPort, secure: true });
        await client.ehlo();
        await client.command("AUTH LOGIN");
        return client;
      },
    ],
  ])("is over when it %s", async (_, use) => {
    await withEdge({ commandMs: 400 }, async (edge) => {
      const client = await use(edge);
      const started = performance.now();
      expect(line(await client.reply())).toBe(TIMEOUT);
      expect(performance.now() - started).toBeGreaterThan(300);
      await client.closed();
    });
  });

  it("is not stretched by octets that trickle in", async () => {
    await withEdge({ commandMs: 400 }, async (edge) => {
      const client = await edge.connect();
      const started = performance.now();
      const trickle = setInterval(() => {
        client.write("N").catch(() => undefined);
      }, 20);
      expect(line(await client.reply())).toBe(TIMEOUT);
      expect(performance.now() - started).toBeLessThan(2_000);
      clearInterval(trickle);
      await client.closed();
    });
  });

  it("begins anew with each reply", async () => {
    await withEdge({ commandMs: 500 }, async (edge) => {
      const client = await edge.connect();
      for (let i = 0; i < 8; i++) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        expect((await client.command("NOOP")).code).toBe(250);
      }
      await client.quit();
    });
  });

  it("does not run while it waits for us", async () => {
    await withEdge({ commandMs: 300, storeDeadlineMs: 1_200 }, async (edge) => {
      const client = await edge.logIn();
      aws.s3.set("hang");
      try {
        const data = message("me@example.com");
        const reply = await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
        expect(reply.code).toBe(451);
      } finally {
        aws.s3.set("pass");
      }
      expect((await client.command("NOOP")).code).toBe(250);
      await client.quit();
    });
  });

  it("is short after a failed AUTH, and normal again after one that worked", async () => {
    await withEdge({ afterFailedAuthMs: 300 }, async (edge) => {
      const client = await edge.connect({ port: edge.edge.smtpsPort, secure: true });
      await client.ehlo();
      await client.authPlain({ user: "srv1", password: "wrong" });
      expect(line(await client.reply())).toBe(TIMEOUT);
      await client.closed();
      const other = await edge.connect({ port: edge.edge.smtpsPort, secure: true });
      await other.ehlo();
      await other.authPlain({ user: "srv1", password: "wrong" });
      expect((await other.authPlain({ user: "srv1", password: "correct-horse" })).code).toBe(235);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect((await other.command("NOOP")).code).toBe(250);
      await other.quit();
    });
  });

  it("ends a session whose socket is silent, by the idle limit as well", async () => {
    await withEdge({ socketIdleMs: 300 }, async (edge) => {
      const client = await edge.connect();
      expect(line(await client.reply())).toBe(TIMEOUT);
      await client.closed();
    });
  });
});

describe("a client that does not read its replies", () => {
  it("is not read from without end", async () => {
    await withEdge({ junkCommandsMax: 10_000_000 }, async (edge) => {
      const socket = connect(edge.edge.smtpPort, "127.0.0.1");
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.pause();
      let taken = 0;
      const chunk = "NOOP\r\n".repeat(10_000);
      for (let i = 0; i < 1_000 && socket.writableLength < 4_000_000; i++) {
        if (socket.write(chunk)) taken += chunk.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(taken).toBeLessThan(30_000_000);
      const other = await edge.logIn();
      expect((await other.command("NOOP")).code).toBe(250);
      await other.quit();
      socket.destroy();
    });
  });
});

describe("the health check", () => {
  it("answers 200 while connections are taken, and knows nothing else", async () => {
    await withEdge({ healthPort: 0 }, async (edge) => {
      const base = `http://127.0.0.1:${edge.edge.healthPort}`;
      expect([(await fetch(`${base}/health`)).status, (await fetch(`${base}/`)).status]).toEqual([200, 404]);
      expect((await fetch(`${base}/health`, { method: "POST" })).status).toBe(404);
      const client = await edge.logIn();
      await client.command("MAIL FROM:<me@example.com>");
      const closing = edge.edge.close();
      expect((await fetch(`${base}/health`)).status).toBe(503);
      client.destroy();
      await closing;
      await expect(fetch(`${base}/health`)).rejects.toThrow();
    });
  });
});
