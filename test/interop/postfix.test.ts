/**
 * Postfix 3.7.11 as Debian 12 has it, with the set-up of our guide: `relayhost` in brackets, SASL, TLS level `secure`.
 *
 * | the relay                          | Postfix                                                                    |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH PLAIN; up to 50 recipients in one transaction                         |
 * | 454 to AUTH (wrong password)       | keeps the mail                                                             |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | bounces; the relay takes the bounce, which has the null sender             |
 *
 * After a failure Postfix leaves the relay alone for 300 seconds, for new mail too: `postqueue -f` after the mistake is
 * mended. What else it sends, and that it leaves unchanged, is in postfix-messages.test.ts.
 */

import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";
import { startPostfixMailServer } from "./support/postfix-mail-server.ts";

const postfix = useMailServer("Postfix", { start: startPostfixMailServer, trace: "(Postfix)", holdsBack: true });

describeMailServer(postfix, {
  implicitTls: true,
  transactions: 1,
  wrongPassword: /status=deferred \(SASL authentication failed.*454 4\.7\.0 Authentication failed/,
  noLogin: /status=deferred \(.*451 4\.7\.0 Authentication required.*in reply to MAIL FROM/,
  paused: /status=deferred \(.*451 4\.7\.1 Sending with srv2 is paused/,
  relayDown: /status=deferred \(.*Connection refused/,
  refused: /dsn=5\.7\.1, status=bounced \(.*550 5\.7\.1 Sender domain forgotten\.test/,
  refusedAfterData: /dsn=5\.7\.1, status=bounced \(.*550 5\.7\.1 From field names forgotten\.test/,
  withoutLogin: "ESMTPS",
  author: "gets a bounce",
});
