/**
 * swaks 20201014 as Debian 12 has it: what a postmaster types to see whether the relay takes his mail.
 *
 * | the relay                           | swaks                                                                    |
 * |-------------------------------------|--------------------------------------------------------------------------|
 * | takes mail                          | 0; AUTH as told; all recipients in one transaction                       |
 * | 454 to AUTH (wrong password)        | 28, no mail is tried                                                     |
 * | 451 to MAIL (no login, paused)      | 23                                                                       |
 * | does not answer                     | 2                                                                        |
 * | 550 to MAIL (foreign sender)        | 23                                                                       |
 * | 550 at the end of DATA (From)       | 26                                                                       |
 *
 * It keeps nothing: whoever called it still has the mail. A password that begins with a hyphen it takes for an option.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SmtpLogin } from "../support/smtp-client.ts";
import { allowLoopback, LOGIN, MISTYPED_LOGIN, SECOND_LOGIN, writeLogin } from "./support/customer.ts";
import type { ProgramResult } from "./support/machine.ts";
import { expectSameMail, type MarkedMail } from "./support/mail.ts";
import { SENDER, traceOf, usualMail } from "./support/mail-server-harness.ts";
import { requireProgram } from "./support/require-program.ts";
import { runProgram } from "./support/run-program.ts";
import { useCustomerRelay } from "./support/use-customer-relay.ts";

const SWAKS = "/usr/bin/swaks";
const RECIPIENT = "someone@recipient.test";
const FOREIGN = "author@forgotten.test";

const customer = useCustomerRelay();
let dir: string;

beforeAll(async () => {
  await requireProgram(SWAKS);
  dir = await mkdtemp(join(tmpdir(), "swaks-test-"));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Sends over STARTTLS. `envelope`: sender, recipients; the usual ones if not given. */
function swaks(mail: MarkedMail, envelope: readonly string[], more: readonly string[]): Promise<ProgramResult> {
  return send(mail, envelope, ["--port", String(customer.relay().smtpPort), "--tls", ...more]);
}

async function send(mail: MarkedMail, envelope: readonly string[], more: readonly string[]): Promise<ProgramResult> {
  const file = join(dir, "mail.eml");
  // It adds a line end of its own.
  await writeFile(file, mail.bytes.subarray(0, -2));
  return await runProgram([
    SWAKS,
    "--server",
    "127.0.0.1",
    "--data",
    `@${file}`,
    ...envelopeOptions(envelope),
    ...more,
  ]);
}

function envelopeOptions([from = SENDER, ...to]: readonly string[]): string[] {
  return ["--from", from, "--to", to.length === 0 ? RECIPIENT : to.join(",")];
}

function auth(login: SmtpLogin, mechanism = "PLAIN"): string[] {
  return ["--auth", mechanism, "--auth-user", login.user, "--auth-password", login.password];
}

describe("swaks with TLS and AUTH", () => {
  it.each(["PLAIN", "LOGIN"])(
    "logs in with %s after STARTTLS, and the mail leaves with the same bytes",
    async (how) => {
      const mail = usualMail();
      expect(await swaks(mail, [], auth(LOGIN, how))).toMatchObject({ status: 0 });
      const [copy, ...more] = await customer.waitForCopies(mail, 1);
      expect(more).toEqual([]);
      expect(copy?.recipients).toEqual([RECIPIENT]);
      expect(traceOf(copy)).toContain("with ESMTPSA");
      if (copy !== undefined) expectSameMail(copy, mail, null);
    },
  );

  it("does the same over TLS from the first byte", async () => {
    const mail = usualMail();
    const smtps = ["--port", String(customer.relay().smtpsPort), "--tls-on-connect"];
    expect(await send(mail, [], [...auth(LOGIN), ...smtps])).toMatchObject({ status: 0 });
    const [copy] = await customer.waitForCopies(mail, 1);
    expect(traceOf(copy)).toContain("with ESMTPSA");
    if (copy !== undefined) expectSameMail(copy, mail, null);
  });

  it("takes twelve recipients on four domains to the relay in one transaction, and each gets a mail", async () => {
    const mail = usualMail();
    const to = Array.from({ length: 12 }, (_, index) => `r${index}@domain${index % 4}.test`);
    expect(await swaks(mail, [SENDER, ...to], auth(LOGIN))).toMatchObject({ status: 0 });
    const copies = await customer.waitForCopies(mail, to.length);
    expect(copies.flatMap((copy) => copy.recipients).sort()).toEqual([...to].sort());
    expect(new Set(copies.map((copy) => / id (\w+);/.exec(traceOf(copy))?.[1])).size).toBe(1);
  });
});

describe("swaks, when the relay takes no mail,", () => {
  it.each<[string, string[], string[], number, RegExp]>([
    ["a wrong password", [], auth(MISTYPED_LOGIN), 28, /<~\* 454 4\.7\.0 Authentication failed/],
    ["no login", [], [], 23, /<~\* 451 4\.7\.0 Authentication required/],
    [
      "a foreign sender",
      [FOREIGN],
      auth(LOGIN),
      23,
      /<~\* 550 5\.7\.1 Sender domain forgotten\.test is not registered/,
    ],
    ["a foreign From", [], auth(LOGIN), 26, /<~\* 550 5\.7\.1 From field names forgotten\.test/],
  ])(
    "with %s shows the reply, says so with its exit code, and nothing leaves",
    async (why, envelope, more, code, words) => {
      const mail = usualMail(why === "a foreign From" ? FOREIGN : SENDER);
      const result = await swaks(mail, envelope, more);
      expect(result.output).toMatch(words);
      expect(result.status).toBe(code);
      expect(await customer.copies(mail)).toEqual([]);
    },
  );

  it("ends with 23 while its login is paused, with 2 while the relay is down, and delivers afterwards", async () => {
    const relay = customer.relay();
    const mail = usualMail();
    const paused = await swaks(mail, [], auth(SECOND_LOGIN));
    expect(paused).toEqual({ status: 23, output: expect.stringContaining("451 4.7.1 Sending with srv2 is paused") });
    await writeLogin(relay, SECOND_LOGIN, "active");
    await relay.stop();
    expect(await swaks(mail, [], auth(SECOND_LOGIN))).toMatchObject({ status: 2 });
    await relay.restart();
    expect(await swaks(mail, [], auth(SECOND_LOGIN))).toMatchObject({ status: 0 });
    expect(await customer.waitForCopies(mail, 1)).toHaveLength(1);
  });

  it("cannot be given a password that begins with a hyphen", async () => {
    const result = await swaks(usualMail(), [], auth({ user: LOGIN.user, password: "-9zA-_Qm4x" }));
    expect(result).toEqual({ status: 1, output: expect.stringContaining("Unknown option") });
  });
});

describe("swaks on an allow-listed address", () => {
  beforeAll(async () => {
    await allowLoopback(customer.relay());
    await customer.restart();
  });

  it("needs no login", async () => {
    const mail = usualMail();
    expect(await swaks(mail, [], [])).toMatchObject({ status: 0 });
    const [copy] = await customer.waitForCopies(mail, 1);
    expect(traceOf(copy)).toMatch(/with ESMTPS\s/);
  });
});
