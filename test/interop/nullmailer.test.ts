/**
 * nullmailer 2.2 as Debian 12 has it, with the set-up of our guide: one line in /etc/nullmailer/remotes.
 *
 * | the relay                          | nullmailer                                                                 |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH PLAIN; all recipients in one transaction                              |
 * |                                    | without a login it says HELO after STARTTLS, not EHLO                      |
 * | 454 to AUTH (wrong password)       | keeps the mail                                                             |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | moves the whole mail to failed/ and bounces; the relay takes the bounce    |
 */

import { expect, it } from "vitest";
import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";
import { startNullmailer } from "./support/nullmailer.ts";

const nullmailer = useMailServer("nullmailer", { start: startNullmailer, trace: "(nullmailer pid", holdsBack: false });

describeMailServer(nullmailer, {
  implicitTls: true,
  transactions: 1,
  wrongPassword: /Failed: 454 4\.7\.0 Authentication failed.*\n.*Temporary error/,
  noLogin: /Failed: 451 4\.7\.0 Authentication required.*\n.*Temporary error/,
  paused: /Failed: 451 4\.7\.1 Sending with srv2 is paused.*\n.*Temporary error/,
  relayDown: /Connect failed.*\n/,
  refused: /Failed: 550 5\.7\.1 .*\n.*Permanent error.*\n.*into failed/,
  refusedAfterData: /Failed: 550 5\.7\.1 .*\n.*Permanent error.*\n.*into failed/,
  withoutLogin: "SMTP",
  author: "gets a bounce",
});

it("keeps a copy of what it has given up, whole, in failed/", async () => {
  const given = await nullmailer.server().failed();
  expect(given.map((mail) => mail.recipients.map((address) => address.split("-")[0]))).toEqual([["to"], ["to"]]);
});
