/** A relay for one test file, with the customer's logins: the first is active, the second paused. */

import { afterAll, beforeAll } from "vitest";
import type { OutboxMail } from "../../support/outbox.ts";
import { type RelayProcess, startRelay } from "../../support/relay-process.ts";
import { LOGIN, SECOND_LOGIN, writeLogin } from "./customer.ts";
import { carries, type MarkedMail } from "./mail.ts";

/** What tests use; the relay is there once they run. */
export type CustomerRelay = {
  relay(): RelayProcess;
  /** What has left of the mail so far. */
  copies(mail: MarkedMail): Promise<OutboxMail[]>;
  /** Waits until at least this many copies have left, and returns them. */
  waitForCopies(mail: MarkedMail, count: number): Promise<OutboxMail[]>;
  /** Starts the relay again: it has then forgotten what it knew of logins and addresses, which it may for a minute. */
  restart(): Promise<void>;
};

/** Declares the hooks. */
export function useCustomerRelay(): CustomerRelay {
  let relay: RelayProcess | undefined;
  beforeAll(async () => {
    relay = await startRelay();
    await writeLogin(relay, LOGIN, "active");
    await writeLogin(relay, SECOND_LOGIN, "paused");
  });
  afterAll(async () => {
    await relay?.remove();
  });
  const present = (): RelayProcess => {
    if (relay === undefined) throw new Error("the relay is not running");
    return relay;
  };
  return {
    relay: present,
    copies: async (mail) => (await present().outbox()).filter(carries(mail)),
    waitForCopies: async (mail, count) => {
      const outbox = await present().waitForOutbox((all) => all.filter(carries(mail)).length >= count);
      return outbox.filter(carries(mail));
    },
    restart: async () => {
      await present().stop();
      await present().restart();
    },
  };
}
