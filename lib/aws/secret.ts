/**
 * One secret in AWS Secrets Manager.
 *
 * Failure: throws the SDK's error when the secret cannot be had (not there, no right, no answer).
 */

import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";

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

/** As `readSecret`; undefined for a secret that has no value yet, or is not there at all (the service does not tell). */
export async function readSecretIfAny(secret: Secret): Promise<string | undefined> {
  try {
    return await readSecret(secret);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Gives it a new value; the one before can still be read as AWSPREVIOUS. */
export async function writeSecret(secret: Secret, text: string): Promise<void> {
  await secret.client.send(new PutSecretValueCommand({ SecretId: secret.id, SecretString: text }));
}
