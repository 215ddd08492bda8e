/** Exchange Server 2016 and newer, by the Exchange Management Shell; and IIS SMTP. Not tested by us. */

import { SELECTIVE_MISSES } from "./postfix.ts";
import type { SetupPlan, SetupValues } from "./setup-plan.ts";

const NAME = "relayhost";

/** The plan: a page, since the change is made in a PowerShell. */
export function planExchange(values: SetupValues): SetupPlan {
  const { host, port, login, only } = values;
  const spaces =
    only === undefined
      ? '"SMTP:*;1"'
      : only
          .map(({ domain }) => `"SMTP:${domain};1"`)
          .toSorted()
          .join(",");
  const auth =
    login === undefined
      ? "-SmartHostAuthMechanism None"
      : "-SmartHostAuthMechanism BasicAuthRequireTLS -AuthenticationCredential $login";
  return {
    title: "Exchange Server",
    before: [
      {
        en: "We have not tested this on an Exchange server. Exchange Online does not need it: its addresses are Microsoft's.",
        ja: "この手順は当方の Exchange Server では試験していません。Exchange Online では Microsoft のアドレスから送信されるため不要です。",
      },
      {
        en: "Look at what is there first; an enabled connector for * with the same cost shares the mail with the new one: Get-SendConnector | Format-List Name,Enabled,AddressSpaces,SmartHosts",
        ja: "先に既存のコネクタを確認してください。同じコストの * 宛てコネクタが有効だと、メールが両方に分かれます: Get-SendConnector | Format-List Name,Enabled,AddressSpaces,SmartHosts",
      },
      ...(values.implicitTls
        ? [
            {
              en: "A send connector speaks STARTTLS only: use port 587.",
              ja: "送信コネクタは STARTTLS のみに対応しています。587 番ポートを使ってください。",
            },
          ]
        : []),
    ],
    variables: [],
    files: [],
    actions: [
      ...(login === undefined
        ? []
        : [{ kind: "run", command: `$login = Get-Credential -UserName ${login} -Message "${host}"` } as const]),
      {
        kind: "run",
        command: `New-SendConnector -Name ${NAME} -AddressSpaces ${spaces} -DNSRoutingEnabled $false -SmartHosts ${host} -Port ${port} -RequireTLS $true -TlsDomain ${host} -TlsAuthLevel DomainValidation ${auth}`,
      },
      {
        kind: "run",
        command:
          "Get-SendConnector | Where-Object { $_.Name -ne 'relayhost' -and $_.AddressSpaces -match '\\*' } | Set-SendConnector -Enabled $false -Confirm",
      },
    ].slice(0, only === undefined ? undefined : -1) as SetupPlan["actions"],
    activate: [],
    verify: [
      {
        command: `Test-NetConnection ${host} -Port ${port}`,
        expect: { en: "TcpTestSucceeded : True", ja: "「TcpTestSucceeded : True」と表示されます。" },
      },
      {
        command: `Get-SendConnector ${NAME} | Format-List Enabled,AddressSpaces,SmartHosts,Port,RequireTLS,SmartHostAuthMechanism`,
        expect: { en: "the values above.", ja: "上の設定値が表示されます。" },
      },
      {
        command: "Get-Queue | Format-List Identity,Status,MessageCount,NextHopDomain,LastError",
        expect: {
          en: `after a test mail: no message waits for ${host}; LastError says why one does.`,
          ja: `テストメールのあと ${host} 宛てのキューが空になります。残る場合は LastError に理由が表示されます。`,
        },
      },
    ],
    undo: [
      `Set-SendConnector ${NAME} -Enabled $false`,
      ...(only === undefined ? ["Set-SendConnector <the old one> -Enabled $true"] : []),
      `Remove-SendConnector ${NAME}`,
    ],
    after: [
      ...(only === undefined ? [] : [SELECTIVE_MISSES]),
      {
        en: `IIS SMTP (6.0): properties of the virtual server, tab Delivery: Outbound Security: ${login === undefined ? "Anonymous" : `Basic, ${login}`}, TLS; Outbound Connections: port ${port}; Advanced: smart host ${host}.`,
        ja: `IIS の SMTP サーバー (6.0): 仮想サーバーのプロパティの「配信」タブで、送信セキュリティは${login === undefined ? "匿名" : `基本認証 (${login})`}と TLS、送信接続はポート ${port}、詳細設定のスマートホストは ${host} とします。`,
      },
    ],
    scriptable: false,
  };
}
