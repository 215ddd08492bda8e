/**
 * sendmail 8.12 and newer, by its m4 configuration. See cf/README, sections "STARTTLS" and "SMTP AUTHENTICATION".
 *
 * The prefix `relay:` stays: a bare `[host]` that resolves to one of the machine's own addresses is ignored, and mail goes
 * out directly.
 */

import { IN_THE_LOG, SELECTIVE_MISSES } from "./postfix.ts";
import { mapLines } from "./selected-domains.ts";
import { literally, PASSWORD, type SetupAction, type SetupPlan, type SetupValues } from "./setup-plan.ts";
import {
  CA,
  CA_ELSEWHERE,
  CERTIFICATE_EXPECTED,
  caVariable,
  certificateCommand,
  testAddresses,
  testMailCommand,
} from "./setup-variables.ts";

const MC = "/etc/mail/sendmail.mc";
const CF = "/etc/mail/sendmail.cf";
const CLIENT = "/etc/mail/auth/client-info";
const MAILERTABLE = "/etc/mail/mailertable";
const ACCESS = "/etc/mail/access";

/** The plan. */
export function planSendmail(values: SetupValues): SetupPlan {
  const selective = values.only !== undefined;
  const { to } = testAddresses(values);
  const lines = [
    "dnl # Mail goes through the relay.",
    ...(selective
      ? [`FEATURE(\`mailertable', \`hash -o ${MAILERTABLE}.db')dnl`]
      : [`define(\`SMART_HOST', \`relay:[${values.host}]')dnl`]),
    `define(\`RELAY_MAILER_ARGS', \`TCP $h ${values.port}')dnl`,
    "define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl",
    ...(values.login === undefined ? [] : [`FEATURE(\`authinfo', \`hash -o ${CLIENT}.db')dnl`]),
    "define(`confCACERT_PATH', `/etc/ssl/certs')dnl",
    `define(\`confCACERT', \`${CA}')dnl`,
  ];
  return {
    title: "sendmail",
    before: [
      {
        en: "m4 and sendmail's cf files must be there: apt-get install sendmail-cf m4, dnf install sendmail-cf m4.",
        ja: "m4 と sendmail の cf ファイルが必要です: apt-get install sendmail-cf m4、dnf install sendmail-cf m4。",
      },
      ...(values.implicitTls
        ? [
            {
              en: "sendmail does not speak TLS from the first byte as a client: use the STARTTLS port, 587.",
              ja: "sendmail はクライアントとして SMTPS (465 番) を使えません。STARTTLS の 587 番を使ってください。",
            },
          ]
        : []),
    ],
    variables: [caVariable(values)],
    files: [
      { path: MC },
      { path: CF, derived: true },
      ...(selective ? [{ path: MAILERTABLE }, { path: `${MAILERTABLE}.db`, derived: true }] : []),
      ...(values.login === undefined ? [] : [{ path: CLIENT }, { path: `${CLIENT}.db`, derived: true }]),
      { path: ACCESS },
      { path: `${ACCESS}.db`, derived: true },
    ],
    actions: [
      ...loginActions(values),
      // Encryption of at least 112 bits, by a certificate that verifies, or the mail waits.
      {
        kind: "set",
        file: ACCESS,
        remove: `TLS_Srv:${literally(values.host)}[ \t].*`,
        lines: [`TLS_Srv:${values.host}\tVERIFY:112`],
      },
      { kind: "run", command: `makemap hash ${ACCESS}.db <${ACCESS}` },
      ...(selective ? tableActions(values) : []),
      { kind: "insert", file: MC, before: "MAILER.*", lines },
      { kind: "run", command: `m4 ${MC} >${CF}` },
    ],
    activate: ["systemctl restart sendmail"],
    verify: [
      {
        command: `echo '3,0 ${to}' | sendmail -bt`,
        expect: {
          en: `$# relay $@ ${values.host} ... at the end, with or without brackets.`,
          ja: `最後に「$# relay $@ ${values.host} …」と表示されます (角括弧の有無は問いません)。`,
        },
      },
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      { command: testMailCommand(values), expect: IN_THE_LOG },
      {
        command: "grep 'stat=' /var/log/mail.log | tail -3",
        expect: {
          en: `relay=${values.host}. [...], ... stat=Sent; a line before it: STARTTLS=client, ... verify=OK.`,
          ja: `「relay=${values.host}. […], … stat=Sent」、その前の行に「STARTTLS=client, … verify=OK」と記録されます。`,
        },
      },
      { command: "mailq", expect: { en: "shows what waits and why.", ja: "待っているメールとその理由を表示します。" } },
    ],
    undo: [],
    after: [CA_ELSEWHERE, ...(selective ? [SELECTIVE_MISSES] : [])],
    scriptable: true,
  };
}

function loginActions(values: SetupValues): SetupAction[] {
  if (values.login === undefined) return [];
  const { login, host } = values;
  return [
    { kind: "folder", path: "/etc/mail/auth" },
    {
      kind: "write",
      file: CLIENT,
      lines: [`AuthInfo:${host} "U:${login}" "I:${login}" "P:${PASSWORD}" "M:PLAIN LOGIN"`],
      mode: "0600",
      keep: { without: `AuthInfo:${literally(host)}[ \t].*` },
    },
    { kind: "run", command: `makemap hash ${CLIENT}.db <${CLIENT}` },
  ];
}

function tableActions(values: SetupValues): SetupAction[] {
  const lines = mapLines(values.only ?? [], (domain) => [`${domain}\trelay:[${values.host}]`]);
  return [
    { kind: "set", file: MAILERTABLE, remove: `.*relay:[[]${literally(values.host)}[]]`, lines },
    { kind: "run", command: `makemap hash ${MAILERTABLE}.db <${MAILERTABLE}` },
  ];
}
