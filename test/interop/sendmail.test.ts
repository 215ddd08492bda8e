/**
 * sendmail 8.17.1.9 as Debian 12 has it, with the set-up of our guide: SMART_HOST, authinfo in a map, a CA file. Its
 * certificate check is logged (`verify=OK`), not enforced.
 *
 * | the relay                          | sendmail                                                                   |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH PLAIN; all recipients in one transaction                              |
 * | 454 to AUTH (wrong password)       | ends the session at once, keeps the mail                                   |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | bounces; the relay takes the bounce, which has the null sender             |
 *
 * Where host status is kept on disk (DAEMON_HOSTSTATS="Yes", not Debian's default), a failed AUTH stops all mail for 30
 * minutes, `sendmail -q` included.
 */

import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";
import { startSendmail } from "./support/sendmail.ts";

const sendmail = useMailServer("sendmail", { start: startSendmail, trace: "(8.17.", holdsBack: false });

describeMailServer(sendmail, {
  implicitTls: false,
  transactions: 1,
  wrongPassword: /temporary failure, connection abort(?:.*\n)*.*reply=454 4\.7\.0 Authentication failed.*stat=Deferred/,
  noLogin: /reply=451 4\.7\.0 Authentication required.*stat=Deferred/,
  paused: /reply=451 4\.7\.1 Sending with srv2 is paused.*stat=Deferred/,
  relayDown: /stat=Deferred: Connection refused/,
  refused: /reply=550 5\.7\.1 Sender domain forgotten\.test(?:.*\n)*.*DSN: Service unavailable/,
  refusedAfterData: /reply=550 5\.7\.1 From field names forgotten\.test(?:.*\n)*.*DSN: Service unavailable/,
  withoutLogin: "ESMTPS",
  author: "gets a bounce",
});
