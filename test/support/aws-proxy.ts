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
 * the client never gets an answer. `status`: answered with this HTTP status and the error type. `delayMs`: passed on so
 * much later. `change`: the service does its work, its answer is changed on the way. `undefined`: passed on.
 */
export type AwsFault =
  | "refuse"
  | "lose"
  | "hang"
  | "mute"
  | { readonly status: number; readonly type: string; readonly message?: string }
  | { readonly delayMs: number }
  | { readonly change: (answer: Buffer) => Buffer }
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

/** How a proxy is set up. */
export interface AwsProxyOptions {
  /** Default any free port. */
  readonly port?: number;
  /** False: calls are counted and not kept, for a proxy that runs long. Default true. */
  readonly keepCalls?: boolean;
}

/** Starts a proxy to the local services at `endpoint`, or at one for each service. */
export async function startAwsProxy(
  endpoint: string | ((service: AwsCall["service"]) => string),
  options: AwsProxyOptions = {},
): Promise<AwsProxy> {
  const endpointOf = typeof endpoint === "string" ? () => endpoint : endpoint;
  const calls: AwsCall[] = [];
  let number = 0;
  const server = createServer((incoming, outgoing) => {
    number += 1;
    const call = { number, ...describe(incoming) };
    if (options.keepCalls !== false) calls.push(call);
    const target = new URL(endpointOf(call.service));
    const { onAnswer } = proxy;
    const tap = onAnswer && ((request: Buffer, answer: Buffer): void => onAnswer(call, request, answer));
    const passing = { call, target, tap };
    const fault = proxy.onCall(call);
    if (typeof fault === "object" && "delayMs" in fault) {
      setTimeout(() => apply(undefined, passing, incoming, outgoing), fault.delayMs);
    } else apply(fault, passing, incoming, outgoing);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: AwsProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    onCall: () => undefined,
    onAnswer: undefined,
    calls,
    reset: () => {
      calls.length = 0;
      number = 0;
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

function apply(
  fault: Exclude<AwsFault, { delayMs: number }>,
  passing: Passing,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  incoming.on("error", () => undefined);
  outgoing.on("error", () => undefined);
  if (fault === "hang") {
    incoming.resume();
  } else if (fault === "refuse") {
    incoming.socket.resetAndDestroy();
  } else if (typeof fault === "object" && "status" in fault) {
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
  fault: "lose" | "mute" | { readonly change: (answer: Buffer) => Buffer } | undefined,
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
      if (fault === "lose" || fault === "mute") {
        answer.resume();
        if (fault === "lose") answer.on("end", () => incoming.socket.resetAndDestroy());
        return;
      }
      if (tap !== undefined) {
        const answered: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => answered.push(chunk));
        answer.on("end", () => tap(Buffer.concat(sent), Buffer.concat(answered)));
      }
      if (fault !== undefined) {
        const whole: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => whole.push(chunk));
        answer.on("end", () => {
          const changed = fault.change(Buffer.concat(whole));
          const { "content-length": _, "transfer-encoding": __, ...headers } = answer.headers;
          outgoing.writeHead(answer.statusCode ?? 502, { ...headers, "content-length": changed.length });
          outgoing.end(changed);
        });
        return;
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
