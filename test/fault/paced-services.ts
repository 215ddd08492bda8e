/**
 * The local AWS services with an SES that keeps to a rate, as a process of their own. Arguments: data folder, recipients
 * per second. Sends its endpoint over IPC, and answers every message with how many calls SES has refused as too fast.
 */

import { startLocalAws } from "../../lib/local/local-aws.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";

const [dataDir = "", rate] = process.argv.slice(2);
process.on("disconnect", () => process.exit(1)); // the test is gone
const ses = createSesServer({
  dataDir,
  identities: ["example.com"],
  sendRatePerSecond: Number(rate),
  // The pace is that of sending; what SES says later would only use up this machine.
  eventDelayMs: 3_600_000,
  publish: async () => undefined,
});
let refused = 0;
await ses.start();
const { endpoint } = await startLocalAws({
  dataDir,
  port: 0,
  ses: {
    handle: (request, response) => {
      response.once("finish", () => {
        if (response.statusCode === 429) refused += 1;
      });
      ses.handle(request, response);
    },
  },
  onFault: (sentence) => console.error(sentence),
});
process.on("message", () => process.send?.({ refused }));
process.send?.({ endpoint });
