/** A server for AWS services that speak JSON over POST (SSM, CloudWatch), which answers by operation. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A running one. */
export interface JsonAwsServer {
  readonly endpoint: string;
  /** What was asked, in order. */
  readonly asked: { readonly operation: string; readonly body: unknown }[];
  close(): Promise<void>;
}

/** Starts it; an operation without an answer is refused with 400 as AWS does, and so is one whose answer has a `__type`. */
export async function startJsonAwsServer(
  answers: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => object>>,
): Promise<JsonAwsServer> {
  const asked: { operation: string; body: unknown }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const operation = String(request.headers["x-amz-target"]).replace(/^.*\./, "");
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>;
      asked.push({ operation, body });
      const answer = answers[operation]?.(body);
      response.writeHead(answer === undefined || "__type" in answer ? 400 : 200, {
        "content-type": "application/x-amz-json-1.0",
      });
      response.end(JSON.stringify(answer ?? { __type: "AccessDeniedException", message: `no ${operation} here` }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
