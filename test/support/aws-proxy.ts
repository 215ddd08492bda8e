/**
 * An HTTP proxy in front of the local AWS services: counts every call by service and operation, and makes the ones
 * that a test picks fail as a network or a service does. The SDK's own time-outs and retries thus belong to what is
 * tested.
 */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One call as it arrived. */
export interface AwsCall {
  /** From 1, over all services, since the start or the last `reset`. */
  readonly number: number;
  readonly service: "s3" | "sqs" | "sns" | "dynamodb" | "ses" | "other";
  /** Such as `PutObject`, `PutItem`, `SendEmail`. */
  readonly operation: string;
}

/**
 * `refuse`: the connection is cut before the service hears of it. `lose`: the service does its work, its answer is cut
 * off. `hang`: the service never hears of it and the client never gets an answer. `mute`: the service does its work and
 * the client never gets an answer. A number: answered with this HTTP status and the error type. `undefined`: passed on.
 */
export type AwsFault =
  | "refuse"
  | "lose"
  | "hang"
  | "mute"
  | { readonly status: number; readonly type: string; readonly message?: string }
  | undefined;

export interface AwsProxy {
  readonly endpoint: string;
  /** Decides about each call from now on. */
  onCall: (call: AwsCall) => AwsFault;
  /** Told of each call that a service has answered, with both bodies; they are kept only while this is set. */
  onAnswer: ((call: AwsCall, request: Buffer, answer: Buffer) => void) | undefined;
  /** All calls since the start or the last `reset`, the faulty ones too. */
  readonly calls: AwsCall[];
  /** Forgets the calls and lets everything pass. */
  reset(): void;
  close(): Promise<void>;
}

/** Starts a proxy to the local services at `endpoint`. */
export async function startAwsProxy(endpoint: string): Promise<AwsProxy> {
  const target = new URL(endpoint);
  const calls: AwsCall[] = [];
  const server = createServer((incoming, outgoing) => {
    const call = { number: calls.length + 1, ...describe(incoming) };
    calls.push(call);
    const { onAnswer } = proxy;
    const tap = onAnswer && ((request: Buffer, answer: Buffer): void => onAnswer(call, request, answer));
    apply(proxy.onCall(call), { call, target, tap }, incoming, outgoing);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: AwsProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    onCall: () => undefined,
    onAnswer: undefined,
    calls,
    reset: () => {
      calls.length = 0;
      proxy.onCall = () => undefined;
      proxy.onAnswer = undefined;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

interface Passing {
  readonly call: AwsCall;
  readonly target: URL;
  readonly tap: ((request: Buffer, answer: Buffer) => void) | undefined;
}

function apply(fault: AwsFault, passing: Passing, incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.on("error", () => undefined);
  outgoing.on("error", () => undefined);
  if (fault === "hang") {
    incoming.resume();
  } else if (fault === "refuse") {
    incoming.socket.resetAndDestroy();
  } else if (typeof fault === "object") {
    incoming.resume();
    incoming.on("end", () => {
      outgoing.writeHead(fault.status, { "content-type": "application/json", "x-amzn-errortype": fault.type });
      outgoing.end(errorBody(passing.call.service, fault.type, fault.message ?? "made by the test"));
    });
  } else {
    pass(passing, incoming, outgoing, fault);
  }
}

/** S3 and SNS speak XML, the others JSON. */
function errorBody(service: AwsCall["service"], type: string, message: string): string {
  const error = `<Error><Code>${type}</Code><Message>${message}</Message></Error>`;
  if (service === "s3") return error;
  if (service === "sns") return `<ErrorResponse>${error}</ErrorResponse>`;
  return JSON.stringify({ __type: type, message });
}

function pass(
  { target, tap }: Passing,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: "lose" | "mute" | undefined,
): void {
  const sent: Buffer[] = [];
  const upstream = request(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    },
    (answer) => {
      if (fault !== undefined) {
        answer.resume();
        if (fault === "lose") answer.on("end", () => incoming.socket.resetAndDestroy());
        return;
      }
      if (tap !== undefined) {
        const answered: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => answered.push(chunk));
        answer.on("end", () => tap(Buffer.concat(sent), Buffer.concat(answered)));
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  upstream.on("error", () => outgoing.destroy());
  // A receive that nobody waits for any more must not take messages.
  outgoing.on("close", () => upstream.destroy());
  if (tap !== undefined) incoming.on("data", (chunk: Buffer) => sent.push(chunk));
  incoming.pipe(upstream);
}

function describe(incoming: IncomingMessage): Pick<AwsCall, "service" | "operation"> {
  const scope = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(incoming.headers.authorization ?? "")?.[1];
  const target = incoming.headers["x-amz-target"];
  const method = incoming.method ?? "";
  const url = new URL(incoming.url ?? "/", "http://localhost");
  if (typeof target === "string") {
    const operation = target.slice(target.lastIndexOf(".") + 1);
    return { service: scope === "dynamodb" ? "dynamodb" : "sqs", operation };
  }
  if (scope === "s3") return { service: "s3", operation: s3Operation(method, url) };
  if (scope === "ses") {
    const operation = url.pathname.endsWith("/outbound-emails") ? "SendEmail" : `${method} ${url.pathname}`;
    return { service: "ses", operation };
  }
  return { service: scope === "sns" ? "sns" : "other", operation: method };
}

function s3Operation(method: string, url: URL): string {
  const hasKey = url.pathname.split("/").length > 2;
  if (!hasKey) return method === "GET" ? "ListObjectsV2" : `${method} bucket`;
  return { GET: "GetObject", PUT: "PutObject", DELETE: "DeleteObject", HEAD: "HeadObject" }[method] ?? method;
}
