/** smtp-server as it comes, reading every message and throwing it away: what no edge built on it can be cheaper than. */

import { SMTPServer } from "smtp-server";
import { reportUsage } from "./usage.ts";

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  maxClients: 10_000,
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
