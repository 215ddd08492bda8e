/**
 * The local AWS services as a process of their own, with an SES that takes everything at any rate. Its events go where
 * they go on AWS. Sends `{ endpoint }` when they are up; ends with its parent.
 */

import { makePublisher } from "../../lib/aws/publish-sns.ts";
import { startLocalAws } from "../../lib/local/local-aws.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";

const dataDir = process.argv[2] ?? "";
let publish: ReturnType<typeof makePublisher> | undefined;
const ses = createSesServer({
  dataDir,
  identities: ["example.com"],
  sendRatePerSecond: 100_000,
  max24HourSend: -1,
  eventDelayMs: 1,
  publish: async (topicArn, message) => {
    publish ??= makePublisher();
    await publish(topicArn, message);
  },
});
await ses.start();
const aws = await startLocalAws({ dataDir, port: 0, ses });
useLocalAws(process.env, aws.endpoint);
process.once("disconnect", () => process.exit());
process.send?.({ endpoint: aws.endpoint });
