/** Secrets Manager of local mode, through the real SDK. */

import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeSecretsManager, readSecret, readSecretIfAny, writeSecret } from "../../lib/aws/secret.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";

let dataDir: string;
let aws: LocalAws;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-secrets-"));
  aws = await startLocalAws({ dataDir, port: 0 });
  useLocalAws(process.env, aws.endpoint);
});

afterAll(async () => {
  await aws.close();
  await rm(dataDir, { recursive: true });
});

it("keeps a secret by name and ARN, over a restart, for its owner's eyes only", async () => {
  const client = makeSecretsManager();
  const created = await client.send(new CreateSecretCommand({ Name: "relay/tls", SecretString: "one" }));
  expect(created.ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:relay\/tls-[0-9a-f]{6}$/);
  await client.send(new PutSecretValueCommand({ SecretId: "relay/tls", SecretBinary: Buffer.from("two") }));
  client.destroy();
  await aws.close();
  expect((await stat(join(dataDir, "aws/secrets.json"))).mode & 0o777).toBe(0o600);
  aws = await startLocalAws({ dataDir, port: 0 });
  useLocalAws(process.env, aws.endpoint);
  const again = makeSecretsManager();
  for (const id of ["relay/tls", created.ARN ?? ""]) expect(await readSecret({ client: again, id })).toBe("two");
  const previous = await again.send(new GetSecretValueCommand({ SecretId: "relay/tls", VersionStage: "AWSPREVIOUS" }));
  expect(previous).toMatchObject({ SecretString: "one", VersionId: created.VersionId, Name: "relay/tls" });
  again.destroy();
});

it("may have no value yet", async () => {
  const client = makeSecretsManager();
  const { ARN: id = "" } = await client.send(new CreateSecretCommand({ Name: "empty" }));
  expect(await readSecretIfAny({ client, id })).toBeUndefined();
  await expect(readSecret({ client, id })).rejects.toThrow(/staging label: "AWSCURRENT"/);
  await writeSecret({ client, id }, "now");
  expect(await readSecretIfAny({ client, id })).toBe("now");
  client.destroy();
});

it("refuses as the service does", async () => {
  const client = makeSecretsManager();
  await client.send(new CreateSecretCommand({ Name: "twice", SecretString: "x" }));
  await expect(client.send(new CreateSecretCommand({ Name: "twice", SecretString: "x" }))).rejects.toBeInstanceOf(
    ResourceExistsException,
  );
  await expect(readSecret({ client, id: "none" })).rejects.toBeInstanceOf(ResourceNotFoundException);
  await expect(client.send(new PutSecretValueCommand({ SecretId: "twice" }))).rejects.toThrow(/SecretString/);
  client.destroy();
});
