/**
 * Plesk for Linux with Postfix, by its own smart host setting (Obsidian 18.0.64 and newer; docs.plesk.com, page 80030).
 * Not tested by us. Plesk rewrites Postfix's files, so they are not changed by hand.
 */

import { planPostfix } from "./postfix.ts";
import { PASSWORD, type SetupPlan, type SetupValues } from "./setup-plan.ts";

/** The plan: everything by Plesk's command; a list of destinations by Postfix's files, as without Plesk. */
export function planPlesk(values: SetupValues): SetupPlan {
  const postfix = planPostfix(values);
  const before = [
    {
      en: "Is it Postfix? `/usr/local/psa/admin/sbin/mailmng --features | grep SMTP_Server`. For qmail: relayhost setup plesk-qmail. We have not tested this on a Plesk server.",
      ja: "Postfix かどうかは /usr/local/psa/admin/sbin/mailmng --features | grep SMTP_Server で確認できます。qmail の場合は relayhost setup plesk-qmail を使ってください。この手順は当方の Plesk では試験していません。",
    },
  ];
  const repair = {
    en: "Look again after `plesk repair mail`, after an update of Plesk, and after changes of mail settings: Plesk may write Postfix's files anew.",
    ja: "plesk repair mail、Plesk の更新、メール設定の変更のあとは、もう一度確認してください。Plesk が Postfix の設定ファイルを書き直すことがあります。",
  };
  if (values.only !== undefined) {
    return {
      ...postfix,
      title: "Plesk (Postfix)",
      before: [...before, ...postfix.before],
      after: [repair, ...postfix.after],
    };
  }
  const user = values.login === undefined ? "" : ` -smarthost-user ${values.login}`;
  const password = values.login === undefined ? "" : `PSA_PASSWORD='${PASSWORD}' `;
  const server = `-smarthost-host ${values.host} -smarthost-port ${values.port}`;
  return {
    ...postfix,
    title: "Plesk (Postfix)",
    before: [
      ...before,
      {
        en: "Plesk Obsidian 18.0.64 or newer: `plesk version`. `plesk bin mailserver --help` must list --configure-smarthost; where it does not, use Tools & Settings > Mail Server Settings > Smart host, or relayhost setup postfix.",
        ja: "Plesk Obsidian 18.0.64 以降が必要です (plesk version で確認)。plesk bin mailserver --help に --configure-smarthost がない場合は、「ツールと設定」>「メールサーバ設定」のスマートホスト設定か、relayhost setup postfix の手順を使ってください。",
      },
    ],
    variables: postfix.variables.filter(({ name }) => name === "config"),
    files: [],
    actions: [
      { kind: "run", command: "plesk bin mailserver --help | grep -e --configure-smarthost" },
      { kind: "run", command: `${password}plesk bin mailserver --configure-smarthost ${server}${user}` },
      { kind: "run", command: "plesk bin mailserver --enable-smarthost" },
    ],
    activate: [],
    undo: ["plesk bin mailserver --disable-smarthost"],
    after: [
      repair,
      {
        en: "smtp_tls_security_level has to be at least encrypt: below that the login might travel in the clear, and the relay does not take it.",
        ja: "smtp_tls_security_level は encrypt 以上にしてください。それ未満ではパスワードが平文で流れるおそれがあり、リレーは受け付けません。",
      },
      {
        en: "Since 18.0.76 single domains can have a smart host of their own: in the domain's mail settings.",
        ja: "18.0.76 以降は、ドメインごとにスマートホストを設定できます (各ドメインのメール設定)。",
      },
    ],
  };
}
