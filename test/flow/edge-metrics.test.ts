/** What the edge tells of itself: one line for each session and message, and metrics once a minute. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogEvent } from "../../lib/core/log.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, message, startTestEdge } from "../support/edge.ts";

let aws: TestAws;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
});

afterAll(async () => await aws.close());

const metricsOf = (events: readonly LogEvent[]) => events.filter(({ event }) => event === "metrics");

describe("the edge's metrics", () => {
  it("count what was accepted, refused and why, stored in what time, connections and log-ins that failed", async () => {
    const edge = await startTestEdge(aws, { connectionsPerAddressMax: 3, environment: "test", storeDeadlineMs: 500 });
    const client = await edge.logIn();
    const send = (from: string) =>
      client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: message(from) });
    await send("me@example.com");
    await send("me@example.com");
    await send("boss@bank.example");
    await client.command("MAIL FROM:<me@unknown.example>");
    aws.s3.set("hang");
    await send("me@example.com");
    aws.s3.set("pass");
    const guess = await edge.connect({ port: edge.edge.smtpsPort, secure: true });
    await guess.ehlo();
    await guess.authPlain({ user: "srv1", password: "wrong" });
    const third = await edge.connect();
    expect((await edge.connect()).greeting.code).toBe(421);
    // Nothing was written for each of these.
    expect(metricsOf(edge.events)).toEqual([]);
    for (const each of [client, guess, third]) each.destroy();
    await edge.close();
    const [plain, ...byReason] = metricsOf(edge.events);
    expect(plain).toMatchObject({
      Environment: "test",
      Accepted: 2,
      AuthFailures: 1,
      StoreFailures: 1,
      Connections: 3,
      CertificateDaysLeft: expect.any(Number),
      SecondsToStore: [expect.any(Number), expect.any(Number)],
    });
    expect(byReason.map(({ Reason, Refused, ConnectionsRefused }) => [Reason, Refused, ConnectionsRefused])).toEqual([
      ["fromForeign", 1, undefined],
      ["senderForeign", 1, undefined],
      ["notStored", 1, undefined],
      ["tooManyConnectionsFromAddress", undefined, 1],
    ]);
  });

  it("are written as time passes, of what happened since, and not at all where that is set", async () => {
    const edge = await startTestEdge(aws, { metricsEveryMs: 100 });
    const silent = await startTestEdge(aws, { metricsEveryMs: 0 });
    for (const each of [edge, silent]) {
      const client = await each.logIn();
      await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: message("me@example.com") });
      await client.quit();
    }
    const written = () => metricsOf(edge.events).filter((event) => "Accepted" in event);
    await expect.poll(() => written().length, { timeout: 5_000 }).toBe(1);
    const count = metricsOf(edge.events).length;
    await expect.poll(() => metricsOf(edge.events).length, { timeout: 5_000 }).toBeGreaterThan(count);
    expect(written()).toEqual([expect.objectContaining({ Accepted: 1 })]);
    await edge.close();
    await silent.close();
    expect(metricsOf(silent.events)).toEqual([]);
  });
});

describe("the edge's log", () => {
  it("has one line for a message and one for its session, with what a postmaster asks for and nothing private", async () => {
    const edge = await startTestEdge(aws);
    const client = await edge.logIn();
    const data = message("me@example.com", "a secret word\r\n");
    const reply = await client.sendMail({ from: "me@example.com", to: ["a@b.example", "b@b.example"], data });
    await client.quit();
    const session = await edge.event("session-ended");
    const lines = edge.events.filter(({ event }) => event.startsWith("message-") || event.startsWith("session-"));
    expect(lines).toEqual([
      {
        event: "message-accepted",
        id: expect.any(String),
        messageId: "<1@example.com>",
        class: "own",
        evidence: expect.anything(),
        rewrite: false,
        storeMs: expect.any(Number),
        session: session["session"],
        tenant: "acme",
        credential: "server srv1",
        client: "127.0.0.1",
        tls: "TLSv1.3",
        recipients: 2,
        size: Buffer.byteLength(data),
        ms: expect.any(Number),
        reply: `250 ${reply.lines[0]}`,
      },
      {
        event: "session-ended",
        session: expect.any(String),
        client: "127.0.0.1",
        tls: "TLSv1.3",
        tenant: "acme",
        credential: "server srv1",
        authFailures: 0,
        commands: expect.any(Number),
        messages: 1,
        lastReply: "221 2.0.0 relay.example.net closing connection",
        error: undefined,
        ms: expect.any(Number),
      },
    ]);
    const text = JSON.stringify(edge.events);
    for (const secret of ["correct-horse", "secret word", "a@b.example", "me@example.com>"]) {
      expect(text).not.toContain(secret);
    }
    await edge.close();
  });
});
