/** A server that keeps what S3 would be sent and answers as a test wants it to; and a check of what was signed. */

import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, Agent as HttpsAgent } from "node:https";
import { type ConnectionOptions, connect } from "node:tls";
import { generate } from "selfsigned";

/** A request as it came over the wire. Header names in lower case. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** `reset`: the connection is torn down after the request. `hang`: no answer ever comes. */
export type Answer =
  | "reset"
  | "hang"
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

/** A running server. */
export interface RecordingS3 {
  readonly port: number;
  readonly requests: RecordedRequest[];
  /** Connections since the start. */
  readonly connections: number;
  /** Told of each request when it is there, before its answer. */
  onRequest: (count: number) => void;
  close(): Promise<void>;
}

/** The error document of S3. */
export function errorAnswer(status: number, code: string, more = ""): Answer {
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<Error><Code>${code}</Code><Message>Made by the test.</Message>${more}<RequestId>R1</RequestId></Error>`;
  return { status, headers: { "content-type": "application/xml", "x-amz-request-id": "R1" }, body };
}

/** Starts one. The answers are given in order, then 200. `tls`: with a certificate that nobody vouches for. */
export async function startRecordingS3(answers: readonly Answer[] = [], tls = false): Promise<RecordingS3> {
  const requests: RecordedRequest[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const answer = answers[requests.length] ?? { status: 200 };
    requests.push({ method: request.method ?? "", url: request.url ?? "", headers, body: Buffer.concat(chunks) });
    recording.onRequest(requests.length);
    if (answer === "reset") request.socket.resetAndDestroy();
    else if (answer !== "hang") {
      response.writeHead(answer.status, { "content-length": Buffer.byteLength(answer.body ?? ""), ...answer.headers });
      response.end(answer.body);
    }
  };
  // A client may go away in the middle of its body.
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void take(request, response).catch(() => undefined);
  const server = tls ? createHttpsServer(await certificate(), listener) : createServer(listener);
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  const recording: RecordingS3 = {
    port: address.port,
    requests,
    get connections() {
      return connections;
    },
    onRequest: () => undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return recording;
}

async function certificate(): Promise<{ key: string; cert: string }> {
  const made = await generate([{ name: "commonName", value: "s3.test" }], { keyType: "ec", curve: "P-256" });
  return { key: made.private, cert: made.cert };
}

/** An agent whose every connection, whatever its name, goes to this port of this machine. */
export class LoopbackAgent extends HttpsAgent {
  readonly #port: number;

  constructor(port: number) {
    super({ keepAlive: true });
    this.#port = port;
  }

  override createConnection(options: ConnectionOptions) {
    return connect({ ...options, host: "127.0.0.1", port: this.#port, rejectUnauthorized: false });
  }
}

/**
 * True when the request bears the SigV4 signature of this key over exactly its signed headers, and over its body
 * where that is signed. Written from
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, without the SDK.
 */
export function isSignedWith(secretKey: string, { method, url, headers, body }: RecordedRequest): boolean {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      headers["authorization"] ?? "",
    );
  const [, date = "", region = "", service = "", names = "", signature] = parts ?? [];
  const payload = headers["x-amz-content-sha256"] ?? "";
  const bodyFits = payload === "UNSIGNED-PAYLOAD" || payload === createHash("sha256").update(body).digest("hex");
  const [path, query = ""] = url.split("?");
  const fields = names.split(";").map((name) => `${name}:${headers[name] ?? ""}\n`);
  const canonical = `${method}\n${path}\n${query}\n${fields.join("")}\n${names}\n${payload}`;
  const hashed = createHash("sha256").update(canonical).digest("hex");
  const text = `AWS4-HMAC-SHA256\n${headers["x-amz-date"]}\n${date}/${region}/${service}/aws4_request\n${hashed}`;
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, date), region), service), "aws4_request");
  return bodyFits && hmac(key, text).toString("hex") === signature;
}
