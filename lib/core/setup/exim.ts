/**
 * Exim 4 as Debian and Ubuntu configure it (update-exim4.conf), and for others the parts of an exim.conf.
 *
 * The password file's key is `*`: Exim looks up the canonical name of the host, which behind a CNAME is another one than
 * that of the smart host. `hosts_require_auth` makes a wrong password a deferral; without it Exim goes on without a login.
 */

import { SELECTIVE_MISSES } from "./postfix.ts";
import { mapLines } from "./selected-domains.ts";
import { PASSWORD, type SetupAction, type SetupPlan, type SetupValues, type Text } from "./setup-plan.ts";
import { CA, CERTIFICATE_EXPECTED, caVariable, certificateCommand, testAddresses } from "./setup-variables.ts";

const CONF = "/etc/exim4/update-exim4.conf.conf";
const PASSWORDS = "/etc/exim4/passwd.client";
const MACROS = "/etc/exim4/exim4.conf.localmacros";
const TEMPLATE = "/etc/exim4/exim4.conf.template";
const TRANSPORT = "/etc/exim4/conf.d/transport/30_exim4-config_remote_smtp_smarthost";
const DOMAINS = "/etc/exim4/relayhost_domains";
const ROUTER = "/etc/exim4/conf.d/router/050_exim4-config_relayhost";

/** The plan. */
export function planExim(values: SetupValues): SetupPlan {
  const selective = values.only !== undefined;
  const { to } = testAddresses(values);
  return {
    title: "Exim (Debian, Ubuntu)",
    before: [],
    variables: [caVariable(values)],
    files: [
      ...(selective ? [{ path: DOMAINS }, { path: ROUTER }] : [{ path: CONF }]),
      { path: PASSWORDS },
      { path: MACROS },
      { path: TEMPLATE },
      { path: TRANSPORT },
    ],
    actions: [...(selective ? selectiveActions(values) : smarthostActions(values)), ...transportActions(values)],
    test: "update-exim4.conf && exim4 -bV >/dev/null",
    activate: ["update-exim4.conf", "systemctl reload exim4"],
    verify: [
      {
        command: `exim4 -bt ${to}`,
        expect: {
          en: `router = ${selective ? "relayhost_selected" : "smarthost"}, transport = remote_smtp_smarthost, host ${values.host}.`,
          ja: `router = ${selective ? "relayhost_selected" : "smarthost"}、transport = remote_smtp_smarthost、host ${values.host} と表示されます。`,
        },
      },
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: "tail /var/log/exim4/mainlog",
        expect: {
          en: `after a test mail: => you@... H=${values.host} ... X=TLS... CV=yes${values.login === undefined ? "" : " A=plain"}.`,
          ja: `テストメールのあと「=> you@… H=${values.host} … X=TLS… CV=yes${values.login === undefined ? "" : " A=plain"}」と記録されます。`,
        },
      },
      {
        command: "exim4 -bp",
        expect: {
          en: "shows what waits. After a failure Exim leaves the relay alone for 15 minutes; exim4 -qff tries at once.",
          ja: "待っているメールを表示します。失敗後 15 分間は再送されません。exim4 -qff ですぐに再送します。",
        },
      },
    ],
    undo: [],
    after: [...(selective ? [SELECTIVE_MISSES] : []), otherExim(values)],
    scriptable: true,
  };
}

function smarthostActions(values: SetupValues): SetupAction[] {
  return [
    {
      kind: "set",
      file: CONF,
      remove: "dc_(eximconfig_configtype|smarthost)=.*",
      lines: ["dc_eximconfig_configtype='smarthost'", `dc_smarthost='${values.host}::${values.port}'`],
    },
  ];
}

/** A router of its own before all others; the transport is the one that Debian has for smart hosts. */
function selectiveActions(values: SetupValues): SetupAction[] {
  const lines = [
    "relayhost_selected:",
    "  driver = manualroute",
    `  domains = ! +local_domains : lsearch;${DOMAINS}`,
    "  transport = remote_smtp_smarthost",
    `  route_list = * ${values.host}::${values.port} byname`,
    "  host_find_failed = defer",
    "  same_domain_copy_routing = yes",
    "  no_more",
    "",
  ];
  return [
    { kind: "write", file: DOMAINS, lines: mapLines(values.only ?? [], (domain) => [domain]), mode: "0644" },
    { kind: "write", file: ROUTER, lines, mode: "0644" },
    {
      kind: "insert-in-section",
      file: TEMPLATE,
      from: "begin routers",
      after: "begin routers",
      lines: ["", ...lines],
    },
  ];
}

/** Both forms of Debian's configuration, whichever of them is in use. */
function transportActions(values: SetupValues): SetupAction[] {
  const lines = [
    "REMOTE_SMTP_SMARTHOST_HOSTS_REQUIRE_TLS = *",
    `REMOTE_SMTP_SMARTHOST_TLS_VERIFY_CERTIFICATES = ${CA}`,
    "REMOTE_SMTP_SMARTHOST_TLS_VERIFY_HOSTS = *",
    ...(values.implicitTls ? ["REMOTE_SMTP_SMARTHOST_PROTOCOL = smtps"] : []),
  ];
  const macros: SetupAction = {
    kind: "set",
    file: MACROS,
    remove: "REMOTE_SMTP_SMARTHOST_(HOSTS_REQUIRE_TLS|TLS_VERIFY_CERTIFICATES|TLS_VERIFY_HOSTS|PROTOCOL) *=.*",
    lines,
  };
  if (values.login === undefined) return [macros];
  return [
    {
      kind: "write",
      file: PASSWORDS,
      lines: [`*:${values.login}:${PASSWORD}`],
      mode: "0640",
      owner: "root:Debian-exim",
      keep: { without: "[*]:.*" },
    },
    macros,
    ...[TEMPLATE, TRANSPORT].map(
      (file): SetupAction => ({
        kind: "insert-in-section",
        file,
        from: "remote_smtp_smarthost:",
        after: "  driver = smtp",
        lines: ["  hosts_require_auth = *"],
      }),
    ),
  ];
}

function otherExim(values: SetupValues): Text {
  const block = eximConfLines(values).join("\n  ");
  return {
    en: `An Exim with one exim.conf (RHEL family, FreeBSD): put each part under the \`begin\` line of its name, the router first of its kind, then exim -bV and a reload. Not tested by us on these systems:\n\n  ${block}\n`,
    ja: `exim.conf が 1 つの Exim (RHEL 系、FreeBSD) では、各部分を同じ名前の begin 行の下に (router はその先頭に) 入れ、exim -bV で確認して再読み込みします。これらの OS では当方で試験していません:\n\n  ${block}\n`,
  };
}

/** Router, transport and authenticator for an exim.conf; also for cPanel. */
export function eximConfLines(values: SetupValues): string[] {
  const domains =
    values.only === undefined ? "! +local_domains" : "! +local_domains : lsearch;/etc/exim/relayhost_domains";
  return [
    "begin routers",
    "relayhost_router:",
    "  driver = manualroute",
    `  domains = ${domains}`,
    "  transport = relayhost_smtp",
    `  route_list = * ${values.host}`,
    "  host_find_failed = defer",
    "  no_more",
    "",
    "begin transports",
    "relayhost_smtp:",
    "  driver = smtp",
    `  port = ${values.port}`,
    ...(values.implicitTls ? ["  protocol = smtps"] : []),
    "  hosts_require_tls = *",
    "  tls_verify_hosts = *",
    "  tls_verify_certificates = system",
    ...(values.login === undefined
      ? []
      : [
          "  hosts_require_auth = *",
          "",
          "begin authenticators",
          "relayhost_plain:",
          "  driver = plaintext",
          "  public_name = PLAIN",
          `  client_send = ^${values.login}^${values.password ?? "PASSWORD"}`,
        ]),
  ];
}
