/**
 * OpenSMTPD 6.8.0p2 as Debian 12 has it, with the set-up of our guide: smtp+tls with a table of secrets. It verifies the
 * relay's certificate.
 *
 * | the relay                          | OpenSMTPD                                                                  |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH PLAIN; all recipients in one transaction                              |
 * | 454 to AUTH (wrong password)       | keeps the mail, leaves the route alone for 15 seconds                      |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | bounces; the relay takes the bounce, which has the null sender             |
 */

import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";
import { startOpenSmtpd } from "./support/opensmtpd.ts";

const openSmtpd = useMailServer("OpenSMTPD", { start: startOpenSmtpd, trace: "(OpenSMTPD)", holdsBack: false });

describeMailServer(openSmtpd, {
  implicitTls: true,
  transactions: 1,
  wrongPassword: /AUTH rejected: 454 4\.7\.0 Authentication failed(?:.*\n)*.*Disabling route .* for 15s/,
  noLogin: /result="TempFail" stat="451 4\.7\.0 Authentication required/,
  paused: /result="TempFail" stat="451 4\.7\.1 Sending with srv2 is paused/,
  relayDown: /mta error reason=(?:Connection refused|IO Error)/,
  refused: /result="PermFail" stat="550 5\.7\.1 Sender domain forgotten\.test/,
  refusedAfterData: /result="PermFail" stat="550 5\.7\.1 From field names forgotten\.test/,
  withoutLogin: "ESMTPS",
  author: "gets a bounce",
});
