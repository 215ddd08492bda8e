import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, startTestEdge, type TestEdge } from "../support/edge.ts";

let aws: TestAws;
let edge: TestEdge;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

describe("the session", () => {
  it("greets at once, without waiting or asking DNS", async () => {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      const client = await edge.connect();
      times.push(performance.now() - started);
      expect(line(client.greeting)).toBe("220 relay.example.net ESMTP relayhost");
      await client.quit();
    }
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it("offers what it can do, and not what it cannot", async () => {
    const client = await edge.connect();
    expect((await client.ehlo()).lines).toEqual([
      "relay.example.net",
      "PIPELINING",
      "8BITMIME",
      "ENHANCEDSTATUSCODES",
      "DSN",
      "STARTTLS",
      `SIZE ${edge.settings.messageSizeBytesMax}`,
    ]);
    await client.startTls();
    expect((await client.ehlo()).lines).toEqual([
      "relay.example.net",
      "PIPELINING",
      "8BITMIME",
      "ENHANCEDSTATUSCODES",
      "DSN",
      "AUTH PLAIN LOGIN",
      `SIZE ${edge.settings.messageSizeBytesMax}`,
    ]);
    await client.quit();
  });

  it.each([
    ["HELO a.example", "250 relay.example.net"],
    ["NOOP", "250 2.0.0 Ok"],
    ["noop with words", "250 2.0.0 Ok"],
    ["RSET", "250 2.0.0 Ok"],
    ["VRFY someone", "252 2.1.5 Addresses are not verified here; send mail and it will be tried"],
    ["VRFY", "501 5.5.4 Syntax: VRFY address"],
    ["HELP", "214 2.0.0 This relay takes mail from its own customers; see RFC 5321"],
    ["EXPN list", "500 5.5.2 Command not recognized"],
    ["BDAT 10 LAST", "500 5.5.2 Command not recognized"],
    ["ETRN x", "500 5.5.2 Command not recognized"],
    ["", "500 5.5.2 Command not recognized"],
    ["WIZ x", "500 5.5.2 Command not recognized"],
    ["SHELL", "500 5.5.2 Command not recognized"],
    ["KILL", "500 5.5.2 Command not recognized"],
    ["XCLIENT ADDR=192.0.2.1", "500 5.5.2 Command not recognized"],
    ["XFORWARD ADDR=192.0.2.1", "500 5.5.2 Command not recognized"],
    ["LHLO a.example", "500 5.5.2 Command not recognized"],
    ["EHLO", "501 5.5.4 Give your host name: EHLO host.example"],
    ["HELO", "501 5.5.4 Give your host name: EHLO host.example"],
    [`EHLO ${"a".repeat(400)}`, "501 5.5.4 Give your host name: EHLO host.example"],
    ["MAIL FROM:<me@example.com>", "503 5.5.1 Send EHLO first"],
    ["STARTTLS now", "501 5.5.4 STARTTLS takes no parameters"],
    ["QUIT", "221 2.0.0 relay.example.net closing connection"],
  ])("answers %j with %s", async (command, reply) => {
    const client = await edge.connect();
    expect(line(await client.command(command))).toBe(reply);
    client.destroy();
  });

  it.each([
    ["a control character", "NOOP \x01", "501 5.5.2 Control characters, bare CR or bare LF in a command"],
    ["a NUL", "EHLO a\0b", "501 5.5.2 Control characters, bare CR or bare LF in a command"],
    ["a bare CR", "NOOP a\rQUIT", "501 5.5.2 Control characters, bare CR or bare LF in a command"],
    ["8-bit text", "EHLO m\xf6bel.example", "501 5.5.2 Commands are ASCII here; SMTPUTF8 is not offered"],
    ["UTF-8", "NOOP \xe6\x97\xa5", "501 5.5.2 Commands are ASCII here; SMTPUTF8 is not offered"],
  ])("refuses a command with %s", async (_, command, reply) => {
    const client = await edge.connect();
    expect(line(await client.command(command))).toBe(reply);
    await client.quit();
  });

  it("refuses a command that ends with a bare LF, and goes on with the next", async () => {
    const client = await edge.connect();
    const refused = "501 5.5.2 Control characters, bare CR or bare LF in a command";
    await client.write("NOOP\nEHLO a.example\r\n");
    expect([line(await client.reply()), (await client.reply()).code]).toEqual([refused, 250]);
    await client.write("NOOP\r");
    await client.write("\nRSET\n");
    expect([line(await client.reply()), line(await client.reply())]).toEqual(["250 2.0.0 Ok", refused]);
    await client.write("\nNOOP\r\n");
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([500, 250]);
    await client.quit();
    const mail = await edge.logIn();
    await mail.write("MAIL FROM:<me@example.com>\nRCPT TO:<a@b.example>\r\n");
    expect([(await mail.reply()).code, (await mail.reply()).code]).toEqual([501, 503]);
    await mail.quit();
  });

  it("names the parameter it does not know (RFC 5321 §4.1.1.11)", async () => {
    const client = await edge.logIn();
    expect(line(await client.command("MAIL FROM:<me@example.com> FOO=BAR"))).toBe(
      "555 5.5.4 Parameter FOO is not known here; use only what EHLO offers",
    );
    expect((await client.command("MAIL FROM:<me@example.com> SMTPUTF8")).code).toBe(555);
    expect(line(await client.command("MAIL FROM:<me@example.com>"))).toBe("250 2.1.0 Ok");
    expect(line(await client.command("MAIL FROM:<me@example.com>"))).toBe(
      "503 5.5.1 A message is under way; send RSET to drop it",
    );
    expect((await client.command("RCPT TO:<a@b.example> FOO")).code).toBe(555);
    await client.quit();
  });

  it("refuses a local part that is not ASCII with 553 (RFC 6531)", async () => {
    const client = await edge.logIn();
    await client.write(Buffer.from("MAIL FROM:<社長@example.com>\r\n", "utf8"));
    expect(line(await client.reply())).toBe("553 5.6.7 Non-ASCII characters before the @ cannot be sent from here");
    await client.quit();
  });

  it.each([
    ["ten unknown commands", "HUH\r\n".repeat(10), 9, "421 4.5.1 Too many unknown commands; closing connection"],
    [
      "100 commands without mail",
      "NOOP\r\n".repeat(101),
      100,
      "421 4.7.0 Too many commands without mail; closing connection",
    ],
    ["100 RSETs", "RSET\r\n".repeat(101), 100, "421 4.7.0 Too many commands without mail; closing connection"],
    ["100 VRFYs", "VRFY a\r\n".repeat(101), 100, "421 4.7.0 Too many commands without mail; closing connection"],
    [
      "a line of 13,000 octets",
      `NOOP ${"x".repeat(13_000)}\r\n`,
      0,
      "421 4.5.2 Command line too long; closing connection",
    ],
    ["13,000 octets without an end", "x".repeat(13_000), 0, "421 4.5.2 Command line too long; closing connection"],
    ["HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "421 4.5.1 This is an SMTP server, not HTTP"],
  ])("ends after %s", async (_, commands, answered, last) => {
    const client = await edge.connect();
    await client.write(commands);
    for (let i = 0; i < answered; i++) expect([214, 250, 252, 500]).toContain((await client.reply()).code);
    expect(line(await client.reply())).toBe(last);
    await client.closed();
  });

  it("counts commands without mail for a client that is logged in, from the last message on", async () => {
    const client = await edge.logIn();
    const data = "From: me@example.com\r\n\r\ntext\r\n";
    for (let round = 0; round < 3; round++) {
      await client.pipeline(Array.from({ length: 60 }, () => "NOOP"));
      expect((await client.sendMail({ from: "me@example.com", to: ["a@b.example"], data })).code).toBe(250);
    }
    const replies = await client.pipeline(Array.from({ length: 100 }, () => "NOOP"));
    expect(replies.every(({ code }) => code === 250)).toBe(true);
    expect((await client.command("NOOP")).code).toBe(421);
    await client.closed();
  });

  it("takes lines as long as DSN needs (RFC 3461)", async () => {
    const client = await edge.logIn();
    await client.command("MAIL FROM:<me@example.com>");
    const orcpt = `rfc822;${"a".repeat(64)}@${"b.".repeat(200)}example`;
    expect((await client.command(`RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=${orcpt}`)).code).toBe(250);
    await client.quit();
  });

  it("catches a client that talks before the greeting, where a pause is set", async () => {
    const paused = await startTestEdge(aws, { greetingPauseMs: 150 });
    const socket = connect(paused.edge.smtpPort, "127.0.0.1");
    const received = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("connect", () => socket.write("EHLO a.example\r\n"));
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on("close", () => resolve(text));
    });
    expect(received).toBe("421 4.5.1 Wait for the greeting before you send commands\r\n");
    const started = performance.now();
    const patient = await paused.connect();
    expect(performance.now() - started).toBeGreaterThan(140);
    expect((await patient.ehlo()).code).toBe(250);
    await patient.quit();
    await paused.close();
  });

  it("that says nothing leaves no line in the log, one that speaks leaves one", async () => {
    edge.events.length = 0;
    const silent = await edge.connect();
    silent.destroy();
    const bare = connect(edge.edge.smtpsPort, "127.0.0.1");
    await new Promise((resolve) => bare.once("connect", resolve));
    bare.destroy();
    const client = await edge.connect();
    await client.ehlo();
    await client.quit();
    await edge.event("session-ended");
    expect(edge.events).toHaveLength(1);
    expect(edge.events[0]).toMatchObject({
      client: "127.0.0.1",
      commands: 2,
      messages: 0,
      lastReply: "221 2.0.0 relay.example.net closing connection",
    });
  });
});
