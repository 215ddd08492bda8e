/**
 * What a line of a mail server's log says of a message, whichever server wrote it: Postfix, Exim, sendmail or qmail.
 *
 * A line that says nothing of the kind is undefined, and so is a line cut short. Never throws.
 */

import { parseEximLine } from "./exim-log.ts";
import { parsePostfixLine } from "./postfix-log.ts";
import { parseQmailLine } from "./qmail-log.ts";
import { parseSendmailLine } from "./sendmail-log.ts";

/** One event of a message. `id` is the server's own, unique while the message is in its queue. */
export type MailLogEvent =
  /** The message came in. `sender` is empty for the null sender. */
  | { readonly kind: "sender"; readonly id: string; readonly sender: string; readonly sizeBytes?: number }
  | {
      readonly kind: "delivery";
      readonly id: string;
      readonly recipient: string;
      /** The address it was sent to before aliases and forwarding changed it. */
      readonly original?: string;
      readonly outcome: "sent" | "bounced" | "deferred";
      /** False: into a mailbox here, to a program, or to a filter on this machine. */
      readonly remote: boolean;
      /** The other side's words, or the server's. */
      readonly text: string;
    }
  | { readonly kind: "end"; readonly id: string };

/** Events of a line with what the line says of itself. */
export interface MailLogLine {
  /** Day in the log's own words (`2026-11-24`, `Nov 24`); empty where a line has none. */
  readonly day: string;
  /** The machine's name in a syslog line. */
  readonly host: string;
  readonly events: readonly MailLogEvent[];
}

/** Text after the head of a syslog line, and the program that wrote it. */
interface SyslogLine {
  readonly day: string;
  readonly host: string;
  readonly program: string;
  readonly text: string;
}

const TRADITIONAL = /^(?:<\d+>)?([A-Z][a-z]{2} [ \d]\d) \d\d:\d\d:\d\d (\S+) ([^\s:[]+)(?:\[\d+\])?: (.*)$/;
const MODERN = /^(?:<\d+>)?(\d{4}-\d\d-\d\d)T\S+ (\S+) ([^\s:[]+)(?:\[\d+\])?: (.*)$/;
const EXIM_OWN = /^(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? (?:\[\d+\] )?(.*)$/;
const TAI64N = /^@([0-9a-f]{16})[0-9a-f]{8} (.*)$/;
const EPOCH = /^(\d{9,10})\.\d+ (.*)$/;

/** Reads one line. Undefined: no line of a mail log that is known here. */
export function parseMailLogLine(line: string): MailLogLine | undefined {
  const syslog = parseSyslog(line);
  if (syslog !== undefined) return { day: syslog.day, host: syslog.host, events: ofProgram(syslog) };
  const exim = EXIM_OWN.exec(line);
  if (exim !== null) return { day: exim[1] ?? "", host: "", events: parseEximLine(exim[2] ?? "") };
  const tai = TAI64N.exec(line);
  if (tai !== null) return { day: dayOfTai(tai[1] ?? ""), host: "", events: parseQmailLine(tai[2] ?? "") };
  const epoch = EPOCH.exec(line);
  if (epoch !== null) return { day: dayOfSeconds(Number(epoch[1])), host: "", events: parseQmailLine(epoch[2] ?? "") };
  return undefined;
}

function parseSyslog(line: string): SyslogLine | undefined {
  const match = TRADITIONAL.exec(line) ?? MODERN.exec(line);
  if (match === null) return undefined;
  const [, day = "", host = "", program = "", text = ""] = match;
  return { day, host, program, text };
}

function ofProgram({ program, text }: SyslogLine): MailLogEvent[] {
  if (/^postfix(?:-[\w-]+)?\/|^postfix$/.test(program)) return parsePostfixLine(program, text);
  if (program.startsWith("exim")) return parseEximLine(EXIM_OWN.exec(text)?.[2] ?? text);
  if (/^(?:sm-mta|sendmail|sm-msp-queue|sm-msp)$/.test(program)) return parseSendmailLine(text);
  if (program.startsWith("qmail")) return parseQmailLine(EPOCH.exec(text)?.[2] ?? TAI64N.exec(text)?.[2] ?? text);
  return [];
}

/** TAI64 labels count from 2^62; the leap seconds do not matter for a day. */
function dayOfTai(hex: string): string {
  const seconds = BigInt(`0x${hex}`) - (1n << 62n);
  return seconds < 0n || seconds > 10_000_000_000n ? "" : dayOfSeconds(Number(seconds));
}

function dayOfSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
