/**
 * smtp-server as it comes, reading every message and throwing it away: what no edge built on it can be cheaper than.
 * Anybody may log in. Sends `{ port }` when it is up.
 */

import { generate } from "selfsigned";
import { SMTPServer } from "smtp-server";
import { reportUsage } from "./usage.ts";

// Of the kind that the edge makes: the key of smtp-server's own certificate is of another, which costs more.
const { private: key, cert } = await generate([{ name: "commonName", value: "relay.localhost" }], {
  keyType: "ec",
  curve: "P-256",
  algorithm: "sha256",
});
const server = new SMTPServer({
  key,
  cert,
  authOptional: true,
  disableReverseLookup: true,
  maxClients: 10_000,
  onAuth: ({ username }, _session, done) => done(null, { user: username }),
  onData: (stream, _session, done) => {
    stream.on("data", () => undefined);
    stream.on("end", () => done());
  },
});
server.on("error", () => undefined);
server.listen(0, "127.0.0.1", () => {
  const address = server.server.address();
  reportUsage();
  process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 });
});
