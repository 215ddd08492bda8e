/** What a tenant, a credential and a sender may send a minute, and how many connections they may have. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { changeRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { credentialKey, tenantKey } from "../../lib/core/directory.ts";
import type { EdgeSettings } from "../../lib/core/edge-settings.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  await writeRow(aws.directory, {
    kind: "network",
    cidr: "127.0.4.0/24",
    tenant: "acme",
    label: "office",
    status: "active",
    tlsRequired: false,
  });
});

afterEach(async () => {
  await edge.close();
  for (const key of [tenantKey("acme"), credentialKey(LOGIN.user)]) {
    await changeRow(aws.directory, key, { limits: undefined });
  }
});

afterAll(async () => await aws.close());

async function open(changes: Partial<EdgeSettings>): Promise<SmtpClient> {
  edge = await startTestEdge(aws, changes);
  return await edge.logIn();
}

const TO = ["a@b.example"];
const send = (client: SmtpClient, from = "me@example.com", to: readonly string[] = TO) =>
  client.sendMail({ from, to, data: message("me@example.com") });
const codes = async (count: number, work: () => ReturnType<typeof send>): Promise<number[]> => {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await work()).code);
  return found;
};
const wait = (what: string, who: string): RegExp =>
  new RegExp(
    `^451 4\\.7\\.1 Too many ${what} a minute from ${who}: try again in 6\\d seconds; your mail stays in your queue$`,
  );

describe("messages a minute", () => {
  it("of one sender beyond its limit get a 451 with the time to wait, and other senders of the credential go on", async () => {
    const client = await open({ senderMessagesPerMinute: 2 });
    expect(await codes(2, () => send(client))).toEqual([250, 250]);
    expect(line(await client.command("MAIL FROM:<Me@Example.com>"))).toMatch(wait("messages", "Me@example.com"));
    expect(await codes(2, () => send(client, "you@example.com"))).toEqual([250, 250]);
    expect(edge.events.find(({ event }) => event === "sender-refused")).toMatchObject({
      reason: "tooManyMessagesOf",
      tenant: "acme",
    });
    await client.quit();
  });

  it("of one credential beyond its limit leave another credential and a network of the tenant alone", async () => {
    const client = await open({ credentialMessagesPerMinute: 2 });
    expect(await codes(2, () => send(client))).toEqual([250, 250]);
    const again = await edge.logIn();
    expect(line(await again.command("MAIL FROM:<you@example.com>"))).toMatch(wait("messages", "server srv1"));
    const office = await edge.connect({ localAddress: "127.0.4.1" });
    await office.ehlo();
    expect(await codes(2, () => send(office))).toEqual([250, 250]);
    expect(line(await office.command("MAIL FROM:<you@example.com>"))).toMatch(wait("messages", "office"));
    for (const each of [client, again, office]) await each.quit();
  });

  it("of a tenant are what the directory says, of which each task takes its share", async () => {
    await changeRow(aws.directory, tenantKey("acme"), { limits: { messagesPerMinute: 4 } });
    const client = await open({ tasks: 2 });
    expect(await codes(2, () => send(client))).toEqual([250, 250]);
    expect(line(await client.command("MAIL FROM:<you@example.com>"))).toMatch(wait("messages", "tenant acme"));
    await client.quit();
  });

  it("are what the directory gives a credential for itself", async () => {
    await changeRow(aws.directory, credentialKey(LOGIN.user), { limits: { messagesPerMinute: 1 } });
    const client = await open({});
    expect((await send(client)).code).toBe(250);
    expect(line(await client.command("MAIL FROM:<you@example.com>"))).toMatch(wait("messages", "server srv1"));
    await client.quit();
  });

  it("count only when they were accepted: not refused, not given up, not lost in an outage", async () => {
    const client = await open({ senderMessagesPerMinute: 1, storeDeadlineMs: 500 });
    const data = message("boss@bank.example");
    expect((await client.sendMail({ from: "me@example.com", to: TO, data })).code).toBe(550);
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<a@b.example>", "RSET"]);
    await client.pipeline(["MAIL FROM:<me@example.com>", "EHLO again.example"]);
    aws.s3.set("hang");
    try {
      expect((await send(client)).code).toBe(451);
    } finally {
      aws.s3.set("pass");
    }
    const gone = await edge.logIn();
    expect((await gone.command("MAIL FROM:<me@example.com>")).code).toBe(250);
    gone.destroy();
    await expect.poll(async () => (await send(client)).code, { timeout: 5_000 }).toBe(250);
    expect((await send(client)).code).toBe(451);
    await client.quit();
  });
});

describe("recipients a minute", () => {
  it("beyond the limit get a 451 each, and those before it get the message", async () => {
    await aws.clear();
    const client = await open({ senderRecipientsPerMinute: 3 });
    const replies = await client.pipeline([
      "MAIL FROM:<me@example.com>",
      ..."abcde".split("").map((name) => `RCPT TO:<${name}@b.example>`),
      "DATA",
    ]);
    expect(replies.map(({ code }) => code)).toEqual([250, 250, 250, 250, 451, 451, 354]);
    expect(line(replies[4] ?? { code: 0, enhanced: undefined, lines: [] })).toMatch(
      wait("recipients", "me@example.com"),
    );
    await client.write(`${message("me@example.com")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    const [stored] = await aws.stored();
    expect(stored?.envelope.recipients.map(({ address }) => address)).toEqual([
      "a@b.example",
      "b@b.example",
      "c@b.example",
    ]);
    expect(edge.events.filter(({ event }) => event === "recipients-refused")).toHaveLength(1);
    await client.quit();
  });
});

describe("the relay's shared system address", () => {
  it("cannot be used up by one server, whatever senders it makes up", async () => {
    const client = await open({ senderMessagesPerMinute: 2 });
    await client.ehlo("web1.hosting.example");
    const cron = (user: string) =>
      client.sendMail({
        from: `${user}@web1.hosting.example`,
        to: TO,
        data: message(`${user}@web1.hosting.example`),
      });
    expect([(await cron("www-data")).code, (await cron("root")).code]).toEqual([250, 250]);
    const who = "the null sender and system accounts of server srv1";
    expect(line(await cron("nobody"))).toMatch(wait("messages", who));
    expect(line(await client.command("MAIL FROM:<>"))).toMatch(wait("messages", who));
    expect((await send(client)).code).toBe(250);
    await client.quit();
  });
});

describe("connections of a tenant", () => {
  const MAIL = "MAIL FROM:<me@example.com>";
  const TOO_MANY = "421 4.7.0 Too many connections of tenant acme; use fewer at a time, your mail stays in your queue";

  it("beyond its limit get 421 at their first mail, whoever of the tenant it is, and may come when others have gone", async () => {
    const first = await open({ connectionsPerTenantMax: 2 });
    const second = await edge.connect({ localAddress: "127.0.4.1" });
    await second.ehlo();
    expect([(await first.command(MAIL)).code, (await second.command(MAIL)).code]).toEqual([250, 250]);
    const third = await edge.logIn();
    expect(line(await third.command(MAIL))).toBe(TOO_MANY);
    await third.closed();
    await first.command("RSET");
    expect((await first.command(MAIL)).code).toBe(250);
    first.destroy();
    await expect
      .poll(
        async () => {
          const next = await edge.logIn();
          const { code } = await next.command(MAIL);
          next.destroy();
          return code;
        },
        { timeout: 5_000 },
      )
      .toBe(250);
    await second.quit();
  });

  it("do not count when the client is gone before its MAIL is answered", async () => {
    const gone = await open({ connectionsPerTenantMax: 1, directoryCacheMs: 0, directoryDeadlineMs: 2_000 });
    aws.dynamodb.set("hang");
    await gone.write(`${MAIL}\r\n`);
    await expect.poll(() => aws.dynamodb.connections, { timeout: 5_000 }).toBeGreaterThan(0);
    gone.destroy();
    await edge.event("session-ended");
    // The look-up that waits is repeated by the SDK, and comes back to a session that is over.
    aws.dynamodb.set("pass");
    const next = await edge.logIn();
    expect((await next.command(MAIL)).code).toBe(250);
    await next.quit();
  });

  it("are what the directory says, of which each task takes its share", async () => {
    await changeRow(aws.directory, tenantKey("acme"), { limits: { connections: 2 } });
    const first = await open({ tasks: 2 });
    expect((await first.command(MAIL)).code).toBe(250);
    const second = await edge.logIn();
    expect(line(await second.command(MAIL))).toBe(TOO_MANY);
    await first.quit();
  });
});

describe("the time of a session", () => {
  const OVER = "421 4.4.2 This session has lasted long enough; connect again";

  it("is over for an idle client at once", async () => {
    const client = await open({ sessionMs: 600 });
    expect(line(await client.reply())).toBe(OVER);
    await client.closed();
  });

  it("is over at MAIL for a client that never rests, and an open transaction ends before", async () => {
    const client = await open({ sessionMs: 1_000, deadlineCheckMs: 60_000 });
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<a@b.example>"]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await client.command("DATA")).code).toBe(354);
    await client.write(`${message("me@example.com")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect(line(await client.command("MAIL FROM:<me@example.com>"))).toBe(OVER);
    await client.closed();
  });

  it("is over for data that never ends when as much has passed again", async () => {
    const client = await open({ sessionMs: 800, dataGraceMs: 60_000 });
    await client.pipeline(["MAIL FROM:<me@example.com>", "RCPT TO:<a@b.example>", "DATA"]);
    const trickle = setInterval(() => {
      client.write("x").catch(() => undefined);
    }, 50);
    expect(line(await client.reply())).toBe(OVER);
    clearInterval(trickle);
    await client.closed();
  });
});
