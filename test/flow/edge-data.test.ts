import { readdir, rm } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeRow } from "../../lib/aws/directory-dynamo.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;

const TO = ["a@elsewhere.example"];

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  await writeRow(aws.directory, {
    kind: "network",
    cidr: "127.0.5.0/24",
    tenant: "acme",
    label: "office",
    status: "active",
    tlsRequired: false,
  });
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

beforeEach(async () => {
  await aws.clear();
});

/** Opens a transaction up to 354. */
async function openData(to: TestEdge = edge): Promise<SmtpClient> {
  const client = await to.logIn();
  const replies = await client.pipeline(["MAIL FROM:<me@example.com>", `RCPT TO:<${TO[0]}>`, "DATA"]);
  expect(replies.map(({ code }) => code)).toEqual([250, 250, 354]);
  return client;
}

const BARE_LF = "550 5.6.11 Bare LF in message: lines must end with CR LF";
const BARE_CR = "550 5.6.11 Bare CR in message: lines must end with CR LF";
const NUL = "550 5.6.11 NUL character in message";

/** Things that some servers take for the end of data, with a command smuggled behind. */
const LOOK_ALIKES: readonly (readonly [string, string, string])[] = [
  ["LF dot LF", "\n.\n", BARE_LF],
  ["LF dot CRLF", "\n.\r\n", BARE_LF],
  ["CRLF dot LF", "\r\n.\n", BARE_LF],
  ["CR dot CRLF", "\r.\r\n", BARE_CR],
  ["CR dot CR", "\r.\r", BARE_CR],
  ["CRLF dot CR", "\r\n.\r", BARE_CR],
  ["CR dot LF", "\r.\n", BARE_CR],
  ["LF dot CR", "\n.\r", BARE_LF],
  ["LF LF dot LF", "\n\n.\n", BARE_LF],
  ["CRLF dot CR CRLF", "\r\n.\r\r\n", BARE_CR],
  ["LF, stuffed dot, CRLF", "\n..\r\n", BARE_LF],
  ["NUL before CRLF dot CRLF", "\0\r\n.\0\r\n", NUL],
  ["CRLF NUL dot CRLF", "\r\n\0.\r\n", NUL],
  ["CRLF dot NUL CRLF", "\r\n.\0\r\n", NUL],
  ["CR LF apart by a NUL", "\r\0\n.\r\0\n", BARE_CR],
  ["LF, unstuffed dots, LF", "\n..\n", BARE_LF],
  ["CR CR LF dot CR CR LF", "\r\r\n.\r\r\n", BARE_CR],
];

const TRANSPORTS: readonly (readonly [string, () => Promise<SmtpClient>])[] = [
  ["STARTTLS", () => edge.logIn()],
  ["TLS from the first byte", () => edge.logIn({ port: edge.edge.smtpsPort, secure: true })],
  [
    "the clear",
    async () => {
      const client = await edge.connect({ localAddress: "127.0.5.1" });
      await client.command("HELO a.example");
      return client;
    },
  ],
];

describe("end of data", () => {
  for (const [name, bytes, reply] of LOOK_ALIKES) {
    it(`is not ${name}, which is refused before anything is stored`, async () => {
      const smuggled = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@b.example>\r\nDATA\r\n";
      const data = `${message("me@example.com", `text${bytes}`)}${smuggled}`;
      for (const [transport, connect] of TRANSPORTS) {
        const client = await connect();
        for (const pace of ["in one write", "octet by octet"]) {
          await client.pipeline(["MAIL FROM:<me@example.com>", `RCPT TO:<${TO[0]}>`, "DATA"]);
          if (pace === "in one write") await client.write(`${data}\r\n.\r\n`);
          else {
            await client.write(data.slice(0, data.indexOf("text")));
            for (const octet of `text${bytes}`) await client.write(octet);
            await client.write(`${smuggled}\r\n.\r\n`);
          }
          expect(line(await client.reply()), `${transport}, ${pace}`).toBe(reply);
          expect(line(await client.command("NOOP"))).toBe("250 2.0.0 Ok");
        }
        await client.quit();
      }
      expect(await aws.stored()).toEqual([]);
    });
  }

  it("with the dot and a blank is text, and stored as it is", async () => {
    const client = await openData();
    await client.write(`${message("me@example.com")}. \r\n.\t\r\n.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect((await aws.stored())[0]?.message.toString("latin1").endsWith("Hello\r\n. \r\n.\t\r\n")).toBe(true);
    await client.quit();
  });

  it("is found wherever the stream is cut, and stuffed dots are taken out", async () => {
    const client = await edge.logIn();
    const wire = `${message("me@example.com")}..\r\n...\r\na.b\r\n..x\r\n.\r\n`;
    const tail = wire.indexOf("..\r\n") - 3;
    for (let cut = tail; cut < wire.length; cut++) {
      await client.pipeline(["MAIL FROM:<me@example.com>", `RCPT TO:<${TO[0]}>`, "DATA"]);
      await client.write(wire.slice(0, cut));
      await client.write(wire.slice(cut));
      expect((await client.reply()).code).toBe(250);
    }
    const bodies = new Set((await aws.stored()).map((stored) => stored.message.toString("latin1")));
    expect([...bodies]).toEqual([`${message("me@example.com")}.\r\n..\r\na.b\r\n.x\r\n`]);
    await client.quit();
  });
});

describe("a message that is too big", () => {
  const limits = { messageSizeBytesMax: 100_000, headerBytesMax: 10_000 };
  const TOO_BIG = "552 5.3.4 Message is larger than 100000 octets";

  it("is refused at MAIL when its size is declared, and one of exactly the limit is not", async () => {
    const small = await startTestEdge(aws, limits);
    const client = await small.logIn();
    expect((await client.ehlo()).lines).toContain("SIZE 100000");
    expect(line(await client.command("MAIL FROM:<me@example.com> SIZE=100001"))).toBe(TOO_BIG);
    expect((await client.command("MAIL FROM:<me@example.com> SIZE=100000")).code).toBe(250);
    await client.quit();
    await small.close();
  });

  it("is read to its end, refused and not stored, and the session goes on", async () => {
    const small = await startTestEdge(aws, limits);
    const client = await small.logIn();
    const data = message("me@example.com", "x".repeat(78).concat("\r\n").repeat(2_000));
    expect(line(await client.sendMail({ from: "me@example.com", to: TO, data }))).toBe(TOO_BIG);
    expect(await aws.stored()).toEqual([]);
    const exact = message("me@example.com");
    const fitting = exact + "x".repeat(limits.messageSizeBytesMax - exact.length - 2).concat("\r\n");
    const reply = await client.sendMail({ from: "me@example.com", to: TO, data: fitting });
    expect(reply.code).toBe(250);
    expect((await aws.stored())[0]?.message.length).toBe(limits.messageSizeBytesMax);
    const over = await client.sendMail({
      from: "me@example.com",
      to: TO,
      data: `x${fitting}`.replace("x", "X: y\r\n"),
    });
    expect(line(over)).toBe(TOO_BIG);
    await client.quit();
    await small.close();
  });

  it("beyond all bounds is cut with 552 and closed", async () => {
    const small = await startTestEdge(aws, limits);
    const client = await openData(small);
    const writing = client.write("x".repeat(78).concat("\r\n").repeat(10_000)).catch(() => undefined);
    expect(line(await client.reply())).toBe(TOO_BIG);
    await client.closed();
    await writing;
    await small.close();
  });
});

describe("data that does not come as it should", () => {
  it("closed inside DATA is forgotten, whatever its size", async () => {
    for (const size of [10, 1_000_000]) {
      const client = await openData();
      await client.write(`${message("me@example.com")}${"x".repeat(size)}\r\n`);
      client.destroy();
      await edge.event("data-broken-off");
      edge.events.length = 0;
    }
    expect(await aws.stored()).toEqual([]);
    expect(await readdir(edge.settings.temporaryDir)).toEqual([]);
    const after = await openData();
    await after.write(`${message("me@example.com")}.\r\n`);
    expect((await after.reply()).code).toBe(250);
    await after.quit();
  });

  it("whose client is gone after the dot is stored all the same", async () => {
    edge.events.length = 0;
    const client = await openData();
    await client.write(`${message("me@example.com")}.\r\n`);
    client.destroy();
    await edge.event("message-accepted");
    expect(await aws.stored()).toHaveLength(1);
  });

  it("slower than the least rate is cut with 421", async () => {
    const strict = await startTestEdge(aws, { dataGraceMs: 300, dataBytesPerSecondMin: 1_000 });
    const client = await openData(strict);
    const trickle = setInterval(() => {
      client.write("x").catch(() => undefined);
    }, 20);
    const started = performance.now();
    expect(line(await client.reply())).toBe("421 4.4.2 Message data came too slowly; closing connection");
    expect(performance.now() - started).toBeGreaterThan(280);
    await client.closed();
    clearInterval(trickle);
    expect(await aws.stored()).toEqual([]);
    await strict.close();
  });

  it("faster than the least rate may take longer than the grace", async () => {
    const strict = await startTestEdge(aws, { dataGraceMs: 300, dataBytesPerSecondMin: 1_000 });
    const client = await openData(strict);
    await client.write(message("me@example.com"));
    for (let i = 0; i < 12; i++) {
      await client.write(`${"x".repeat(198)}\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await client.write(".\r\n");
    expect((await client.reply()).code).toBe(250);
    await client.quit();
    await strict.close();
  });

  it("a flood of dots is cut with 421, and does not keep others waiting", async () => {
    const client = await openData();
    const other = await edge.logIn();
    const before = process.cpuUsage();
    const writing = client.write("..\r\n".repeat(500_000)).catch(() => undefined);
    const started = performance.now();
    expect((await other.command("NOOP")).code).toBe(250);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(line(await client.reply())).toBe("421 4.7.0 Too many lines that hold only dots; closing connection");
    await client.closed();
    await writing;
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(3_000);
    await other.quit();
  });

  it("of many short lines with dots is no flood", async () => {
    const client = await edge.logIn();
    const data = message("me@example.com", ".dot\r\n".repeat(5_000));
    expect((await client.sendMail({ from: "me@example.com", to: TO, data })).code).toBe(250);
    expect((await aws.stored())[0]?.message.toString("latin1")).toBe(data);
    await client.quit();
  });

  it("for which there is no temporary file is a 451, and the session goes on", async () => {
    const broken = await startTestEdge(aws);
    await rm(broken.settings.temporaryDir, { recursive: true });
    const client = await broken.logIn();
    const data = message("me@example.com", "x".repeat(78).concat("\r\n").repeat(10_000));
    expect(line(await client.sendMail({ from: "me@example.com", to: TO, data }))).toBe(
      "451 4.3.0 Message could not be stored; try again later",
    );
    const small = await client.sendMail({ from: "me@example.com", to: TO, data: message("me@example.com") });
    expect(small.code).toBe(250);
    await client.quit();
    await broken.close();
  });
});
