/**
 * One secret out of AWS Secrets Manager.
 *
 * Failure: throws the SDK's error when the secret cannot be had (not there, no right, no answer).
 */

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

/** A secret and a client for it. */
export interface Secret {
  readonly client: SecretsManagerClient;
  /** ARN or name. */
  readonly id: string;
}

/** A client with time-outs and the SDK's usual retries. */
export function makeSecretsManager(): SecretsManagerClient {
  return new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}

/** The current value as text. */
export async function readSecret(secret: Secret): Promise<string> {
  const { SecretString, SecretBinary } = await secret.client.send(new GetSecretValueCommand({ SecretId: secret.id }));
  return SecretString ?? Buffer.from(SecretBinary ?? []).toString("utf8");
}
