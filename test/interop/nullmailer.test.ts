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
import { waitFor } from "../support/wait-for.ts";
import { LOGIN } from "./support/customer.ts";
import { addressOf, useMailServer, usualMail } from "./support/mail-server-harness.ts";
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
  await nullmailer.server().useRelay(nullmailer.access(LOGIN));
  const mail = usualMail();
  const to = ["recipient.test", "other.test"].map((domain) => addressOf(mail, "to", domain));
  await nullmailer.server().submit("author@forgotten.test", to, mail.bytes);
  await waitFor(async () => ((await nullmailer.isQueued(to)) ? undefined : true), {
    deadlineMs: 20_000,
    otherwise: () => nullmailer.server().log(),
  });
  const failed = (await nullmailer.server().failed()).filter((given) => given.recipients.includes(to[0] ?? ""));
  expect(failed).toEqual([{ sender: "author@forgotten.test", recipients: to }]);
});
