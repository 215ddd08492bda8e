/**
 * Every right of every role, as a table for ARCHITECTURE.md, from templates that are synthesized with each setting that
 * gives a right more.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, object, settingsOf } from "./cdk-json.ts";
import { type Grant, grants } from "./grants.ts";
import { type Synthesized, synthesize } from "./synthesized.ts";

export const ARCHITECTURE = join(import.meta.dirname, "..", "..", "ARCHITECTURE.md");
const BEGIN = "<!-- roles: node test/support/write-role-table.ts -->\n";
const END = "<!-- end of roles -->\n";

/** The plain edge of `prod`: its certificate is told by the settings below. */
const { tlsSecretArn, ...plainEdge } = object(settingsOf("prod")["edge"]);
const DQS_SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:spamhaus-Ab12Cd";
const acme = { contact: "operator@example.net", termsOfServiceAgreed: true };

/** Settings that add rights, each alone; the first adds none. */
const SETTINGS: readonly (readonly [string, JsonObject])[] = [
  ["", { edge: plainEdge }],
  ["`edge.tlsSecretArn`", { edge: { ...plainEdge, tlsSecretArn: tlsSecretArn ?? null } }],
  ['`edge.tls: "acme"`', { edge: { ...plainEdge, tls: "acme", acme } }],
  ['`ingress: "task"`', { edge: { ...plainEdge, desiredCount: 1 }, ingress: "task" }],
  ["`webhooks`", { edge: plainEdge, webhooks: true }],
  ["`sesTenants`", { edge: plainEdge, sesTenants: true }],
  ["`watch.dqsSecretArn`", { edge: plainEdge, watch: { dqsSecretArn: DQS_SECRET } }],
];

/** How the roles are called, by their logical ids without the hash. */
const ROLES: Readonly<Record<string, string>> = {
  EdgeTaskRole: "edge",
  EdgeTaskDefinitionExecutionRole: "ECS, to start the edge",
  ForwardWorkerRole: "forward",
  FeedbackWorkerRole: "feedback",
  SweepWorkerRole: "sweep",
  WebhookSenderWorkerRole: "webhook",
  CertificateWorkerRole: "certificate",
  WatchWorkerRole: "watch",
  TaskAddressWorkerRole: "address",
};

/** One right, and the settings that give it; none: every environment. */
export interface RoleRight {
  readonly role: string;
  readonly grant: Grant;
  readonly settings: readonly string[];
}

let known: readonly RoleRight[] | undefined;

/** All of them, role by role; synthesized once. */
export function roleRights(): readonly RoleRight[] {
  known ??= readRights();
  return known;
}

function readRights(): RoleRight[] {
  const found = new Map<string, { role: string; grant: Grant; settings: string[] }>();
  for (const [setting, changes] of SETTINGS) {
    for (const { role, grant } of rightsIn(synthesize("prod", changes))) {
      const key = JSON.stringify([role, grant]);
      const right = found.get(key) ?? { role, grant, settings: [] };
      found.set(key, right);
      right.settings.push(setting);
    }
  }
  return [...found.values()].map((right) => ({
    ...right,
    settings: right.settings.includes("") ? [] : right.settings,
  }));
}

function rightsIn(synthesized: Synthesized): { readonly role: string; readonly grant: Grant }[] {
  return synthesized.ofType("AWS::IAM::Role").flatMap((role) => {
    const id = role.id.replace(/[0-9A-F]{8}$/, "");
    const name = ROLES[id];
    if (name === undefined) throw new Error(`the role ${id} has no name in test/infra/role-table.ts`);
    return grants(synthesized, role).map((grant) => ({ role: name, grant }));
  });
}

/** The table, with its marks. */
export function roleTable(): string {
  const heads = ["role", "may", "on", "only with"];
  const groups = Map.groupBy(roleRights(), ({ role, grant, settings }) =>
    JSON.stringify([role, resourceText(grant), settings]),
  );
  const order = Object.values(ROLES);
  const rows = [...groups.values()]
    .flatMap((rights) => {
      const [first] = rights;
      if (first === undefined) return [];
      const actions = [...new Set(rights.map(({ grant }) => `\`${grant.action}\``))].sort();
      return [[first.role, actions.join(", "), resourceText(first.grant), first.settings.join(" or ")]];
    })
    .toSorted((a, b) => key(a) - key(b) || (`${a[2]}${a[1]}` < `${b[2]}${b[1]}` ? -1 : 1));
  function key(row: readonly string[]): number {
    return order.indexOf(row[0] ?? "");
  }
  const widths = heads.map((head, column) =>
    Math.max(head.length, 3, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |\n`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`;
  return `${BEGIN}\n${line(heads)}${rule}${rows.map(line).join("")}\n${END}`;
}

/** A resource as a person names it: the logical id, or the ARN without partition, region and account. */
function resourceText({ resource, condition }: Grant): string {
  const short = resource
    .replaceAll(/<AWS::[A-Za-z]+>/g, "")
    .replaceAll(/arn:[a-z-]*:([a-z0-9-]+):[^:]*:[^:]*:/g, "$1 ")
    .replaceAll(/<([A-Za-z]+)(?:\.[A-Za-z]+)?>/g, "$1");
  return `\`${short}\`${condition === "" ? "" : ` if \`${condition}\``}`;
}

/** The document with the table as it has to be. Throws when the marks are gone. */
export function withRoleTable(): { readonly now: string; readonly wanted: string } {
  const now = readFileSync(ARCHITECTURE, "utf8");
  const [from, to] = [now.indexOf(BEGIN), now.indexOf(END)];
  if (from === -1 || to < from) throw new Error("ARCHITECTURE.md has no place for the table of roles");
  return { now, wanted: now.slice(0, from) + roleTable() + now.slice(to + END.length) };
}
