/**
 * The SMTP edge as a process of its own, taking mail from loopback without login. AWS is where the environment says.
 * Sends `{ port, tlsPort }` when it is up.
 */

import { randomBytes } from "node:crypto";
import { makeDynamoDb, makeS3 } from "../../lib/aws/clients.ts";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { startEdge } from "../../relay-edge/edge.ts";
import { reportUsage } from "./usage.ts";

const { settings, spoolBucket, directoryTable } = readEdgeConfig(process.env);
const unlimited = 1_000_000_000;
const edge = await startEdge({
  config: {
    ...settings,
    tenantMessagesPerMinute: unlimited,
    tenantRecipientsPerMinute: unlimited,
    credentialMessagesPerMinute: unlimited,
    credentialRecipientsPerMinute: unlimited,
    senderMessagesPerMinute: unlimited,
    senderRecipientsPerMinute: unlimited,
  },
  spool: { client: makeS3(), bucket: spoolBucket },
  directory: { client: makeDynamoDb(), table: directoryTable },
  now: Date.now,
  randomBytes,
  log: () => undefined,
});
reportUsage();
process.send?.({ port: edge.smtpPort, tlsPort: edge.smtpsPort });
