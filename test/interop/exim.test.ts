/**
 * Exim 4.96 as Debian 12 has it, with the set-up of our guide: Debian's configuration for a smart host, its password
 * file, TLS required and verified, and `hosts_require_auth` in the transport.
 *
 * | the relay                          | Exim                                                                       |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH PLAIN; all recipients in one transaction                              |
 * | 454 to AUTH (wrong password)       | keeps the mail, with hosts_require_auth and without it                     |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | bounces; the relay takes the bounce, which has the null sender             |
 *
 * After a failure Exim leaves the relay alone for 15 minutes, for new mail too: `exim -qff` after the mistake is mended.
 */

import { expect, it } from "vitest";
import { LOGIN, MISTYPED_LOGIN } from "./support/customer.ts";
import { startExim } from "./support/exim.ts";
import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";

const exim = useMailServer("Exim", { start: startExim, trace: "(Exim 4.", holdsBack: true });

describeMailServer(exim, {
  implicitTls: true,
  transactions: 1,
  wrongPassword: / == .* defer .*AUTH PLAIN.*: 454 4\.7\.0 Authentication failed/,
  noLogin: / == .* defer .*authentication required/,
  paused: / == .* defer .*MAIL FROM:.*: 451 4\.7\.1 Sending with srv2 is paused/,
  relayDown: / == .* defer .*Connection refused/,
  refused: / \*\* .*MAIL FROM:<author-\S+>.*: 550 5\.7\.1 /,
  refusedAfterData: / \*\* .*end of data: 550 5\.7\.1 /,
  withoutLogin: "ESMTPS",
  author: "gets a bounce",
});

it("keeps the mail without hosts_require_auth too, since the relay does not answer 530 after a failed AUTH", async () => {
  // As for an allow-listed address, but with a password file, and a wrong password in it.
  await exim.server().useRelay({ ...exim.access(MISTYPED_LOGIN), allowListed: true });
  const submitted = await exim.submitAndKeep(/ == .* defer .*: (?:454|451) 4\.7\.0 Authentication/);
  await exim.server().useRelay(exim.access(LOGIN));
  await exim.expectDelivered(submitted, "flush");
  expect(await exim.server().log()).not.toContain("** to0-");
});
