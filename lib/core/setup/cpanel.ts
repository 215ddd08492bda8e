/** cPanel & WHM: its Exim is changed in WHM, which writes exim.conf anew at each update. Not tested by us. */

import { eximConfLines } from "./exim.ts";
import type { SetupPlan, SetupValues } from "./setup-plan.ts";
import { CERTIFICATE_EXPECTED, certificateCommand, testAddresses } from "./setup-variables.ts";

/** The plan: a page, since the change is made in a window. */
export function planCpanel(values: SetupValues): SetupPlan {
  const all = eximConfLines(values);
  const part = (name: string): string => {
    const start = all.indexOf(`begin ${name}`);
    const rest = all.slice(start + 1);
    const end = rest.findIndex((line) => line.startsWith("begin "));
    return rest
      .slice(0, end === -1 ? rest.length : end)
      .filter((line) => line !== "")
      .map((line) => `    ${line}`)
      .join("\n");
  };
  const { to } = testAddresses(values);
  const login = values.login === undefined;
  return {
    title: "cPanel & WHM (Exim)",
    before: [
      {
        en: "WHM > Service Configuration > Exim Configuration Manager > Backup: make one and download it. It is the way back.",
        ja: "WHM > Service Configuration > Exim Configuration Manager > Backup でバックアップを作成し、ダウンロードしてください。元に戻すときに使います。",
      },
      {
        en: "Never edit /etc/exim.conf by hand: cPanel writes it anew. We have not tested this on a cPanel server.",
        ja: "/etc/exim.conf は cPanel が作り直すため、直接編集しないでください。この手順は当方の cPanel では試験していません。",
      },
    ],
    variables: [],
    files: [],
    actions: [],
    activate: [],
    verify: [
      {
        command: `exim -bt ${to}`,
        expect: { en: "router = relayhost_router.", ja: "router = relayhost_router と表示されます。" },
      },
      { command: certificateCommand(values), expect: CERTIFICATE_EXPECTED },
      {
        command: "tail /var/log/exim_mainlog",
        expect: {
          en: `after a test mail: R=relayhost_router T=relayhost_smtp H=${values.host} ... X=TLS${login ? "" : " A=relayhost_plain"}.`,
          ja: `テストメールのあと「R=relayhost_router T=relayhost_smtp H=${values.host} … X=TLS${login ? "" : " A=relayhost_plain"}」と記録されます。`,
        },
      },
    ],
    undo: [],
    after: [
      {
        en: `The change. WHM > Exim Configuration Manager > Advanced Editor, then Save.\n\n  Section PREROUTERS (or ROUTERSTART):\n\n${part("routers")}\n\n  Section TRANSPORTSTART:\n\n${part("transports")}\n${login ? "" : `\n  Section AUTH:\n\n${part("authenticators")}\n`}`,
        ja: `変更内容。WHM > Exim Configuration Manager > Advanced Editor に入力し、Save を押します。\n\n  PREROUTERS (または ROUTERSTART) 欄:\n\n${part("routers")}\n\n  TRANSPORTSTART 欄:\n\n${part("transports")}\n${login ? "" : `\n  AUTH 欄:\n\n${part("authenticators")}\n`}`,
      },
      {
        en: "The way back: empty these sections and Save, or restore the backup in the Exim Configuration Manager.",
        ja: "元に戻すには、これらの欄を空にして Save するか、Exim Configuration Manager でバックアップを復元します。",
      },
    ],
    scriptable: false,
  };
}
