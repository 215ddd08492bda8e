/** Whether what a client is told stands in the table of replies: nothing else may reach it. Pure. */

import { SMTP_REPLIES, type SmtpReplyRow } from "../../lib/core/smtp-reply.ts";
import type { SmtpReply } from "../../test/support/smtp-client.ts";

const PATTERNS = Object.values(SMTP_REPLIES as Readonly<Record<string, SmtpReplyRow>>).map(patternOf);

/** True for a reply of the table, whatever fills its placeholders, and for the list of what EHLO offers. */
export function isOfTable({ code, lines }: Pick<SmtpReply, "code" | "lines">): boolean {
  const isExtensions = code === 250 && lines.length > 1 && lines.slice(1).every((line) => /^[A-Z0-9]/.test(line));
  if (isExtensions) return true;
  return lines.length === 1 && PATTERNS.some((pattern) => pattern.test(`${code} ${lines[0] ?? ""}`));
}

/** A placeholder stands for one word, or for a sentence of the operator's or a time where it is one of those. */
function patternOf({ code, enhanced, text }: SmtpReplyRow): RegExp {
  const words = text
    .split(/\{(\w+)\}/)
    .map((part, index) => (index % 2 === 1 ? placeholder(part) : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(
    `^${code} ${enhanced === undefined ? "" : `${enhanced.replaceAll(".", "\\.")} `}${words.join("")}$`,
  );
}

function placeholder(name: string): string {
  return name === "reason" || name === "who" || name === "time" ? ".{1,200}" : "\\S{1,320}";
}
