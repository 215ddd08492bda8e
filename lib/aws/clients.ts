/**
 * The AWS clients of a process, built once in its composition root.
 *
 * Where the services are is decided by the standard variables alone (`AWS_REGION`, `AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_<SERVICE>`); nothing here knows whether they are real.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SESv2Client } from "@aws-sdk/client-sesv2";
import { SQSClient } from "@aws-sdk/client-sqs";

/** What every process has in common. A time-out is a transient failure for the caller. */
export const requestHandler = {
  connectionTimeout: 2_000,
  requestTimeout: 15_000,
  throwOnRequestTimeout: true,
} as const;

/** Without one, the SDK writes to the console when a stream cannot be sent twice; whoever gave the stream knows. */
const quiet = (): void => undefined;
const QUIET = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };

/**
 * Takes out the SDK's step that makes a copy of every input and output for a logger of the caller's: there is none, and the
 * copy is made nevertheless (a sixth of the time that reading 460 items takes, local services included).
 */
function unlogged<C extends { readonly middlewareStack: { remove(name: string): boolean } }>(client: C): C {
  client.middlewareStack.remove("loggerMiddleware");
  return client;
}

/** For the spool. Path style where an endpoint is given, since local servers have no bucket host names. */
export function makeS3(env: NodeJS.ProcessEnv = process.env, requestTimeoutMs = 20_000): S3Client {
  const local = env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  return unlogged(
    new S3Client({
      maxAttempts: 3,
      logger: QUIET,
      forcePathStyle: local !== undefined,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: { ...requestHandler, requestTimeout: requestTimeoutMs },
    }),
  );
}

/** For the queues. */
export function makeSqs(): SQSClient {
  return unlogged(
    new SQSClient({
      maxAttempts: 3,
      useQueueUrlAsEndpoint: false,
      requestHandler: { ...requestHandler, requestTimeout: 30_000 },
    }),
  );
}

/** For ledger and directory. */
export function makeDynamoDb(): DynamoDBClient {
  return unlogged(new DynamoDBClient({ maxAttempts: 3, requestHandler: { ...requestHandler, requestTimeout: 5_000 } }));
}

/** For sending: one attempt, since a call that timed out may have been accepted (SES has no idempotency token). */
export function makeSesForSending(timeoutMs: number): SESv2Client {
  return unlogged(
    new SESv2Client({
      maxAttempts: 1,
      logger: QUIET,
      requestHandler: { ...requestHandler, requestTimeout: timeoutMs },
    }),
  );
}

/** For the control plane: reading quotas, identities. */
export function makeSes(): SESv2Client {
  return new SESv2Client({ maxAttempts: 5, requestHandler });
}
