/**
 * A local SES as a process of its own, to be killed: `node ses-server-process.ts <data dir>`.
 *
 * Prints its port as the first line. Every event that it publishes is a line of `<data dir>/published.jsonl`, written
 * before the publishing counts as done; every tenth attempt fails first.
 */

import { appendFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { createSesServer } from "../../lib/local/ses-server.ts";

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error("usage: ses-server-process.ts <data dir>");
mkdirSync(dataDir, { recursive: true });

let attempts = 0;
const ses = createSesServer({
  dataDir,
  identities: ["example.com"],
  eventDelayMs: 20,
  sendRatePerSecond: 100_000,
  log: () => undefined,
  publish: async (_topicArn, message) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    attempts++;
    if (attempts % 10 === 0) throw new Error("every tenth fails");
    appendFileSync(join(dataDir, "published.jsonl"), `${message}\n`);
  },
});
await ses.start();
const http = createServer((req, res) => ses.handle(req, res));
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  console.log(typeof address === "object" && address !== null ? address.port : "");
});
