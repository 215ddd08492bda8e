/** A TCP proxy in front of a local service that fails on demand, as networks and services do. */

import { connect, createServer, type Socket } from "node:net";

/**
 * `pass`: nothing wrong. `reset`: connections are torn down at once. `hang`: requests are taken and never answered.
 * `lose-answer`: requests arrive, answers do not, the connection is torn down instead. A number: every request is
 * answered with this HTTP status, and does not arrive.
 */
export type Fault = "pass" | "reset" | "hang" | "lose-answer" | number;

/** A running proxy. */
export interface FaultProxy {
  readonly endpoint: string;
  /** Counts requests' connections since the start or the last `set`. */
  readonly connections: number;
  /** Requests that came since the start; each begins with a packet of its own. */
  readonly requests: number;
  /** From now on; connections that are open are torn down, so that no client goes on with one it kept. */
  set(fault: Fault): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port of this machine. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let fault: Fault = "pass";
  let connections = 0;
  let requests = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    connections += 1;
    keep(client);
    client.on("data", (chunk: Buffer) => {
      if (/^[A-Z]+ \S+ HTTP\//.test(chunk.toString("latin1", 0, 2_000))) requests += 1;
    });
    if (fault === "reset") client.resetAndDestroy();
    else if (fault === "hang") client.resume();
    else if (typeof fault === "number") answerWith(client, fault);
    else {
      const target = connect(targetPort, "127.0.0.1");
      keep(target);
      client.pipe(target);
      if (fault === "pass") target.pipe(client);
      else target.once("data", () => client.resetAndDestroy());
      client.on("close", () => target.destroy());
      target.on("close", () => client.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    set: (next) => {
      fault = next;
      connections = 0;
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function answerWith(client: Socket, status: number): void {
  client.once("data", () => {
    client.end(`HTTP/1.1 ${status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  client.on("data", () => undefined);
}
