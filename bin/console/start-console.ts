/**
 * Starts the console on a socket of its own.
 *
 * Promise:  listens on loopback unless an address is given. `close` resolves when nothing of it runs any more.
 * Failure:  rejects with the socket's error, such as EADDRINUSE.
 */

import { once } from "node:events";
import type { Server } from "node:http";
import { hostname, userInfo } from "node:os";
import { createAdaptorServer } from "@hono/node-server";
import type { Connection } from "../commands/connect.ts";
import { consoleApp } from "./console-app.ts";

/** What to serve, and where. */
export interface ConsoleOptions {
  readonly connection: Connection;
  /** Undefined: local mode. */
  readonly environment?: string | undefined;
  /** Of local mode. */
  readonly dataDir?: string | undefined;
  /** Name servers to ask; undefined: the system's, and in local mode none for the records of domains. */
  readonly resolvers?: readonly string[] | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly bind?: string | undefined;
  /** Names besides loopback's under which browsers may reach it. */
  readonly hosts?: readonly string[];
  /** Asked for before anything is shown. */
  readonly key?: string | undefined;
}

/** A running console. */
export interface Console {
  readonly port: number;
  /** To be opened in a browser. */
  readonly address: string;
  close(): Promise<void>;
}

/** A mail that a browser is sent slowly must not keep a request for ever. */
const REQUEST_TIMEOUT_MS = 60_000;

/** See the head of this file. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const bind = options.bind ?? "127.0.0.1";
  let fetch: ReturnType<typeof consoleApp>["fetch"] = () => new Response(null, { status: 503 });
  const server = createAdaptorServer({ fetch: (request, env) => fetch(request, env) }) as Server;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.listen(options.port, bind);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the console has no port");
  const { port } = address;
  const loopback = ["127.0.0.1", "localhost", "[::1]"].map((host) => `${host}:${port}`);
  const hosts = new Set([...loopback, ...(options.hosts ?? []).map((host) => host.toLowerCase())]);
  const context = {
    connection: options.connection,
    environment: options.environment,
    dataDir: options.dataDir,
    resolvers: options.resolvers,
    operator: `${userName()}@${hostname()}`,
  };
  fetch = consoleApp(context, { hosts, key: options.key, port }).fetch;
  const shown = bind === "127.0.0.1" || bind === "0.0.0.0" || bind === "::" ? "127.0.0.1" : bind;
  const key = options.key === undefined ? "" : `?key=${options.key}`;
  return {
    port,
    address: `http://${shown.includes(":") ? `[${shown}]` : shown}:${port}/${key}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the system's list.
    return String(process.getuid?.() ?? "unknown");
  }
}
