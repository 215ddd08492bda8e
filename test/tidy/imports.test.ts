/** Imports keep to the table in import-rules.ts, and the table catches what does not. */

import { describe, expect, it } from "vitest";
import { deadFiles, importProblems, importsOf } from "./import-rules.ts";
import { type RepositoryFile, sourceFiles } from "./repository-files.ts";

const files = sourceFiles();
const file = (path: string, text: string): RepositoryFile => ({ path, text });

describe("the repository", () => {
  it("has source files for the rules to look at", () => {
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(["lib/core/queue-id.ts", "bin/app.ts"]));
  });

  it("imports only along the arrows of the table", () => {
    expect(importProblems(files)).toEqual([]);
  });

  it("holds no file that nothing needs", () => {
    expect(deadFiles(files)).toEqual([]);
  });
});

describe("importsOf", () => {
  it.each([
    ["a named import", 'import { a } from "./b.ts";', ["lib/core/b.ts"]],
    ["a type", 'import type { A } from "../aws/b.ts";', ["lib/aws/b.ts"]],
    ["many lines", 'import {\n  a,\n  type B,\n} from "./b.ts";', ["lib/core/b.ts"]],
    ["a namespace", "import * as b from './b.ts';", ["lib/core/b.ts"]],
    ["an effect", 'import "fauxqs";', ["fauxqs"]],
    ["a re-export", 'export { a } from "./b.ts";', ["lib/core/b.ts"]],
    ["all re-exported", 'export * from "./b.ts";', ["lib/core/b.ts"]],
    ["a call", 'const b = await import("./b.ts");', ["lib/core/b.ts"]],
    ["a type in place", 'let a: import("@aws-sdk/client-s3").S3Client;', ["@aws-sdk/client-s3"]],
    ["require", 'const b = require("b/c");', ["b/c"]],
    ["require of a template", "const b = require(`b/actions/${name}`);", ["b/actions/"]],
    ["two in a row", 'import a from "a";\nimport b from "b";', ["a", "b"]],
    ["one after a declaration", 'export interface A { from: "x" }\nimport b from "b";', ["b"]],
    ["nothing in a comment", '// import a from "a";\n/* import("b") */\n/**\n * import c from "c";\n */', []],
    ["nothing in a template", 'const text = `\nimport a from "a";\n`;', []],
    ["nothing in a string", `const text = 'await import("a")';`, []],
    ["nothing from a word that only looks like one", 'const importer = Array.from("abc");', []],
    ["what follows a regular expression with quotes", `const quote = /["'\`]/;\nimport a from "a";`, ["a"]],
    ["what stands in a template's braces", 'const text = `${await import("a")}`;', ["a"]],
  ])("finds %s", (_, text, imports) => {
    expect(importsOf(file("lib/core/a.ts", text)).filter((target) => target !== "abc")).toEqual(imports);
  });
});

describe("the table", () => {
  const core = "../../lib/core/names.ts";
  it.each([
    ["lib/core/a.ts", "node:fs", "pure"],
    ["lib/core/a.ts", "../config/declare.ts", "pure"],
    ["lib/core/a.ts", "@aws-sdk/client-s3", "only lib/aws"],
    ["lib/config/a.ts", "../aws/clients.ts", "given its values"],
    ["lib/aws/a.ts", "../local/start-local.ts", "nobody who uses it"],
    ["lib/aws/a.ts", "../../lambda/forward/handler.ts", "nobody who uses it"],
    ["lib/infra/a.ts", "../aws/clients.ts", "no code of it"],
    ["lib/infra/a.ts", "../core/message-record.ts", "no code of it"],
    ["lib/infra/a.ts", "../../relay-edge/main.ts", "no code of it"],
    ["lib/local/a.ts", "@aws-sdk/client-s3", "only lib/aws"],
    ["lib/local/a.ts", "../infra/relay-stack.ts", "composes"],
    ["lib/local/a.ts", "../../lambda/forward/forward-message.ts", "composes"],
    ["lib/local/a.ts", "../../relay-edge/mail-session.ts", "composes"],
    ["lib/local/a.ts", "../../test/support/wait-for.ts", "composes"],
    ["relay-edge/main.ts", "../lambda/forward/handler.ts", "neither functions"],
    ["relay-edge/accept-message.ts", "../lambda/forward/handler.ts", "never imports functions"],
    ["relay-edge/accept-message.ts", "../lib/local/start-local.ts", "never imports functions"],
    ["relay-edge/accept-message.ts", "../lib/config/edge-config.ts", "never imports functions"],
    ["relay-edge/accept-message.ts", "smtp-server", "only smtp-listener.ts"],
    ["relay-edge/accept-message.ts", "smtp-server/lib/smtp-stream.js", "only smtp-listener.ts"],
    ["relay-edge/smtp-listener.ts", "../lib/aws/spool-s3.ts", "knows no AWS"],
    ["lambda/forward/handler.ts", "../../relay-edge/edge.ts", "neither the edge"],
    ["lambda/forward/handler.ts", "../sweep/handler.ts", "neither the edge"],
    ["lambda/forward/forward-message.ts", "aws-lambda", "only handlers"],
    ["lambda/forward/forward-message.ts", "../feedback/apply-event.ts", "another function"],
    ["lambda/forward/forward-message.ts", "../../lib/config/function-config.ts", "configuration"],
    ["bin/app.ts", "../lib/aws/clients.ts", "infra and its settings"],
    ["bin/relayhost.ts", "../lib/aws/clients.ts", "tiny"],
    ["bin/commands/queue.ts", "../../lib/local/start-local.ts", "only where it runs"],
    ["bin/commands/queue.ts", "../../lib/infra/relay-stack.ts", "neither infra"],
    ["bin/commands/local.ts", "../../lib/infra/relay-stack.ts", "only the command"],
    ["bin/commands/queue.ts", "aws-cdk-lib", "describe the cloud"],
    ["lib/core/a.ts", "constructs", "describe the cloud"],
    ["lib/local/a.ts", "vitest", "composes"],
    ["newfolder/a.ts", core, "no import rule names"],
  ])("keeps %s from %s", (path, target, words) => {
    for (const text of [
      `import { a } from "${target}";`,
      `import type { A } from "${target}";`,
      `await import("${target}");`,
    ]) {
      const problems = importProblems([file(path, text)]);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(path);
      expect(problems[0]).toContain(words);
    }
  });

  it("names file, import and rule", () => {
    expect(importProblems([file("lib/core/a.ts", 'import { S3Client } from "@aws-sdk/client-s3";')])).toEqual([
      "lib/core/a.ts imports @aws-sdk/client-s3: only lib/aws speaks to AWS",
    ]);
  });

  it("lets tests import what they test with", () => {
    expect(
      importProblems([file("test/unit/a.test.ts", 'import "@aws-sdk/client-s3";\nimport "smtp-server";')]),
    ).toEqual([]);
  });
});

describe("deadFiles", () => {
  it("finds what only a test imports, and passes over what a machine starts", () => {
    const tree = [
      file("bin/app.ts", 'import "../lib/infra/stack.ts";'),
      file("lib/infra/stack.ts", ""),
      file("lib/core/old.ts", ""),
      file("lambda/forward/handler.ts", ""),
      file("test/unit/old.test.ts", 'import "../../lib/core/old.ts";'),
    ];
    expect(deadFiles(tree)).toEqual(["lib/core/old.ts is imported by nothing but tests"]);
  });
});
