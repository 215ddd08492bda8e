/** Makes a server listen, as a promise. */

import type { Server } from "node:net";

/** Resolves with the port when the server listens; rejects when it cannot. Later errors of the server do not end the process. */
export async function listen(server: Server, address: string, port: number): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    server.on("error", reject);
    server.listen({ host: address, port }, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}
