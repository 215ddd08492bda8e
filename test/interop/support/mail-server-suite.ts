/**
 * What every mail server with a queue has to show: mail passes the relay unchanged, and no mistake in its set-up and no
 * temporary refusal loses any. The differences between the servers are in the table that each test file has.
 */

import { beforeAll, describe, expect, it } from "vitest";
import type { OutboxMail } from "../../support/outbox.ts";
import { waitFor } from "../../support/wait-for.ts";
import { allowLoopback, LOGIN, MISTYPED_LOGIN, SECOND_LOGIN, writeLogin } from "./customer.ts";

import { addressOf, type MailServerHarness, traceOf, usualMail } from "./mail-server-harness.ts";

/** One column of the behaviour matrix of mail servers. Patterns are of the server's log. */
export type Behaviour = {
  /** False: it speaks STARTTLS only. */
  readonly implicitTls: boolean;
  /** In how many transactions twelve recipients on four domains come. */
  readonly transactions: number;
  /** 454 to AUTH. The mail is kept. */
  readonly wrongPassword: RegExp;
  /** 451 to MAIL for want of a login. The mail is kept. */
  readonly noLogin: RegExp;
  /** 451 to MAIL for a paused login. The mail is kept. */
  readonly paused: RegExp;
  /** Nobody listens. The mail is kept. */
  readonly relayDown: RegExp;
  /** 550 to MAIL: given up. */
  readonly refused: RegExp;
  /** 550 at the end of DATA: given up. */
  readonly refusedAfterData: RegExp;
  /** Protocol in the relay's Received field (RFC 3848) when it has no login: after STARTTLS some say HELO only. */
  readonly withoutLogin: "ESMTPS" | "SMTP";
  /** How the author learns of that: by a bounce that the relay takes; or not, since the relay refuses it for ever. */
  readonly author: "gets a bounce" | "is not told";
};

const FOREIGN_DOMAIN = "forgotten.test";
const DEADLINE_MS = 40_000;

/** Declares the tests of one mail server. */
export function describeMailServer(harness: MailServerHarness, behaviour: Behaviour): void {
  const { name } = harness;

  const bouncesTo = async (author: string): Promise<OutboxMail[]> =>
    (await harness.relay().outbox()).filter((sent) => sent.recipients.includes(author));

  describe(`${name} with TLS and AUTH`, () => {
    beforeAll(async () => {
      await harness.server().useRelay(harness.access(LOGIN));
    });

    it("logs in after STARTTLS, and the mail leaves with the same bytes", async () => {
      const [sent] = await harness.expectDelivered(await harness.submit(["recipient.test"]), "by itself");
      expect(traceOf(sent)).toContain("with ESMTPSA");
    });

    if (behaviour.implicitTls) {
      it("does the same over TLS from the first byte", async () => {
        await harness.server().useRelay({ port: harness.relay().smtpsPort, login: LOGIN, implicitTls: true });
        const [sent] = await harness.expectDelivered(await harness.submit(["recipient.test"]), "by itself");
        expect(traceOf(sent)).toContain("with ESMTPSA");
        await harness.server().useRelay(harness.access(LOGIN));
      });
    }

    const transactions = behaviour.transactions === 1 ? "one transaction" : `${behaviour.transactions} transactions`;
    it(`takes twelve recipients on four domains to the relay in ${transactions}, and each gets a mail`, async () => {
      const domains = Array.from({ length: 12 }, (_, index) => `domain${index % 4}.test`);
      const sent = await harness.expectDelivered(await harness.submit(domains), "by itself");
      expect(sent.map((copy) => copy.recipients.length)).toEqual(domains.map(() => 1));
      const ids = sent.map((copy) => / id (\w+);/.exec(traceOf(copy))?.[1]);
      expect(new Set(ids).size).toBe(behaviour.transactions);
    });
  });

  describe(`${name}, set up with a mistake,`, () => {
    it("keeps the mail when the password is wrong, and delivers it once after it is corrected", async () => {
      await harness.server().useRelay(harness.access(MISTYPED_LOGIN));
      const submitted = await harness.submitAndKeep(behaviour.wrongPassword);
      await harness.server().useRelay(harness.access(LOGIN));
      await harness.expectDelivered(submitted, "flush");
    });

    it("keeps the mail when it has no login and is not allow-listed, and delivers it once with a login", async () => {
      await harness.server().useRelay(harness.access());
      const submitted = await harness.submitAndKeep(behaviour.noLogin);
      await harness.server().useRelay(harness.access(LOGIN));
      await harness.expectDelivered(submitted, "flush");
    });

    const cases: [string, string, RegExp][] = [
      ["the envelope sender's domain", FOREIGN_DOMAIN, behaviour.refused],
      ["the domain in From alone", "example.com", behaviour.refusedAfterData],
    ];
    it.each(cases)(`gives up a mail refused for %s: the author ${behaviour.author}`, async (_, domain, refused) => {
      const server = harness.server();
      await server.useRelay(harness.access(LOGIN));
      const mail = usualMail(`author@${FOREIGN_DOMAIN}`);
      const author = addressOf(mail, "author", domain);
      const recipient = addressOf(mail, "to", "recipient.test");
      const since = (await server.log()).length;
      await server.submit(author, [recipient], mail.bytes);
      await harness.waitForLog(refused, since);

      const told = behaviour.author === "gets a bounce";
      const settled = async (): Promise<true | undefined> => {
        if ((await harness.isQueued([recipient])) || (await harness.isQueued([author])) === told) return undefined;
        return (await bouncesTo(author)).length > 0 === told ? true : undefined;
      };
      await waitFor(settled, {
        deadlineMs: DEADLINE_MS,
        otherwise: async () => `queued: ${JSON.stringify(await server.queue())}\n${await server.log()}`,
      });
      const bounces = await bouncesTo(author);
      expect(bounces).toHaveLength(told ? 1 : 0);
      for (const bounce of bounces) {
        const text = bounce.raw.toString("utf8").replace(/\r\n\s*/g, " ");
        expect(text).toContain(mail.marker);
        expect(text).toContain(recipient);
        expect(text).toMatch(/550 5\.7\.1 .*\bforgotten\.test\b.* not registered for you/);
      }
      expect(await harness.copies(mail)).toEqual([]);
    });
  });

  describe(`${name}, when the relay takes no mail for now,`, () => {
    it("keeps mail while its login is paused and while the relay is down, and delivers each once", async () => {
      const relay = harness.relay();
      await harness.server().useRelay(harness.access(SECOND_LOGIN));
      const duringPause = await harness.submitAndKeep(behaviour.paused);
      await writeLogin(relay, SECOND_LOGIN, "active");
      await relay.stop();
      const whileDown = await harness.submitAndKeep(behaviour.relayDown);
      await relay.restart();
      await harness.expectDelivered(duringPause, "flush");
      await harness.expectDelivered(whileDown, "flush");
    });
  });

  describe(`${name} on an allow-listed address`, () => {
    beforeAll(async () => {
      await allowLoopback(harness.relay());
      await harness.restartRelay();
    });

    it("needs no login", async () => {
      await harness.server().useRelay({ port: harness.relay().smtpPort, allowListed: true });
      const [sent] = await harness.expectDelivered(await harness.submit(["recipient.test"]), "by itself");
      expect(traceOf(sent)).toMatch(new RegExp(`with ${behaviour.withoutLogin}\\s+\\(TLSv1\\.3 `));
    });
  });
}
