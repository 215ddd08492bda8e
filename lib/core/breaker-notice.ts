/**
 * The mail that tells the operator of a pause or a warning, as a spool object of the relay's own.
 *
 * The same case at the same time has the same queue id, so that writing it twice writes one mail.
 */

import { createHash } from "node:crypto";
import type { Language } from "./directory.ts";
import { type OwnNoticeRoute, type OwnNoticeText, ownNotice } from "./own-notice.ts";
import { makeQueueId, type QueueId } from "./queue-id.ts";

/** What is to be told, to whom, in whose name. */
export interface BreakerCaseNotice extends OwnNoticeRoute {
  readonly kind: "pause" | "warn";
  /** Of the contact; the reason stays in English, as it stands in the log. */
  readonly language: Language;
  /** Absent: the tenant as a whole. */
  readonly sender?: string;
  readonly reason: string;
  /** A message whose bounce or complaint it was. */
  readonly cause: QueueId;
  readonly nowMs: number;
}

/** Queue id and octets of the object. */
export function breakerNotice(notice: BreakerCaseNotice): { readonly id: QueueId; readonly bytes: Buffer } {
  const { tenant, sender, kind, nowMs } = notice;
  const hash = createHash("sha256")
    .update(`breaker|${kind}|${tenant}|${sender ?? ""}|${nowMs}`)
    .digest();
  const id = makeQueueId(nowMs, hash);
  const text = notice.language === "ja" ? japanese(notice) : english(notice);
  return { id, bytes: ownNotice(notice, text, { kind: "breaker", id, timeMs: nowMs, about: notice.cause }) };
}

function resumeCommand({ tenant, sender }: BreakerCaseNotice): string {
  return `relayhost tenant resume ${tenant}${sender === undefined ? "" : ` --sender ${sender}`}`;
}

function english(notice: BreakerCaseNotice): OwnNoticeText {
  const { tenant, sender, kind, reason, cause } = notice;
  const who = sender === undefined ? `Tenant ${tenant}` : `Sender ${sender} of tenant ${tenant}`;
  const title = kind === "pause" ? "has been paused" : "comes near its limit";
  const paused = [
    "Nothing of it is sent until the pause is lifted. Mail waits at the customer's server, and what had been accepted",
    `waits in the queue. Messages in the queue for longer than the relay keeps trying are returned to their senders.`,
    "",
    "What to do: find out what was sent (relayhost trace, relayhost suppression list), have it stopped, then:",
    `  ${resumeCommand(notice)}`,
  ];
  const warned = [
    "It is still sending. If the rate goes on rising, it is paused.",
    "",
    "What to do: find out what is sent (relayhost trace, relayhost suppression list) and talk to the customer.",
  ];
  return {
    subject: `[relayhost] ${who} ${title}`,
    lines: [
      `${who} ${title}: ${reason}.`,
      "",
      ...(kind === "pause" ? paused : warned),
      "",
      `One of the messages: ${cause} (relayhost trace ${cause})`,
    ],
  };
}

function japanese(notice: BreakerCaseNotice): OwnNoticeText {
  const { tenant, sender, kind, reason, cause } = notice;
  const who = sender === undefined ? `お客様 ${tenant} ` : `${tenant} の差出人 ${sender} `;
  const title = kind === "pause" ? "の送信を一時停止しました" : "のエラー率が上限に近づいています";
  const paused = [
    "停止を解除するまで、新しいメールはお客様のサーバーのキューに残り、受け付け済みのメールは中継サーバーで待ちます。",
    "再送の期限を過ぎたメールは、不達通知として差出人に返されます。",
    "",
    "対処: 何が送信されたかを調べ (relayhost trace, relayhost suppression list)、原因を取り除いてから解除してください:",
    `  ${resumeCommand(notice)}`,
  ];
  const warned = [
    "送信は続いています。このまま増えると一時停止になります。",
    "",
    "対処: 何が送信されているかを調べ (relayhost trace, relayhost suppression list)、原因を取り除いてください。",
  ];
  return {
    subject: `[relayhost] ${who}${title}`,
    lines: [
      `${who}${title}。`,
      `理由: ${reason}`,
      "",
      ...(kind === "pause" ? paused : warned),
      "",
      `該当するメールの一つ: ${cause} (relayhost trace ${cause})`,
    ],
  };
}
