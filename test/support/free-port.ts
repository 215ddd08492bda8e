/**
 * Finds ports for servers that are started, killed and started again on the same port.
 *
 * The kernel's own choice (port 0) lies in the range it also gives to outgoing connections: while the server is down,
 * one of those can take the port, or a client that keeps trying can even connect to itself. These ports lie below it.
 */

import { createServer } from "node:net";

const LOWEST = 20_000;
/** First port of Linux's usual `net.ipv4.ip_local_port_range`. */
const EPHEMERAL = 32_768;
const ATTEMPTS = 100;

const given = new Set<number>();

/** A port on 127.0.0.1 that nobody listens on now and that was not returned before. Rejects after 100 taken ones. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (EPHEMERAL - LOWEST));
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port found in ${ATTEMPTS} attempts`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
