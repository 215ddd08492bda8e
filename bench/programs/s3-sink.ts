/**
 * Stands in for S3: takes every object and forgets it, so that the edge is measured and not what stores for it. Sends
 * `{ endpoint }` when it is up.
 */

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const id = randomUUID();
    response.writeHead(request.method === "PUT" ? 200 : 405, {
      "x-amz-id-2": Buffer.from(`${id}${id}`).toString("base64"),
      "x-amz-request-id": id.slice(0, 16).toUpperCase(),
      "x-amz-version-id": id,
      etag: `"${id.replaceAll("-", "")}"`,
      server: "AmazonS3",
      "content-length": 0,
    });
    response.end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ endpoint: `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}` });
});
process.once("disconnect", () => process.exit());
