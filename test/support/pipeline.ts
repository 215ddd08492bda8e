/**
 * Everything behind the edge, in this process: local AWS services, the real handlers fed from real queues, and a
 * proxy in between that counts calls and makes them fail.
 *
 * A test puts a message into the spool as the edge would and waits for what the handlers log or record.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFeedbackHandler } from "../../lambda/feedback/handler.ts";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import type { Directory } from "../../lib/aws/directory-dynamo.ts";
import { type Ledger, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { provisionLocal } from "../../lib/aws/provision.ts";
import { makePublisher } from "../../lib/aws/publish-sns.ts";
import { type Queue, queueDepth } from "../../lib/aws/queue-sqs.ts";
import { listSpool, putSpoolObject, type Spool } from "../../lib/aws/spool-s3.ts";
import type { RuntimeNames } from "../../lib/config/runtime-names.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import { ENV } from "../../lib/core/names.ts";
import { makeQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { type Envelope, encodeSpoolHeader } from "../../lib/core/spool-object.ts";
import { seedDemoTenant } from "../../lib/local/demo-tenant.ts";
import { startLocalAws } from "../../lib/local/local-aws.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { type QueueWorker, runOnce, startQueueWorker } from "../../lib/local/queue-worker.ts";
import { createSesServer, type SesServerOptions } from "../../lib/local/ses-server.ts";
import { type AwsProxy, startAwsProxy } from "./aws-proxy.ts";
import { type OutboxMail, readOutbox } from "./outbox.ts";
import { waitFor } from "./wait-for.ts";

/** A message for the spool; what is left out is an ordinary mail of the demo tenant. */
export interface TestMessage {
  readonly from?: string | null;
  readonly to?: readonly (string | Envelope["recipients"][number])[];
  readonly bytes?: Buffer | string;
  readonly envelope?: Partial<Envelope>;
}

export interface Pipeline {
  readonly names: RuntimeNames;
  /** The environment the handlers were made from. */
  readonly env: NodeJS.ProcessEnv;
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly forwardQueue: Queue;
  readonly forwardDlq: Queue;
  readonly feedbackQueue: Queue;
  /** Between the handlers and the services; the test's own calls go past it. */
  readonly proxy: AwsProxy;
  readonly log: readonly LogEvent[];
  /** Starts the handlers' workers. */
  work(): void;
  /** Handles what is in the queues now, one batch of each, without workers; returns how many messages came. */
  pump(): Promise<number>;
  /** Resolves when SES has published every event of what it took, however often it had to try. */
  published(): Promise<void>;
  /** Stops them; resolves when no invocation is under way. */
  rest(): Promise<void>;
  /** Puts a message into the spool; S3 announces it. */
  accept(message?: TestMessage): Promise<QueueId>;
  outbox(): Promise<OutboxMail[]>;
  recipients(id: QueueId): Promise<readonly RecipientRecord[]>;
  /** Resolves with the first matching event, logged before or after the call. */
  logged(match: (event: LogEvent) => boolean, deadlineMs?: number): Promise<LogEvent>;
  /** Resolves when spool and queues are empty. */
  idle(deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

export const TEST_HOST_NAME = "relay.test.example";
export const TEST_SYSTEM_ADDRESS = `mailer-daemon@${TEST_HOST_NAME}`;

/**
 * Starts the services, with the demo tenant and its domains, and no workers yet. `settings`: environment variables of
 * the handlers beside the usual ones.
 */
export async function startPipeline(
  options: Partial<SesServerOptions> = {},
  settings: NodeJS.ProcessEnv = {},
): Promise<Pipeline> {
  const dataDir = await mkdtemp(join(tmpdir(), "relayhost-pipeline-"));
  let publish: ReturnType<typeof makePublisher> | undefined;
  const ses = createSesServer({
    eventDelayMs: 1,
    identities: ["example.com", "example.jp", TEST_HOST_NAME],
    ...options,
    dataDir,
    publish:
      options.publish ??
      (async (topicArn, message) => {
        publish ??= makePublisher();
        await publish(topicArn, message);
      }),
  });
  const aws = await startLocalAws({ dataDir, port: 0, ses });
  useLocalAws(process.env, aws.endpoint);
  await ses.start();
  const names = await provisionLocal(TEST_HOST_NAME);
  publish = makePublisher();
  const proxy = await startAwsProxy(aws.endpoint);
  const env = { ...handlerEnvironment(names), ...settings };
  const dynamodb = makeDynamoDb();
  const sqs = makeSqs();
  const spool = { client: makeS3(), bucket: names.spoolBucket };
  const ledger = { client: dynamodb, table: names.ledgerTable };
  const directory = { client: dynamodb, table: names.directoryTable };
  await seedDemoTenant(directory, randomBytes(16));
  const log: LogEvent[] = [];
  const watchers = new Set<() => void>();
  const record = (event: LogEvent): void => {
    log.push(event);
    for (const watcher of watchers) watcher();
  };
  // A client looks for its endpoint when it is first used; these are the test's own and go past the proxy.
  for await (const _ of listSpool(spool)) break;
  await queueDepth({ client: sqs, url: names.forwardQueueUrl });
  // From here on the clients of this process, the handlers', go through the proxy.
  useLocalAws(process.env, proxy.endpoint);
  const handlers = { forward: makeForwardHandler(env, record), feedback: makeFeedbackHandler(env, record) };
  const forwardQueue = { client: sqs, url: names.forwardQueueUrl };
  const forwardDlq = { client: sqs, url: names.forwardDlqUrl };
  const feedbackQueue = { client: sqs, url: names.feedbackQueueUrl };
  let workers: QueueWorker[] = [];

  const rest = async (): Promise<void> => {
    const stopping = workers.map((worker) => worker.stop());
    workers = [];
    await Promise.all(stopping);
  };
  return {
    names,
    env,
    spool,
    ledger,
    directory,
    forwardQueue,
    forwardDlq,
    feedbackQueue,
    proxy,
    log,
    work: () => {
      const common = { timeoutSeconds: 60, concurrency: 1, log: record };
      workers.push(
        startQueueWorker({ ...common, name: "forward", queue: forwardQueue, handler: handlers.forward }),
        startQueueWorker({ ...common, name: "feedback", queue: feedbackQueue, handler: handlers.feedback }),
      );
    },
    pump: async () => {
      const common = { timeoutSeconds: 60, concurrency: 1, log: record };
      return (
        (await runOnce({ ...common, name: "forward", queue: forwardQueue, handler: handlers.forward })) +
        (await runOnce({ ...common, name: "feedback", queue: feedbackQueue, handler: handlers.feedback }))
      );
    },
    published: async () => {
      await waitFor(() => ses.pendingEvents() === 0 || undefined, {
        deadlineMs: 60_000,
        otherwise: () => `SES still has ${ses.pendingEvents()} events to publish`,
      });
    },
    rest,
    accept: (message) => acceptMessage(spool, message),
    outbox: () => readOutbox(join(dataDir, "outbox")),
    recipients: async (id) => (await readMessage(ledger, id)).recipients,
    logged: (match, deadlineMs = 20_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`not logged within ${deadlineMs} ms; the log: ${JSON.stringify(log, undefined, 1)}`));
        }, deadlineMs);
        const look = (): void => {
          const found = log.find(match);
          if (found === undefined) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    idle: async (deadlineMs = 30_000) => {
      await waitFor(
        async () => {
          for await (const _ of listSpool(spool)) return undefined;
          for (const queue of [forwardQueue, feedbackQueue]) {
            const { waiting, inFlight, delayed } = await queueDepth(queue);
            if (waiting + inFlight + delayed > 0) return undefined;
          }
          return true;
        },
        { deadlineMs, otherwise: () => `the pipeline is not idle; the log: ${JSON.stringify(log, undefined, 1)}` },
      );
    },
    close: async () => {
      await rest();
      await ses.close();
      await proxy.close();
      await aws.close();
      for (const client of [spool.client, dynamodb, sqs]) client.destroy();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Puts a message into the spool as the edge would. */
export async function acceptMessage(spool: Spool, message: TestMessage = {}): Promise<QueueId> {
  const envelope = testEnvelope(message);
  const received = `Received: from client.example.com ([192.0.2.1])\r\n by ${TEST_HOST_NAME} id ${envelope.id}\r\n`;
  const bytes = Buffer.from(message.bytes ?? testMail());
  const body = Buffer.concat([encodeSpoolHeader(envelope, received), bytes]);
  await putSpoolObject(spool, envelope.id, body);
  return envelope.id;
}

/** A small mail from a demo address. */
export function testMail(subject = "test", body = "Hello.\r\n"): string {
  return `From: A <a@example.com>\r\nTo: b@example.net\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.com>\r\n\r\n${body}`;
}

function testEnvelope(message: TestMessage): Envelope {
  const recipients = (message.to ?? ["b@example.net"]).map((to) => (typeof to === "string" ? { address: to } : to));
  return {
    id: makeQueueId(Date.now(), randomBytes(11)),
    tenant: "demo",
    credential: "demo",
    returnPath: message.from === undefined ? "a@example.com" : message.from,
    recipients,
    time: new Date().toISOString(),
    client: { address: "192.0.2.1", port: 4711, helo: "client.example.com", tls: "TLSv1.3" },
    ...message.envelope,
  };
}

/** The settings of the handlers, for one invocation of forward at a time. */
export function handlerEnvironment(names: RuntimeNames): NodeJS.ProcessEnv {
  return {
    AWS_REGION: names.region,
    [ENV.environment]: "test",
    [ENV.hostName]: names.hostName,
    [ENV.systemAddress]: TEST_SYSTEM_ADDRESS,
    [ENV.spoolBucket]: names.spoolBucket,
    [ENV.ledgerTable]: names.ledgerTable,
    [ENV.directoryTable]: names.directoryTable,
    [ENV.forwardQueueUrl]: names.forwardQueueUrl,
    [ENV.forwardDlqUrl]: names.forwardDlqUrl,
    [ENV.feedbackQueueUrl]: names.feedbackQueueUrl,
    [ENV.feedbackDlqUrl]: names.feedbackDlqUrl,
    [ENV.configurationSet]: names.configurationSet,
    [ENV.forwardConcurrency]: "1",
  };
}
