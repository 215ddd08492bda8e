/**
 * qmail: with an authentication patch (sagredo's, and those that read the same smtproutes), and without.
 *
 * `smtproutes` is read at each delivery, so nothing is restarted. See qmail-remote(8).
 */

import { SELECTIVE_MISSES } from "./postfix.ts";
import { whySelected } from "./selected-domains.ts";
import {
  literally,
  PASSWORD,
  type SetupCheck,
  type SetupPlan,
  type SetupValues,
  type Text,
  token,
} from "./setup-plan.ts";
import { CERTIFICATE_EXPECTED, certificateCommand, testAddresses } from "./setup-variables.ts";

const QMAIL = token("qmail");

/** qmail. */
export function planQmail(values: SetupValues): SetupPlan {
  return qmailPlan("qmail", values, [
    {
      en: "A login in smtproutes needs the authentication patch, TLS needs the TLS patch: `strings /var/qmail/bin/qmail-remote | grep -i -e starttls -e 'AUTH '` shows both. notqmail and netqmail as they come have neither.",
      ja: "smtproutes でのログインには認証パッチ、TLS には TLS パッチが必要です。strings /var/qmail/bin/qmail-remote | grep -i -e starttls -e 'AUTH ' で確認できます。notqmail と netqmail にはどちらもありません。",
    },
  ]);
}

/** Plesk with qmail. Not tested by us; what its qmail-remote can do is not known. */
export function planPleskQmail(values: SetupValues): SetupPlan {
  return qmailPlan("Plesk (qmail)", values, [
    {
      en: "Is it qmail? `/usr/local/psa/admin/sbin/mailmng --features | grep SMTP_Server`. For Postfix: relayhost setup plesk. We have not tested this on a Plesk server.",
      ja: "qmail かどうかは /usr/local/psa/admin/sbin/mailmng --features | grep SMTP_Server で確認できます。Postfix の場合は relayhost setup plesk を使ってください。この手順は当方の Plesk では試験していません。",
    },
    ...(values.login === undefined
      ? []
      : [
          {
            en: "Whether Plesk's qmail-remote can log in is not known: see the first check below. If it cannot, let the relay know this server by its address (relayhost network add) and print this page again without a login.",
            ja: "Plesk の qmail-remote がログインできるかは確認されていません。下の最初の確認を行ってください。できない場合は、サーバーの IP アドレスをリレーに登録し (relayhost network add)、ログインなしでこの手順を出力し直してください。",
          },
        ]),
    {
      en: "Plesk can run Postfix instead: plesk installer --select-release-current --install-component postfix. THE QUEUE IS LOST by that: wait until qmail-qstat shows no messages.",
      ja: "Plesk は Postfix に切り替えられます: plesk installer --select-release-current --install-component postfix。この操作でキューは失われます。qmail-qstat でキューが空になってから行ってください。",
    },
    {
      en: "Routes do not touch mail for domains of this server. qmail in Plesk does not rewrite senders of forwarded mail (no SRS): let the operator set foreignFrom to rewrite for you if you forward mail.",
      ja: "経路の設定は、このサーバーにあるドメイン宛てのメールには影響しません。Plesk の qmail は転送時に差出人を書き換えません (SRS なし)。転送を使う場合は、運用者に foreignFrom を rewrite にするよう依頼してください。",
    },
  ]);
}

function qmailPlan(title: string, values: SetupValues, before: readonly Text[]): SetupPlan {
  const { login, host, port, only } = values;
  const route = `${host}:${port}${login === undefined ? "" : `|${login}|${PASSWORD}`}`;
  const file = `${QMAIL}/control/smtproutes`;
  // No comments in the file: qmail would take them for routes.
  const lines =
    only === undefined
      ? [`:${route}`]
      : only
          .map(({ domain }) => domain)
          .toSorted()
          .map((domain) => `${domain}:${route}`);
  const { from, to } = testAddresses(values);
  const delivery: SetupCheck = {
    command: `printf 'From: ${from}\\nTo: ${to}\\nSubject: relay test\\n\\ntest\\n' | ${QMAIL}/bin/qmail-remote ${to.split("@")[1] ?? ""} ${from} ${to} | tr '\\0' '\\n'`,
    expect: {
      en: `two lines, r... and K...: taken. Z: try later. D: refused for good. An answer that names another host than ${host}: the route does not fit.`,
      ja: `r… と K… の 2 行なら送信されています。Z は一時的な失敗、D は恒久的な拒否です。${host} 以外のホスト名が表示されたら、経路が一致していません。`,
    },
  };
  return {
    title,
    before: [
      ...before,
      ...(login === undefined
        ? [
            {
              en: "Without a login the relay must know this server's address: relayhost network add ADDRESS; and with a qmail that speaks no TLS, take mail in the clear from it.",
              ja: "ログインを使わない場合は、サーバーの IP アドレスをリレーに登録してください (relayhost network add)。TLS を使えない qmail では、平文での受付も許可する必要があります。",
            },
          ]
        : []),
    ],
    variables: [{ name: "qmail", shell: "qmail=/var/qmail", shown: "/var/qmail" }],
    files: [{ path: file }],
    actions: [
      {
        kind: "set",
        file,
        // The old default route, and all that goes to the relay already.
        remove: only === undefined ? `:.*|[^:]*:${literally(host)}(:.*)?` : `[^:]*:${literally(host)}(:.*)?`,
        lines,
      },
      // qmail-remote runs as its own user.
      { kind: "run", command: `chmod ${login === undefined ? "0644" : "0640"} ${file}` },
      ...(login === undefined ? [] : [{ kind: "run", command: `chgrp qmail ${file}` } as const]),
    ],
    activate: [],
    verify: [
      delivery,
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: `${QMAIL}/bin/qmail-qstat; ${QMAIL}/bin/qmail-qread`,
        expect: {
          en: "what waits. kill -ALRM and the process id of qmail-send tries everything at once.",
          ja: "待っているメールを表示します。qmail-send のプロセスに ALRM シグナルを送ると (kill -ALRM)、すぐに再送します。",
        },
      },
    ],
    undo: [],
    after: [
      ...(only === undefined
        ? [
            {
              en: "Routes for single domains stay and win over the one for everything: those with a host after the colon do not use the relay.",
              ja: "個別ドメインの経路はそのまま残り、既定の経路より優先されます。コロンの後にホスト名がある行はリレーを使いません。",
            },
          ]
        : [SELECTIVE_MISSES, { en: reasons(only), ja: reasons(only) }]),
      {
        en: `To have the certificate checked (mail waits when it is wrong), put a bundle of certification authorities into /var/qmail/control/tlshosts/${host}.pem. Port 465 starts with TLS at once. s/qmail: authsenders, with a semicolon before the port.`,
        ja: `証明書を検証するには (不正な場合メールは待機します)、CA 証明書を /var/qmail/control/tlshosts/${host}.pem に置きます。465 番ポートでは最初から TLS を使います。s/qmail では authsenders を使い、ポートの前はセミコロンです。`,
      },
      {
        en: "qmail bounces a mail at once when the relay refuses one with 550: register all sender domains first (relayhost preflight shows them).",
        ja: "リレーが 550 で拒否したメールを qmail はすぐに差出人へ返します。先にすべての差出人ドメインを登録してください (relayhost preflight で確認できます)。",
      },
    ],
    scriptable: true,
  };
}

function reasons(only: NonNullable<SetupValues["only"]>): string {
  return only.map(whySelected).toSorted().join("\n    ");
}
