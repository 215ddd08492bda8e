/**
 * Who may import whom: one table, which ARCHITECTURE.md's invariants stand on.
 *
 * A type-only import counts like any other. A file whose folder no row names is a complaint, so that a new folder
 * gets its row.
 */

import { posix } from "node:path";
import { codeOnly } from "./code-only.ts";
import type { RepositoryFile } from "./repository-files.ts";

/** The first row that fits a file holds for it. */
interface ImportRow {
  readonly files: RegExp;
  /** Repository paths or package names, or whatever stands in the folder of the importing file. */
  readonly may: readonly (RegExp | "own folder")[];
  readonly because: string;
}

/** A package that only these files may import, whatever their row allows. */
interface OwnedPackage {
  readonly name: RegExp;
  readonly only: RegExp;
  readonly because: string;
}

const ANY_NODE = /^node:/;
const CORE = /^lib\/core\//;
const CONFIG = /^lib\/config\//;
const AWS = /^lib\/aws\//;

/** The rows, from particular to general. */
export const IMPORT_ROWS: readonly ImportRow[] = [
  {
    files: /^lib\/core\//,
    may: [CORE, /^node:(crypto|url|buffer|util)$/],
    because: "lib/core is pure: no I/O, no AWS, no SMTP library, no process",
  },
  { files: /^lib\/config\//, may: [CORE, CONFIG], because: "lib/config is given its values and knows only core" },
  {
    files: /^lib\/aws\//,
    may: [CORE, /^lib\/config\/runtime-names\.ts$/, AWS, /^@(aws-sdk|smithy)\//, ANY_NODE],
    because: "lib/aws knows core and the SDK, and nobody who uses it",
  },
  {
    files: /^lib\/dns\//,
    may: [CORE, /^lib\/dns\//, /^node:(dns|net|tls|events)(\/|$)/, /^mailauth\//],
    because: "lib/dns asks name servers and mail servers, and decides nothing",
  },
  {
    files: /^lib\/infra\//,
    may: [
      /^lib\/infra\//,
      /^lib\/core\/(names|limits)\.ts$/,
      /^lib\/config\/(environment|runtime-names)\.ts$/,
      /^(aws-cdk-lib|constructs|esbuild)(\/|$)/,
      ANY_NODE,
    ],
    because: "lib/infra shares names and limits with the runtime and imports no code of it",
  },
  {
    files: /^lib\/local\//,
    may: [
      CORE,
      CONFIG,
      AWS,
      /^lib\/local\//,
      /^lambda\/[^/]+\/handler\.ts$/,
      /^lambda\/sweep\/sweep-spool\.ts$/,
      /^relay-edge\/edge\.ts$/,
      /^(fauxqs|dynalite)(\/|$)/,
      /^aws-lambda$/,
      ANY_NODE,
    ],
    because: "local mode composes handlers and edge as they are deployed, and is no part of them",
  },
  {
    files: /^relay-edge\/main\.ts$/,
    may: [/^relay-edge\//, CORE, CONFIG, AWS, ANY_NODE],
    because: "the edge's composition root knows neither functions nor local mode",
  },
  {
    files: /^relay-edge\/smtp-listener\.ts$/,
    may: [/^relay-edge\//, CORE, /^smtp-server(\/|$)/, ANY_NODE],
    because: "the listener speaks SMTP and knows no AWS",
  },
  {
    files: /^relay-edge\//,
    may: [/^relay-edge\//, CORE, AWS, /^(selfsigned|p-limit)$/, ANY_NODE],
    because: "the edge never imports functions, local mode, infra or configuration",
  },
  {
    files: /^lambda\/watch\/handler\.ts$/,
    may: ["own folder", CORE, CONFIG, AWS, /^lib\/dns\/resolver\.ts$/, /^aws-lambda$/, ANY_NODE],
    because: "the watch asks name servers, and knows neither the edge nor another function",
  },
  {
    files: /^lambda\/[^/]+\/handler\.ts$/,
    may: ["own folder", CORE, CONFIG, AWS, /^aws-lambda$/, ANY_NODE],
    because: "a function knows neither the edge nor another function",
  },
  {
    files: /^lambda\/certificate\/order-certificate\.ts$/,
    may: [CORE, /^acme-client$/],
    because: "what speaks to a certificate authority knows no AWS",
  },
  {
    files: /^lambda\//,
    may: ["own folder", CORE, AWS, ANY_NODE],
    because: "behind its handler a function knows neither event types, configuration nor another function",
  },
  {
    files: /^bin\/app\.ts$/,
    may: [
      /^lib\/infra\//,
      /^lib\/core\/names\.ts$/,
      /^lib\/config\/environment(-collisions)?\.ts$/,
      /^aws-cdk-lib(\/|$)/,
      /^cdk-nag$/,
      ANY_NODE,
    ],
    because: "the CDK entry knows infra and its settings only",
  },
  {
    files: /^bin\/image\.ts$/,
    may: [/^lib\/infra\/(bundle|contained|image-contents|sbom)\.ts$/, /^lib\/core\/names\.ts$/, ANY_NODE],
    because: "building the image needs no CDK",
  },
  {
    files: /^lib\/console\//,
    may: [CORE, /^lib\/console\//],
    because: "the console's pages are pure: facts in, HTML out",
  },
  {
    files: /^bin\/console\//,
    may: [
      /^bin\/(console|commands)\//,
      CORE,
      CONFIG,
      AWS,
      /^lib\/(console|dns)\//,
      /^(hono|@hono\/node-server|postal-mime)(\/|$)/,
      ANY_NODE,
    ],
    because: "the console does what the commands do, through the same functions",
  },
  { files: /^bin\/relayhost\.ts$/, may: [/^bin\/commands\//, /^commander$/, ANY_NODE], because: "main stays tiny" },
  {
    files: /^bin\/commands\/local\.ts$/,
    may: [
      /^bin\/commands\//,
      /^bin\/console\/start-console\.ts$/,
      CORE,
      CONFIG,
      /^lib\/local\//,
      /^commander$/,
      ANY_NODE,
    ],
    because: "only the command that starts local mode knows it",
  },
  {
    files: /^bin\/commands\/console\.ts$/,
    may: [/^bin\/commands\//, /^bin\/console\/start-console\.ts$/, CONFIG, /^commander$/, ANY_NODE],
    because: "only the commands that serve the console know it",
  },
  {
    files: /^bin\/commands\//,
    may: [
      /^bin\/commands\//,
      CORE,
      CONFIG,
      AWS,
      /^lib\/dns\//,
      /^lib\/local\/local-environment\.ts$/,
      /^(commander|nodemailer)(\/|$)/,
      ANY_NODE,
    ],
    because: "commands know neither infra nor edge nor functions, and of local mode only where it runs",
  },
  { files: /^(test|bench)\//, may: [/^/], because: "tests and benchmarks may import anything" },
  { files: /^\.ci\//, may: [ANY_NODE], because: "the build's own scripts run before anything is checked" },
  {
    files: /^[^/]+\.config\.ts$/,
    may: [/^vitest\/config$/, ANY_NODE],
    because: "configuration of tools imports tools",
  },
];

const TESTS = String.raw`(?:test|bench)\/`;

/** Packages with an owner. */
export const OWNED_PACKAGES: readonly OwnedPackage[] = [
  {
    name: /^(hono|@hono\/node-server|postal-mime)(\/|$)/,
    only: new RegExp(`^(?:bin/console/|${TESTS})`),
    because: "only the console serves pages and takes mail apart",
  },
  {
    name: /^@(aws-sdk|smithy)\//,
    only: new RegExp(`^(?:lib/aws/|${TESTS})`),
    because: "only lib/aws speaks to AWS",
  },
  {
    name: /^(aws-cdk-lib|constructs)(\/|$)/,
    only: new RegExp(`^(?:lib/infra/|bin/app\\.ts$|${TESTS})`),
    because: "only lib/infra and bin/app.ts describe the cloud",
  },
  {
    name: /^smtp-server(\/|$)/,
    only: new RegExp(`^(?:relay-edge/smtp-listener\\.ts$|${TESTS})`),
    because: "only smtp-listener.ts knows the SMTP library",
  },
  {
    name: /^acme-client$/,
    only: new RegExp(`^(?:lambda/certificate/order-certificate\\.ts$|${TESTS})`),
    because: "only order-certificate.ts knows the ACME library",
  },
  {
    name: /^aws-lambda$/,
    only: new RegExp(`^(?:lambda/[^/]+/handler\\.ts$|lib/local/|${TESTS})`),
    because: "only handlers, and local mode that calls them, know Lambda's event types",
  },
];

/** Files that a machine or a browser starts: nobody has to import them. */
const ENTRIES =
  /^(lib\/console\/console\.js|bin\/(app|image|relayhost)\.ts|relay-edge\/main\.ts|lambda\/[^/]+\/handler\.ts)$/;

/** Each ends before the quote that opens the module's name. */
const IMPORT_FORMS = [
  /^[ \t]*(?:import|export)\b[^;"'=(]*?\bfrom\s*(?=["'])/gm,
  /^[ \t]*import\s*(?=["'])/gm,
  /\b(?:import|require|require\.resolve)\(\s*(?=["'`])/g,
];

/** What a file imports, in any form: repository paths or package names (of a template, what comes before its `${`). */
export function importsOf(file: RepositoryFile): string[] {
  const code = codeOnly(file.text);
  const starts = IMPORT_FORMS.flatMap((form) => [...code.matchAll(form)].map((match) => match.index + match[0].length));
  const specifiers = starts
    .toSorted((a, b) => a - b)
    .map((start) => /^["'`]([^"'`$]*)/.exec(file.text.slice(start, start + 500))?.[1] ?? "");
  return specifiers.map((specifier) =>
    specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : specifier,
  );
}

/** One line for each import that breaks a rule: file, import and rule. */
export function importProblems(files: readonly RepositoryFile[]): string[] {
  return files.flatMap((file) => {
    const row = IMPORT_ROWS.find((candidate) => candidate.files.test(file.path));
    if (row === undefined) return [`${file.path} stands in a folder that no import rule names (test/tidy)`];
    return importsOf(file).flatMap((target) => {
      const owner = OWNED_PACKAGES.find((owned) => owned.name.test(target) && !owned.only.test(file.path));
      const because = owner?.because ?? (isAllowed(row, file.path, target) ? undefined : row.because);
      return because === undefined ? [] : [`${file.path} imports ${target}: ${because}`];
    });
  });
}

function isAllowed(row: ImportRow, importer: string, target: string): boolean {
  const folder = `${posix.dirname(importer)}/`;
  return row.may.some((allowed) => (allowed === "own folder" ? target.startsWith(folder) : allowed.test(target)));
}

/** One line for each file of the product that nothing of the product imports. */
export function deadFiles(files: readonly RepositoryFile[]): string[] {
  const product = files.filter((file) => /^(lib|lambda|relay-edge|bin)\//.test(file.path));
  const imported = new Set(product.flatMap(importsOf));
  return product
    .filter((file) => !imported.has(file.path) && !ENTRIES.test(file.path))
    .map((file) => `${file.path} is imported by nothing but tests`);
}
