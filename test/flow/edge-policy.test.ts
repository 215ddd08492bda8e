import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;
let client: SmtpClient;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
  client = await edge.logIn();
});

afterAll(async () => {
  await client.quit();
  await edge.close();
  await aws.close();
});

/** Sends a message; returns the reply to its data and how much is in the spool then. */
async function send(data: string, from = "me@example.com"): Promise<string> {
  await aws.clear();
  const reply = await client.sendMail({ from, to: ["a@elsewhere.example"], data });
  expect(await aws.stored()).toHaveLength(reply.code === 250 ? 1 : 0);
  return line(reply).replace(/queued as .*/, "queued");
}

const QUEUED = "250 2.0.0 Ok: queued";
const foreignFrom = (domain: string) =>
  `550 5.7.1 From field names ${domain}, which is not registered for you: register it with the operator of this relay or use a domain that is`;

describe("the envelope sender", () => {
  const foreign = (domain: string) =>
    `550 5.7.1 Sender domain ${domain} is not registered for you: register it with the operator of this relay or use one that is`;

  it.each([
    ["me@example.com", "250 2.1.0 Ok"],
    ["me@EXAMPLE.com", "250 2.1.0 Ok"],
    ["me@sub.example.com", "250 2.1.0 Ok"],
    ["", "250 2.1.0 Ok"],
    ["me@other.example", foreign("other.example")],
    ["me@branch.example.com", foreign("branch.example.com")],
    ["me@sub.branch.example.com", foreign("sub.branch.example.com")],
    ["me@unknown.example", foreign("unknown.example")],
    ["me@notexample.com", foreign("notexample.com")],
    ["me@com", foreign("com")],
    ["me@localhost", foreign("localhost")],
    [
      "me@pending.example",
      "451 4.7.1 Sender domain pending.example is not verified yet: publish its DNS records; your mail stays in your queue",
    ],
    [
      "me@a.pending.example",
      "451 4.7.1 Sender domain pending.example is not verified yet: publish its DNS records; your mail stays in your queue",
    ],
    ["root", "550 5.1.7 Sender address has no domain: use name@example.com"],
  ])("<%s> is answered %s", async (from, reply) => {
    expect(line(await client.command(`MAIL FROM:<${from}>`))).toBe(reply);
    await client.command("RSET");
  });
});

describe("the header From", () => {
  it.each([
    ["me@example.com", QUEUED],
    ["Somebody <else@sub.example.com>", QUEUED],
    ['"boss@other.example" <me@example.com>', QUEUED],
    ["me@example.com, you@EXAMPLE.COM", QUEUED],
    ["me@other.example", foreignFrom("other.example")],
    ["me@branch.example.com", foreignFrom("branch.example.com")],
    ["me@example.com, boss@bank.example", foreignFrom("bank.example")],
    ["boss@bank.example <me@example.com>", foreignFrom("bank.example")],
    ["me@[127.0.0.1]", foreignFrom("[127.0.0.1]")],
    [
      "me@pending.example",
      "451 4.7.1 From field names pending.example, which is not verified yet: publish its DNS records; your mail stays in your queue",
    ],
    ["me@pending.example, boss@bank.example", foreignFrom("bank.example")],
    ["root, me@other.example", "550 5.6.0 From field of the message holds no valid address"],
    ["<>", "550 5.6.0 From field of the message holds no valid address"],
  ])("%s is answered %s", async (from, reply) => {
    expect(await send(message(from))).toBe(reply);
  });

  it("holds for the null sender too", async () => {
    expect(await send(message("me@example.com"), "")).toBe(QUEUED);
    expect(await send(message("me@other.example"), "")).toBe(foreignFrom("other.example"));
  });

  it("has to be there", async () => {
    expect(await send("To: a@b.example\r\n\r\nFrom: me@example.com\r\n")).toBe("550 5.6.0 Message has no From field");
    expect(await send("")).toBe("550 5.6.0 Message has no From field");
    expect(await send("\r\n")).toBe("550 5.6.0 Message has no From field");
  });

  it("may be folded, and found behind any number of other fields", async () => {
    const fields = Array.from({ length: 5_000 }, (_, i) => `X-Field-${i}: ${"x".repeat(60)}\r\n`).join("");
    expect(await send(`${fields}From:\r\n\tMe\r\n <me@other.example>\r\n\r\ntext\r\n`)).toBe(
      foreignFrom("other.example"),
    );
    expect(await send(`${fields}From:\r\n\tMe\r\n <me@example.com>\r\n\r\ntext\r\n`)).toBe(QUEUED);
  });
});

describe("a header with a field twice", () => {
  it.each(["From", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"])(
    "(%s) is refused when the two differ, and taken when they do not",
    async (field) => {
      const rest = field === "From" ? "" : "From: me@example.com\r\n";
      const value = field === "From" ? "me@example.com" : "x";
      expect(await send(`${rest}${field}: ${value}\r\n${field.toLowerCase()}: ${value}y\r\n\r\ntext\r\n`)).toBe(
        `550 5.6.0 Message has ${field} twice with different contents`,
      );
      expect(await send(`${rest}${field}: ${value}\r\n${field}: ${value}\r\n\r\ntext\r\n`)).toBe(QUEUED);
    },
  );
});

describe("a header", () => {
  it("with a line that is no field is refused, since readers would differ on where it ends", async () => {
    expect(await send("From: me@example.com\r\nno field\r\nFrom: boss@bank.example\r\n\r\n")).toBe(
      "550 5.6.0 Header line 2 is no header field: leave an empty line between header and text",
    );
  });

  it("with 30 Received fields is taken, with 31 it is a loop", async () => {
    const hops = (count: number) => "Received: from a by b; c\r\n".repeat(count) + message("me@example.com");
    expect(await send(hops(30))).toBe(QUEUED);
    expect(await send(hops(31))).toBe("554 5.4.6 Mail loop: more than 30 Received fields");
  });

  it("of more than its limit is refused", async () => {
    const small = await startTestEdge(aws, { headerBytesMax: 4_096 });
    const session = await small.logIn();
    const data = `X: ${"x".repeat(5_000)}\r\n${message("me@example.com")}`;
    expect(line(await session.sendMail({ from: "me@example.com", to: ["a@b.example"], data }))).toBe(
      "552 5.3.4 Message header is larger than 4096 octets",
    );
    await session.quit();
    await small.close();
  });
});

describe("a recipient", () => {
  it.each([
    ["root", "550 5.1.3 Recipient address has no domain: use name@example.com"],
    ["a@b@c.example", "550 5.1.3 Recipient address is not valid"],
    ["a@-b.example", "550 5.1.3 Recipient address is not valid"],
    ["a@[192.0.2.1]", "550 5.1.3 Recipient address is not valid"],
    ["a..b.@docomo.example", "250 2.1.5 Ok"],
    ['"a b"@c.example', "250 2.1.5 Ok"],
    ["@r.example:a@c.example", "250 2.1.5 Ok"],
  ])("<%s> is answered %s", async (to, reply) => {
    await client.command("MAIL FROM:<me@example.com>");
    expect(line(await client.command(`RCPT TO:<${to}>`))).toBe(reply);
    await client.command("RSET");
  });

  it("has to be there at DATA", async () => {
    expect(line(await client.command("DATA"))).toBe("503 5.5.1 Send MAIL FROM first");
    await client.command("MAIL FROM:<me@example.com>");
    expect(line(await client.command("DATA"))).toBe("554 5.5.1 No valid recipients");
    await client.command("RCPT TO:<root>");
    expect(line(await client.command("DATA"))).toBe("554 5.5.1 No valid recipients");
    await client.command("RSET");
  });
});

it("logs every refusal of a message with its reason, and no address", async () => {
  await send(message("secret@bank.example"));
  expect(edge.events.findLast(({ event }) => event === "message-refused")).toMatchObject({
    reason: "fromForeign",
    tenant: "acme",
    reply: foreignFrom("bank.example"),
  });
  await client.command("MAIL FROM:<secret@bank.example>");
  expect(edge.events.findLast(({ event }) => event === "sender-refused")).toMatchObject({
    reason: "senderForeign",
    tenant: "acme",
    client: "127.0.0.1",
  });
  expect(JSON.stringify(edge.events)).not.toContain("secret");
});
