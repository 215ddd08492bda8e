/**
 * A relay and a mail server that sends through it, for one test file, and what one does with them in tests.
 *
 * Promise:  both are there before the first test and gone after the last; each mail has recipients of its own, so that it
 *           can be found in any queue. A wait that ends without success fails with both logs.
 */

import { afterAll, beforeAll, expect } from "vitest";
import type { OutboxMail } from "../../support/outbox.ts";
import { headerFields, splitMessage } from "../../support/raw-message.ts";
import type { RelayProcess } from "../../support/relay-process.ts";
import type { SmtpLogin } from "../../support/smtp-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { certificateOf, LOGIN } from "./customer.ts";
import { expectSameMail, type MarkedMail, markedMail } from "./mail.ts";
import type { MailServer, RelayAccess } from "./mail-server.ts";
import { useCustomerRelay } from "./use-customer-relay.ts";

/** Which mail server, and what the harness has to know of it. */
export type HarnessOptions<Server extends MailServer> = {
  /** Starts it with the set-up of the guide. */
  readonly start: (relay: RelayAccess, certificate: string) => Promise<Server>;
  /** What its Received field contains. */
  readonly trace: string;
  /** True: after a failure it holds back new mail too, until its retry time or a forced queue run. */
  readonly holdsBack: boolean;
};

/** A mail and its envelope recipients. */
export type Submitted = { readonly mail: MarkedMail; readonly to: readonly string[] };

/** What tests use. Relay and server are there once the tests run. */
export type MailServerHarness<Server extends MailServer = MailServer> = {
  readonly name: string;
  relay(): RelayProcess;
  server(): Server;
  /** The STARTTLS port, with this login or none. */
  access(login?: SmtpLogin): RelayAccess;
  /** Submits the usual mail for these domains, one recipient each. */
  submit(domains: readonly string[]): Promise<Submitted>;
  /** Submits a mail that the relay does not take now, and asserts that it stays in the queue for this reason. */
  submitAndKeep(reason: RegExp): Promise<Submitted>;
  /** Waits until the mail has left; asserts that each recipient got it once, unchanged. `flush`: run the queue. */
  expectDelivered(submitted: Submitted, flush: "flush" | "by itself"): Promise<OutboxMail[]>;
  /** Waits until the server has logged this after so many characters. */
  waitForLog(pattern: RegExp, since: number): Promise<void>;
  /** True when all these addresses wait in the queue. */
  isQueued(recipients: readonly string[]): Promise<boolean>;
  /** What has left of the mail so far. */
  copies(mail: MarkedMail): Promise<OutboxMail[]>;
  /** Starts the relay again: it has then forgotten what it knew of logins and addresses. */
  restartRelay(): Promise<void>;
};

/** A sender in a domain of the tenant's. */
export const SENDER = "user@example.com";

const DEADLINE_MS = 40_000;
const FLUSH_AGAIN_MS = 8_000;

/** What mail consists of besides plain sentences: 8-bit text, dots, blank lines, trailing blanks, a long line. */
const BODY = `Grüße, こんにちは\r\n.\r\n..two\r\n.dot\r\n \t\r\ntrailing \r\n\r\n${"é".repeat(490)}\r\n\r\nend\r\n\r\n`;
const FIELDS = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"];

/** The usual mail. */
export function usualMail(from = SENDER): MarkedMail {
  return markedMail(BODY, FIELDS, from);
}

/** An address that no other mail has. */
export function addressOf(mail: MarkedMail, name: string, domain: string): string {
  return `${name}-${mail.marker.slice(0, 8)}@${domain}`;
}

/** The relay's own Received field. */
export function traceOf(sent: OutboxMail | undefined): string {
  return sent === undefined ? "" : (headerFields(splitMessage(sent.raw).header)[0]?.raw ?? "");
}

/** Declares the hooks of a test file. The login of the guide is active, the second one paused. */
export function useMailServer<Server extends MailServer>(
  name: string,
  options: HarnessOptions<Server>,
): MailServerHarness<Server> {
  const customer = useCustomerRelay();
  let server: Server | undefined;

  const harness: MailServerHarness<Server> = {
    name,
    relay: customer.relay,
    server: () => {
      if (server === undefined) throw new Error(`${name} is not running`);
      return server;
    },
    access: (login) => ({ port: harness.relay().smtpPort, ...(login === undefined ? {} : { login }) }),
    submit: async (domains) => {
      const mail = usualMail();
      const to = domains.map((domain, index) => addressOf(mail, `to${index}`, domain));
      await harness.server().submit(SENDER, to, mail.bytes);
      return { mail, to };
    },
    submitAndKeep: async (reason) => {
      const since = (await harness.server().log()).length;
      const submitted = await harness.submit(["recipient.test", "other.test"]);
      await harness.waitForLog(reason, since);
      expect(await harness.isQueued(submitted.to), "the mail is in the queue").toBe(true);
      expect(await harness.copies(submitted.mail)).toEqual([]);
      return submitted;
    },
    expectDelivered: async ({ mail, to }, flush) => {
      const flushNow = flush === "flush" ? again(() => harness.server().flush()) : undefined;
      await waitFor(
        async () => {
          await flushNow?.();
          const waiting = await queuedAddresses(harness.server());
          const there = (await harness.copies(mail)).flatMap((copy) => copy.recipients);
          return to.every((address) => there.includes(address) && !waiting.includes(address)) ? true : undefined;
        },
        {
          deadlineMs: DEADLINE_MS,
          otherwise: async () =>
            `not delivered. ${name}:\n${await harness.server().log()}\n${customer.relay().output()}`,
        },
      );
      const sent = await harness.copies(mail);
      expect(sent.flatMap((copy) => copy.recipients).sort()).toEqual([...to].sort());
      for (const copy of sent) expectSameMail(copy, mail, options.trace);
      return sent;
    },
    waitForLog: async (pattern, since) => {
      const logged = async (): Promise<string> => (await harness.server().log()).slice(since);
      const tryNow = options.holdsBack ? again(() => harness.server().flush()) : undefined;
      await waitFor(
        async () => {
          await tryNow?.();
          return pattern.test(await logged()) ? true : undefined;
        },
        {
          deadlineMs: DEADLINE_MS,
          otherwise: async () =>
            `${name} has not said ${String(pattern)} but:\n${await logged()}\n${customer.relay().output()}`,
        },
      );
    },
    isQueued: async (recipients) => {
      const waiting = await queuedAddresses(harness.server());
      return recipients.every((recipient) => waiting.includes(recipient));
    },
    copies: customer.copies,
    restartRelay: customer.restart,
  };

  beforeAll(async () => {
    server = await options.start(harness.access(LOGIN), await certificateOf(customer.relay()));
  });
  afterAll(async () => {
    await server?.remove();
  });
  return harness;
}

async function queuedAddresses(server: MailServer): Promise<string[]> {
  return (await server.queue()).flatMap((queued) => queued.recipients);
}

/** Does it at the first call, then not more often than every few seconds: a mail may be locked just then. */
function again(action: () => Promise<void>): () => Promise<void> {
  let last = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - last < FLUSH_AGAIN_MS) return;
    last = performance.now();
    await action();
  };
}
