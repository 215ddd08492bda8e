/**
 * The plan as a script for any POSIX shell (awk, cmp, cp, and the mail server's own programs).
 *
 * Promise:  every file is copied before anything changes; when a step or the server's own check fails, or the script is
 *           interrupted, everything is put back; `undo` restores each file octet for octet, with owner, mode and time, and
 *           removes what was not there. A file that somebody has changed meanwhile stops `undo` and a second run, and is
 *           named.
 * The password is asked for, or taken from RELAYHOST_PASSWORD, unless the plan's values hold it.
 */

import type { Language } from "../directory.ts";
import { fillTokens, type SetupAction, type SetupPlan, type SetupValues, type Text } from "./setup-plan.ts";
import { SHELL_FUNCTIONS, SHELL_MAIN } from "./setup-shell.ts";

/** What the script does when it is started without a word. */
export type ScriptDefault = "apply" | "undo";

/** The script. Throws for a plan that is not scriptable. */
export function setupScript(
  server: string,
  plan: SetupPlan,
  values: SetupValues,
  options: { readonly language: Language; readonly startsWith: ScriptDefault },
): string {
  if (!plan.scriptable) throw new Error(`there is no script for ${plan.title}`);
  const { language, startsWith } = options;
  const say = (text: Text): string => text[language];
  const needsPassword =
    values.login !== undefined && plan.actions.some((action) => JSON.stringify(action).includes("@@password@@"));
  return `#!/bin/sh
# ${plan.title} > ${values.host}:${values.port}
#
${comment(say(USAGE)).replaceAll("SERVER", server)}
set -eu
# Programs that write configuration anew give it this mode; what is secret gets its own.
umask 022
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/libexec/sendmail
saved=\${RELAYHOST_SAVED:-/var/backups/relayhost-setup}/${server}

say() { printf '%s\\n' "$*"; }
stop() { printf '%s\\n' "$*" >&2; exit 1; }

find_out() {
${[...plan.variables.map(({ shell }) => shell), ":"].map((text) => indent(text)).join("\n")}
}

# Files that change, then those that programs make from them.
changed_files() { cat <<END
${plan.files
  .filter(({ derived }) => derived !== true)
  .map(({ path }) => shellText(path))
  .join("\n")}
END
}
made_files() { cat <<END
${plan.files
  .filter(({ derived }) => derived === true)
  .map(({ path }) => shellText(path))
  .join("\n")}
END
}

${password(needsPassword ? values : undefined, say)}
${SHELL_FUNCTIONS}
change() {
${[...plan.actions.map(actionShell), ":"].map((text) => text).join("\n")}
}

check() {
  ${plan.test === undefined ? ":" : shellCommand(plan.test)}
}

activate() {
${plan.activate.length === 0 ? "  :" : plan.activate.map((command) => indent(activation(command))).join("\n")}
}

undo_commands() {
${plan.undo.length === 0 ? "  :" : plan.undo.map((command) => indent(`${shellCommand(command)} || say "failed: ${command}"`)).join("\n")}
}

next_steps() { cat <<'END'
${say(APPLIED)}
${plan.verify.map(({ command, expect }) => `\n  ${shown(plan, command)}\n    ${shown(plan, say(expect))}`).join("\n")}

END
say "${say(BACK)} sh $0 undo"
}

changed_since='${say(CHANGED_SINCE)}'
not_applied='${say(NOT_APPLIED)}'
put_back='${say(PUT_BACK)}'
undone='${say(UNDONE)}'
${SHELL_MAIN.replaceAll("DEFAULT", startsWith)}`;
}

const USAGE: Text = {
  en: `  sh FILE           makes the change; what it changes is copied first, to $RELAYHOST_SAVED/SERVER
                    (/var/backups/relayhost-setup if not set)
  sh FILE undo      puts everything back as it was
  sh FILE status    says whether the change is made and what differs since
  Add --force to go over changes that somebody else has made meanwhile.
  RELAYHOST_NO_RESTART=1: the mail server is not reloaded or restarted.`,
  ja: `  sh FILE           設定を変更します。変更前のファイルは $RELAYHOST_SAVED/SERVER に保存します
                    (未設定なら /var/backups/relayhost-setup)
  sh FILE undo      すべてを元に戻します
  sh FILE status    変更済みかどうかと、その後の差分を表示します
  その後に加えられた変更を無視して続けるには --force を付けます。
  RELAYHOST_NO_RESTART=1 を指定すると、メールサーバーの再読み込み・再起動を行いません。`,
};
const APPLIED: Text = {
  en: "The change is made. Now see that it works:",
  ja: "設定を変更しました。次のとおり動作を確認してください。",
};
const BACK: Text = { en: "The way back:", ja: "元に戻すには:" };
const CHANGED_SINCE: Text = {
  en: "has been changed since; nothing is done. Look at it (status), or add --force:",
  ja: "は、その後変更されています。何も行いません。status で確認するか、--force を付けてください:",
};
const NOT_APPLIED: Text = { en: "The change has not been made here.", ja: "この設定変更は行われていません。" };
const PUT_BACK: Text = {
  en: "That failed. Everything has been put back as it was.",
  ja: "失敗したため、すべて元の状態に戻しました。",
};
const UNDONE: Text = { en: "Everything is as it was before.", ja: "すべて変更前の状態に戻しました。" };
const ASK: Text = { en: "Password of", ja: "パスワード:" };
const BAD_PASSWORD: Text = {
  en: "The password may hold letters, digits, _ and - only.",
  ja: "パスワードに使えるのは英数字と _ - だけです。",
};

function password(values: SetupValues | undefined, say: (text: Text) => string): string {
  if (values === undefined) return "ask_password() { :; }\n";
  const given = values.password === undefined ? '"${RELAYHOST_PASSWORD:-}"' : `'${values.password}'`;
  return `password=${given}
ask_password() {
  if [ -z "$password" ]; then
    printf '%s ' "${say(ASK)} ${values.login ?? ""}:" >&2
    if [ -t 0 ]; then stty -echo; fi
    read -r password || true
    if [ -t 0 ]; then stty echo; printf '\\n' >&2; fi
  fi
  case $password in
    '' | *[!A-Za-z0-9_-]*) stop "${say(BAD_PASSWORD)}" ;;
  esac
}
`;
}

/** A shell function's line or lines for one change. */
function actionShell(action: SetupAction): string {
  switch (action.kind) {
    case "run":
      return `  ${shellCommand(action.command)}`;
    case "folder":
      return `  new_folder ${action.path} 0700`;
    case "write": {
      const file = shellText(action.file);
      const target = `put "${file}" ${action.mode} '${action.owner ?? ""}'`;
      if (action.keep === undefined) return hereDocument(target, action.lines);
      const old = `{ [ ! -f "${file}" ] || lines_without '${action.keep.without}' "${file}"; }`;
      return `${hereDocument('cat >"$saved/part"', action.lines)}\n  ${old} >>"$saved/part"\n  ${target} <"$saved/part"\n  rm -f "$saved/part"`;
    }
    case "set": {
      const file = shellText(action.file);
      return `  touch_file "${file}"\n  lines_without '${action.remove}' "${file}" >"$saved/part"\n${hereDocument('cat >>"$saved/part"', action.lines)}\n  rewrite "${file}" <"$saved/part"\n  rm -f "$saved/part"`;
    }
    case "insert":
      return hereDocument(`insert_before '${action.before}' "${shellText(action.file)}"`, action.lines);
    case "insert-in-section":
      return hereDocument(
        `insert_in_section '${action.from}' '${action.after}' "${shellText(action.file)}"`,
        action.lines,
      );
    case "replace":
      return hereDocument(`replace_line '${action.line}' "${shellText(action.file)}"`, [action.by]);
    default:
      return "";
  }
}

/** The lines as standard input of a command. What the shell would read in them is escaped, tokens become variables. */
function hereDocument(command: string, lines: readonly string[]): string {
  return `  ${command} <<RELAYHOST_END\n${lines.map(shellText).join("\n")}\nRELAYHOST_END`;
}

/** Text for double quotes or a here-document. */
function shellText(text: string): string {
  return fillTokens(text.replace(/[\\$`]/g, "\\$&"), (name) => `\${${name}}`);
}

/** A command of the plan: it is shell already, only its tokens become variables, outside single quotes. */
function shellCommand(command: string): string {
  // Within single quotes a variable needs the quotes closed around it.
  let quoted = false;
  let out = "";
  for (const piece of command.split(/(')/)) {
    if (piece === "'") quoted = !quoted;
    out += fillTokens(piece, (name) => (quoted ? `'"\${${name}}"'` : `\${${name}}`));
  }
  return out;
}

/** Reloads go by the way the machine has; other commands as they are. */
function activation(command: string): string {
  const service = /^systemctl (reload|restart) (\S+)$/.exec(command);
  if (service !== null) return `service_do ${service[1]} ${service[2]}`;
  if (command === "postfix reload")
    return 'if [ -n "${RELAYHOST_NO_RESTART:-}" ]; then say "not done: postfix reload"; elif postfix status 2>/dev/null; then postfix reload; else say "Postfix does not run: postfix start"; fi';
  return shellCommand(command);
}

function shown(plan: SetupPlan, text: string): string {
  const values = new Map(plan.variables.map(({ name, shown: value }) => [name, value]));
  return fillTokens(text, (name) => values.get(name));
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

function comment(text: string): string {
  return text
    .split("\n")
    .map((line) => `# ${line}`.trimEnd())
    .join("\n");
}
