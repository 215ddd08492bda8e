/** Lines of Exim's main log (specification, chapter "Log files"), without the time before them. */

import type { MailLogEvent } from "./mail-log-event.ts";

const LINE = /^([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) (<=|=>|->|>>|\*\*|==|Completed)(?: (.*))?$/;

/** Events of a line. */
export function parseEximLine(text: string): MailLogEvent[] {
  const match = LINE.exec(text);
  if (match === null) return [];
  const [, id = "", flag = "", rest = ""] = match;
  switch (flag) {
    case "<=": {
      const sender = rest.split(" ")[0] ?? "";
      const size = / S=(\d+)/.exec(rest)?.[1];
      const event = { kind: "sender", id, sender: sender === "<>" ? "" : sender } as const;
      return [size === undefined ? event : { ...event, sizeBytes: Number(size) }];
    }
    case "Completed":
      return [{ kind: "end", id }];
    default:
      return delivery(id, flag, rest);
  }
}

/** `user@final (user@middle) <user@original> F=<sender> R=router T=transport H=host [address] ...` */
function delivery(id: string, flag: string, rest: string): MailLogEvent[] {
  const [head = ""] = rest.split(/ (?:F|P|R|T|H|S|X|A|C|QT|DT|L|K|CV|DN|ST|PRX|I)=|: /);
  const original = /<([^>]*)>/.exec(head)?.[1];
  const first = head.trim().split(" ")[0] ?? "";
  // A local delivery shows the mailbox first and the address in brackets.
  const recipient = first.includes("@") ? first : (original ?? first);
  const transport = / T=(\S+)/.exec(rest)?.[1] ?? "";
  const host = / H=\S+ \[([^\]]+)\]/.exec(rest)?.[1] ?? "";
  const isHere = host.startsWith("127.") || host === "::1";
  const remote = !isHere && (host !== "" || /smtp/.test(transport) || (flag === "**" && / R=dnslookup/.test(rest)));
  return [
    {
      kind: "delivery",
      id,
      recipient,
      ...(original === undefined || original === recipient ? {} : { original }),
      outcome: flag === "**" ? "bounced" : flag === "==" ? "deferred" : "sent",
      remote,
      text: rest.slice(head.length).trim(),
    },
  ];
}
