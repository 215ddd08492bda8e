/** Every command of the program: what lists and changes have in common, help with examples, and completion. */

import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { completionScript } from "../../bin/commands/completion.ts";
import { makeProgram } from "../../bin/commands/program.ts";

const program = makeProgram();

/** All commands that do something, by their words. */
function leaves(command: Command, path: readonly string[]): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()]));
}

const all = leaves(program, []);

/** Change nothing that is kept: they run something, look, or print. */
const LOOKS = new Set([
  "local",
  "console",
  "status",
  "queue",
  "trace",
  "bounces",
  "suppression list",
  "suppression export",
  "tenant list",
  "tenant show",
  "credential list",
  "network list",
  "domain list",
  "domain check",
  "domain watch",
  "setup",
  "preflight",
  "doctor",
  "usage",
  "watch list",
  "watch check",
  "completion",
  // Hands in a mail, as any client does.
  "send",
]);

/** Look, and print no list that a program might want. */
const PRINTS_TEXT = new Set(["local", "console", "setup", "completion", "send", "domain watch", "suppression export"]);

const has = (command: Command, option: string): boolean => command.options.some(({ long }) => long === option);
const helpOf = (command: Command): string => {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part), getOutHasColors: () => false });
  command.outputHelp();
  return text;
};

describe("every command", () => {
  it("is known here as one that looks, or changes something", () => {
    const names = new Set(all.map(([name]) => name));
    expect([...LOOKS].filter((name) => !names.has(name))).toEqual([]);
    expect(all.length).toBeGreaterThan(40);
  });

  it.each(all)("%s: has a description, and help with an example that begins as it does", (name, command) => {
    expect(command.description()).not.toBe("");
    expect(helpOf(command)).toContain(`relayhost ${name}`.trim());
    expect(helpOf(command).split("Example").at(-1)).toContain(`relayhost ${name}`);
  });

  it.each(all.filter(([name]) => !LOOKS.has(name)))("%s: changes something, so it has a dry run", (_, command) => {
    expect(has(command, "--dry-run")).toBe(true);
  });

  it.each(all.filter(([name]) => LOOKS.has(name) && !PRINTS_TEXT.has(name)))(
    "%s: prints JSON when asked",
    (_, command) => {
      expect(has(command, "--json")).toBe(true);
    },
  );

  it("is completed, with its options", () => {
    const script = completionScript("bash", program);
    for (const [name, command] of all) {
      const words = new RegExp(`^ +"${name}"\\) words="(.*)" ;;$`, "m").exec(script)?.[1]?.split(" ");
      expect(words, name).toEqual(expect.arrayContaining(command.options.map(({ long }) => long ?? "")));
    }
  });
});
