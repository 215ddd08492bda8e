/**
 * msmtp 1.8.23 as Debian 12 has it, with the set-up of our guide. It has no queue of its own: its exit code (sysexits)
 * tells the calling program what became of the mail, and Debian's msmtpqueue scripts keep what did not go.
 *
 * | the relay                           | msmtp                     | msmtpqueue                                   |
 * |-------------------------------------|---------------------------|----------------------------------------------|
 * | takes mail                          | 0; one transaction        | removes it                                   |
 * | 454 to AUTH (wrong password)        | 77, no permission         | keeps it                                     |
 * | 451 to MAIL (no login, paused)      | 69, service unavailable   | keeps it                                     |
 * | does not answer                     | 75, try again             | keeps it                                     |
 * | 550 to MAIL (foreign sender)        | 65, data error            | keeps it until somebody removes it           |
 * | 550 at the end of DATA (From)       | 69, service unavailable   | keeps it until somebody removes it           |
 * | 452 to one recipient too many       | 69; nobody gets the mail  | keeps it until somebody splits it            |
 *
 * So the exit code alone does not say whether to try again: 69 may be for now or for good, and 77 is for now.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import { allowLoopback, certificateOf, LOGIN, MISTYPED_LOGIN, SECOND_LOGIN, writeLogin } from "./support/customer.ts";
import { expectSameMail } from "./support/mail.ts";
import { SENDER, traceOf, usualMail } from "./support/mail-server-harness.ts";
import { type Msmtp, openMsmtp } from "./support/msmtp.ts";
import { useCustomerRelay } from "./support/use-customer-relay.ts";

const RECIPIENT = "someone@recipient.test";
const FOREIGN = "author@forgotten.test";

const customer = useCustomerRelay();
let msmtp: Msmtp;

beforeAll(async () => {
  const relay = customer.relay();
  msmtp = await openMsmtp({ port: relay.smtpPort, login: LOGIN }, await certificateOf(relay));
});
afterAll(async () => {
  await msmtp?.remove();
});

describe("msmtp with TLS and AUTH", () => {
  it.each([
    ["STARTTLS", false],
    ["TLS from the first byte", true],
  ])("logs in over %s, ends with 0, and the mail leaves with the same bytes", async (_, implicitTls) => {
    const { smtpPort, smtpsPort } = customer.relay();
    await msmtp.useRelay({ port: implicitTls ? smtpsPort : smtpPort, login: LOGIN, implicitTls });
    const mail = usualMail();
    expect(await msmtp.send(SENDER, [RECIPIENT], mail.bytes)).toEqual({ status: 0, output: "" });
    const [copy, ...more] = await customer.waitForCopies(mail, 1);
    expect(more).toEqual([]);
    expect(traceOf(copy)).toContain("with ESMTPSA");
    expect(copy?.recipients).toEqual([RECIPIENT]);
    if (copy !== undefined) expectSameMail(copy, mail, null);
  });

  it("takes twelve recipients on four domains to the relay in one transaction, and each gets a mail", async () => {
    await msmtp.useRelay({ port: customer.relay().smtpPort, login: LOGIN });
    const mail = usualMail();
    const to = Array.from({ length: 12 }, (_, index) => `r${index}@domain${index % 4}.test`);
    expect(await msmtp.send(SENDER, to, mail.bytes)).toEqual({ status: 0, output: "" });
    const copies = await customer.waitForCopies(mail, to.length);
    expect(copies.flatMap((copy) => copy.recipients).sort()).toEqual([...to].sort());
    expect(new Set(copies.map((copy) => / id (\w+);/.exec(traceOf(copy))?.[1])).size).toBe(1);
  });
});

describe("msmtp, when the relay takes no mail,", () => {
  it.each([
    ["a wrong password", MISTYPED_LOGIN, 77, /454 4\.7\.0 Authentication failed/],
    ["no login on an address that is not allow-listed", undefined, 69, /451 4\.7\.0 Authentication required/],
  ])("keeps the mail of its queue with %s, and delivers it once with the right one", async (_, login, code, words) => {
    const { smtpPort: port } = customer.relay();
    await msmtp.useRelay({ port, ...(login === undefined ? {} : { login }) });
    const mail = usualMail();
    const direct = await msmtp.send(SENDER, [RECIPIENT], mail.bytes);
    expect(direct).toEqual({ status: code, output: expect.stringMatching(words) });

    await msmtp.enqueue(SENDER, [RECIPIENT], mail.bytes);
    expect((await msmtp.runQueue()).output).toMatch(words);
    expect(await msmtp.queued()).toBe(1);
    await msmtp.useRelay({ port, login: LOGIN });
    expect((await msmtp.runQueue()).output).toContain("sent successfully");
    expect(await msmtp.queued()).toBe(0);
    expect(await customer.waitForCopies(mail, 1)).toHaveLength(1);
  });

  it("keeps mail while its login is paused and while the relay is down, and delivers each once", async () => {
    const relay = customer.relay();
    await msmtp.useRelay({ port: relay.smtpPort, login: SECOND_LOGIN });
    const duringPause = usualMail();
    const paused = await msmtp.send(SENDER, [RECIPIENT], duringPause.bytes);
    expect(paused).toEqual({ status: 69, output: expect.stringContaining("451 4.7.1 Sending with srv2 is paused") });
    await msmtp.enqueue(SENDER, [RECIPIENT], duringPause.bytes);
    await writeLogin(relay, SECOND_LOGIN, "active");

    await relay.stop();
    const whileDown = usualMail();
    const refused = await msmtp.send(SENDER, [RECIPIENT], whileDown.bytes);
    expect(refused).toEqual({ status: 75, output: expect.stringContaining("Connection refused") });
    await msmtp.enqueue(SENDER, [RECIPIENT], whileDown.bytes);
    await msmtp.runQueue();
    expect(await msmtp.queued()).toBe(2);

    await relay.restart();
    await msmtp.runQueue();
    expect(await msmtp.queued()).toBe(0);
    expect(await customer.waitForCopies(duringPause, 1)).toHaveLength(1);
    expect(await customer.waitForCopies(whileDown, 1)).toHaveLength(1);
  });

  it.each([
    [
      "the envelope sender's domain",
      FOREIGN,
      65,
      /550 5\.7\.1 Sender domain forgotten\.test is not registered for you/,
    ],
    ["the domain in From alone", SENDER, 69, /550 5\.7\.1 From field names forgotten\.test/],
  ])("passes on the relay's words when refused for %s, and nothing leaves", async (_, sender, code, words) => {
    await msmtp.useRelay({ port: customer.relay().smtpPort, login: LOGIN });
    const mail = usualMail(FOREIGN);
    const direct = await msmtp.send(sender, [RECIPIENT], mail.bytes);
    expect(direct).toEqual({ status: code, output: expect.stringMatching(words) });
    expect(await customer.copies(mail)).toEqual([]);
  });

  it("ends with 69 when it has one recipient more than the relay takes, and none of them gets the mail", async () => {
    await msmtp.useRelay({ port: customer.relay().smtpPort, login: LOGIN });
    const mail = usualMail();
    const to = Array.from({ length: LIMITS.edge.recipientsMax + 1 }, (_, index) => `r${index}@recipient.test`);
    const direct = await msmtp.send(SENDER, to, mail.bytes);
    expect(direct).toEqual({ status: 69, output: expect.stringContaining("452 4.5.3 Too many recipients") });
    expect(await customer.copies(mail)).toEqual([]);
  });
});

describe("msmtp on an allow-listed address", () => {
  beforeAll(async () => {
    await allowLoopback(customer.relay());
    await customer.restart();
  });

  it("needs no login", async () => {
    await msmtp.useRelay({ port: customer.relay().smtpPort, allowListed: true });
    const mail = usualMail();
    expect(await msmtp.send(SENDER, [RECIPIENT], mail.bytes)).toEqual({ status: 0, output: "" });
    const [copy] = await customer.waitForCopies(mail, 1);
    expect(traceOf(copy)).toMatch(/with ESMTPS\s/);
  });
});
