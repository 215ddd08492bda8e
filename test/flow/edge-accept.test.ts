import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";

let aws: TestAws;
let edge: TestEdge;

const TO = ["a@elsewhere.example"];

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

beforeEach(async () => {
  await aws.clear();
});

describe("accepting a message", () => {
  it("answers 250 with the queue id once envelope and exact bytes are in the spool", async () => {
    const client = await edge.logIn();
    const data = message("Me <me@example.com>", "caf\xe9\r\n..\r\n.dots\r\n\r\n");
    const reply = await client.sendMail({ from: "me@example.com", to: ["a@b.example", "C@D.example"], data });
    const [stored, ...others] = await aws.stored();
    expect(others).toEqual([]);
    expect(line(reply)).toBe(`250 2.0.0 Ok: queued as ${stored?.envelope.id}`);
    expect(stored?.message.toString("latin1")).toBe(data);
    expect(stored?.envelope).toMatchObject({
      tenant: "acme",
      credential: "server srv1",
      returnPath: "me@example.com",
      recipients: [{ address: "a@b.example" }, { address: "C@d.example" }],
      client: { address: "127.0.0.1", port: client.localPort, helo: "client.example.com", tls: "TLSv1.3" },
    });
    expect(stored?.received.toString()).toMatch(
      /^Received: from client\.example\.com \(\[127\.0\.0\.1\]\)\r\n by relay\.example\.net \(relayhost\) with ESMTPSA\r\n/,
    );
    await client.quit();
  });

  it("works over TLS from the first byte", async () => {
    const client = await edge.logIn({ port: edge.edge.smtpsPort, secure: true });
    const reply = await client.sendMail({ from: "me@example.com", to: TO, data: message("me@example.com") });
    expect(reply.code).toBe(250);
    expect((await aws.stored())[0]?.envelope.client.tls).toBe("TLSv1.3");
    await client.quit();
  });

  it("keeps a message far beyond its memory in a file, byte for byte, and leaves no file", async () => {
    const client = await edge.logIn();
    const body = Array.from({ length: 60_000 }, (_, i) => `${i} ${"x".repeat(i % 90)}\r\n`).join("");
    const data = message("me@example.com", body);
    expect(data.length).toBeGreaterThan(3_000_000);
    expect((await client.sendMail({ from: "me@example.com", to: TO, data })).code).toBe(250);
    const [stored] = await aws.stored();
    expect(stored?.message.equals(Buffer.from(data, "latin1"))).toBe(true);
    const { readdir } = await import("node:fs/promises");
    expect(await readdir(edge.settings.temporaryDir)).toEqual([]);
    await client.quit();
  });

  it("takes several messages in one session, and a second EHLO drops an open transaction", async () => {
    const client = await edge.logIn();
    const send = () => client.sendMail({ from: "me@example.com", to: TO, data: message("me@example.com") });
    expect((await send()).code).toBe(250);
    await client.command("MAIL FROM:<me@example.com>");
    await client.ehlo();
    expect(line(await client.command("RCPT TO:<a@b.example>"))).toBe("503 5.5.1 Send MAIL FROM first");
    expect((await send()).code).toBe(250);
    expect(await aws.stored()).toHaveLength(2);
    await client.quit();
  });

  it("answers pipelined transactions in order (RFC 2920)", async () => {
    const client = await edge.logIn();
    const data = message("me@example.com");
    for (let i = 0; i < 50; i++) {
      await client.write(
        `MAIL FROM:<me@example.com>\r\nRCPT TO:<a${i}@b.example>\r\nRCPT TO:<nobody>\r\nDATA\r\n${data}.\r\n`,
      );
    }
    for (let i = 0; i < 50; i++) {
      const codes = [];
      for (let n = 0; n < 5; n++) codes.push((await client.reply()).code);
      expect(codes).toEqual([250, 250, 550, 354, 250]);
    }
    expect((await aws.stored()).map(({ envelope }) => envelope.recipients[0]?.address)).toEqual(
      Array.from({ length: 50 }, (_, i) => `a${i}@b.example`),
    );
    await client.quit();
  });

  it("accepts the null sender from a tenant", async () => {
    const client = await edge.logIn();
    const reply = await client.sendMail({ from: "", to: TO, data: message("MAILER-DAEMON@example.com") });
    expect(reply.code).toBe(250);
    expect((await aws.stored())[0]?.envelope.returnPath).toBeNull();
    await client.quit();
  });

  it("carries DSN parameters to the spool (RFC 3461)", async () => {
    const client = await edge.logIn();
    await client.pipeline([
      "MAIL FROM:<me@example.com> RET=HDRS ENVID=id+2B1 BODY=8BITMIME SIZE=500 AUTH=<>",
      "RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@b.example",
      "RCPT TO:<c@d.example> NOTIFY=NEVER",
      "RCPT TO:<e@f.example>",
      "DATA",
    ]);
    await client.write(`${message("me@example.com")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect((await aws.stored())[0]?.envelope).toMatchObject({
      ret: "HDRS",
      envid: "id+1",
      body: "8BITMIME",
      recipients: [
        { address: "a@b.example", notify: ["SUCCESS", "DELAY"], orcpt: { type: "rfc822", value: "x+y@b.example" } },
        { address: "c@d.example", notify: ["NEVER"] },
        { address: "e@f.example" },
      ],
    });
    await client.quit();
  });

  it("takes a recipient named twice once, with the parameters it was first given", async () => {
    const client = await edge.logIn();
    const replies = await client.pipeline([
      "MAIL FROM:<me@example.com>",
      "RCPT TO:<a@b.example> NOTIFY=NEVER",
      "RCPT TO:<A@B.example> NOTIFY=SUCCESS",
      "DATA",
    ]);
    expect(replies.map(({ code }) => code)).toEqual([250, 250, 250, 354]);
    await client.write(`${message("me@example.com")}.\r\n`);
    await client.reply();
    expect((await aws.stored())[0]?.envelope.recipients).toEqual([{ address: "a@b.example", notify: ["NEVER"] }]);
    await client.quit();
  });

  it("turns an IDN domain into its A-label, in sender and recipient", async () => {
    const client = await edge.logIn();
    const utf8 = (text: string) => Buffer.from(`${text}\r\n`, "utf8");
    await client.write(utf8("MAIL FROM:<me@日本語.example>"));
    await client.write(utf8("RCPT TO:<a@日本語.example>"));
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([250, 250]);
    await client.command("DATA");
    await client.write(`${message("me@xn--wgv71a119e.example")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect((await aws.stored())[0]?.envelope).toMatchObject({
      returnPath: "me@xn--wgv71a119e.example",
      recipients: [{ address: "a@xn--wgv71a119e.example" }],
    });
    await client.quit();
  });

  it("keeps Relayhost-* and X-SES-* fields of the client behind its own Received, where they do not count", async () => {
    const client = await edge.logIn();
    const data = `Relayhost-Rcpt: TO:<evil@x.example>\r\nRelayhost-Tenant: other\r\nX-SES-SOURCE-ARN: x\r\n${message("me@example.com")}`;
    expect((await client.sendMail({ from: "me@example.com", to: TO, data })).code).toBe(250);
    const [stored] = await aws.stored();
    expect(stored?.envelope).toMatchObject({ tenant: "acme", recipients: [{ address: TO[0] }] });
    expect(stored?.message.toString("latin1")).toBe(data);
    await client.quit();
  });

  it("takes 1,000 recipients and answers 452 to the next", async () => {
    const client = await edge.logIn();
    await client.command("MAIL FROM:<me@example.com>");
    const replies = await client.pipeline(Array.from({ length: 1_001 }, (_, i) => `RCPT TO:<a${i}@b.example>`));
    expect(replies.slice(0, 1_000).every(({ code }) => code === 250)).toBe(true);
    expect(line(replies[1_000] ?? { code: 0, enhanced: "", lines: [] })).toBe(
      "452 4.5.3 Too many recipients: send the rest in another message",
    );
    await client.command("DATA");
    await client.write(`${message("me@example.com")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect((await aws.stored())[0]?.envelope.recipients).toHaveLength(1_000);
    await client.quit();
  });

  it("logs the message without addresses, content or password", async () => {
    const client = await edge.logIn();
    await client.sendMail({
      from: "secret-sender@example.com",
      to: ["secret-rcpt@b.example"],
      data: message("me@example.com", "secret body\r\n"),
    });
    await client.quit();
    const [stored] = await aws.stored();
    const event = edge.events.find(({ id }) => id === stored?.envelope.id);
    expect(event).toMatchObject({
      event: "message-accepted",
      tenant: "acme",
      credential: "server srv1",
      client: "127.0.0.1",
      recipients: 1,
      size: stored?.message.length,
      tls: "TLSv1.3",
      messageId: "<1@example.com>",
      reply: `250 2.0.0 Ok: queued as ${stored?.envelope.id}`,
    });
    expect(JSON.stringify(edge.events)).not.toMatch(/secret|correct-horse/);
  });

  it("logs addresses where that is set", async () => {
    const open = await startTestEdge(aws, { logAddresses: true });
    const client = await open.logIn();
    await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: message("me@example.com") });
    await client.quit();
    expect(await open.event("message-accepted")).toMatchObject({ from: "me@example.com", to: ["a@b.example"] });
    await open.close();
  });
});
