/** Lines of sendmail. One line may name several recipients. */

import type { MailLogEvent } from "./mail-log-event.ts";

const SENDER = /^([0-9A-Za-z]{12,}): from=<?([^>,]*)>?, size=(\d+)/;
const DELIVERY =
  /^([0-9A-Za-z]{12,}): to=(.*?), (?:ctladdr=(\S+?)(?: \([^)]*\))?, )?delay=.*?mailer=(\w+),(?:.*?relay=([^,]*),)?.*?(?:dsn=(\d)\.\d+\.\d+, )?stat=(.*)$/;

/** Events of a line. sendmail writes none at the end of a message. */
export function parseSendmailLine(text: string): MailLogEvent[] {
  const sender = SENDER.exec(text);
  if (sender !== null) {
    return [{ kind: "sender", id: sender[1] ?? "", sender: sender[2] ?? "", sizeBytes: Number(sender[3]) }];
  }
  const match = DELIVERY.exec(text);
  if (match === null) return [];
  const [, id = "", to = "", controlling, mailer = "", relay = "", dsn, words = ""] = match;
  const isHere = /^\[?(?:127\.|localhost)|\[127\.|\[(?:IPv6:)?::1\]/.test(relay);
  const remote = /^(?:e?smtp|smtp8|dsmtp|relay)$/.test(mailer) && !isHere;
  const outcome = words.startsWith("Sent") ? "sent" : dsn === "5" ? "bounced" : "deferred";
  const original = controlling?.replace(/^<|>$/g, "");
  return to.split(",").map((one) => {
    const recipient = one.trim().replace(/^<|>$/g, "");
    return {
      kind: "delivery",
      id,
      recipient,
      // The controlling address of a program's mail is the user who sent it: it has no domain.
      ...(original === undefined || !original.includes("@") || original === recipient ? {} : { original }),
      outcome,
      remote,
      text: words,
    };
  });
}
