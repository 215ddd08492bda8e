/**
 * The mail that tells a tenant's contact that its own addresses are on no block list any more, as a spool object of the
 * relay's own.
 *
 * The same run of days has the same queue id and the same octets, so that writing it twice writes one mail.
 */

import { createHash } from "node:crypto";
import type { Language } from "./directory.ts";
import { type OwnNoticeRoute, type OwnNoticeText, ownNotice } from "./own-notice.ts";
import { makeQueueId, type QueueId } from "./queue-id.ts";
import { utcDay } from "./usage.ts";
import type { WatchNoticeState } from "./watch.ts";

/** What is to be told, to whom, in whose name. */
export interface WatchNotice extends OwnNoticeRoute {
  /** The tenant's name, for people. */
  readonly name: string;
  readonly language: Language;
  readonly notice: WatchNoticeState;
  readonly networks: readonly string[];
  /** Names of the lists that were asked. */
  readonly lists: readonly string[];
  readonly asked: number;
}

/** Queue id and octets of the object. */
export function watchNotice(watch: WatchNotice): { readonly id: QueueId; readonly bytes: Buffer } {
  const { tenant, language, notice } = watch;
  const timeMs = notice.atMs;
  const id = makeQueueId(timeMs, createHash("sha256").update(`watch|${tenant}|${timeMs}`).digest());
  const text = language === "ja" ? japanese(watch) : english(watch);
  return { id, bytes: ownNotice(watch, text, { kind: "watch", id, timeMs, about: id }) };
}

function english({ name, notice, networks, lists, asked }: WatchNotice): OwnNoticeText {
  return {
    subject: "[relayhost] Your own addresses are on no block list any more",
    lines: [
      `${name}: for ${notice.run} checks in a row, one a day, none of your own addresses was`,
      "found on the block lists below. Your servers may be able to send their mail",
      "directly again, without the relay.",
      "",
      "Watched:",
      ...networks.map((cidr) => `  ${shown(cidr)}`),
      `Addresses asked for on ${utcDay(notice.atMs)} (UTC): ${asked}`,
      "",
      "Lists asked:",
      ...lists.map((list) => `  ${list}`),
      "",
      "What no list can show: Gmail, Microsoft and others keep lists of their own that",
      "cannot be asked. So first let one server, or one domain, send directly for some",
      "days and look at what comes back. The relay stays as it is until you end the",
      "contract.",
      "",
      "This mail comes once. If an address is listed again, counting begins anew.",
    ],
  };
}

function japanese({ name, notice, networks, lists, asked }: WatchNotice): OwnNoticeText {
  return {
    subject: "[relayhost] 自社 IP アドレスのブロックリスト登録がなくなりました",
    lines: [
      `${name} ご担当者様`,
      "",
      `毎日の確認で ${notice.run} 回続けて、貴社の IP アドレスは下記のどのブロックリストにも`,
      "登録されていませんでした。中継を使わず、貴社のサーバーから直接送信できる状態に",
      "戻った可能性があります。",
      "",
      "監視対象:",
      ...networks.map((cidr) => `  ${shown(cidr)}`),
      `${utcDay(notice.atMs)} (UTC) に確認した IP アドレスの数: ${asked}`,
      "",
      "確認したブロックリスト:",
      ...lists.map((list) => `  ${list}`),
      "",
      "Gmail や Microsoft などが独自に持つ評価は、外部から確認できません。まず一台の",
      "サーバー、または一つのドメインだけを数日間直接送信に切り替え、エラーメールの",
      "有無を確かめてください。契約を終了されるまで、中継はこれまでどおり利用できます。",
      "",
      "このお知らせは一度だけお送りします。再び登録された場合は、日数を数え直します。",
    ],
  };
}

/** A single address without its prefix length. */
function shown(cidr: string): string {
  return cidr.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, "");
}
