/** msmtp, nullmailer and dma: programs that hand every mail to one server and know no destinations. */

import { literally, PASSWORD, type SetupPlan, type SetupValues, token } from "./setup-plan.ts";
import {
  CA,
  CA_ELSEWHERE,
  CERTIFICATE_EXPECTED,
  caVariable,
  certificateCommand,
  testAddresses,
  testMailCommand,
} from "./setup-variables.ts";

const RC = token("rc");

/** msmtp. See msmtp(1). */
export function planMsmtp(values: SetupValues): SetupPlan {
  const { from, to } = testAddresses(values);
  return {
    title: "msmtp",
    before: [],
    variables: [
      {
        name: "rc",
        shell:
          'if [ -n "${MSMTPRC:-}" ]; then rc=$MSMTPRC\nelif [ "$(id -u)" -eq 0 ]; then rc=/etc/msmtprc\nelse rc=$HOME/.msmtprc\nfi',
        shown: "/etc/msmtprc",
      },
      caVariable(values),
    ],
    files: [{ path: RC }],
    actions: [
      {
        kind: "write",
        file: RC,
        mode: "0600",
        lines: [
          "account default",
          `host ${values.host}`,
          `port ${values.port}`,
          "tls on",
          `tls_starttls ${values.implicitTls ? "off" : "on"}`,
          `tls_trust_file ${CA}`,
          ...(values.login === undefined ? ["auth off"] : ["auth on", `user ${values.login}`, `password ${PASSWORD}`]),
          `from www@${values.senderDomain}`,
        ],
      },
    ],
    activate: [],
    verify: [
      {
        command: `msmtp --file=${RC} --serverinfo`,
        expect: {
          en: "TLS certificate ... Owner: the relay's name; AUTH: PLAIN LOGIN.",
          ja: "証明書の所有者がリレーのホスト名で、AUTH に PLAIN LOGIN が表示されます。",
        },
      },
      {
        command: `printf 'From: ${from}\\nTo: ${to}\\nSubject: relay test\\n\\ntest\\n' | msmtp --file=${RC} -f ${from} ${to}; echo $?`,
        expect: {
          en: "0. 77: wrong login or password; 69: refused for now or for good; 65: the sender's domain is not registered.",
          ja: "0 なら成功です。77 はログイン名かパスワードの誤り、69 は一時的または恒久的な拒否、65 は差出人ドメイン未登録です。",
        },
      },
    ],
    undo: [],
    after: [
      {
        en: "msmtp has no queue: when it fails, the calling program has to keep the mail. Debian's msmtpqueue scripts do that (/usr/share/doc/msmtp/examples or /usr/libexec/msmtp).",
        ja: "msmtp にはキューがありません。失敗したメールは呼び出し側で保管する必要があります。Debian では msmtpqueue スクリプト (/usr/libexec/msmtp など) が使えます。",
      },
      {
        en: "One recipient that is refused makes msmtp give up the whole mail. A file readable by the web server's user is readable by its scripts: use one per user (~/.msmtprc) where that matters.",
        ja: "宛先が 1 つでも拒否されると、msmtp はメール全体の送信をやめます。Web サーバーのユーザーが読めるファイルはスクリプトからも読めるため、必要に応じてユーザーごとの ~/.msmtprc を使ってください。",
      },
      CA_ELSEWHERE,
    ],
    scriptable: true,
  };
}

const REMOTES = "/etc/nullmailer/remotes";

/** nullmailer. See nullmailer-send(8). */
export function planNullmailer(values: SetupValues): SetupPlan {
  const login = values.login === undefined ? "" : ` --user=${values.login} --pass=${PASSWORD}`;
  const tls = values.implicitTls ? "--ssl" : "--starttls";
  return {
    title: "nullmailer",
    before: [],
    variables: [caVariable(values)],
    files: [{ path: REMOTES }],
    actions: [
      {
        kind: "write",
        file: REMOTES,
        lines: [`${values.host} smtp --port=${values.port} ${tls}${login} --x509cafile=${CA}`],
        mode: "0600",
        owner: "mail:mail",
      },
    ],
    activate: ["systemctl restart nullmailer"],
    verify: [
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: testMailCommand(values),
        expect: {
          en: "sends a mail; the log (journalctl -u nullmailer) says: Sent file.",
          ja: "テストメールを送ります。ログ (journalctl -u nullmailer) に「Sent file」と記録されます。",
        },
      },
      {
        command: "ls /var/spool/nullmailer/queue /var/spool/nullmailer/failed",
        expect: {
          en: "both empty. What lies in failed was refused for good; move it to queue to try again.",
          ja: "どちらも空になります。failed に残ったメールは恒久的に拒否されたものです。queue に移すと再送します。",
        },
      },
    ],
    undo: [],
    after: [
      {
        en: "Mail without a domain gets that of /etc/mailname (Debian does not read `me`): put a registered domain there.",
        ja: "ドメインのないアドレスには /etc/mailname のドメインが付きます (Debian では me は使われません)。登録済みのドメインを書いてください。",
      },
      CA_ELSEWHERE,
    ],
    scriptable: true,
  };
}

const DMA_CONF = "/etc/dma/dma.conf";
const DMA_AUTH = "/etc/dma/auth.conf";

/** dma, the DragonFly mail agent. See dma(8). */
export function planDma(values: SetupValues): SetupPlan {
  const login = values.login;
  return {
    title: "dma (DragonFly mail agent)",
    before: [],
    variables: [],
    files: [{ path: DMA_CONF }, ...(login === undefined ? [] : [{ path: DMA_AUTH }])],
    actions: [
      {
        kind: "set",
        file: DMA_CONF,
        remove: "[ \t]*(SMARTHOST|PORT|AUTHPATH|SECURETRANSFER|STARTTLS|OPPORTUNISTIC_TLS|MAILNAME)([ \t].*)?",
        lines: [
          `SMARTHOST ${values.host}`,
          `PORT ${values.port}`,
          ...(login === undefined ? [] : [`AUTHPATH ${DMA_AUTH}`]),
          "SECURETRANSFER",
          ...(values.implicitTls ? [] : ["STARTTLS"]),
          "MAILNAME /etc/mailname",
        ],
      },
      ...(login === undefined
        ? []
        : [
            {
              kind: "write",
              file: DMA_AUTH,
              lines: [`${login}|${values.host}:${PASSWORD}`],
              mode: "0640",
              owner: "root:mail",
              keep: { without: `[^#].*[|]${literally(values.host)}:.*` },
            } as const,
          ]),
    ],
    activate: [],
    verify: [
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: testMailCommand(values),
        expect: {
          en: "sends a mail; the log (/var/log/mail.log or journalctl -t dma) says: delivery successful.",
          ja: "テストメールを送ります。ログ (/var/log/mail.log または journalctl -t dma) に「delivery successful」と記録されます。",
        },
      },
      { command: "dma -bp", expect: { en: "shows what waits.", ja: "待っているメールを表示します。" } },
    ],
    undo: [],
    after: [
      {
        en: "dma does not check the relay's certificate. A sender without a domain gets that of /etc/mailname: put a registered domain there.",
        ja: "dma はリレーの証明書を検証しません。ドメインのない差出人には /etc/mailname のドメインが付きます。登録済みのドメインを書いてください。",
      },
    ],
    scriptable: true,
  };
}
