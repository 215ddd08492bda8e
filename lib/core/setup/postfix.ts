/**
 * Postfix 2.11 and newer. See postconf(5), SASL_README, TLS_README.
 *
 * Everything: `relayhost`. Some destinations: a transport map of its own and a delivery agent of its own, so that login
 * and TLS requirements hold for the relay and not for what is delivered directly.
 */

import { mapLines } from "./selected-domains.ts";
import { PASSWORD, type SetupAction, type SetupPlan, type SetupValues, type Text, token } from "./setup-plan.ts";
import {
  CA,
  CA_ELSEWHERE,
  CERTIFICATE_EXPECTED,
  caVariable,
  certificateCommand,
  testMailCommand,
} from "./setup-variables.ts";

const CONFIG = token("config");
const MAP = token("map");

/** The plan. */
export function planPostfix(values: SetupValues): SetupPlan {
  const nextHop = `[${values.host}]:${values.port}`;
  const selective = values.only !== undefined;
  const passwords = `${CONFIG}/sasl_passwd`;
  const transport = `${CONFIG}/transport.relay`;
  const login: SetupAction[] =
    values.login === undefined
      ? []
      : [
          { kind: "write", file: passwords, lines: [`${nextHop} ${values.login}:${PASSWORD}`], mode: "0600" },
          { kind: "run", command: `postmap ${MAP}:${passwords}` },
        ];
  return {
    title: "Postfix",
    before: values.login === undefined ? [] : [SASL_PACKAGE],
    variables: [
      // MAIL_CONFIG is Postfix's own: several instances on one machine.
      { name: "config", shell: "config=$(postconf -h config_directory)", shown: "/etc/postfix" },
      { name: "map", shell: "map=$(postconf -h default_database_type)", shown: "hash" },
      caVariable(values),
    ],
    files: [
      { path: `${CONFIG}/main.cf` },
      ...(selective ? [{ path: `${CONFIG}/master.cf` }, ...mapFiles(transport)] : []),
      ...(values.login === undefined ? [] : mapFiles(passwords)),
    ],
    actions: [
      // postconf would write its first setting onto the end of a last line without a line end.
      { kind: "run", command: `[ -z "$(tail -c 1 ${CONFIG}/main.cf)" ] || echo >>${CONFIG}/main.cf` },
      ...login,
      ...(selective ? selectiveActions(values, nextHop, transport) : mainActions(values, nextHop)),
    ],
    test: "postfix check",
    activate: ["postfix reload"],
    verify: [
      {
        command: selective
          ? `postconf -M relay-edge/unix; postconf -h transport_maps`
          : "postconf -n | grep -E '^(relayhost|smtp_sasl|smtp_tls)'",
        expect: {
          en: "shows the settings above; a setting that is missing is overridden further down in main.cf.",
          ja: "上の設定値が表示されます。表示されない項目は main.cf の後ろの行で上書きされています。",
        },
      },
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      { command: testMailCommand(values), expect: IN_THE_LOG },
      {
        command: "grep 'status=' /var/log/mail.log | tail -3",
        expect: {
          en: `relay=${values.host}[...]:${values.port} ... status=sent. (RHEL family: /var/log/maillog, or journalctl -u postfix.)`,
          ja: `「relay=${values.host}[...]:${values.port} … status=sent」と記録されます。(RHEL 系では /var/log/maillog または journalctl -u postfix)`,
        },
      },
      {
        command: "postqueue -p",
        expect: {
          en: "is empty, or says after each mail why it waits. postqueue -f tries again at once.",
          ja: "キューが空か、待っている理由が各メールの下に表示されます。postqueue -f ですぐに再送します。",
        },
      },
    ],
    undo: [],
    after: [
      MAP_TYPE,
      CA_ELSEWHERE,
      ...(selective ? [SELECTIVE_MISSES] : [FALLBACK_RELAY]),
      {
        en: `Mail that root, cron and web applications send under the server's own name is taken and leaves under the relay's address. To get reports for it, register the server's name as a domain, or rewrite it: smtp_generic_maps.`,
        ja: "root や cron、Web アプリケーションがサーバーのホスト名で送るメールも受け付け、リレー側のアドレスで送信します。不達通知を受け取るには、ホスト名をドメインとして登録するか、smtp_generic_maps で差出人を書き換えてください。",
      },
    ],
    scriptable: true,
  };
}

function mapFiles(file: string): { path: string; derived?: boolean }[] {
  return [{ path: file }, { path: `${file}.db`, derived: true }, { path: `${file}.lmdb`, derived: true }];
}

function mainActions(values: SetupValues, nextHop: string): SetupAction[] {
  const settings = [
    `relayhost = ${nextHop}`,
    ...clientSettings(values),
    `smtp_tls_wrappermode = ${values.implicitTls ? "yes" : "no"}`,
  ];
  return settings.map((setting) => ({ kind: "run", command: `postconf -e '${setting}'` }));
}

/** `secure` checks the certificate against the name of the next hop, without trusting DNS for it. */
function clientSettings(values: SetupValues): string[] {
  return [
    ...(values.login === undefined
      ? ["smtp_sasl_auth_enable = no"]
      : [
          "smtp_sasl_auth_enable = yes",
          `smtp_sasl_password_maps = ${MAP}:${CONFIG}/sasl_passwd`,
          // The default, noplaintext, refuses PLAIN and LOGIN.
          "smtp_sasl_security_options = noanonymous",
          "smtp_sasl_tls_security_options = noanonymous",
        ]),
    "smtp_tls_security_level = secure",
    `smtp_tls_CAfile = ${CA}`,
  ];
}

function selectiveActions(values: SetupValues, nextHop: string, transport: string): SetupAction[] {
  const options = [...clientSettings(values), `smtp_tls_wrappermode = ${values.implicitTls ? "yes" : "no"}`];
  const lines = mapLines(values.only ?? [], (domain) => [`${domain}  relay-edge:${nextHop}`]);
  return [
    { kind: "write", file: transport, lines, mode: "0644" },
    { kind: "run", command: `postmap ${MAP}:${transport}` },
    { kind: "run", command: "postconf -M 'relay-edge/unix=relay-edge unix - - n - - smtp'" },
    ...[...options, "syslog_name = postfix/relay-edge"].map((option): SetupAction => {
      const [name = "", value = ""] = option.split(" = ");
      return { kind: "run", command: `postconf -P 'relay-edge/unix/${name}=${value}'` };
    }),
    {
      kind: "run",
      command: `postconf -e "transport_maps = $(postconf -h transport_maps | sed 's/[, ]*$//; /./s/$/, /')${MAP}:${transport}"`,
    },
  ];
}

const SASL_PACKAGE: Text = {
  en: "The SASL mechanisms must be there: apt-get install libsasl2-modules (Debian, Ubuntu), dnf install cyrus-sasl-plain (RHEL family). Without them the log says: no mechanism available.",
  ja: "SASL の認証方式が必要です: apt-get install libsasl2-modules (Debian / Ubuntu)、dnf install cyrus-sasl-plain (RHEL 系)。無いとログに no mechanism available と記録されます。",
};

const MAP_TYPE: Text = {
  en: "Map type: hash here; what `postconf -h default_database_type` says is right (lmdb on newer systems).",
  ja: "マップ形式は hash と書いていますが、postconf -h default_database_type が示すもの (新しい OS では lmdb) を使ってください。",
};

const FALLBACK_RELAY: Text = {
  en: "If master.cf has -o smtp_fallback_relay= on the smtp or relay line, remove it. Where a firewall blocks port 587, use 465 (--port 465).",
  ja: "master.cf の smtp または relay の行に -o smtp_fallback_relay= があれば削除してください。587 番が塞がれている場合は 465 番も使えます (--port 465)。",
};

/** Also of other servers with a list. */
export const SELECTIVE_MISSES: Text = {
  en: "The list is as of today: a customer who moves to Google or Microsoft tomorrow is not on it. Make it anew every day, or send everything through the relay.",
  ja: "このリストは今日の時点のものです。明日 Google や Microsoft に移った宛先は含まれません。毎日作り直すか、すべてのメールをリレー経由にしてください。",
};

/** What the postmaster sees of a test mail. */
export const IN_THE_LOG: Text = {
  en: "sends a mail; put an address of your own behind it. Then look into the log:",
  ja: "テストメールを送ります (宛先はご自身のアドレスに替えてください)。続けてログを確認します。",
};
