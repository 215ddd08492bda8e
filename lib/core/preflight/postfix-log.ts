/** Lines of Postfix. Log names are `syslog_name/service` (postconf(5), syslog_name). */

import type { MailLogEvent } from "./mail-log-event.ts";

const SENDER = /^([0-9A-Za-z]{6,}): from=<([^>]*)>, size=(\d+)/;
const DELIVERY =
  /^([0-9A-Za-z]{6,}): to=<([^>]*)>,(?: orig_to=<([^>]*)>,)? relay=([^,]*),.* status=(sent|bounced|deferred|expired) ?(.*)$/;
const REMOVED = /^([0-9A-Za-z]{6,}): removed$/;
/** A filter or a mailbox server on the same machine takes the mail back in or keeps it. */
const HERE = /^(?:127\.|\[?::1|localhost|local|dovecot|private\/)|\[(?:127\.|::1\])|\[private\//;

/** Events of a line; `program` is what stands before the process id. */
export function parsePostfixLine(program: string, text: string): MailLogEvent[] {
  const service = program.slice(program.lastIndexOf("/") + 1);
  const sender = SENDER.exec(text);
  if (sender !== null && service === "qmgr") {
    return [{ kind: "sender", id: sender[1] ?? "", sender: sender[2] ?? "", sizeBytes: Number(sender[3]) }];
  }
  const delivery = DELIVERY.exec(text);
  if (delivery !== null) {
    const [, id = "", recipient = "", original, relay = "", status, words = ""] = delivery;
    return [
      {
        kind: "delivery",
        id,
        recipient,
        ...(original === undefined ? {} : { original }),
        outcome: status === "sent" || status === "deferred" ? status : "bounced",
        remote: (service === "smtp" || service === "error" || service === "relay") && !HERE.test(relay),
        text: words.replace(/^\(|\)$/g, ""),
      },
    ];
  }
  const removed = REMOVED.exec(text);
  return removed === null ? [] : [{ kind: "end", id: removed[1] ?? "" }];
}
