/** `relayhost completion bash|zsh|fish`: a script for the shell, made from the commands that there are. */

import type { Command } from "commander";
import { CommandError, EXIT } from "./report.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** A command with what may follow it. */
interface Node {
  /** `relayhost domain add` is `domain add`; the program itself is empty. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly { readonly long: string; readonly description: string; readonly takesValue: boolean }[];
}

/** Adds the command; to be added last, though it looks at the others only when it runs. */
export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .description("print a script that lets the shell complete commands and options")
    .argument("<shell>", SHELLS.join(", "))
    .addHelpText(
      "after",
      `
Examples:
  relayhost completion bash > ~/.local/share/bash-completion/completions/relayhost
  relayhost completion zsh > "\${fpath[1]}/_relayhost"
  relayhost completion fish > ~/.config/fish/completions/relayhost.fish`,
    )
    .action((shell: string) => {
      const known = SHELLS.find((name) => name === shell);
      if (known === undefined)
        throw new CommandError(`no completion for ${shell}; there is ${SHELLS.join(", ")}`, EXIT.usage);
      process.stdout.write(completionScript(known, program));
    });
}

/** The script. */
export function completionScript(shell: (typeof SHELLS)[number], program: Command): string {
  const nodes = [...allNodes(program, [])];
  if (shell === "fish") return fishScript(nodes);
  const body = bashFunction(nodes);
  return shell === "bash"
    ? `${body}complete -o default -F _relayhost relayhost\n`
    : `#compdef relayhost\nautoload -U +X bashcompinit && bashcompinit\n${body}complete -o default -F _relayhost relayhost\n`;
}

function* allNodes(command: Command, path: readonly string[]): Generator<Node> {
  yield {
    path: path.join(" "),
    subcommands: command.commands.map((sub) => ({ name: sub.name(), description: sub.description() })),
    flags: [
      ...command.options.map((option) => ({
        long: option.long ?? option.flags,
        description: option.description,
        takesValue: option.required || option.optional,
      })),
      { long: "--help", description: "show help", takesValue: false },
    ],
  };
  for (const sub of command.commands) yield* allNodes(sub, [...path, sub.name()]);
}

/** The command is the words before the cursor that are no options, as far as there is a command of that name. */
function bashFunction(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, subcommands, flags }) => {
    const words = [...subcommands.map(({ name }) => name), ...flags.map(({ long }) => long)];
    return `    "${path}") words="${words.join(" ")}" ;;`;
  });
  const paths = nodes.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return `_relayhost() {
  local path="" word next i words=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${path:+$path }$word"
    case "$next" in
      ${paths.join("|")}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=()
  while IFS= read -r word; do
    [ -n "$word" ] && COMPREPLY+=("$word")
  done <<< "$(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")"
}
`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, subcommands, flags }) => {
    const names = subcommands.map(({ name }) => name).join(" ");
    const parts = path === "" ? [] : path.split(" ");
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const here = [...seen, ...(names === "" ? [] : [`not __fish_seen_subcommand_from ${names}`])].join("; and ");
    const condition = here === "" ? "" : ` -n '${here}'`;
    return [
      ...subcommands.map(
        ({ name, description }) => `complete -c relayhost -f${condition} -a ${name} -d ${quoted(description)}`,
      ),
      ...flags.map(
        ({ long, description, takesValue }) =>
          `complete -c relayhost${condition} -l ${long.slice(2)}${takesValue ? " -r" : ""} -d ${quoted(description)}`,
      ),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
