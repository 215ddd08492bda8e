/**
 * A bucket with versioning on local S3, for tests of its versions.
 *
 * Every function answers as the SDK does, and rejects with the SDK's error.
 */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BucketVersioningStatus,
  CreateBucketCommand,
  DeleteObjectCommand,
  type DeleteObjectCommandOutput,
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ListObjectVersionsCommandOutput,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { makeTestClients, type TestClients } from "./aws-clients.ts";

/** The services with one such bucket. */
export class VersionedBucket {
  readonly name = "versioned-bucket";
  readonly dataDir: string;
  /** How far the services' clock is ahead of the machine's. */
  aheadMs = 0;
  #running: { readonly aws: LocalAws; readonly clients: TestClients } | undefined;

  private constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** Starts the services and makes the bucket. */
  static async make(): Promise<VersionedBucket> {
    const bucket = new VersionedBucket(await mkdtemp(join(tmpdir(), "relayhost-versions-")));
    await bucket.start();
    await bucket.s3.send(new CreateBucketCommand({ Bucket: bucket.name }));
    await bucket.setVersioning("Enabled");
    return bucket;
  }

  get clients(): TestClients {
    if (this.#running === undefined) throw new Error("the services are not running");
    return this.#running.clients;
  }

  get s3(): S3Client {
    return this.clients.s3;
  }

  get endpoint(): string {
    return this.#running?.aws.endpoint ?? "";
  }

  async start(): Promise<void> {
    const aws = await startLocalAws({ dataDir: this.dataDir, port: 0, now: () => Date.now() + this.aheadMs });
    this.#running = { aws, clients: makeTestClients(aws.endpoint) };
  }

  async stop(): Promise<void> {
    this.#running?.clients.destroy();
    await this.#running?.aws.close();
    this.#running = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops the services and removes their folder. */
  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true });
  }

  async setVersioning(Status: BucketVersioningStatus): Promise<void> {
    await this.s3.send(new PutBucketVersioningCommand({ Bucket: this.name, VersioningConfiguration: { Status } }));
  }

  /** Returns the version's id. */
  async put(Key: string, Body: Buffer | string): Promise<string | undefined> {
    return (await this.s3.send(new PutObjectCommand({ Bucket: this.name, Key, Body }))).VersionId;
  }

  async get(Key: string, VersionId?: string, Range?: string): Promise<{ bytes: Buffer; id: string | undefined }> {
    const answer = await this.s3.send(new GetObjectCommand({ Bucket: this.name, Key, VersionId, Range }));
    return { bytes: Buffer.from((await answer.Body?.transformToByteArray()) ?? []), id: answer.VersionId };
  }

  async remove(Key: string, VersionId?: string): Promise<DeleteObjectCommandOutput> {
    return await this.s3.send(new DeleteObjectCommand({ Bucket: this.name, Key, VersionId }));
  }

  async versions(options: Partial<ListObjectVersionsCommandInput> = {}): Promise<ListObjectVersionsCommandOutput> {
    return await this.s3.send(new ListObjectVersionsCommand({ Bucket: this.name, ...options }));
  }

  /** Names of the files that hold large bodies. */
  async bodyFiles(): Promise<string[]> {
    return (await readdir(join(this.dataDir, "aws", "objects"))).toSorted();
  }
}

/** Key, id and whether it is the latest: of versions as they are, of delete markers with a word before. */
export function versionEntries({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): string[] {
  return [
    ...Versions.map(({ Key, VersionId, IsLatest }) => `${Key} ${VersionId} ${IsLatest}`),
    ...DeleteMarkers.map(({ Key, VersionId, IsLatest }) => `marker ${Key} ${VersionId} ${IsLatest}`),
  ];
}
