/** What the directory says of tenants, credentials and senders, at the edge: pauses, contracts, limits, rotations. */

import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { changeRow, deleteRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { credentialKey, senderPauseKey, tenantKey } from "../../lib/core/directory.ts";
import { hashPassword } from "../../lib/core/password-hash.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

const MAIL = "MAIL FROM:<me@example.com>";
const HOUR_MS = 3_600_000;
const NOTHING_SAID = {
  status: "active",
  pause: undefined,
  startsAtMs: undefined,
  endsAtMs: undefined,
  limitReachedMonth: undefined,
};

let aws: TestAws;
/** Remembers nothing of the directory. */
let edge: TestEdge;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws, { directoryCacheMs: 0 });
});

afterEach(async () => {
  await changeRow(aws.directory, tenantKey("acme"), NOTHING_SAID);
  await changeRow(aws.directory, credentialKey(LOGIN.user), { status: "active", pause: undefined });
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

async function mail(client: SmtpClient, from = "me@example.com"): Promise<string> {
  const reply = await client.command(`MAIL FROM:<${from}>`);
  await client.command("RSET");
  return line(reply);
}

/** What a session that is open already is told once the change is made. */
async function saidAfter(change: () => Promise<unknown>, from?: string): Promise<string> {
  const client = await edge.logIn();
  expect(await mail(client, from)).toBe("250 2.1.0 Ok");
  await change();
  const said = await mail(client, from);
  await client.quit();
  return said;
}

describe("a session that is open", () => {
  const changeTenant = (changes: Record<string, unknown>) => () => changeRow(aws.directory, tenantKey("acme"), changes);

  it("is told why its tenant is paused", async () => {
    const pause = { by: "breaker", reason: "9 of 100 mails\r\nbounced \u2709", atMs: 0 };
    expect(await saidAfter(changeTenant({ status: "paused", pause }))).toBe(
      "451 4.7.1 Sending for tenant acme is paused: 9 of 100 mails bounced; ask the operator of this relay",
    );
  });

  it("is told why its credential is paused, while others of the tenant go on", async () => {
    await writeRow(aws.directory, {
      kind: "credential",
      login: "other",
      tenant: "acme",
      label: "",
      status: "active",
      passwordHash: await hashPassword("x", randomBytes(16)),
    });
    const pause = { by: "operator", reason: "the server is hacked", atMs: 0 };
    const said = await saidAfter(() =>
      changeRow(aws.directory, credentialKey(LOGIN.user), { status: "paused", pause }),
    );
    expect(said).toBe(
      "451 4.7.1 Sending with server srv1 is paused: the server is hacked; ask the operator of this relay",
    );
    const other = await edge.connect({ port: edge.edge.smtpsPort, secure: true });
    await other.logIn({ user: "other", password: "x" });
    expect(await mail(other)).toBe("250 2.1.0 Ok");
    await other.quit();
  });

  it("is told that its contract has not begun, or has ended, and that its mail waits", async () => {
    expect(await saidAfter(changeTenant({ startsAtMs: Date.now() + HOUR_MS }))).toMatch(
      /^451 4\.7\.1 The contract of tenant acme begins on \d{4}-\d\d-\d\d \d\d:\d\d UTC; ask the operator of this relay; your mail stays in your queue$/,
    );
    await changeTenant(NOTHING_SAID)();
    expect(await saidAfter(changeTenant({ endsAtMs: Date.now() - 1 }))).toMatch(
      /^451 4\.7\.1 The contract of tenant acme ended on \d{4}-\d\d-\d\d \d\d:\d\d UTC: ask the operator of this relay to renew it; your mail stays in your queue$/,
    );
  });

  it("is told when its month begins anew", async () => {
    const limitReachedMonth = new Date().toISOString().slice(0, 7);
    expect(await saidAfter(changeTenant({ limitReachedMonth }))).toMatch(
      /^451 4\.7\.1 Tenant acme has sent all its messages of this month: try again on \d{4}-\d\d-01 00:00 UTC, or ask the operator of this relay for more$/,
    );
  });

  it("is told which of its senders is paused, whatever the case, and sends as another", async () => {
    const pause = { by: "breaker", reason: "12 % of its mail bounced", atMs: 0 } as const;
    const row = { kind: "sender-pause", tenant: "acme", sender: "www@example.com", pause } as const;
    expect(await saidAfter(() => writeRow(aws.directory, row), "WWW@Example.com")).toBe(
      "451 4.7.1 Sending as www@example.com is paused: 12 % of its mail bounced; ask the operator of this relay",
    );
    const client = await edge.logIn();
    expect(await mail(client)).toBe("250 2.1.0 Ok");
    expect(await mail(client, "")).toBe("250 2.1.0 Ok");
    await deleteRow(aws.directory, senderPauseKey("acme", "www@example.com"));
    await expect.poll(() => mail(client, "www@example.com"), { timeout: 5_000 }).toBe("250 2.1.0 Ok");
    await client.quit();
  });

  it("that is in a transaction when the pause comes finishes that one", async () => {
    const client = await edge.logIn();
    await client.pipeline([MAIL, "RCPT TO:<a@b.example>"]);
    await changeTenant({ status: "paused" })();
    expect((await client.command("DATA")).code).toBe(354);
    await client.write(`${message("me@example.com")}.\r\n`);
    expect((await client.reply()).code).toBe(250);
    expect(await mail(client)).toContain("451 4.7.1 Sending for tenant acme is paused;");
    await client.quit();
  });
});

describe("a password that is changed", () => {
  const rotate = async (previousUntilMs: number | undefined) => {
    const login = `rotated-${randomBytes(4).toString("hex")}`;
    const [before, after] = await Promise.all(["old", "new"].map((text) => hashPassword(text, randomBytes(16))));
    await writeRow(aws.directory, {
      kind: "credential",
      login,
      tenant: "acme",
      label: "server 9",
      status: "active",
      passwordHash: before ?? "",
    });
    const open = await connect(login, "old");
    expect(open.code).toBe(235);
    await changeRow(aws.directory, credentialKey(login), {
      passwordHash: after,
      ...(previousUntilMs === undefined ? {} : { previousPasswordHash: before, previousUntilMs }),
    });
    return { login, open: open.client };
  };

  async function connect(user: string, password: string): Promise<{ client: SmtpClient; code: number }> {
    // Each from an address of its own, so that failures do not slow the others down.
    const localAddress = `127.3.${randomBytes(1)[0]}.${(randomBytes(1)[0] ?? 0) % 254}`;
    const client = await edge.connect({ port: edge.edge.smtpsPort, secure: true, localAddress });
    await client.ehlo();
    const { code } = await client.authPlain({ user, password });
    return { client, code };
  }

  it("works old and new until the old one's time is over, and the log says who still uses it", async () => {
    const { login, open } = await rotate(Date.now() + HOUR_MS);
    for (const password of ["old", "new"]) {
      const { client, code } = await connect(login, password);
      expect(code).toBe(235);
      expect(await mail(client)).toBe("250 2.1.0 Ok");
      await client.quit();
    }
    expect(await mail(open)).toBe("250 2.1.0 Ok");
    expect((await connect(login, "wrong")).code).toBe(454);
    expect(edge.events.filter((event) => event.event === "previous-password-used" && event["login"] === login)).toEqual(
      [expect.objectContaining({ tenant: "acme", client: expect.stringContaining("127.3.") })],
    );
    await changeRow(aws.directory, credentialKey(login), { previousUntilMs: Date.now() - 1 });
    expect((await connect(login, "old")).code).toBe(454);
    expect((await connect(login, "new")).code).toBe(235);
    open.destroy();
  });

  it("at once ends what an open session of the old one may do, with a 451", async () => {
    const { login, open } = await rotate(undefined);
    expect(await mail(open)).toBe(
      "451 4.7.0 The password of server 9 has changed: give your mail server the new one; your mail stays in your queue",
    );
    expect((await connect(login, "old")).code).toBe(454);
    await open.quit();
  });
});

describe("what is asked of the directory", () => {
  it("for a session's first mail is two requests, for the next ones none", async () => {
    const fresh = await startTestEdge(aws);
    const client = await fresh.connect({ port: fresh.edge.smtpsPort, secure: true });
    const requests = async (work: () => Promise<unknown>) => {
      const before = aws.dynamodb.requests;
      await work();
      return aws.dynamodb.requests - before;
    };
    // The credential at AUTH; tenant, domain and sender together at MAIL.
    expect(await requests(() => client.logIn(LOGIN))).toBe(1);
    expect(await requests(() => mail(client))).toBe(1);
    expect(await requests(() => mail(client))).toBe(0);
    // Another sender of the same domain: whether that one is paused.
    expect(await requests(() => mail(client, "you@example.com"))).toBe(1);
    const data = message("me@example.com");
    const send = () => client.sendMail({ from: "me@example.com", to: ["a@b.example"], data });
    expect(await requests(send)).toBe(0);
    await client.quit();
    await fresh.close();
  });
});
