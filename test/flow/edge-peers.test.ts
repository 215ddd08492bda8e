/** Peers that are careless, odd or hostile below the level of mail: their sockets, their claims, their addresses. */

import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";

let aws: TestAws;
let edge: TestEdge;

const TO = ["a@b.example"];
const DATA = message("me@example.com");

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws, { greetingPauseMs: 0 });
});

beforeEach(async () => {
  edge.events.length = 0;
  await aws.clear();
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

/** PROXY protocol v2: a TCP over IPv4 connection that claims to come from 192.0.2.1. */
const PROXY_V2 = Buffer.from("0d0a0d0a000d0a515549540a2111000cc0000201c0000202303903e8", "hex");

describe("the client's address", () => {
  it("is that of its socket: a PROXY line is an unknown command", async () => {
    const client = await edge.connect({ localAddress: "127.0.0.7" });
    expect(line(await client.command("PROXY TCP4 192.0.2.1 192.0.2.2 12345 25"))).toBe(
      "500 5.5.2 Command not recognized",
    );
    await client.ehlo();
    await client.quit();
    expect(await edge.event("session-ended")).toMatchObject({ client: "127.0.0.7" });
  });

  it("is that of its socket: a binary PROXY header is refused as commands, before and within TLS", async () => {
    const client = await edge.connect({ localAddress: "127.0.0.7" });
    await client.write(PROXY_V2);
    for (const code of [500, 500]) expect((await client.reply()).code).toBe(code);
    client.destroy();
    expect(await edge.event("session-ended")).toMatchObject({ client: "127.0.0.7" });
    const socket = connect({ port: edge.edge.smtpsPort, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    socket.write(PROXY_V2);
    await new Promise((resolve) => socket.once("close", resolve));
    const after = await edge.logIn();
    await after.quit();
  });
});

describe("a peer that resets its connection", () => {
  const logIn = `AUTH PLAIN ${Buffer.from(`\0${LOGIN.user}\0${LOGIN.password}`).toString("base64")}`;
  const TALK = ["EHLO a.example", "AUTH LOGIN", "*", logIn, "MAIL FROM:<me@example.com>", `RCPT TO:<${TO[0]}>`, "DATA"];

  /** Says the first commands, waiting for each reply, and is gone. */
  async function resetAfter(count: number, more: string): Promise<void> {
    const raw: Socket = connect({ port: edge.edge.smtpsPort, host: "127.0.0.1" });
    raw.on("error", () => undefined);
    const socket = tlsConnect({ socket: raw, rejectUnauthorized: false });
    socket.on("error", () => undefined);
    const reply = () =>
      new Promise<void>((resolve) => {
        let text = "";
        const read = (chunk: Buffer): void => {
          text += chunk.toString();
          if (!/^\d{3}(?: .*)?\r\n$/m.test(text)) return;
          socket.off("data", read);
          resolve();
        };
        socket.on("data", read);
      });
    await reply();
    for (const command of TALK.slice(0, count)) {
      const said = reply();
      socket.write(`${command}\r\n`);
      await said;
    }
    await new Promise((resolve) => socket.write(more, resolve));
    raw.resetAndDestroy();
  }

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    "after %i commands, or within the next, is forgotten, and others are served",
    async (count) => {
      for (const more of ["", "NO", count === TALK.length ? DATA.slice(0, 50) : "NOOP"]) {
        if (more !== "") await resetAfter(count, more);
      }
      await resetAfter(count, "\r\n");
      const after = await edge.logIn();
      expect((await after.command("NOOP")).code).toBe(250);
      await after.quit();
      expect(await aws.stored()).toEqual([]);
    },
  );
});

describe("a store that ends after its deadline", () => {
  it("has been answered 451, and says nothing more: the session stays in step", async () => {
    const hasty = await startTestEdge(aws, { storeDeadlineMs: 300 });
    const client = await hasty.logIn();
    aws.s3.set("hang");
    const [mail, rcpt, data] = await client.pipeline(["MAIL FROM:<me@example.com>", `RCPT TO:<${TO[0]}>`, "DATA"]);
    expect([mail?.code, rcpt?.code, data?.code]).toEqual([250, 250, 354]);
    await client.write(`${DATA}.\r\n`);
    expect(line(await client.reply())).toBe("451 4.3.0 Message could not be stored; try again later");
    aws.s3.set("pass");
    // Each answer is that of its own command, also once the late store must have come to its end.
    for (let i = 0; i < 3; i++) {
      expect(line(await client.command("VRFY someone"))).toContain("252 2.1.5");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect((await client.sendMail({ from: "me@example.com", to: TO, data: DATA })).code).toBe(250);
    expect(line(await client.command("NOOP"))).toBe("250 2.0.0 Ok");
    await client.quit();
    await hasty.close();
  });
});

describe("what clients say of their mail", () => {
  it("is not believed where it is wrong: a SIZE far too small, 8-bit text that was not declared", async () => {
    const client = await edge.logIn();
    const data = message("me@example.com", `M\u00f6rder\r\n${"x".repeat(70)}\r\n`.repeat(500));
    const bytes = Buffer.from(data, "utf8");
    for (const mailParameters of ["SIZE=10", "BODY=7BIT SIZE=10", "BODY=8BITMIME"]) {
      expect((await client.sendMail({ from: "me@example.com", to: TO, data: bytes, mailParameters })).code).toBe(250);
    }
    const stored = await aws.stored();
    expect(stored.map(({ message: kept }) => kept.equals(bytes))).toEqual([true, true, true]);
    await client.quit();
  });

  it("may stand in forms that old clients use: AUTH= of any kind, blanks after the colon, no brackets in case", async () => {
    const client = await edge.logIn();
    for (const command of [
      "MAIL FROM:<me@example.com> AUTH=me",
      "MAIL FROM:<me@example.com> AUTH=<>",
      "mail from: <me@example.com>",
      "MAIL From:<me@example.com> SIZE=0",
    ]) {
      expect(line(await client.command(command)), command).toBe("250 2.1.0 Ok");
      await client.command("RSET");
    }
    await client.quit();
  });

  it("with lines of any length is kept as it is", async () => {
    const client = await edge.logIn();
    const data = message("me@example.com", `${"x".repeat(200_000)}\r\n.${"y".repeat(2_000)}\r\n`);
    expect((await client.sendMail({ from: "me@example.com", to: TO, data })).code).toBe(250);
    expect((await aws.stored())[0]?.message.toString("latin1")).toBe(data);
    await client.quit();
  });
});
