/**
 * Local AWS services as a process of its own, which can be stopped or killed apart from the others: `storage` (S3, SQS
 * and SNS), `dynamodb` or `ses`. Arguments: name, data folder, port. Sends `{}` when it answers; SIGTERM ends it in order.
 */

import { makePublisher } from "../../../lib/aws/publish-sns.ts";
import { startLocalAws } from "../../../lib/local/local-aws.ts";
import { createSesServer } from "../../../lib/local/ses-server.ts";

const [name = "", dataDir = "", port = "0", ...identities] = process.argv.slice(2);
let publish: ReturnType<typeof makePublisher> | undefined;
const ses =
  name === "ses"
    ? createSesServer({
        dataDir,
        identities,
        max24HourSend: -1,
        publish: async (topicArn, message) => {
          publish ??= makePublisher();
          await publish(topicArn, message);
        },
        log: (line) => console.error(`ses: ${line}`),
      })
    : undefined;
await ses?.start();
const onFault = (sentence: string): void => console.error(`${name}: ${sentence}`);
const aws = await startLocalAws({ dataDir, port: Number(port), onFault, ...(ses === undefined ? {} : { ses }) });
process.send?.({});

async function stop(): Promise<void> {
  await aws.close();
  await ses?.close();
  process.exit(0);
}
process.once("SIGTERM", () => {
  stop().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
