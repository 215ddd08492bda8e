/** OpenSMTPD 6.4 and newer. See smtpd.conf(5), table(5). */

import { SELECTIVE_MISSES } from "./postfix.ts";
import { mapLines } from "./selected-domains.ts";
import { PASSWORD, type SetupAction, type SetupPlan, type SetupValues, token } from "./setup-plan.ts";
import { CERTIFICATE_EXPECTED, certificateCommand, testMailCommand } from "./setup-variables.ts";

const CONF = token("conf");
const SECRETS = "/etc/mail/relayhost-secrets";
const DOMAINS = "/etc/mail/relayhost-domains";

/** The plan. */
export function planOpenSmtpd(values: SetupValues): SetupPlan {
  const scheme = values.implicitTls ? "smtps" : "smtp+tls";
  const target = `${values.host}:${values.port}`;
  const relay =
    values.login === undefined
      ? `relay host "${scheme}://${target}"`
      : `relay host "${scheme}://edge@${target}" auth <relayhost_secrets>`;
  const selective = values.only !== undefined;
  const secretsTable = values.login === undefined ? [] : [`table relayhost_secrets file:${SECRETS}`];
  return {
    title: "OpenSMTPD",
    before: [],
    variables: [
      {
        name: "conf",
        shell: "conf=/etc/smtpd.conf\n[ -f /etc/mail/smtpd.conf ] && conf=/etc/mail/smtpd.conf",
        shown: "/etc/smtpd.conf",
      },
    ],
    files: [
      { path: CONF },
      ...(values.login === undefined ? [] : [{ path: SECRETS }]),
      ...(selective ? [{ path: DOMAINS }] : []),
    ],
    actions: [
      ...secretActions(values),
      ...(selective
        ? ([
            {
              kind: "write",
              file: DOMAINS,
              lines: mapLines(values.only ?? [], (domain) => [domain]),
              mode: "0644",
            },
            {
              kind: "insert",
              file: CONF,
              before: "match .*",
              lines: [
                ...secretsTable,
                `table relayhost_domains file:${DOMAINS}`,
                `action "relayhost" ${relay}`,
                'match from local for domain <relayhost_domains> action "relayhost"',
              ],
            },
          ] satisfies SetupAction[])
        : ([
            { kind: "replace", file: CONF, line: 'action "relay" relay.*', by: `action "relay" ${relay}` },
            ...(secretsTable.length === 0
              ? []
              : [{ kind: "insert", file: CONF, before: "action .*", lines: secretsTable } as const]),
          ] satisfies SetupAction[])),
    ],
    test: "smtpd -n",
    activate: ["systemctl restart opensmtpd"],
    verify: [
      { command: "smtpd -n", expect: { en: "configuration OK", ja: "「configuration OK」と表示されます。" } },
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: testMailCommand(values),
        expect: {
          en:
            'sends a mail; the log says result="Ok" ... relay="' +
            values.host +
            '", and before it: cert-check result="verified".',
          ja: `テストメールを送ります。ログに result="Ok" … relay="${values.host}"、その前に cert-check result="verified" と記録されます。`,
        },
      },
      {
        command: "smtpctl show queue",
        expect: {
          en: "shows what waits; smtpctl schedule all tries at once.",
          ja: "待っているメールを表示します。smtpctl schedule all ですぐに再送します。",
        },
      },
    ],
    undo: [],
    after: [
      ...(selective ? [SELECTIVE_MISSES] : []),
      {
        en: `If your smtpd.conf names the action other than "relay", change the line that says what to do with mail for any destination. Without \`helo\` OpenSMTPD greets with the machine's name.`,
        ja: `smtpd.conf のアクション名が "relay" でない場合は、外部宛て (for any) のメールに使われるアクションの行を書き換えてください。helo を指定しないとマシンのホスト名で名乗ります。`,
      },
      {
        en: "OpenBSD: rcctl restart smtpd instead of systemctl; the secrets file belongs to group _smtpd there.",
        ja: "OpenBSD では systemctl の代わりに rcctl restart smtpd を使います。パスワードファイルのグループは _smtpd です。",
      },
    ],
    scriptable: true,
  };
}

function secretActions(values: SetupValues): SetupAction[] {
  if (values.login === undefined) return [];
  return [
    {
      kind: "write",
      file: SECRETS,
      lines: [`edge ${values.login}:${PASSWORD}`],
      mode: "0640",
      owner: "root:opensmtpd",
    },
  ];
}
