/**
 * The AWS services that the relay uses, on one port of this machine.
 *
 * Promise:  with `AWS_ENDPOINT_URL` set to the endpoint, any AWS SDK or the aws CLI finds S3, SQS, SNS, STS, DynamoDB,
 *           Secrets Manager and SES there; each request goes to the service that its signature names.
 * Promise:  what was answered survives kill -9, and the next start needs no help. One process per data folder.
 * Refusal:  a request for another service, or an unsigned one, is answered 400 in JSON.
 * Loopback only: signatures are not checked, so nobody else may connect.
 *
 * All services run in this process and are called directly, without a second port: dynalite's operations, fauxqs's
 * Fastify instance through `routing`. That is the fastest way, and the only one for fauxqs, whose own `listen` binds
 * all interfaces.
 */

import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { buildApp } from "fauxqs";
import { credentialScope, DEFAULT_REGION, RefusedRequest, sendJson } from "./aws-request.ts";
import { loadFauxqsParts } from "./fauxqs-parts.ts";
import { openLocalDynamoDb } from "./local-dynamodb.ts";
import { type LocalQueues, openLocalQueues } from "./local-queues.ts";
import { handleS3, type LocalS3Parts } from "./local-s3.ts";
import { openLocalSecrets } from "./local-secrets.ts";
import { makeObjectCreatedNotifier } from "./object-created-notifier.ts";
import { openObjectStore } from "./object-store.ts";
import { listInKeyOrder } from "./s3-listing.ts";
import { startVersionExpiry } from "./version-expiry.ts";

/** Where the services keep things and listen; only the folder and the port have no default. */
export interface LocalAwsOptions {
  /** Folder for everything that is kept, in `aws/` and `dynamodb/` below it. */
  readonly dataDir: string;
  /** 0: any free port. */
  readonly port: number;
  /** Serves requests signed for SES; without it they are refused. */
  readonly ses?: { handle(request: IncomingMessage, response: ServerResponse): void | Promise<void> };
  /** The region that events and ARNs name; default us-east-1. */
  readonly region?: string;
  /** Told of faults that no client hears of, in one sentence each. Default: a warning of the process. */
  readonly onFault?: (sentence: string) => void;
  /** The time by which old versions of objects expire, epoch milliseconds; default the machine's. */
  readonly now?: () => number;
}

/** The running services; nothing of them is left when `close` has resolved. */
export interface LocalAws {
  /** Such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  readonly port: number;
  /** Ends waiting receives, lets requests under way finish (at most five seconds), closes the stores. */
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const HOST = "127.0.0.1";
const CLOSE_GRACE_MS = 5_000;
/** Longer than any client keeps an idle connection, so that it is never the server that closes one under a request. */
const KEEP_ALIVE_MS = 75_000;
/** fauxqs takes 11 MiB by default; a part of a multipart upload may be larger. */
const PART_BYTES_MAX = 128 * 1024 * 1024;

/** Starts all services. Throws when the port is taken or a folder is in use by another process. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const onFault = options.onFault ?? ((sentence: string): void => process.emitWarning(sentence, "LocalAwsFault"));
  const region = options.region ?? DEFAULT_REGION;
  const folder = join(options.dataDir, "aws");
  mkdirSync(folder, { recursive: true });
  const dynamodb = await openLocalDynamoDb(join(options.dataDir, "dynamodb"), region);
  let services: Map<string, Handler> | undefined;
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    serve(services, request, response).catch((error: unknown) => {
      if (response.destroyed) return; // the client went away
      onFault(`${request.method ?? ""} ${request.url ?? ""}: ${String(error)}`);
      sendJson(response, 500, { __type: "InternalFailure", message: String(error) });
    });
  });
  try {
    // The port comes first, because queue URLs name it.
    const port = await listen(server, options.port);
    const endpoint = `http://${HOST}:${port}`;
    const secrets = await openLocalSecrets(join(folder, "secrets.json"), region);
    const storage = await openStorage({ folder, endpoint, region, onFault, now: options.now ?? Date.now });
    services = new Map<string, Handler>([
      ["s3", async (request, response) => await handleS3(storage.s3, request, response)],
      ["sqs", storage.fauxqs],
      ["sns", storage.fauxqs],
      ["sts", storage.fauxqs],
      ["secretsmanager", async (request, response) => await secrets.handle(request, response)],
      ["dynamodb", async (request, response) => await dynamodb.handle(request, response)],
    ]);
    const { ses } = options;
    if (ses !== undefined) services.set("ses", async (request, response) => await ses.handle(request, response));
    return {
      endpoint,
      port,
      async close() {
        storage.queues.sqs.shutdown(); // receives that wait for messages end now
        await closeServer(server);
        await storage.close();
        await dynamodb.close();
      },
    };
  } catch (error) {
    server.close();
    await dynamodb.close();
    throw error;
  }
}

async function serve(
  services: ReadonlyMap<string, Handler> | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const scope = credentialScope(request);
  const handler = services?.get(scope?.service ?? (isForSes(request) ? "ses" : ""));
  if (services === undefined) {
    sendJson(response, 503, { __type: "ServiceUnavailable", message: "The local services are starting." });
  } else if (handler === undefined) {
    const known = [...services.keys()].join(", ");
    const message =
      scope === undefined
        ? `This is relayhost's local AWS. The request is not signed, so it names no service (of ${known}).`
        : `This is relayhost's local AWS, which has no service "${scope.service}" (only ${known}).`;
    sendJson(response, 400, { __type: "UnknownService", message });
  } else {
    try {
      await handler(request, response);
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error;
      sendJson(response, error.status, { __type: error.code, message: error.message });
      request.resume();
    }
  }
}

/** Unsigned requests with paths of the SES server: it has one that needs no signature, and refuses the others itself. */
function isForSes(request: IncomingMessage): boolean {
  return /^\/(local|v2\/email)\//.test(request.url ?? "");
}

interface Storage {
  readonly queues: LocalQueues;
  readonly s3: LocalS3Parts;
  readonly fauxqs: Handler;
  close(): Promise<void>;
}

interface StorageOptions {
  readonly folder: string;
  readonly endpoint: string;
  readonly region: string;
  readonly onFault: (sentence: string) => void;
  readonly now: () => number;
}

async function openStorage({ folder, endpoint, region, onFault, now }: StorageOptions): Promise<Storage> {
  const parts = await loadFauxqsParts();
  const queues = openLocalQueues(parts, folder, endpoint);
  const notifier = makeObjectCreatedNotifier({
    file: join(folder, "notifications.json"),
    region,
    sendToQueue: (queueArn, body) => queues.sendToQueue(queueArn, body),
    onLost: ({ bucket, key }, reason) => onFault(`no event for ${bucket}/${key}: ${reason}`),
  });
  const objects = openObjectStore(
    folder,
    ({ bucket, object: { key, contentLength, etag }, by, versionId }) =>
      notifier.announce({ bucket, key, sizeBytes: contentLength, etag, by, versionId }),
    now,
  );
  const store = parts.makeS3Store();
  objects.loadS3(store);
  store.persistence = objects;
  listInKeyOrder(store);
  const expiry = startVersionExpiry({
    objects,
    lifecycles: () => store.listBuckets().map(({ name }) => [name, store.getBucketLifecycleConfiguration(name)]),
    now,
    onFault,
  });

  const app = buildApp({ logger: false, stores: { sqsStore: queues.sqs, snsStore: queues.sns, s3Store: store } });
  app.removeContentTypeParser("*");
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: PART_BYTES_MAX }, (_request, body, done) => {
    done(null, body);
  });
  await app.ready();
  const fauxqs = (request: IncomingMessage, response: ServerResponse): void => app.routing(request, response);
  return {
    queues,
    fauxqs,
    s3: { store, objects, notifier, fallback: fauxqs },
    async close() {
      await expiry.stop();
      await app.close();
      objects.close();
      queues.close();
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => {
      server.removeListener("error", reject);
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
      else reject(new Error("the server has no port"));
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    server.close(() => {
      clearTimeout(deadline);
      clearInterval(idle);
      resolve();
    });
  });
}
