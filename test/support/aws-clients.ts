/** AWS SDK clients for one endpoint: no retries, so that a test sees every answer as it came. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";

/** One client per service, and one more for S3. */
export interface TestClients {
  readonly s3: S3Client;
  /** As the SDK is by default: with a CRC32 sent along and asked back. */
  readonly s3WithChecksums: S3Client;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly dynamodb: DynamoDBClient;
  readonly ses: SESv2Client;
  /** Closes the connections that are kept open. */
  destroy(): void;
}

/** Makes them; nothing is connected before the first request. */
export function makeTestClients(endpoint: string): TestClients {
  const common = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  const clients = {
    s3: new S3Client({
      ...common,
      forcePathStyle: true,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    }),
    s3WithChecksums: new S3Client({ ...common, forcePathStyle: true }),
    sqs: new SQSClient(common),
    sns: new SNSClient(common),
    dynamodb: new DynamoDBClient(common),
    ses: new SESv2Client(common),
  };
  return {
    ...clients,
    destroy() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
