/**
 * The page that a postmaster reads: what to know before, the change, its verification, the way back.
 *
 * Everything stands in it with the customer's own values, so that it can be worked through by copying. Lines of prose are
 * broken at 96 columns; commands and lines of files never are.
 */

import type { Language } from "../directory.ts";
import { columnsOf, wrapText } from "../wrap-text.ts";
import { fillTokens, type SetupAction, type SetupPlan, type SetupValues, type Text } from "./setup-plan.ts";

const WORDS = {
  heading: { en: "through the relay", ja: "リレー経由の送信設定" },
  relay: { en: "Relay", ja: "リレー" },
  login: { en: "Login", ja: "ログイン名" },
  noLogin: { en: "none: the server's address is on the relay's list", ja: "なし (サーバーの IP アドレスを登録)" },
  passwordPlace: {
    en: "Where it says PASSWORD, put the password that was shown when the login was made.",
    ja: "PASSWORD と書かれた箇所には、ログイン作成時に表示されたパスワードを入れてください。",
  },
  all: { en: "All mail goes through the relay.", ja: "すべてのメールをリレー経由で送信します。" },
  some: {
    en: "goes through the relay, everything else directly.",
    ja: "宛てのメールだけをリレー経由で送信し、それ以外は直接送信します。",
  },
  before: { en: "Before", ja: "はじめに" },
  copies: { en: "Keep copies", ja: "設定ファイルの控えを取る" },
  change: { en: "The change", ja: "設定を変更する" },
  effect: { en: "Put it into effect", ja: "設定を反映する" },
  verify: { en: "See that it works", ja: "動作を確認する" },
  back: { en: "The way back", ja: "元に戻す" },
  after: { en: "Good to know", ja: "補足" },
  script: {
    en: "The same as a script that keeps copies and can undo itself: add --script.",
    ja: "同じ変更を行い、控えを取って元に戻せるスクリプトは --script で出力できます。",
  },
  write: { en: "holds", ja: "の内容" },
  mode: { en: "mode", ja: "権限" },
  keep: { en: "and after that what it held before", ja: "この後に元の内容を残します" },
  set: {
    en: "old lines of these settings go, these come to the end:",
    ja: "同じ項目の行を削除し、末尾に次の行を加えます:",
  },
  insert: { en: "before the first line that begins with", ja: "次の文字で始まる最初の行の前に加えます:" },
  section: { en: "after", ja: "次の行の後に加えます:" },
  in: { en: "in", ja: "場所:" },
  replace: { en: "the line", ja: "次の行を書き換えます:" },
  becomes: { en: "becomes", ja: "変更後:" },
  folder: { en: "a folder only root may enter:", ja: "root だけが開けるフォルダーを作ります:" },
} as const satisfies Record<string, Text>;

/** The page. */
export function setupPage(plan: SetupPlan, values: SetupValues, language: Language): string {
  const say = (text: Text): string => text[language];
  const fill = pageFiller(plan, values);
  const lines: string[] = [];
  const heading = language === "ja" ? `${plan.title}: ${say(WORDS.heading)}` : `${plan.title} ${say(WORDS.heading)}`;
  lines.push(heading, "=".repeat(columnsOf(heading)), "");
  lines.push(`${say(WORDS.relay)}: ${values.host}:${values.port} (${values.implicitTls ? "TLS" : "STARTTLS"})`);
  lines.push(`${say(WORDS.login)}: ${values.login ?? say(WORDS.noLogin)}`);
  lines.push("", ...wrapText(scope(values, language), ""));
  if (values.login !== undefined && values.password === undefined)
    lines.push(...wrapText(say(WORDS.passwordPlace), ""));

  let number = 0;
  const section = (title: Text, body: readonly string[]): void => {
    if (body.length === 0) return;
    number += 1;
    lines.push("", `${number}. ${say(title)}`, "", ...trimEnd(body));
  };
  section(WORDS.before, notes(plan.before, language));
  section(WORDS.copies, eachFile(plan, fill, "[ ! -f $f ] || cp -p $f $f.before-relayhost"));
  section(
    WORDS.change,
    plan.actions.flatMap((action) => actionLines(action, fill, say)),
  );
  section(
    WORDS.effect,
    [...(plan.test === undefined ? [] : [plan.test]), ...plan.activate].map((command) => `    ${fill(command)}`),
  );
  section(
    WORDS.verify,
    plan.verify.flatMap(({ command, expect }) => [
      `    ${fill(command)}`,
      ...wrapText(fill(say(expect)), "      "),
      "",
    ]),
  );
  section(WORDS.back, undoLines(plan, fill));
  section(WORDS.after, notes(plan.after, language).map(fill));
  if (plan.scriptable) lines.push("", ...wrapText(say(WORDS.script), ""));
  return `${lines.join("\n")}\n`;
}

/** The way back alone, for a change that was made by hand after the page. */
export function undoPage(plan: SetupPlan, values: SetupValues, language: Language): string {
  const fill = pageFiller(plan, values);
  return `${plan.title}: ${WORDS.back[language]}\n\n${undoLines(plan, fill).join("\n")}\n`;
}

function pageFiller(plan: SetupPlan, values: SetupValues): (text: string) => string {
  const shown = new Map(plan.variables.map(({ name, shown: value }) => [name, value]));
  shown.set("password", values.password ?? "PASSWORD");
  return (text) => fillTokens(text, (name) => shown.get(name));
}

function scope(values: SetupValues, language: Language): string {
  if (values.only === undefined) return WORDS.all[language];
  const names = values.only.map(({ domain }) => domain).toSorted();
  const shown = names.slice(0, 5).join(", ");
  const more =
    names.length > 5 ? (language === "ja" ? ` ほか ${names.length - 5} 件` : ` and ${names.length - 5} more`) : "";
  return language === "ja" ? `${shown}${more} ${WORDS.some.ja}` : `Mail to ${shown}${more} ${WORDS.some.en}`;
}

function undoLines(plan: SetupPlan, fill: (text: string) => string): string[] {
  return [
    ...plan.undo.map((command) => `    ${fill(command)}`),
    ...eachFile(plan, fill, "rm -f $f; [ ! -f $f.before-relayhost ] || mv $f.before-relayhost $f"),
    ...plan.activate.map((command) => `    ${fill(command)}`),
  ];
}

/** A loop over all files of the plan, whether they are there or not. */
function eachFile(plan: SetupPlan, fill: (text: string) => string, command: string): string[] {
  if (plan.files.length === 0) return [];
  const paths = plan.files.map(({ path }) => fill(path));
  return [`    for f in ${paths.join(" \\\n             ")}; do`, `      ${command}`, "    done"];
}

function notes(texts: readonly Text[], language: Language): string[] {
  return texts.flatMap((text) => {
    // A note may hold a block of lines for a file, which stay as they are.
    const [prose = "", ...blocks] = text[language].split("\n");
    return [...wrapText(`- ${prose}`, "  ", ""), ...blocks.map((line) => (line === "" ? "" : `  ${line}`))];
  });
}

function actionLines(action: SetupAction, fill: (text: string) => string, say: (text: Text) => string): string[] {
  const block = (lines: readonly string[]): string[] => [...lines.map((line) => `    ${fill(line)}`.trimEnd()), ""];
  switch (action.kind) {
    case "run":
      return [`    ${fill(action.command)}`];
    case "folder":
      return [`  ${say(WORDS.folder)}`, "", `    mkdir -p -m 0700 ${action.path}`, ""];
    case "write": {
      const owner = action.owner === undefined ? "" : ` ${action.owner}`;
      const keep = action.keep === undefined ? [] : [`  (${say(WORDS.keep)})`, ""];
      return [
        "",
        `  ${fill(action.file)} (${say(WORDS.mode)} ${action.mode}${owner}) ${say(WORDS.write)}:`,
        "",
        ...block(action.lines),
        ...keep,
      ];
    }
    case "set":
      return ["", `  ${fill(action.file)}: ${say(WORDS.set)}`, "", ...block(action.lines)];
    case "insert":
      return [
        "",
        `  ${fill(action.file)}: ${say(WORDS.insert)} ${beginning(action.before)}`,
        "",
        ...block(action.lines),
      ];
    case "insert-in-section": {
      const where = action.from === action.after ? "" : ` (${say(WORDS.in)} ${beginning(action.from)})`;
      return [
        "",
        `  ${fill(action.file)}: ${say(WORDS.section)} "${beginning(action.after).trim()}"${where}`,
        "",
        ...block(action.lines),
      ];
    }
    case "replace":
      return [
        "",
        `  ${fill(action.file)}: ${say(WORDS.replace)}`,
        "",
        `    ${beginning(action.line)}`,
        "",
        `  ${say(WORDS.becomes)}`,
        "",
        ...block([action.by]),
      ];
    default:
      return [];
  }
}

/** What a person has to look for: the pattern without its open end. */
function beginning(pattern: string): string {
  return pattern.replace(/\.\*$/, "");
}

function trimEnd(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line !== "");
  const first = lines.findIndex((line) => line !== "");
  const body = lines.slice(first, last + 1);
  return body.filter((line, index) => line !== "" || body[index - 1] !== "");
}
