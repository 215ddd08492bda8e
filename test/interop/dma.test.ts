/**
 * dma 0.13 as Debian 12 has it, with the set-up of our guide: SMARTHOST, SECURETRANSFER, STARTTLS, AUTHPATH.
 *
 * | the relay                          | dma                                                                        |
 * |------------------------------------|----------------------------------------------------------------------------|
 * | takes mail                         | AUTH LOGIN only; each recipient is a transaction, all at the same time     |
 * | 454 to AUTH (wrong password)       | goes on without a login, meets 451 at MAIL, keeps the mail                 |
 * | 451 to MAIL (no login, paused)     | keeps the mail                                                             |
 * | does not answer                    | keeps the mail                                                             |
 * | 550 to MAIL or at the end of DATA  | bounces with `From: MAILER-DAEMON <>`, which names no address: the relay   |
 * |                                    | refuses it, dma says it discards it but keeps it for ever, and the author  |
 * |                                    | hears nothing                                                              |
 */

import { startDma } from "./support/dma.ts";
import { useMailServer } from "./support/mail-server-harness.ts";
import { describeMailServer } from "./support/mail-server-suite.ts";

const dma = useMailServer("dma", { start: startDma, trace: "(DragonFly Mail Agent", holdsBack: false });

describeMailServer(dma, {
  implicitTls: true,
  transactions: 12,
  wrongPassword:
    /454 4\.7\.0 Authentication failed.*\n(?:.*\n)*.*deferred: .*MAIL FROM: 451 4\.7\.0 Authentication has failed/,
  noLogin: /deferred: .*MAIL FROM: 451 4\.7\.0 Authentication required/,
  paused: /deferred: .*MAIL FROM: 451 4\.7\.1 Sending with srv2 is paused/,
  relayDown: /connect to .* failed: Connection refused/,
  refused: /MAIL FROM: 550 5\.7\.1 (?:.*\n)*.*can not bounce a bounce message, discarding/,
  refusedAfterData: /final DATA: 550 5\.7\.1 (?:.*\n)*.*can not bounce a bounce message, discarding/,
  withoutLogin: "ESMTPS",
  author: "is not told",
});
