/**
 * Why a message was not delivered, in words for the person who sent it: one table, Japanese and English.
 *
 * Each reason has a cause (what happened) and an advice (what the reader must do). Neither may rely on a remote
 * reply being quoted below, because some reasons have none.
 */

/** The two sentences of one language. */
export interface ReasonText {
  readonly cause: string;
  readonly advice: string;
}

interface Reason {
  readonly ja: ReasonText;
  readonly en: ReasonText;
  /**
   * True when the content is the cause. Sent back in full, it would be refused once more and take the report with
   * it, so the report returns the header only.
   */
  readonly contentIsCause?: true;
}

const REASONS = {
  "no-such-user": {
    ja: {
      cause: "宛先アドレスが受信側サーバーに存在しません。",
      advice: "宛先アドレスに誤りがないか確認し、正しいアドレスへ送り直してください。",
    },
    en: {
      cause: "The receiving server says that this address does not exist.",
      advice: "Please check the address for mistakes and send your message again to the right one.",
    },
  },
  "no-such-user-or-filtered": {
    ja: {
      cause:
        "宛先アドレスが存在しないか、相手の方の迷惑メール設定（ドメイン指定受信など）により、受け取りを拒否されました。",
      advice:
        "宛先アドレスを確認してください。正しい場合は、あなたのアドレスのドメイン（@ より後ろ）からのメールを受信できるよう、相手の方に設定を変えてもらってください。",
    },
    en: {
      cause: "The address does not exist, or the recipient's filter settings refuse this mail: the answer is the same.",
      advice:
        "Please check the address. If it is right, ask the recipient to allow mail from your domain (the part after the @ of your address).",
    },
  },
  "no-such-domain": {
    ja: {
      cause: "宛先アドレスの @ より後ろの部分（ドメイン名）が存在しないか、メールを受け取る設定になっていません。",
      advice: "ドメイン名のつづりを確認し、正しいアドレスへ送り直してください。",
    },
    en: {
      cause: "The domain (the part after the @) does not exist or does not accept mail.",
      advice: "Please check the spelling of the domain and send your message again to the right address.",
    },
  },
  "mailbox-disabled": {
    ja: {
      cause: "宛先のメールボックスは停止されていて、現在メールを受け取れません。",
      advice: "電話などほかの方法で相手の方に連絡し、使えるアドレスを確認してください。",
    },
    en: {
      cause: "The recipient's mailbox has been disabled and takes no mail.",
      advice: "Please contact the recipient by other means and ask for an address that works.",
    },
  },
  "mailbox-full": {
    ja: {
      cause: "相手の方のメールボックスがいっぱいで、受け取れませんでした。",
      advice: "電話などほかの方法で相手の方にそのことを伝え、空きができてから送り直してください。",
    },
    en: {
      cause: "The recipient's mailbox is full.",
      advice: "Please let the recipient know by other means, and send your message again when there is room.",
    },
  },
  "too-large": {
    ja: {
      cause: "メールのサイズが、受信側で受け取れる上限を超えています。",
      advice: "添付ファイルを小さくするか、ファイル共有サービスなどを利用して送り直してください。",
    },
    en: {
      cause: "The message is larger than the receiving side accepts.",
      advice: "Please make the attachments smaller, or share the files in another way, and send the message again.",
    },
  },
  "content-rejected": {
    contentIsCause: true,
    ja: {
      cause: "受信側サーバーが、メールの内容を理由に受け取りを拒否しました（迷惑メールと判定された可能性があります）。",
      advice: "本文中のリンクや添付ファイルを見直して送り直すか、ほかの方法で相手の方に連絡してください。",
    },
    en: {
      cause: "The receiving server refused the message because of its content (it may have been taken for spam).",
      advice: "Please review links and attachments and send it again, or contact the recipient by other means.",
    },
  },
  "attachment-rejected": {
    contentIsCause: true,
    ja: {
      cause: "添付ファイルの種類または内容を理由に、受け取りを拒否されました。",
      advice: "添付ファイルを外して送り直し、ファイルはほかの方法で渡してください。",
    },
    en: {
      cause: "The message was refused because of the type or content of an attachment.",
      advice: "Please send it again without the attachment and pass the file on in another way.",
    },
  },
  "policy-refused": {
    ja: {
      cause: "受信側サーバーの受信ルールにより、受け取りを拒否されました。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に相談してください。",
    },
    en: {
      cause: "The receiving server refused the message under its own rules.",
      advice: "Please pass this notice on to the administrator of your mail server.",
    },
  },
  "rate-limited": {
    ja: {
      cause: "短い時間に多くのメールが送られたため、受信側サーバーがしばらく受け取りを制限しています。",
      advice: "数時間後に送り直してください。急ぎの場合は、ほかの方法で相手の方に連絡してください。",
    },
    en: {
      cause: "The receiving server limits how much it takes, because many messages came in a short time.",
      advice: "Please send your message again in a few hours, or contact the recipient by other means.",
    },
  },
  "sender-authentication": {
    ja: {
      cause: "送信元ドメインの認証（SPF・DKIM・DMARC）を確認できないとして、受信側サーバーに拒否されました。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に送信元ドメインの DNS 設定の確認を依頼してください。",
    },
    en: {
      cause: "The receiving server could not authenticate the sender's domain (SPF, DKIM, DMARC).",
      advice: "Please pass this notice on to the administrator of your mail server, to check the domain's DNS records.",
    },
  },
  "blocked-ip": {
    ja: {
      cause:
        "受信側サーバーが、送信に使われた IP アドレスからのメールを拒否しています。宛先や本文の誤りではありません。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に連絡してください。",
    },
    en: {
      cause: "The receiving server refuses mail from the IP address it was sent from. You made no mistake.",
      advice: "Please pass this notice on to the administrator of your mail server.",
    },
  },
  suppressed: {
    ja: {
      cause:
        "以前この宛先で配信エラーまたは迷惑メールの申告があり、配信停止リストに登録されているため、送信していません。",
      advice:
        "宛先が正しく、相手の方が受信できることを確かめたうえで、お使いのメールサーバーの管理者に登録の解除を依頼し、その後で送り直してください。",
    },
    en: {
      cause:
        "Mail to this address bounced or was reported as spam before, so it is on the suppression list. Nothing was sent.",
      advice:
        "If the address is right and can receive mail, ask the administrator of your mail server to have the entry lifted, then send your message again.",
    },
  },
  "account-suppressed": {
    ja: {
      cause: "この宛先は Amazon SES のアカウント全体の配信停止リストに登録されているため、送信していません。",
      advice:
        "宛先が正しく、相手の方が受信できることを確かめたうえで、お使いのメールサーバーの管理者に Amazon SES の配信停止リストからの削除を依頼し、その後で送り直してください。",
    },
    en: {
      cause: "This address is on the account's suppression list in Amazon SES. Nothing was sent.",
      advice:
        "If the address is right and can receive mail, ask the administrator of your mail server to remove it from the suppression list in Amazon SES, then send your message again.",
    },
  },
  "globally-suppressed": {
    ja: {
      cause: "この宛先は最近、存在しないアドレスとしてエラーになっているため、Amazon SES が送信を止めています。",
      advice:
        "宛先アドレスに誤りがないか確認してください。正しい場合は、2 週間ほど待って送り直すか、ほかの方法で相手の方に連絡してください。",
    },
    en: {
      cause: "This address recently bounced as invalid, so Amazon SES sends nothing to it for now.",
      advice:
        "Please check the address. If it is right, send your message again in two weeks, or contact the recipient by other means.",
    },
  },
  "address-check-failed": {
    ja: {
      cause: "送信前のアドレス検査で、届かない可能性の高い宛先と判定されたため、送信していません。",
      advice:
        "宛先アドレスに誤りがないか確認し、正しい場合はお使いのメールサーバーの管理者にこの通知を添えて相談してください。",
    },
    en: {
      cause: "A check before sending found that this address very likely takes no mail. Nothing was sent.",
      advice: "Please check the address. If it is right, pass this notice on to the administrator of your mail server.",
    },
  },
  unsubscribed: {
    ja: {
      cause: "相手の方が配信の停止を申し込んでいるため、送信していません。",
      advice: "必要な連絡の場合は、ほかの方法で相手の方に連絡してください。",
    },
    en: {
      cause: "The recipient has unsubscribed from this mail. Nothing was sent.",
      advice: "If you need to reach the recipient, please do so by other means.",
    },
  },
  "not-verified": {
    ja: {
      cause: "送信元アドレスのドメインが、メール中継サービスでまだ使える状態になっていません。",
      advice:
        "お使いのメールサーバーの管理者に、送信元ドメインの登録と DNS 設定の確認を依頼し、その後で送り直してください。",
    },
    en: {
      cause: "The domain of the sender's address is not yet verified with the relay service.",
      advice:
        "Please ask the administrator of your mail server to check the domain's registration and DNS records, then send your message again.",
    },
  },
  "gave-up": {
    ja: {
      cause: "再送を繰り返しましたが、期限までに配信できませんでした。",
      advice: "時間をおいて送り直すか、ほかの方法で相手の方に連絡してください。",
    },
    en: {
      cause: "We kept trying until the time limit and could not deliver it.",
      advice: "Please send your message again later, or contact the recipient by other means.",
    },
  },
  virus: {
    contentIsCause: true,
    ja: {
      cause: "メールからウイルスが検出されたため、送信を中止しました。",
      advice: "お使いのコンピューターと添付ファイルのウイルス検査を行い、安全なものだけを送り直してください。",
    },
    en: {
      cause: "A virus was found in the message, so it was not sent.",
      advice: "Please scan your computer and the attachments, and send again only what is safe.",
    },
  },
  "ses-refused": {
    contentIsCause: true,
    ja: {
      cause: "メールの形式または内容に問題があり、送信サービスに受け付けられませんでした。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に相談してください。",
    },
    en: {
      cause: "The sending service did not accept the form or content of the message.",
      advice: "Please pass this notice on to the administrator of your mail server.",
    },
  },
  "mail-loop": {
    ja: {
      cause: "転送の設定により、メールが同じ経路を回り続けていました（メールループ）。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に転送設定の確認を依頼してください。",
    },
    en: {
      cause: "The message went round in a circle of forwarders (a mail loop).",
      advice: "Please pass this notice on to the administrator of your mail server, to check the forwarding.",
    },
  },
  unreachable: {
    ja: {
      cause: "受信側サーバーに接続できませんでした。",
      advice: "宛先のドメイン名に誤りがないか確認し、時間をおいて送り直してください。",
    },
    en: {
      cause: "The receiving server could not be reached.",
      advice: "Please check the domain of the address and send your message again later.",
    },
  },
  dropped: {
    ja: {
      cause: "送信待ちのメールを、メール中継サービスの管理者が取り消しました。",
      advice: "理由については、お使いのメールサーバーの管理者に問い合わせてください。",
    },
    en: {
      cause: "An administrator of the relay service took the message out of the queue.",
      advice: "Please ask the administrator of your mail server for the reason.",
    },
  },
  unreadable: {
    contentIsCause: true,
    ja: {
      cause: "メール中継サービスで、このメールを処理できませんでした。",
      advice: "もう一度送り直し、同じ通知が届く場合は、お使いのメールサーバーの管理者に相談してください。",
    },
    en: {
      cause: "The relay service could not process this message.",
      advice: "Please send it again. If this notice comes back, pass it on to the administrator of your mail server.",
    },
  },
  general: {
    ja: {
      cause: "受信側サーバーに受け取りを拒否されました。",
      advice:
        "宛先アドレスに誤りがないか確認し、正しい場合はこの通知を添えて、お使いのメールサーバーの管理者に相談してください。",
    },
    en: {
      cause: "The receiving server refused the message.",
      advice: "Please check the address. If it is right, pass this notice on to the administrator of your mail server.",
    },
  },
  held: {
    ja: {
      cause: "メール中継サービス側の都合で送信できませんでした。宛先や本文の誤りではありません。",
      advice: "この通知を添えて、お使いのメールサーバーの管理者に連絡してください。",
    },
    en: {
      cause: "The relay service was not able to send the message. You made no mistake.",
      advice: "Please pass this notice on to the administrator of your mail server.",
    },
  },
  delayed: {
    ja: {
      cause: "受信側サーバーが一時的に受け取れない状態です。",
      advice: "時間をおいて送り直してください。",
    },
    en: {
      cause: "The receiving server cannot take the message at the moment.",
      advice: "Please send your message again later.",
    },
  },
  relayed: {
    ja: { cause: "受信側サーバーに引き渡しました。", advice: "対応は必要ありません。" },
    en: { cause: "It was handed on to the receiving server.", advice: "There is nothing you need to do." },
  },
} as const satisfies Readonly<Record<string, Reason>>;

/** What the human part explains. */
export type DsnReason = keyof typeof REASONS;

/** Every reason, for tests and documentation. */
export const DSN_REASONS: readonly DsnReason[] = Object.keys(REASONS).filter(isDsnReason);

/** True for a text that names a reason, for example one read back from a record. */
export function isDsnReason(text: string): text is DsnReason {
  return Object.hasOwn(REASONS, text);
}

/** Cause and advice of a reason. */
export function reasonText(reason: DsnReason, language: "en" | "ja"): ReasonText {
  return REASONS[reason][language];
}

/** True when the report must return the header only, see `contentIsCause`. */
export function isContentTheCause(reason: DsnReason): boolean {
  return "contentIsCause" in REASONS[reason];
}

/** Causes while we still try: a failure's words would be wrong. Reasons not named here read as `delayed`. */
const DELAY_CAUSES: Partial<Readonly<Record<DsnReason, Readonly<Record<"en" | "ja", string>>>>> = {
  "mailbox-full": {
    ja: "相手の方のメールボックスがいっぱいです。",
    en: "The recipient's mailbox is full.",
  },
  "content-rejected": {
    ja: "受信側サーバーが、迷惑メールの疑いがあるとして受け取りを見合わせています。",
    en: "The receiving server holds it back as possible spam.",
  },
  "blocked-ip": {
    ja: "受信側サーバーが、送信に使われた IP アドレスからの受け取りを見合わせています。宛先や本文の誤りではありません。",
    en: "The receiving server holds back mail from the IP address it is sent from. You made no mistake.",
  },
  "rate-limited": {
    ja: "短い時間に多くのメールが送られたため、受信側サーバーが受け取りを制限しています。",
    en: "The receiving server limits how much it takes, because many messages came in a short time.",
  },
  unreachable: {
    ja: "受信側サーバーに接続できないか、通信が途中で切れています。",
    en: "The receiving server cannot be reached, or the connection breaks.",
  },
  held: {
    ja: "メール中継サービス側の都合で、送信が遅れています。宛先や本文の誤りではありません。",
    en: "The relay service is not able to send it yet. You made no mistake.",
  },
};

/** The cause of a delay. */
export function delayCause(reason: DsnReason, language: "en" | "ja"): string {
  return (DELAY_CAUSES[reason] ?? { ja: REASONS.delayed.ja.cause, en: REASONS.delayed.en.cause })[language];
}
