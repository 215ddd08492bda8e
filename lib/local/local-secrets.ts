/**
 * Secrets Manager on this machine: create, change, read.
 *
 * Promise:  what was answered is on disk, in one file that only its owner can read. A value is replaced as a whole; the
 *           one before can still be read as AWSPREVIOUS.
 * Refusal:  as the service does, by type: ResourceNotFoundException, ResourceExistsException, InvalidParameterException.
 * Not here: rotation, deletion, replication, resource policies, encryption.
 * See https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname } from "node:path";
import { RefusedRequest, readBody, send } from "./aws-request.ts";

/** Secrets Manager as a request handler. */
export interface LocalSecrets {
  /** Answers one request. Rejects only when the connection is lost. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface Version {
  readonly id: string;
  readonly text?: string;
  /** Base64. */
  readonly binary?: string;
  readonly createdAt: number;
}

interface Stored {
  readonly arn: string;
  readonly name: string;
  /** Absent in a secret that was made without a value. */
  readonly current?: Version;
  readonly previous?: Version;
}

type Input = Readonly<Record<string, unknown>>;

/** As the service: 64 KiB of secret, and what JSON makes of it. */
const REQUEST_BYTES_MAX = 512 * 1024;
const NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;

/** Opens the file, or begins with none. Throws when it is there and cannot be read. */
export async function openLocalSecrets(file: string, region: string): Promise<LocalSecrets> {
  const secrets = new Map<string, Stored>((await readStored(file)).map((stored) => [stored.name, stored]));
  let writing = Promise.resolve();

  const save = async (stored: Stored): Promise<void> => {
    secrets.set(stored.name, stored);
    writing = writing.then(() => writeStored(file, [...secrets.values()]));
    await writing;
  };
  const find = (input: Input): Stored => {
    const id = input["SecretId"];
    const found = [...secrets.values()].find(({ arn, name }) => id === arn || id === name);
    if (found !== undefined) return found;
    throw new RefusedRequest(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  };
  const operations: Readonly<Record<string, (input: Input) => Promise<object>>> = {
    async CreateSecret(input) {
      const name = input["Name"];
      if (typeof name !== "string" || !NAME.test(name)) throw invalid("Invalid name.");
      if (secrets.has(name)) {
        throw new RefusedRequest(400, "ResourceExistsException", `The secret ${name} already exists.`);
      }
      const suffix = randomBytes(4).toString("hex").slice(0, 6);
      const arn = `arn:aws:secretsmanager:${region}:000000000000:secret:${name}-${suffix}`;
      if (input["SecretString"] === undefined && input["SecretBinary"] === undefined) {
        await save({ arn, name });
        return { ARN: arn, Name: name };
      }
      const current = versionOf(input);
      await save({ arn, name, current });
      return { ARN: arn, Name: name, VersionId: current.id };
    },
    async PutSecretValue(input) {
      const { arn, name, current: previous } = find(input);
      const current = versionOf(input);
      await save({ arn, name, current, ...(previous === undefined ? {} : { previous }) });
      return { ARN: arn, Name: name, VersionId: current.id, VersionStages: ["AWSCURRENT"] };
    },
    async GetSecretValue(input) {
      const stored = find(input);
      const stage = input["VersionStage"] ?? "AWSCURRENT";
      const version = stage === "AWSCURRENT" ? stored.current : stage === "AWSPREVIOUS" ? stored.previous : undefined;
      if (version === undefined) {
        throw new RefusedRequest(
          400,
          "ResourceNotFoundException",
          `Secrets Manager can't find the specified secret value for staging label: ${JSON.stringify(stage)}`,
        );
      }
      return {
        ARN: stored.arn,
        Name: stored.name,
        VersionId: version.id,
        VersionStages: [stage],
        CreatedDate: version.createdAt,
        ...(version.text === undefined ? {} : { SecretString: version.text }),
        ...(version.binary === undefined ? {} : { SecretBinary: version.binary }),
      };
    },
  };
  return {
    async handle(request, response) {
      const body = (await readBody(request, REQUEST_BYTES_MAX)).toString();
      const name = String(request.headers["x-amz-target"] ?? "").replace(/^secretsmanager\./, "");
      try {
        const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
        if (operation === undefined) {
          throw new RefusedRequest(400, "InvalidAction", `local Secrets Manager has no operation "${name}"`);
        }
        answer(response, 200, await operation(parseInput(body)));
      } catch (error) {
        if (!(error instanceof RefusedRequest)) throw error;
        answer(response, error.status, { __type: error.code, Message: error.message });
      }
    },
  };
}

function versionOf(input: Input): Version {
  const { SecretString: text, SecretBinary: binary, ClientRequestToken: token } = input;
  const isText = typeof text === "string";
  const isBinary = typeof binary === "string";
  if (isText === isBinary) throw invalid("You must provide either SecretString or SecretBinary.");
  return {
    id: typeof token === "string" ? token : randomUUID(),
    ...(isText ? { text } : {}),
    ...(isBinary ? { binary } : {}),
    createdAt: Math.floor(Date.now() / 1000),
  };
}

function parseInput(body: string): Input {
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    input = undefined;
  }
  if (typeof input !== "object" || input === null) throw invalid("The request is not a JSON object.");
  return input as Input;
}

function invalid(message: string): RefusedRequest {
  return new RefusedRequest(400, "InvalidParameterException", message);
}

async function readStored(file: string): Promise<Stored[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return JSON.parse(text) as Stored[];
}

/** A reader finds the old file or the new one, never half. */
async function writeStored(file: string, secrets: readonly Stored[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify(secrets), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function answer(response: ServerResponse, status: number, body: object): void {
  send(response, status, "application/x-amz-json-1.1", JSON.stringify(body));
}
