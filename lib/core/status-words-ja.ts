/** The sentences of `relayhost status` in Japanese. */

import type { StatusWords } from "./status.ts";

const NAMES_SHOWN = 5;

/** See `status-words-en.ts`. Errors, reasons and names of others stay in the words they came in. */
export const STATUS_WORDS_JA: StatusWords = {
  couldNotAsk: (error) => `確認できませんでした: ${error}`,
  localAlarms: "ローカルモードにはアラームがありません。監視しているのはこの画面の項目だけです",
  sendingPaused: "SES がアカウントの送信を停止しています",
  shutDown: "SES がアカウントを停止しました",
  underReview: "SES がアカウントを審査中です",
  sandbox: "サンドボックスです。検証済みの宛先にだけ、1 日 200 通まで送れます",
  requestAccess: "本番アクセスを申請してください: docs/deploy.md",
  used: (sent, max) =>
    max === undefined ? `24 時間で ${count(sent)} 件を送信、上限なし` : `24 時間で ${count(sent)} / ${count(max)} 件`,
  quotaUsedUp: (used) => `1 日の送信枠を使い切りました: ${used}`,
  quotaNearlyUsed: (used) => `1 日の送信枠が残りわずかです: ${used}`,
  accountGood: (used, perSecond) => `本番アクセスあり、正常。${used}、毎秒 ${count(perSecond)} 件`,
  queueEmpty: "空です",
  queued: (messages, isMore) => `${count(messages)} 通${isMore ? "以上" : ""}`,
  allHeld: (amount) => `${amount}、すべて保留中`,
  waits: (amount, held, oldestSeconds, reason) => {
    const why = reason === undefined || reason === "" ? "" : ` (${reason})`;
    return `${amount}${held === 0 ? "" : `、うち保留 ${held} 通`}。最長の待ち時間は ${duration(oldestSeconds)}${why}`;
  },
  setAside: (messages) => `${count(messages)} 通を取り除けました。読めないか、処理が途中で落ちたものです`,
  eventsSetAside: (events) => `SES のイベント ${count(events)} 件を記録できていません`,
  webhooksSetAside: (webhooks) =>
    `テナントのサーバーが 3 日間受け取らなかった Webhook が ${count(webhooks)} 件あります`,
  noneSetAside: "ありません",
  noMail: "メールはありません",
  lastHour: (hour) =>
    [
      `${count(hour.messages)} 通、宛先 ${count(hour.recipients)} 件`,
      `配送済み ${count(hour.delivered)}`,
      `不達 ${count(hour.bounced)}`,
      ...(hour.complained > 0 ? [`迷惑メール報告 ${count(hour.complained)}`] : []),
      ...(hour.refused > 0 ? [`拒否 ${count(hour.refused)}`] : []),
      ...(hour.suppressed > 0 ? [`送信停止 ${count(hour.suppressed)}`] : []),
      ...(hour.open > 0 ? [`配送中 ${count(hour.open)}`] : []),
    ].join("、"),
  cameBack: (hour) => `不達や迷惑メール報告が多く出ています: ${hour}`,
  nonePaused: "停止中のものはありません",
  pausedByRelay: (who, reason) => `${who} をリレーが自動停止しました: ${reason}`,
  pausedByHand: (who, reason) => `${who} を手動で停止中です: ${reason}`,
  afterwards: (first, second) => `${first}、その後 ${second}`,
  usedUp: (tenant) => `${tenant} が今月の上限に達しました。メールは送信元のサーバーで待機しています`,
  systemLost: (domain) => `リレー自身の通知に使う ${domain} から、SES が送信できません`,
  lost: (names) => `${list(names)} から SES が送信できなくなりました。DNS レコードか SES の登録が消えています`,
  pending: (names) => `未検証のドメイン ${count(names.length)} 件: ${list(names)}`,
  allVerified: (domains) => `${count(domains)} 件すべて検証済み`,
  edgeSilent: (reason) => `エッジが応答しません (${reason})。待機中でなければ、お客様は接続できません`,
  noStarttls: "STARTTLS なしで応答しました。このリレーでしょうか?",
  certificateEnded: (date) => `${date} に期限が切れました`,
  certificateEnds: (days, date) => `あと ${count(days)} 日で期限が切れます (${date})`,
  certificateRefused: (why, date) => `証明書を検証するクライアントに拒否されます: ${why}。期限は ${date}`,
  certificateGood: (date, selfMade) => `${date} まで有効${selfMade ? "、自己署名" : ""}`,
  noneRings: "鳴っているものはありません",
  rings: (name, since) => `${name}${since === undefined ? "" : ` (${since} から)`}`,
};

function list(all: readonly string[]): string {
  const more = all.length - NAMES_SHOWN;
  return `${all.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` ほか ${more} 件` : ""}`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function duration(seconds: number): string {
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} 分`;
  return seconds < 48 * 3_600 ? `${Math.floor(seconds / 3_600)} 時間` : `${Math.floor(seconds / 86_400)} 日`;
}
