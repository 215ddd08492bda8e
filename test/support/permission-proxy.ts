/**
 * Stands between one process and the local AWS services and lets pass what a policy allows, as IAM does: each call is
 * turned into actions on resources (service authorization reference), and one that is not allowed is answered 403.
 */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One action on one resource, and what conditions may ask about. */
export interface AskedRight {
  readonly action: string;
  readonly resource: string;
  readonly prefix?: string;
}

/** A running proxy. */
export interface PermissionProxy {
  readonly endpoint: string;
  /** What was refused: action and resource. */
  readonly refused: string[];
  /** Every action that was allowed. */
  readonly used: Set<string>;
  close(): Promise<void>;
}

const ACCOUNT = "us-east-1:000000000000";

/** Starts it in front of `endpoint`. */
export async function startPermissionProxy(
  endpoint: string,
  allows: (asked: AskedRight) => boolean,
): Promise<PermissionProxy> {
  const target = new URL(endpoint);
  const refused: string[] = [];
  const used = new Set<string>();
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", () => undefined);
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      const asked = rightsOf(incoming, body);
      const denied = asked.filter((right) => !allows(right));
      for (const { action } of asked) used.add(action);
      if (denied.length === 0) pass(target, incoming, body, outgoing);
      else {
        refused.push(...denied.map(({ action, resource }) => `${action} ${resource}`));
        refuse(incoming, outgoing, denied[0]);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    used,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function pass(target: URL, incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming;
  const upstream = request({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  upstream.end(body);
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse, right: AskedRight | undefined): void {
  const message = `not authorized to perform: ${right?.action} on resource: ${right?.resource}`;
  const xml = serviceOf(incoming) === "s3";
  outgoing.writeHead(403, { "x-amzn-errortype": "AccessDeniedException" });
  outgoing.end(
    xml
      ? `<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`
      : JSON.stringify({ __type: "AccessDeniedException", message }),
  );
}

function serviceOf(incoming: IncomingMessage): string {
  return /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(incoming.headers.authorization ?? "")?.[1] ?? "unsigned";
}

/** What a call needs. A call that this does not know needs a right that no policy gives. */
function rightsOf(incoming: IncomingMessage, body: Buffer): AskedRight[] {
  const service = serviceOf(incoming);
  const target = incoming.headers["x-amz-target"];
  if (typeof target === "string") {
    const input = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
    return ofJson(service, target.slice(target.lastIndexOf(".") + 1), input);
  }
  const url = new URL(incoming.url ?? "/", "http://localhost");
  if (service === "s3") return [ofS3(incoming.method ?? "", url)];
  if (service === "ses") return ofSes(incoming.method ?? "", url.pathname, body);
  return [{ action: `${service}:${incoming.method ?? ""}`, resource: url.pathname }];
}

function ofJson(service: string, operation: string, input: Record<string, unknown>): AskedRight[] {
  const action = `${service}:${operation.replace(/^(DeleteMessage)Batch$/, "$1")}`;
  if (service === "sqs") {
    const name = String(input["QueueUrl"]).split("/").at(-1);
    return [{ action, resource: `arn:aws:sqs:${ACCOUNT}:${name}` }];
  }
  if (service === "secretsmanager") return [{ action, resource: String(input["SecretId"]) }];
  const tables = input["RequestItems"] === undefined ? [String(input["TableName"])] : keysOf(input["RequestItems"]);
  const index = typeof input["IndexName"] === "string" ? `/index/${input["IndexName"]}` : "";
  return tables.map((table) => ({ action, resource: `arn:aws:dynamodb:${ACCOUNT}:table/${table}${index}` }));
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function ofS3(method: string, url: URL): AskedRight {
  const [bucket = "", ...key] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  if (key.join("/") === "") {
    const prefix = url.searchParams.get("prefix");
    const action = method === "GET" ? "s3:ListBucket" : `s3:${method}Bucket`;
    return { action, resource: `arn:aws:s3:::${bucket}`, ...(prefix === null ? {} : { prefix }) };
  }
  const version = url.searchParams.has("versionId") ? "Version" : "";
  const verb = { GET: "Get", HEAD: "Get", PUT: "Put", DELETE: "Delete" }[method] ?? method;
  return { action: `s3:${verb}Object${version}`, resource: `arn:aws:s3:::${bucket}/${key.join("/")}` };
}

function ofSes(method: string, path: string, body: Buffer): AskedRight[] {
  const ses = (resource: string): string => `arn:aws:ses:${ACCOUNT}:${resource}`;
  if (path.endsWith("/outbound-emails")) {
    const input = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
    const { Raw } = input["Content"] as { readonly Raw: { readonly Data: string } };
    // SES asks for the right on the identity of the header From.
    const header = Buffer.from(Raw.Data, "base64").toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
    const from = /^From:[^@]*@([^>\s]+)/im.exec(header)?.[1] ?? "";
    const action = "ses:SendRawEmail";
    return [
      { action, resource: ses(`identity/${from}`) },
      { action, resource: ses(`configuration-set/${String(input["ConfigurationSetName"])}`) },
    ];
  }
  const operation = { account: "GetAccount", identities: "ListEmailIdentities" }[path.split("/").at(-1) ?? ""];
  if (method === "GET" && operation !== undefined) return [{ action: `ses:${operation}`, resource: "*" }];
  const identity = /\/identities\/([^/]+)$/.exec(path)?.[1];
  return [{ action: `ses:${method === "GET" ? "GetEmailIdentity" : method}`, resource: ses(`identity/${identity}`) }];
}
