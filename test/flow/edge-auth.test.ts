import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;
let strict: TestEdge;

const b64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const PLAIN = b64(`\0${LOGIN.user}\0${LOGIN.password}`);
const MAIL = "MAIL FROM:<me@example.com>";
const FAILED = "454 4.7.0 Authentication failed: check login and password of this relay; your mail stays in your queue";

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
  strict = await startTestEdge(aws, { strictAuthentication: true });
});

afterAll(async () => {
  await edge.close();
  await strict.close();
  await aws.close();
});

async function secure(to: TestEdge = edge, localAddress = "127.0.0.1"): Promise<SmtpClient> {
  const client = await to.connect({ localAddress });
  await client.ehlo();
  await client.startTls();
  await client.ehlo();
  return client;
}

describe("AUTH", () => {
  it("is offered over TLS only", async () => {
    const client = await edge.connect();
    expect((await client.ehlo()).lines.filter((offer) => offer.startsWith("AUTH"))).toEqual([]);
    await client.startTls();
    expect((await client.ehlo()).lines).toContain("AUTH PLAIN LOGIN");
    await client.quit();
  });

  it("PLAIN works with its response in the command", async () => {
    const client = await secure();
    expect(line(await client.command(`AUTH PLAIN ${PLAIN}`))).toBe("235 2.7.0 Authentication successful");
    expect(line(await client.command(MAIL))).toBe("250 2.1.0 Ok");
    await client.quit();
  });

  it("PLAIN works in two steps, after an empty challenge", async () => {
    const client = await secure();
    expect(line(await client.command("auth plain"))).toBe("334 ");
    expect((await client.command(PLAIN)).code).toBe(235);
    await client.quit();
  });

  it("LOGIN works with and without the login in the command", async () => {
    const client = await secure();
    expect(line(await client.command("AUTH LOGIN"))).toBe("334 VXNlcm5hbWU6");
    expect(line(await client.command(b64(LOGIN.user)))).toBe("334 UGFzc3dvcmQ6");
    expect((await client.command(b64(LOGIN.password))).code).toBe(235);
    await client.quit();
    const other = await secure();
    await other.command(`AUTH LOGIN ${b64(LOGIN.user)}`);
    expect((await other.command(b64(LOGIN.password))).code).toBe(235);
    await other.quit();
  });

  it.each([
    ["a wrong password", b64(`\0${LOGIN.user}\0wrong`)],
    ["an unknown login", b64(`\0nobody\0${LOGIN.password}`)],
    ["an empty password", b64(`\0${LOGIN.user}\0`)],
    ["a login longer than any that can be kept", b64(`\0${"x".repeat(3000)}\0${LOGIN.password}`)],
  ])("answers 454 to %s, and 451 to MAIL after it, so that no mail is lost", async (_, response) => {
    const client = await secure(edge, "127.0.1.1");
    expect(line(await client.command(`AUTH PLAIN ${response}`))).toBe(FAILED);
    expect(line(await client.command(MAIL))).toBe(
      "451 4.7.0 Authentication has failed: check login and password of this relay; your mail stays in your queue",
    );
    expect((await client.command(`AUTH PLAIN ${PLAIN}`)).code).toBe(235);
    expect((await client.command(MAIL)).code).toBe(250);
    await client.quit();
  });

  it("takes the time of a password check for an unknown login too", async () => {
    const patient = await startTestEdge(aws, { authFailuresMax: 100 });
    const client = await secure(patient, "127.0.1.4");
    const times: number[] = [];
    for (const user of ["u1", "u2", "u3", "u4", "u5"]) {
      const started = performance.now();
      await client.authPlain({ user, password: "wrong" });
      times.push(performance.now() - started);
    }
    expect(Math.min(...times)).toBeGreaterThan(15);
    client.destroy();
    await patient.close();
  });

  it("answers 535 and 530 where it is set strict", async () => {
    const client = await secure(strict);
    expect(line(await client.command(MAIL))).toBe(
      "530 5.7.0 Authentication required: give your mail server its login and password for this relay",
    );
    expect(line(await client.command(`AUTH PLAIN ${b64("\0srv1\0wrong")}`))).toBe(
      "535 5.7.8 Authentication failed: check login and password of this relay",
    );
    expect((await client.command(MAIL)).code).toBe(530);
    await client.quit();
  });

  it.each(["AUTH PLAIN", "AUTH LOGIN"])("ends the connection with 421 at the third failure of %s", async (how) => {
    const client = await secure(edge, "127.0.1.2");
    const attempt = async () => {
      if (how === "AUTH PLAIN") return await client.command(`AUTH PLAIN ${b64("\0srv1\0wrong")}`);
      await client.command("AUTH LOGIN");
      await client.command(b64("srv1"));
      return await client.command(b64("wrong"));
    };
    expect([(await attempt()).code, (await attempt()).code]).toEqual([454, 454]);
    expect(line(await attempt())).toBe(
      "421 4.7.0 Authentication failed too often: check login and password of this relay",
    );
    await client.closed();
  });

  it.each([
    ["AUTH", "504 5.5.4 Use AUTH PLAIN or AUTH LOGIN"],
    ["AUTH CRAM-MD5", "504 5.5.4 Use AUTH PLAIN or AUTH LOGIN"],
    ["AUTH XCLIENT x", "504 5.5.4 Use AUTH PLAIN or AUTH LOGIN"],
    ["AUTH PLAIN a b", "501 5.5.2 That is no valid AUTH exchange"],
    [`AUTH PLAIN ${b64("no nul")}`, "501 5.5.2 That is no valid AUTH exchange"],
    ["AUTH LOGIN =", "501 5.5.2 That is no valid AUTH exchange"],
    [`AUTH LOGIN ${b64("a\r\nb")}`, "501 5.5.2 That is no valid AUTH exchange"],
  ])("answers %s with %s", async (command, reply) => {
    const client = await secure();
    expect(line(await client.command(command))).toBe(reply);
    await client.quit();
  });

  it("that fails is logged with the login only if that exists: it may be a password in the wrong place", async () => {
    edge.events.length = 0;
    const client = await secure(edge, "127.0.1.3");
    await client.authPlain({ user: "srv1", password: "secret-1" });
    await client.authPlain({ user: "secret-2", password: "secret-3" });
    await client.quit();
    const failed = edge.events.filter(({ event }) => event === "auth-failed");
    expect(failed).toMatchObject([{ client: "127.0.1.3", login: "srv1", tenant: "acme" }, { client: "127.0.1.3" }]);
    expect(JSON.stringify(edge.events)).not.toContain("secret");
  });

  it("can be given up with *", async () => {
    const client = await secure();
    await client.command("AUTH PLAIN");
    expect(line(await client.command("*"))).toBe("501 5.7.0 Authentication given up");
    expect((await client.command(`AUTH PLAIN ${PLAIN}`)).code).toBe(235);
    await client.quit();
  });

  it("is refused a second time and in the clear, and wants EHLO first", async () => {
    const client = await edge.connect();
    expect(line(await client.command(`AUTH PLAIN ${PLAIN}`))).toBe("503 5.5.1 Send EHLO first");
    await client.ehlo();
    expect(line(await client.command(`AUTH PLAIN ${PLAIN}`))).toBe(
      "454 4.7.0 Send STARTTLS before AUTH; your mail stays in your queue",
    );
    await client.startTls();
    await client.ehlo();
    await client.command(`AUTH PLAIN ${PLAIN}`);
    expect(line(await client.command(`AUTH PLAIN ${PLAIN}`))).toBe("503 5.5.1 You are authenticated already");
    await client.quit();
    const other = await strict.connect();
    await other.ehlo();
    expect(line(await other.command(`AUTH PLAIN ${PLAIN}`))).toBe("538 5.7.11 Send STARTTLS before AUTH");
    await other.quit();
  });

  it("works in the clear where that is set", async () => {
    const clear = await startTestEdge(aws, { clearTextAuth: true });
    const client = await clear.connect();
    expect((await client.ehlo()).lines).toContain("AUTH PLAIN LOGIN");
    expect((await client.command(`AUTH PLAIN ${PLAIN}`)).code).toBe(235);
    expect((await client.command(MAIL)).code).toBe(250);
    await client.quit();
    await clear.close();
  });

  it("slows down an address that keeps failing, then refuses its connections, and no other's", async () => {
    const guarded = await startTestEdge(aws, { authFailuresMax: 100, authDelayMs: 300 });
    const client = await secure(guarded, "127.0.1.9");
    const wrong = `AUTH PLAIN ${b64("\0nobody\0wrong")}`;
    for (let i = 0; i < 10; i++) await client.command(wrong);
    const started = performance.now();
    await client.command(wrong);
    expect(performance.now() - started).toBeGreaterThan(290);
    const attempts = Array.from({ length: 17 }, async () => {
      const other = await secure(guarded, "127.0.1.9");
      for (let i = 0; i < 3; i++) await other.command(wrong);
      other.destroy();
    });
    await Promise.all(attempts);
    client.destroy();
    const refused = await guarded.connect({ localAddress: "127.0.1.9" });
    expect(line(refused.greeting)).toBe(
      "421 4.7.0 Authentication from 127.0.1.9 has failed too often; try again in some minutes",
    );
    await refused.closed();
    const elsewhere = await guarded.logIn({ localAddress: "127.0.1.10" });
    await elsewhere.quit();
    await guarded.close();
  });
});

describe("a session that nobody vouches for", () => {
  it("gets 451 at MAIL, with what to do", async () => {
    for (const client of [await edge.connect(), await secure()]) {
      await client.ehlo();
      expect(line(await client.command(MAIL))).toBe(
        "451 4.7.0 Authentication required: give your mail server its login and password for this relay; your mail stays in your queue",
      );
      expect(line(await client.command("RCPT TO:<a@b.example>"))).toBe("503 5.5.1 Send MAIL FROM first");
      expect(line(await client.command("DATA"))).toBe("503 5.5.1 Send MAIL FROM first");
      await client.quit();
    }
  });
});
