/**
 * The AWS services a test of the edge needs, on this machine, through the real SDK.
 *
 * S3 and DynamoDB are reached through a proxy that can fail in the ways a network and a service do, so that the SDK's
 * own time-outs and retries are part of what is tested.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDynamoDb, makeS3 } from "../../lib/aws/clients.ts";
import type { Directory } from "../../lib/aws/directory-dynamo.ts";
import { LOCAL_NAMES, provisionLocal } from "../../lib/aws/provision.ts";
import { deleteSpoolObject, getSpoolObject, listSpool, type Spool } from "../../lib/aws/spool-s3.ts";
import { decodeSpoolObject, type SpoolObject } from "../../lib/core/spool-object.ts";
import { startLocalAws } from "../../lib/local/local-aws.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

/** Running services. */
export interface TestAws {
  readonly endpoint: string;
  readonly bucket: string;
  readonly directoryTable: string;
  readonly spool: Spool;
  readonly directory: Directory;
  /** Between the S3 client and S3. */
  readonly s3: FaultProxy;
  /** Between the DynamoDB client and DynamoDB. */
  readonly dynamodb: FaultProxy;
  /** Everything in the spool, oldest first, taken apart. Throws when something is no spool object. */
  stored(): Promise<(SpoolObject & { readonly bytes: Buffer })[]>;
  /** Empties the spool. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Starts them, and points the AWS variables of this process at them. */
export async function startTestAws(): Promise<TestAws> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-edge-aws-"));
  const ses = createSesServer({ dataDir, publish: async () => undefined });
  await ses.start();
  const aws = await startLocalAws({ dataDir, port: 0, ses });
  const s3 = await startFaultProxy(aws.port);
  const dynamodb = await startFaultProxy(aws.port);
  useLocalAws(process.env, aws.endpoint);
  await provisionLocal();
  process.env["AWS_ENDPOINT_URL_S3"] = s3.endpoint;
  process.env["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb.endpoint;
  const spool = { client: makeS3(), bucket: LOCAL_NAMES.spoolBucket };
  const directory = { client: makeDynamoDb(), table: LOCAL_NAMES.directoryTable };
  return {
    endpoint: aws.endpoint,
    bucket: spool.bucket,
    directoryTable: directory.table,
    spool,
    directory,
    s3,
    dynamodb,
    stored: async () => {
      const objects = [];
      for await (const { id } of listSpool(spool)) {
        const object = id === undefined ? undefined : await getSpoolObject(spool, id);
        if (object === undefined) throw new Error("an object in the spool is not one of ours");
        objects.push({ ...decodeSpoolObject(object.bytes), bytes: object.bytes });
      }
      return objects;
    },
    clear: async () => {
      for await (const { id } of listSpool(spool)) if (id !== undefined) await deleteSpoolObject(spool, id);
    },
    close: async () => {
      spool.client.destroy();
      directory.client.destroy();
      await s3.close();
      await dynamodb.close();
      await aws.close();
      await ses.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
