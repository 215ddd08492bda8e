/** Settings of the functions. */

import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import {
  flag,
  httpUrl,
  nameServers,
  optional,
  type Parser,
  readSettings,
  required,
  text,
  type Values,
  wholeNumber,
} from "./declare.ts";
import { percentBelow } from "./tenant-settings.ts";

/** A key goes into names that are asked for, so it must be one label. */
export const dqsKey: Parser<string | undefined> = (value) =>
  /^[a-z0-9]{10,64}$/i.test(value) ? { value } : { allowed: "a key of letters and digits" };

const common = {
  environment: required(ENV.environment, text, "name of the environment"),
  ledgerTable: required(ENV.ledgerTable, text, "DynamoDB table of messages and recipients"),
  directoryTable: required(ENV.directoryTable, text, "DynamoDB table of tenants and domains"),
  spoolBucket: required(ENV.spoolBucket, text, "S3 bucket of the spool"),
  hostName: required(ENV.hostName, text, "name by which the relay calls itself"),
  systemAddress: required(ENV.systemAddress, text, "verified address that DSNs come from"),
  recordDays: optional(ENV.recordDays, wholeNumber(1, 3650), LIMITS.ledger.recordDays, "days a record is kept"),
};

/** Absent where the environment sends no webhooks. */
const webhookQueueUrl = optional<string | undefined>(
  ENV.webhookQueueUrl,
  httpUrl,
  undefined,
  "SQS queue of what tenants' servers are told",
);

const forward = {
  ...common,
  webhookQueueUrl,
  forwardQueueUrl: required(ENV.forwardQueueUrl, httpUrl, "SQS queue of spooled messages"),
  forwardDlqUrl: required(ENV.forwardDlqUrl, httpUrl, "SQS queue of what cannot be handled"),
  configurationSet: required(ENV.configurationSet, text, "SES configuration set for every mail"),
  concurrency: optional(
    ENV.forwardConcurrency,
    wholeNumber(1, 1000),
    LIMITS.forward.concurrency,
    "invocations of forward that may run at the same time",
  ),
  recipientsPerCall: optional(
    ENV.recipientsPerCall,
    wholeNumber(1, LIMITS.ses.recipientsPerCallMax),
    LIMITS.forward.recipientsPerCall,
    "recipients of a message that may share one call to SES",
  ),
  threadReplies: optional(ENV.threadReplies, flag, true, "add to a reply the ids that SES gave to what it answers"),
  keepSubjects: optional(ENV.keepSubjects, flag, false, "keep subjects with the records of messages"),
  sesTenants: optional(ENV.sesTenants, flag, false, "send under the SES tenant of each tenant"),
  giveUpAfterHours: optional(
    ENV.giveUpAfterHours,
    wholeNumber(1, 240),
    LIMITS.forward.giveUpAfterHours,
    "hours until a message that SES does not take is returned",
  ),
};

const { breaker } = LIMITS;

const feedback = {
  ...common,
  webhookQueueUrl,
  breakerBounceRateMax: optional(
    ENV.breakerBounceRateMax,
    percentBelow(breaker.bounceReviewRate),
    breaker.bounceRateMax,
    "share of hard bounces that pauses a tenant without a value of its own",
  ),
  breakerComplaintRateMax: optional(
    ENV.breakerComplaintRateMax,
    percentBelow(breaker.complaintReviewRate),
    breaker.complaintRateMax,
    "share of complaints that pauses a tenant without a value of its own",
  ),
  breakerMessagesMin: optional(
    ENV.breakerMessagesMin,
    wholeNumber(1, 1_000_000),
    breaker.messagesMin,
    "mails of a day before these shares count",
  ),
  feedbackQueueUrl: required(ENV.feedbackQueueUrl, httpUrl, "SQS queue of SES events"),
};

const sweep = {
  ...common,
  webhookQueueUrl,
  forwardQueueUrl: forward.forwardQueueUrl,
  forwardDlqUrl: forward.forwardDlqUrl,
  feedbackQueueUrl: feedback.feedbackQueueUrl,
  giveUpAfterHours: forward.giveUpAfterHours,
  keepSubjects: forward.keepSubjects,
};

const webhook = {
  environment: common.environment,
  directoryTable: common.directoryTable,
  webhookQueueUrl: required(ENV.webhookQueueUrl, httpUrl, "SQS queue of what tenants' servers are told"),
  webhookDlqUrl: required(ENV.webhookDlqUrl, httpUrl, "SQS queue of what could not be told"),
  webhookLoopback: optional(ENV.webhookLoopback, flag, false, "webhooks may go to this machine, without TLS"),
};

const certificate = {
  environment: common.environment,
  hostName: required(ENV.hostName, text, "name that the certificate is for"),
  hostedZoneId: required(ENV.hostedZoneId, text, "Route 53 zone that holds the name"),
  tlsSecretArn: required(ENV.tlsSecretArn, text, "secret in AWS Secrets Manager that holds certificate and account"),
  acmeDirectoryUrl: required(ENV.acmeDirectoryUrl, httpUrl, "directory of the certificate authority"),
  acmeContact: required(ENV.acmeContact, text, "mail address for the certificate authority"),
};

const watch = {
  environment: common.environment,
  hostName: common.hostName,
  systemAddress: common.systemAddress,
  ledgerTable: common.ledgerTable,
  directoryTable: common.directoryTable,
  spoolBucket: common.spoolBucket,
  dqsKey: {
    ...optional(ENV.spamhausDqsKey, dqsKey, undefined, "key of a Spamhaus Data Query Service account"),
    secret: true,
  },
  dqsSecretArn: optional<string | undefined>(
    ENV.spamhausDqsSecretArn,
    text,
    undefined,
    "secret in AWS Secrets Manager that holds that key",
  ),
  resolvers: optional(ENV.resolvers, nameServers, undefined, "name servers to ask instead of the system's"),
};

const address = {
  environment: common.environment,
  edgeCluster: required(ENV.edgeCluster, text, "ECS cluster of the edge"),
  hostedZoneId: certificate.hostedZoneId,
  addressName: required(ENV.addressName, text, "name that is kept on the addresses of the edge's tasks"),
};

type Env = Readonly<Record<string, string | undefined>>;

/** Settings of forward. */
export type ForwardConfig = Values<typeof forward>;
/** Settings of feedback. */
export type FeedbackConfig = Values<typeof feedback>;
/** Settings of webhook. */
export type WebhookConfig = Values<typeof webhook>;
/** Settings of the function that renews the certificate. */
export type CertificateConfig = Values<typeof certificate>;
/** Settings of the watch over block lists. */
export type WatchConfig = Values<typeof watch>;
/** Settings of the function that keeps the edge's name on its address. */
export type AddressConfig = Values<typeof address>;
/** Settings of the sweep. */
export type SweepConfig = Values<typeof sweep>;

/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readForwardConfig = (env: Env): ForwardConfig => readSettings(forward, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readFeedbackConfig = (env: Env): FeedbackConfig => readSettings(feedback, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readWebhookConfig = (env: Env): WebhookConfig => readSettings(webhook, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readSweepConfig = (env: Env): SweepConfig => readSettings(sweep, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readWatchConfig = (env: Env): WatchConfig => readSettings(watch, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readCertificateConfig = (env: Env): CertificateConfig => readSettings(certificate, env);
/** Throws `ConfigurationError` naming every wrong or missing setting. */
export const readAddressConfig = (env: Env): AddressConfig => readSettings(address, env);
