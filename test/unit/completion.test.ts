/** Completion in a real bash: what a person sees after the tabulator key. */

import { execFileSync } from "node:child_process";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addCompletionCommand, completionScript } from "../../bin/commands/completion.ts";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addQueueCommand } from "../../bin/commands/queue.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";

function makeProgram(): Command {
  const program = new Command("relayhost");
  for (const add of [addQueueCommand, addTenantCommand, addDomainCommand, addCompletionCommand]) add(program);
  return program;
}

/** What bash offers for the last of these words. */
function complete(...words: string[]): string[] {
  const list = ["relayhost", ...words].map((word) => `'${word}'`).join(" ");
  const script = `${completionScript("bash", makeProgram())}
COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _relayhost; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

describe("completion in bash", () => {
  it("offers commands, and those that begin as typed", () => {
    expect(complete("")).toEqual(["queue", "tenant", "domain", "completion", "--help"]);
    expect(complete("do")).toEqual(["domain"]);
  });

  it("offers what belongs to a command, wherever options stand", () => {
    expect(complete("domain", "re")).toEqual(["records", "remove"]);
    expect(complete("domain", "import", "--f")).toEqual(["--format"]);
    expect(complete("tenant", "--json", "li")).toEqual(["list"]);
    expect(complete("tenant", "pause", "acme", "--r")).toEqual(["--reason"]);
  });

  it("offers nothing where nothing fits, so that bash offers files", () => {
    expect(complete("domain", "import", "cust")).toEqual([]);
  });
});

describe("the other shells", () => {
  it("get a script with every command and option, quoted", () => {
    const fish = completionScript("fish", makeProgram());
    expect(fish).toContain(
      "complete -c relayhost -f -n 'not __fish_seen_subcommand_from queue tenant domain completion' -a tenant",
    );
    expect(fish).toContain("-l dry-run -d 'say what would be done, and do nothing'");
    expect(fish).toContain("a tenant\\'s settings");
    expect(completionScript("zsh", makeProgram())).toMatch(/^#compdef relayhost\n/);
  });
});
