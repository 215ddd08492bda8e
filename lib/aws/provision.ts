/**
 * Creates what the relay needs on an endpoint where no CloudFormation does it: the local servers.
 *
 * Promise:  when this resolves, everything is there and active, as lib/infra makes it on AWS as far as the relay's own
 *           code can see. Calling it again changes nothing, or brings what differs from this version up to date.
 * Failure:  throws the SDK's error; what was made so far stays, and the next call goes on from there.
 * Not here: what only AWS needs (queue policies, encryption, alarms).
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import {
  AlreadyExistsException,
  CreateConfigurationSetCommand,
  CreateConfigurationSetEventDestinationCommand,
  type EventDestinationDefinition,
  type SESv2Client,
  UpdateConfigurationSetEventDestinationCommand,
} from "@aws-sdk/client-sesv2";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { RuntimeNames } from "../config/runtime-names.ts";
import { LIMITS } from "../core/limits.ts";
import { SPOOL_PREFIX, SPOOL_SUFFIX } from "../core/names.ts";
import { makeDynamoDb, makeS3, makeSes, makeSqs } from "./clients.ts";
import { directoryTable, ledgerTable, provisionTable, provisionTimeToLive } from "./provision-tables.ts";

/** One client per service. */
export interface ProvisionClients {
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly dynamodb: DynamoDBClient;
  readonly ses: SESv2Client;
}

/** What the resources are to be called. */
export interface ProvisionNames {
  readonly spoolBucket: string;
  readonly forwardQueue: string;
  readonly forwardDlq: string;
  readonly feedbackQueue: string;
  readonly feedbackDlq: string;
  readonly feedbackTopic: string;
  readonly ledgerTable: string;
  readonly directoryTable: string;
  readonly configurationSet: string;
}

/** A queue as its users name it. */
export interface ProvisionedQueue {
  readonly url: string;
  readonly arn: string;
}

/** What the runtime has to be told of them. */
export interface Provisioned {
  readonly spoolBucket: string;
  readonly forwardQueue: ProvisionedQueue;
  readonly forwardDlq: ProvisionedQueue;
  readonly feedbackQueue: ProvisionedQueue;
  readonly feedbackDlq: ProvisionedQueue;
  readonly feedbackTopicArn: string;
  readonly ledgerTable: string;
  readonly directoryTable: string;
  readonly configurationSet: string;
}

const NOTIFICATION_ID = "relayhost-spool";
const EVENT_DESTINATION = "feedback";

/** What local mode calls its resources. */
export const LOCAL_NAMES: ProvisionNames = {
  spoolBucket: "relayhost-local-spool",
  forwardQueue: "relayhost-local-forward",
  forwardDlq: "relayhost-local-forward-dlq",
  feedbackQueue: "relayhost-local-feedback",
  feedbackDlq: "relayhost-local-feedback-dlq",
  feedbackTopic: "relayhost-local-feedback",
  ledgerTable: "relayhost-local-ledger",
  directoryTable: "relayhost-local-directory",
  configurationSet: "relayhost-local",
};

/**
 * Creates all of it for local mode, with clients as the environment says, and tells where everything is. Every service
 * has to answer already.
 */
export async function provisionLocal(hostName = "relay.localhost"): Promise<RuntimeNames> {
  const clients = { s3: makeS3(), sqs: makeSqs(), sns: new SNSClient(), dynamodb: makeDynamoDb(), ses: makeSes() };
  try {
    const region = await clients.s3.config.region();
    const made = await provision(clients, LOCAL_NAMES);
    return {
      region,
      hostName,
      spoolBucket: made.spoolBucket,
      forwardQueueUrl: made.forwardQueue.url,
      forwardDlqUrl: made.forwardDlq.url,
      feedbackQueueUrl: made.feedbackQueue.url,
      feedbackDlqUrl: made.feedbackDlq.url,
      ledgerTable: made.ledgerTable,
      directoryTable: made.directoryTable,
      configurationSet: made.configurationSet,
      sesTenants: false,
      webhooks: true,
      threadReplies: true,
      keepSubjects: true,
      sesCallsPerSecond: 0,
    };
  } finally {
    for (const client of Object.values(clients)) client.destroy();
  }
}

/** Creates all of it. */
export async function provision(clients: ProvisionClients, names: ProvisionNames): Promise<Provisioned> {
  const [{ forwardQueue, forwardDlq, feedbackQueue, feedbackDlq, feedbackTopicArn }] = await Promise.all([
    provisionQueues(clients, names),
    provisionTable(clients.dynamodb, ledgerTable(names.ledgerTable)),
    provisionTable(clients.dynamodb, directoryTable(names.directoryTable)),
    provisionBucket(clients.s3, names.spoolBucket),
  ]);
  await Promise.all([
    provisionTimeToLive(clients.dynamodb, names.ledgerTable),
    provisionNotification(clients.s3, names.spoolBucket, forwardQueue.arn),
    provisionConfigurationSet(clients.ses, names.configurationSet, feedbackTopicArn),
  ]);
  return {
    spoolBucket: names.spoolBucket,
    forwardQueue,
    forwardDlq,
    feedbackQueue,
    feedbackDlq,
    feedbackTopicArn,
    ledgerTable: names.ledgerTable,
    directoryTable: names.directoryTable,
    configurationSet: names.configurationSet,
  };
}

async function provisionQueues({ sqs, sns }: ProvisionClients, names: ProvisionNames) {
  const retention = { MessageRetentionPeriod: String(LIMITS.queue.retentionDays * 86_400) };
  const forwardDlq = await provisionQueue(sqs, names.forwardDlq, retention);
  const feedbackDlq = await provisionQueue(sqs, names.feedbackDlq, retention);
  const forwardQueue = await provisionQueue(sqs, names.forwardQueue, {
    ...retention,
    ...workAttributes(LIMITS.forward, forwardDlq),
  });
  const feedbackQueue = await provisionQueue(sqs, names.feedbackQueue, {
    ...retention,
    ...workAttributes(LIMITS.feedback, feedbackDlq),
  });
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: names.feedbackTopic }));
  const feedbackTopicArn = required(TopicArn, "ARN of the topic");
  await sns.send(
    new SubscribeCommand({
      TopicArn: feedbackTopicArn,
      Protocol: "sqs",
      Endpoint: feedbackQueue.arn,
      Attributes: { RawMessageDelivery: "true" },
      ReturnSubscriptionArn: true,
    }),
  );
  return { forwardQueue, forwardDlq, feedbackQueue, feedbackDlq, feedbackTopicArn };
}

/** Attributes of a queue that a function works on. */
export function workAttributes(
  limits: { readonly visibilityTimeoutSeconds: number; readonly maxReceiveCount: number },
  dlq: ProvisionedQueue,
): Record<string, string> {
  return {
    VisibilityTimeout: String(limits.visibilityTimeoutSeconds),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dlq.arn, maxReceiveCount: limits.maxReceiveCount }),
  };
}

/** Makes a queue, or brings its attributes up to date: CreateQueue refuses a queue that exists with other attributes, so an existing one is updated instead. */
export async function provisionQueue(
  client: SQSClient,
  name: string,
  attributes: Record<string, string>,
): Promise<ProvisionedQueue> {
  let url = await findQueue(client, name);
  if (url === undefined) {
    url = (await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl;
  } else {
    await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }));
  }
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }),
  );
  return { url: required(url, `URL of ${name}`), arn: required(Attributes?.["QueueArn"], `ARN of ${name}`) };
}

async function findQueue(client: SQSClient, name: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return undefined;
    throw error;
  }
}

/** A deleted message stays readable as an old version, for its report and for a replay. */
async function provisionBucket(client: S3Client, Bucket: string): Promise<void> {
  await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const rule = {
    ID: "forget-handled-messages",
    Status: "Enabled" as const,
    Filter: { Prefix: "" },
    NoncurrentVersionExpiration: { NoncurrentDays: LIMITS.spool.retentionDays },
    Expiration: { ExpiredObjectDeleteMarker: true },
  };
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }));
}

/** Set only when it differs, because each setting sends a test event to the queue. */
async function provisionNotification(client: S3Client, bucket: string, queueArn: string): Promise<void> {
  const present = await client.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
  const wanted = {
    Id: NOTIFICATION_ID,
    QueueArn: queueArn,
    Events: ["s3:ObjectCreated:*" as const],
    Filter: {
      Key: {
        FilterRules: [
          { Name: "prefix" as const, Value: SPOOL_PREFIX },
          { Name: "suffix" as const, Value: SPOOL_SUFFIX },
        ],
      },
    },
  };
  const rule = present.QueueConfigurations?.[0];
  const rules = rule?.Filter?.Key?.FilterRules ?? [];
  const same =
    present.QueueConfigurations?.length === 1 &&
    rule?.QueueArn === queueArn &&
    rule.Events?.join() === wanted.Events.join() &&
    rules.length === 2 &&
    wanted.Filter.Key.FilterRules.every(({ Name, Value }) =>
      rules.some((other) => other.Name?.toLowerCase() === Name && other.Value === Value),
    );
  if (same) return;
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { QueueConfigurations: [wanted] },
    }),
  );
}

async function provisionConfigurationSet(client: SESv2Client, name: string, topicArn: string): Promise<void> {
  await unlessThere(client.send(new CreateConfigurationSetCommand({ ConfigurationSetName: name })));
  const EventDestination: EventDestinationDefinition = {
    Enabled: true,
    // Not SEND: forward has SES's answer, and an event more for each mail costs a tenth of the relaying.
    MatchingEventTypes: ["DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "DELIVERY_DELAY", "RENDERING_FAILURE"],
    SnsDestination: { TopicArn: topicArn },
  };
  const input = { ConfigurationSetName: name, EventDestinationName: EVENT_DESTINATION, EventDestination };
  if (!(await unlessThere(client.send(new CreateConfigurationSetEventDestinationCommand(input))))) {
    await client.send(new UpdateConfigurationSetEventDestinationCommand(input));
  }
}

/** Returns false when SES says that it is there already. */
async function unlessThere(created: Promise<unknown>): Promise<boolean> {
  try {
    await created;
    return true;
  } catch (error) {
    if (error instanceof AlreadyExistsException) return false;
    throw error;
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw new Error(`no answer with the ${what}`);
  return value;
}
