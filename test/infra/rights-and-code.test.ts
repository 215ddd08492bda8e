import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { settingsOf } from "./cdk-json.ts";
import { grants } from "./grants.ts";
import { synthesize } from "./synthesized.ts";

const PROJECT_DIR = join(import.meta.dirname, "..", "..");
const BUNDLING_MS = 120_000;

/** The right that each call of the SDK needs; see the service authorization reference of each service. */
const ACTION_OF: Readonly<Record<string, readonly string[]>> = {
  "client-dynamodb BatchGetItem": ["dynamodb:BatchGetItem"],
  "client-dynamodb DeleteItem": ["dynamodb:DeleteItem"],
  // In every DynamoDB and S3 client, for endpoint discovery and for directory buckets; we use neither.
  "client-dynamodb DescribeEndpoints": [],
  "client-s3 CreateSession": [],
  "client-dynamodb GetItem": ["dynamodb:GetItem"],
  "client-dynamodb PutItem": ["dynamodb:PutItem"],
  "client-dynamodb Query": ["dynamodb:Query"],
  "client-dynamodb Scan": ["dynamodb:Scan"],
  "client-dynamodb UpdateItem": ["dynamodb:UpdateItem"],
  "client-s3 DeleteObject": ["s3:DeleteObject"],
  // ListBucket: without it a missing object is "access denied".
  "client-s3 HeadObject": ["s3:GetObject"],
  "client-s3 GetObject": ["s3:GetObject", "s3:ListBucket"],
  "client-s3 ListObjectsV2": ["s3:ListBucket"],
  "client-s3 PutObject": ["s3:PutObject"],
  "client-ec2 DescribeNetworkInterfaces": ["ec2:DescribeNetworkInterfaces"],
  "client-ecs DescribeTasks": ["ecs:DescribeTasks"],
  "client-ecs ListTasks": ["ecs:ListTasks"],
  "client-route-53 ChangeResourceRecordSets": ["route53:ChangeResourceRecordSets"],
  "client-route-53 GetChange": ["route53:GetChange"],
  "client-route-53 ListResourceRecordSets": ["route53:ListResourceRecordSets"],
  "client-secrets-manager GetSecretValue": ["secretsmanager:GetSecretValue"],
  "client-secrets-manager PutSecretValue": ["secretsmanager:PutSecretValue"],
  "client-sesv2 GetAccount": ["ses:GetAccount"],
  "client-sesv2 GetEmailIdentity": ["ses:GetEmailIdentity"],
  "client-sesv2 ListEmailIdentities": ["ses:ListEmailIdentities"],
  "client-sesv2 SendEmail": ["ses:SendEmail", "ses:SendRawEmail"],
  "client-sqs ChangeMessageVisibility": ["sqs:ChangeMessageVisibility"],
  "client-sqs DeleteMessage": ["sqs:DeleteMessage"],
  "client-sqs DeleteMessageBatch": ["sqs:DeleteMessage"],
  "client-sqs GetQueueAttributes": ["sqs:GetQueueAttributes"],
  "client-sqs ReceiveMessage": ["sqs:ReceiveMessage"],
  "client-sqs SendMessage": ["sqs:SendMessage"],
};

const LOG = ["logs:CreateLogStream", "logs:PutLogEvents"];
/** Lambda's poller takes messages with the function's role. */
const POLLER = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

const prod = synthesize("prod", {
  webhooks: true,
  ingress: "task",
  edge: settingsOf("staging")["edge"] ?? {},
  watch: { dqsSecretArn: "arn:aws:secretsmanager:us-east-1:111122223333:secret:spamhaus-Ab12Cd" },
});

describe.each([
  { entry: "relay-edge/main.ts", role: "EdgeTaskRole", besides: [] },
  { entry: "lambda/forward/handler.ts", role: "ForwardWorkerRole", besides: [...LOG, ...POLLER] },
  // GetObject asks for GetObjectVersion when it names a version, as it does for a message that was deleted.
  {
    entry: "lambda/feedback/handler.ts",
    role: "FeedbackWorkerRole",
    besides: [...LOG, ...POLLER, "s3:GetObjectVersion"],
  },
  { entry: "lambda/webhook/handler.ts", role: "WebhookSenderWorkerRole", besides: [...LOG, ...POLLER] },
  { entry: "lambda/certificate/handler.ts", role: "CertificateWorkerRole", besides: LOG },
  { entry: "lambda/address/handler.ts", role: "TaskAddressWorkerRole", besides: LOG },
  { entry: "lambda/watch/handler.ts", role: "WatchWorkerRole", besides: LOG },
  { entry: "lambda/sweep/handler.ts", role: "SweepWorkerRole", besides: LOG },
])("the role of $entry", ({ entry, role, besides }) => {
  it(
    "allows the calls that the code makes, and none that it does not",
    async () => {
      const calls = await callsOf(entry);
      expect(
        calls.filter((call) => !Object.hasOwn(ACTION_OF, call)),
        "no right is known for these calls",
      ).toEqual([]);
      const needed = new Set([...calls.flatMap((call) => ACTION_OF[call] ?? []), ...besides]);
      const resource = prod.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith(role));
      if (resource === undefined) throw new Error(`there is no ${role}`);
      const granted = new Set(grants(prod, resource).map(({ action }) => action));
      expect([...granted].sort()).toEqual([...needed].sort());
    },
    BUNDLING_MS,
  );
});

/** The SDK's commands that are left in a bundle once what nobody calls is shaken off: `client-s3 PutObject`. */
async function callsOf(entry: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: PROJECT_DIR,
    outdir: "unwritten",
    write: false,
    metafile: true,
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    logLevel: "silent",
  });
  const calls = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
      const found = /@aws-sdk\/(client-[a-z0-9-]+)\/dist-es\/commands\/(\w+)Command\.js$/.exec(file);
      if (found !== null && bytesInOutput > 0) calls.add(`${found[1]} ${found[2]}`);
    }
  }
  return [...calls].sort();
}
