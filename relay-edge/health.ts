/**
 * The load balancer's question whether this edge takes new connections: 200 or, while it stops, 503.
 *
 * Plain HTTP on a port of its own, so that nothing has to open an SMTP session to ask.
 */

import { createServer, type Server } from "node:http";
import { listen } from "./listen.ts";

/** A running health check. */
export interface Health {
  readonly port: number;
  close(): void;
}

/** Starts to answer. Rejects when the port cannot be had. */
export async function startHealth(address: string, port: number, healthy: () => boolean): Promise<Health> {
  const server: Server = createServer((request, response) => {
    const known = request.url === "/health" && (request.method === "GET" || request.method === "HEAD");
    const status = known ? (healthy() ? 200 : 503) : 404;
    response.writeHead(status, { "content-type": "text/plain", "cache-control": "no-store", connection: "close" });
    response.end(status === 200 ? "ok\n" : "no\n");
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 100;
  return {
    port: await listen(server, address, port),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
