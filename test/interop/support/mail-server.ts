/** A mail server of a customer's as the tests see it, whatever its make. */

import type { SmtpLogin } from "../../support/smtp-client.ts";

/** How a mail server reaches the relay. */
export type RelayAccess = {
  readonly port: number;
  readonly login?: SmtpLogin;
  /** Set up for an address that needs no login. */
  readonly allowListed?: boolean;
  /** True: TLS from the first byte (port 465); false: STARTTLS (port 587). */
  readonly implicitTls?: boolean;
};

/** A mail that waits in a queue. Why it does is in the log. */
export type QueuedMail = { readonly sender: string; readonly recipients: readonly string[] };

/** A running mail server that sends everything through the relay. */
export type MailServer = {
  /** Hands over a message (CRLF line ends) as the customer's programs do. Rejects when the mail server refuses it. */
  submit(from: string, to: readonly string[], message: Buffer): Promise<void>;
  /** What waits now. */
  queue(): Promise<QueuedMail[]>;
  /** Tries everything in the queue now, as its postmaster would. May return before the tries are over. */
  flush(): Promise<void>;
  /** Writes another way to reach the relay into its configuration, as its postmaster would. */
  useRelay(relay: RelayAccess): Promise<void>;
  /** Everything it has logged so far. */
  log(): Promise<string>;
  /** Ends it and deletes its machine. */
  remove(): Promise<void>;
};
