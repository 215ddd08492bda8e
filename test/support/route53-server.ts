/**
 * As much of Route 53 as changing records takes: zones, their record sets in pages, and change batches that are made as a
 * whole or refused as a whole, as on AWS.
 */

import { createServer, type Server } from "node:http";

interface StoredSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: string;
  readonly values: readonly string[];
  /** Of a weighted record; several of them share name and type. */
  readonly identifier?: string;
  readonly weight?: string;
}

/** Zones by id; names with their last dot. */
export interface Route53Server {
  readonly url: string;
  readonly zones: Map<string, { readonly name: string; readonly isPrivate: boolean; sets: StoredSet[] }>;
  /** Change batches that were taken. */
  readonly batches: string[];
  close(): Promise<void>;
}

const PAGE = 4;

/** One record set that a batch wrote or took away. */
export interface AppliedChange {
  readonly action: string;
  readonly name: string;
  readonly type: string;
  readonly values: readonly string[];
}

/** Listens on loopback. `applied`: brings a change to the name servers; until it resolves the change is PENDING. */
export async function startRoute53(
  applied: (changes: readonly AppliedChange[]) => Promise<void> = async () => undefined,
): Promise<Route53Server> {
  const zones: Route53Server["zones"] = new Map();
  const batches: string[] = [];
  let inSync = true;
  const change = (changes: readonly AppliedChange[]): void => {
    inSync = false;
    void applied(changes).then(() => (inSync = true));
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = serve(
        { zones, batches, change, inSync: () => inSync },
        request.method ?? "",
        request.url ?? "/",
        Buffer.concat(chunks).toString(),
      );
      response.writeHead(answer.status, { "content-type": "text/xml" });
      response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${answer.body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, zones, batches, close: async () => await closed(server) };
}

interface State extends Pick<Route53Server, "zones" | "batches"> {
  readonly change: (changes: readonly AppliedChange[]) => void;
  readonly inSync: () => boolean;
}

function serve(state: State, method: string, url: string, body: string): { status: number; body: string } {
  const { zones, batches } = state;
  const { pathname, searchParams } = new URL(url, "http://x");
  if (/^\/2013-04-01\/change\/C1$/.test(pathname)) return ok("GetChange", changeInfo(state.inSync()));
  const id = /^\/2013-04-01\/hostedzone\/([^/]+)\/rrset\/?$/.exec(pathname)?.[1];
  if (id === undefined) {
    const list = [...zones].map(
      ([zoneId, { name, isPrivate }]) =>
        `<HostedZone><Id>/hostedzone/${zoneId}</Id><Name>${name}</Name><CallerReference>x</CallerReference><Config><PrivateZone>${isPrivate}</PrivateZone></Config></HostedZone>`,
    );
    return ok(
      "ListHostedZones",
      `<HostedZones>${list.join("")}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>`,
    );
  }
  const zone = zones.get(id);
  if (zone === undefined) return refusal(404, "NoSuchHostedZone", `No hosted zone found with ID: ${id}`);
  if (method === "GET") return page(zone.sets, searchParams.get("name"), searchParams.get("type"));
  const changed = changedSets(zone.sets, body);
  if (typeof changed === "string") return refusal(400, "InvalidChangeBatch", changed);
  zone.sets = changed;
  batches.push(body);
  state.change(changesIn(body).map(({ action, set }) => ({ action, ...set })));
  return ok("ChangeResourceRecordSets", changeInfo(false));
}

function changeInfo(inSync: boolean): string {
  const status = inSync ? "INSYNC" : "PENDING";
  return `<ChangeInfo><Id>/change/C1</Id><Status>${status}</Status><SubmittedAt>2026-11-24T00:00:00Z</SubmittedAt></ChangeInfo>`;
}

function page(sets: readonly StoredSet[], name: string | null, type: string | null) {
  const found = sets.findIndex((set) => set.name === name && (type === null || set.type === type));
  const start = name === null ? 0 : found < 0 ? sets.length : found;
  const shown = sets.slice(start, start + PAGE);
  const next = sets[start + PAGE];
  const list = shown.map(
    (set) =>
      `<ResourceRecordSet><Name>${set.name.replaceAll("_", "\\137")}</Name><Type>${set.type}</Type>${weighing(set)}<TTL>${set.ttl}</TTL><ResourceRecords>${set.values.map((value) => `<ResourceRecord><Value>${escaped(value)}</Value></ResourceRecord>`).join("")}</ResourceRecords></ResourceRecordSet>`,
  );
  const more =
    next === undefined
      ? ""
      : `<NextRecordName>${next.name}</NextRecordName><NextRecordType>${next.type}</NextRecordType>`;
  return ok(
    "ListResourceRecordSets",
    `<ResourceRecordSets>${list.join("")}</ResourceRecordSets><IsTruncated>${next !== undefined}</IsTruncated>${more}<MaxItems>${PAGE}</MaxItems>`,
  );
}

function weighing({ identifier, weight }: StoredSet): string {
  return identifier === undefined ? "" : `<SetIdentifier>${identifier}</SetIdentifier><Weight>${weight}</Weight>`;
}

/** The sets after the batch, or why it is refused. */
function changedSets(sets: readonly StoredSet[], body: string): StoredSet[] | string {
  let changed = [...sets];
  for (const { action, set } of changesIn(body)) {
    const present = changed.find(
      ({ name, type, identifier }) => name === set.name && type === set.type && identifier === set.identifier,
    );
    if (action === "CREATE" && present !== undefined) {
      return `Tried to create resource record set [name='${set.name}', type='${set.type}'] but it already exists`;
    }
    if (action === "DELETE" && JSON.stringify(present) !== JSON.stringify(set)) {
      return `Tried to delete resource record set [name='${set.name}', type='${set.type}'] but it was not found`;
    }
    changed = [...changed.filter((other) => other !== present), ...(action === "DELETE" ? [] : [set])];
  }
  return changed;
}

function changesIn(body: string): { readonly action: string; readonly set: StoredSet }[] {
  return [...body.matchAll(/<Change>(.*?)<\/Change>/gs)].map(([, change = ""]) => {
    const one = (tag: string): string => unescaped(new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(change)?.[1] ?? "");
    const values = [...change.matchAll(/<Value>(.*?)<\/Value>/gs)].map(([, value = ""]) => unescaped(value));
    const identifier = one("SetIdentifier");
    const weighted = identifier === "" ? {} : { identifier, weight: one("Weight") };
    const set = { name: one("Name"), type: one("Type"), ttl: one("TTL"), values, ...weighted };
    return { action: one("Action"), set };
  });
}

function ok(operation: string, inside: string): { status: number; body: string } {
  const xmlns = "https://route53.amazonaws.com/doc/2013-04-01/";
  return { status: 200, body: `<${operation}Response xmlns="${xmlns}">${inside}</${operation}Response>` };
}

function refusal(status: number, code: string, message: string): { status: number; body: string } {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`;
  return {
    status,
    body: `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">${error}</ErrorResponse>`,
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return address.port;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
