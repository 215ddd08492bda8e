/** Documents name what is there, and nothing in the repository speaks of anything but the product. */

import { describe, expect, it } from "vitest";
import { missingPaths, missingTests, registryAddresses, workshopWords } from "./document-rules.ts";
import { repositoryFiles } from "./repository-files.ts";

const files = repositoryFiles();
const paths = new Set(files.map((file) => file.path));
const documents = files.filter((file) => file.path.endsWith(".md"));

describe("documents", () => {
  it("are there to be checked", () => {
    expect(documents.map((file) => file.path)).toContain("ARCHITECTURE.md");
  });

  it("name no path that does not exist", () => {
    expect(documents.flatMap((document) => missingPaths(document, paths))).toEqual([]);
  });

  it.each([
    ["a file that is gone", "see `lib/core/gone.ts`", ["lib/core/gone.ts"]],
    ["a folder that is gone", "see `lib/gone`", ["lib/gone"]],
    ["a line of a file that is gone", "see `lib/core/gone.ts:12`", ["lib/core/gone.ts"]],
    ["a pattern that nothing fits", "see `lambda/*/gone.ts`", ["lambda/*/gone.ts"]],
    ["a document that is gone", "see `GONE.md`", ["GONE.md"]],
    ["a link that leads nowhere", "see [this](docs/gone.md#there)", ["docs/gone.md"]],
    ["one file twice", "`lib/gone.ts` and `lib/gone.ts`", ["lib/gone.ts"]],
  ])("are caught naming %s", (_, text, gone) => {
    expect(missingPaths({ path: "X.md", text }, paths)).toEqual(
      gone.map((path) => `X.md names ${path}, which does not exist`),
    );
  });

  it("name no test that does not exist", () => {
    expect(documents.flatMap((document) => missingTests(document, files))).toEqual([]);
    const named = files.find(({ path }) => path === "docs/edge.md")?.text.match(/`[a-z]+\/[a-z0-9-]+` "/g) ?? [];
    expect(named.length).toBeGreaterThan(60);
  });

  it.each([
    ['`unit/gone` "a title"', ['the test "a title" of unit/gone']],
    ['`unit/here` "a title", "another title"', ['the test "another title" of unit/here']],
  ])("are caught naming a test that does not exist: %s", (text, gone) => {
    const here = { path: "test/unit/here.test.ts", text: 'it("has a title of its own"' };
    expect(missingTests({ path: "X.md", text }, [here])).toEqual(
      gone.map((test) => `X.md names ${test}, which does not exist`),
    );
  });

  it("are read from where they stand", () => {
    const text = "see [that](../ARCHITECTURE.md) and [this](ARCHITECTURE.md)";
    expect(missingPaths({ path: "docs/x.md", text }, paths)).toEqual([
      "docs/x.md names docs/ARCHITECTURE.md, which does not exist",
    ]);
  });

  it.each([
    "`lib/core/queue-id.ts`",
    "`lib/core/queue-id.ts:5`",
    "`lib/core/`",
    "`lib/core`",
    "`lambda/*/handler.ts`",
    "`ARCHITECTURE.md`",
    "`spool/<id>.eml`",
    "`@aws-sdk/client-s3`",
    "`application/json`",
    "`npm test`",
    "[SES](https://docs.aws.amazon.com/ses/gone.md)",
    "[below](#states)",
  ])("may say %s", (text) => {
    expect(missingPaths({ path: "X.md", text }, paths)).toEqual([]);
  });
});

describe("package-lock.json", () => {
  it("holds no address of a registry", () => {
    const lockfile = files.find((file) => file.path === "package-lock.json");
    expect(lockfile?.text.length).toBeGreaterThan(1_000);
    expect(registryAddresses(lockfile?.text ?? "")).toEqual([]);
  });

  it("is caught holding one", () => {
    expect(registryAddresses('{ "resolved": "https://registry.example/x.tgz" }')).toEqual([
      "package-lock.json names https://registry.example/x.tgz; install with the settings in .npmrc",
    ]);
  });
});

describe("every file", () => {
  it("speaks of the product and not of the place it was written in", () => {
    expect(files.flatMap(workshopWords)).toEqual([]);
  });

  it.each([
    ["a place", ["see /wo", "rk/main/x"]],
    ["a tool by name", ["// by cla", "ude"]],
    ["a kind of tool", ["an L", "LM wrote this"]],
    ["a paper that is not here", ["see DES", "IGN.md"]],
    ["a worker", ["for sub", "agents"]],
  ])("is caught speaking of %s", (_, pieces) => {
    expect(workshopWords({ path: "lib/a.ts", text: `\n${pieces.join("")}` })).toEqual([
      expect.stringMatching(/^lib\/a\.ts:2 says ".*", which is no word of this project$/),
    ]);
  });

  const hash = `"integrity": "sha512-${["hel", "per-"].join("")}"`;
  it.each(["by design", "the network/path", "a helper function", hash])("may say %j", (text) => {
    expect(workshopWords({ path: "package-lock.json", text })).toEqual([]);
  });
});
