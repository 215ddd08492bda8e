import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { hashPassword } from "../../lib/core/password-hash.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

let aws: TestAws;
let edge: TestEdge;

const MAIL = "MAIL FROM:<me@example.com>";

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

async function secure(to: TestEdge = edge, localAddress = "127.0.0.1"): Promise<SmtpClient> {
  const client = await to.connect({ localAddress });
  await client.ehlo();
  await client.startTls();
  await client.ehlo();
  return client;
}

describe("a pause", () => {
  it.each([
    ["srv2", "451 4.7.1 Sending with server srv2 is paused; ask the operator of this relay"],
    ["srv3", "451 4.7.1 Sending for tenant stopped is paused; ask the operator of this relay"],
    ["srv4", "451 4.7.1 server srv4 may not send here any more; ask the operator of this relay"],
  ])("of what %s uses, or its end, is a 451 at MAIL that says so", async (user, reply) => {
    const client = await secure();
    expect((await client.authPlain({ ...LOGIN, user })).code).toBe(235);
    expect(line(await client.command(MAIL))).toBe(reply);
    await client.quit();
  });

  it("works within the cache time, in a session that is open too", async () => {
    const quick = await startTestEdge(aws, { directoryCacheMs: 200 });
    const tenant = { kind: "tenant", id: "acme", name: "acme", language: "en" } as const;
    const client = await quick.logIn();
    const send = () =>
      client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: message("me@example.com") });
    expect((await send()).code).toBe(250);
    await writeRow(aws.directory, { ...tenant, status: "paused" });
    try {
      await expect.poll(async () => line(await send()), { timeout: 5_000 }).toContain("451 4.7.1 Sending for tenant");
    } finally {
      await writeRow(aws.directory, { ...tenant, status: "active" });
    }
    await expect.poll(async () => (await send()).code, { timeout: 5_000 }).toBe(250);
    await client.quit();
    await quick.close();
  });

  it("cannot be outlived by a credential that is removed", async () => {
    const quick = await startTestEdge(aws, { directoryCacheMs: 200 });
    const passwordHash = await hashPassword("x", randomBytes(16));
    await writeRow(aws.directory, {
      kind: "credential",
      login: "gone",
      tenant: "acme",
      label: "",
      status: "active",
      passwordHash,
    });
    const client = await secure(quick);
    expect((await client.authPlain({ user: "gone", password: "x" })).code).toBe(235);
    await deleteRow(aws.directory, "credential#gone");
    const mail = async () => {
      const reply = await client.command(MAIL);
      await client.command("RSET");
      return line(reply);
    };
    await expect
      .poll(mail, { timeout: 5_000, interval: 100 })
      .toBe("451 4.7.1 gone may not send here any more; ask the operator of this relay");
    await client.quit();
    await quick.close();
  });
});

describe("a network", () => {
  const network = (
    cidr: string,
    changes: { label?: string; tlsRequired?: boolean; status?: "active" | "paused"; tenant?: string } = {},
  ) =>
    writeRow(aws.directory, {
      kind: "network",
      cidr,
      tenant: "acme",
      label: cidr,
      status: "active",
      tlsRequired: true,
      ...changes,
    });

  beforeAll(async () => {
    await network("127.0.2.0/24", { label: "office", tlsRequired: false });
    await network("127.0.2.128/25", { label: "branch", tenant: "other", tlsRequired: false });
    await network("127.0.2.200/32", { status: "paused" });
    await network("127.0.3.0/24");
  });

  async function hello(localAddress: string, helo = "HELO qmail.example"): Promise<SmtpClient> {
    const client = await edge.connect({ localAddress });
    await client.command(helo);
    return client;
  }

  it("lets its addresses send without AUTH, with HELO and in the clear where TLS is not required", async () => {
    await aws.clear();
    const client = await hello("127.0.2.1");
    const reply = await client.sendMail({
      from: "me@example.com",
      to: ["a@b.example"],
      data: message("me@example.com"),
    });
    expect(reply.code).toBe(250);
    const [stored] = await aws.stored();
    expect(stored?.envelope).toMatchObject({ tenant: "acme", credential: "office", client: { address: "127.0.2.1" } });
    expect(stored?.received.toString()).toContain(" with SMTP\r\n");
    await client.quit();
  });

  it("that is more specific wins, also for another tenant", async () => {
    const client = await hello("127.0.2.129");
    expect((await client.command(MAIL)).code).toBe(550);
    expect((await client.command("MAIL FROM:<me@other.example>")).code).toBe(250);
    await client.quit();
  });

  it("can be paused", async () => {
    const client = await hello("127.0.2.200");
    expect(line(await client.command(MAIL))).toBe(
      "451 4.7.1 Sending with 127.0.2.200/32 is paused; ask the operator of this relay",
    );
    await client.quit();
  });

  it("with TLS required gets 451 in the clear and works after STARTTLS", async () => {
    const client = await hello("127.0.3.1", "EHLO a.example");
    expect(line(await client.command(MAIL))).toBe(
      "451 4.7.0 TLS required from 127.0.3.1: make your mail server use STARTTLS; your mail stays in your queue",
    );
    await client.startTls();
    await client.ehlo();
    expect((await client.command(MAIL)).code).toBe(250);
    await client.quit();
  });

  it("does not vouch for a session whose AUTH has failed", async () => {
    const client = await secure(edge, "127.0.2.5");
    await client.authPlain({ user: "srv1", password: "wrong" });
    expect((await client.command(MAIL)).code).toBe(451);
    await client.quit();
  });
});

describe("an outage of the directory", () => {
  it.each(["reset", "hang", 500] as const)(
    "(%s) is 454 at AUTH and 451 at MAIL, and over when it is over",
    async (fault) => {
      const frail = await startTestEdge(aws, { directoryDeadlineMs: 500, directoryCacheMs: 100 });
      const client = await secure(frail);
      await client.authPlain(LOGIN);
      const other = await secure(frail);
      await new Promise((resolve) => setTimeout(resolve, 150));
      aws.dynamodb.set(fault);
      expect(line(await other.authPlain(LOGIN))).toBe(
        "454 4.7.0 Authentication cannot be checked just now; try again later",
      );
      expect(line(await client.command(MAIL))).toBe(
        "451 4.3.0 Your rights cannot be looked up just now; try again later",
      );
      aws.dynamodb.set("pass");
      await expect.poll(async () => (await other.authPlain(LOGIN)).code, { timeout: 10_000 }).toBe(235);
      expect((await client.command(MAIL)).code).toBe(250);
      expect(frail.events.some(({ event }) => event === "directory-failed")).toBe(true);
      client.destroy();
      other.destroy();
      await frail.close();
    },
  );

  it("is not noticed by what was looked up less than the cache time ago", async () => {
    const client = await edge.logIn();
    const send = () =>
      client.sendMail({ from: "me@example.com", to: ["a@b.example"], data: message("me@example.com") });
    await send();
    aws.dynamodb.set("reset");
    try {
      expect((await send()).code).toBe(250);
      const other = await edge.logIn();
      await other.quit();
    } finally {
      aws.dynamodb.set("pass");
    }
    await client.quit();
  });
});
