/**
 * Every name that two processes must spell alike: environment variables, tags, key prefixes, header names.
 *
 * Infra writes these names into the template, the runtime reads them; neither spells one by hand.
 */

/** Environment variables read by the edge, the functions and the CLI. `lib/config` gives each its parser and default. */
export const ENV = {
  environment: "RELAYHOST_ENV",
  hostName: "RELAYHOST_HOST_NAME",
  spoolBucket: "RELAYHOST_SPOOL_BUCKET",
  forwardQueueUrl: "RELAYHOST_FORWARD_QUEUE_URL",
  forwardDlqUrl: "RELAYHOST_FORWARD_DLQ_URL",
  feedbackQueueUrl: "RELAYHOST_FEEDBACK_QUEUE_URL",
  feedbackDlqUrl: "RELAYHOST_FEEDBACK_DLQ_URL",
  webhookQueueUrl: "RELAYHOST_WEBHOOK_QUEUE_URL",
  webhookDlqUrl: "RELAYHOST_WEBHOOK_DLQ_URL",
  webhookLoopback: "RELAYHOST_WEBHOOK_LOOPBACK",
  ledgerTable: "RELAYHOST_LEDGER_TABLE",
  directoryTable: "RELAYHOST_DIRECTORY_TABLE",
  configurationSet: "RELAYHOST_CONFIGURATION_SET",
  systemAddress: "RELAYHOST_SYSTEM_ADDRESS",
  sesTenants: "RELAYHOST_SES_TENANTS",
  messageSizeMax: "RELAYHOST_MESSAGE_SIZE_MAX",
  retentionDays: "RELAYHOST_RETENTION_DAYS",
  recordDays: "RELAYHOST_RECORD_DAYS",
  giveUpAfterHours: "RELAYHOST_GIVE_UP_AFTER_HOURS",
  breakerBounceRateMax: "RELAYHOST_BREAKER_BOUNCE_RATE_MAX",
  breakerComplaintRateMax: "RELAYHOST_BREAKER_COMPLAINT_RATE_MAX",
  breakerMessagesMin: "RELAYHOST_BREAKER_MESSAGES_MIN",
  forwardConcurrency: "RELAYHOST_FORWARD_CONCURRENCY",
  recipientsPerCall: "RELAYHOST_RECIPIENTS_PER_CALL",
  threadReplies: "RELAYHOST_THREAD_REPLIES",
  keepSubjects: "RELAYHOST_KEEP_SUBJECTS",
  bindAddress: "RELAYHOST_BIND_ADDRESS",
  smtpPort: "RELAYHOST_SMTP_PORT",
  smtpsPort: "RELAYHOST_SMTPS_PORT",
  healthPort: "RELAYHOST_HEALTH_PORT",
  tlsCertificateFile: "RELAYHOST_TLS_CERTIFICATE_FILE",
  tlsKeyFile: "RELAYHOST_TLS_KEY_FILE",
  tlsSecretArn: "RELAYHOST_TLS_SECRET_ARN",
  tlsAwaitSecret: "RELAYHOST_TLS_AWAIT_SECRET",
  acmeDirectoryUrl: "RELAYHOST_ACME_DIRECTORY_URL",
  acmeContact: "RELAYHOST_ACME_CONTACT",
  hostedZoneId: "RELAYHOST_HOSTED_ZONE_ID",
  edgeCluster: "RELAYHOST_EDGE_CLUSTER",
  addressName: "RELAYHOST_ADDRESS_NAME",
  certificateCheckMs: "RELAYHOST_CERTIFICATE_CHECK_MS",
  temporaryDir: "RELAYHOST_TEMPORARY_DIR",
  strictAuthentication: "RELAYHOST_STRICT_AUTHENTICATION",
  clearTextAuth: "RELAYHOST_CLEAR_TEXT_AUTH",
  headerSizeMax: "RELAYHOST_HEADER_SIZE_MAX",
  recipientsMax: "RELAYHOST_RECIPIENTS_MAX",
  hopsMax: "RELAYHOST_HOPS_MAX",
  connectionsMax: "RELAYHOST_CONNECTIONS_MAX",
  connectionsPerAddressMax: "RELAYHOST_CONNECTIONS_PER_ADDRESS_MAX",
  edgeTasks: "RELAYHOST_EDGE_TASKS",
  connectionsPerTenantMax: "RELAYHOST_CONNECTIONS_PER_TENANT_MAX",
  tenantMessagesPerMinute: "RELAYHOST_TENANT_MESSAGES_PER_MINUTE",
  tenantRecipientsPerMinute: "RELAYHOST_TENANT_RECIPIENTS_PER_MINUTE",
  credentialMessagesPerMinute: "RELAYHOST_CREDENTIAL_MESSAGES_PER_MINUTE",
  credentialRecipientsPerMinute: "RELAYHOST_CREDENTIAL_RECIPIENTS_PER_MINUTE",
  senderMessagesPerMinute: "RELAYHOST_SENDER_MESSAGES_PER_MINUTE",
  senderRecipientsPerMinute: "RELAYHOST_SENDER_RECIPIENTS_PER_MINUTE",
  junkCommandsMax: "RELAYHOST_JUNK_COMMANDS_MAX",
  authFailuresMax: "RELAYHOST_AUTH_FAILURES_MAX",
  commandLineMax: "RELAYHOST_COMMAND_LINE_MAX",
  commandTimeoutMs: "RELAYHOST_COMMAND_TIMEOUT_MS",
  sessionTimeoutMs: "RELAYHOST_SESSION_TIMEOUT_MS",
  dataGraceMs: "RELAYHOST_DATA_GRACE_MS",
  dataBytesPerSecondMin: "RELAYHOST_DATA_BYTES_PER_SECOND_MIN",
  tlsHandshakeTimeoutMs: "RELAYHOST_TLS_HANDSHAKE_TIMEOUT_MS",
  greetingPauseMs: "RELAYHOST_GREETING_PAUSE_MS",
  logAddresses: "RELAYHOST_LOG_ADDRESSES",
  metrics: "RELAYHOST_METRICS",
  spamhausDqsKey: "RELAYHOST_SPAMHAUS_DQS_KEY",
  spamhausDqsSecretArn: "RELAYHOST_SPAMHAUS_DQS_SECRET_ARN",
  resolvers: "RELAYHOST_RESOLVERS",
  dataDir: "RELAYHOST_DATA_DIR",
  consolePort: "RELAYHOST_CONSOLE_PORT",
  localAwsPort: "RELAYHOST_LOCAL_AWS_PORT",
  localSesCallsPerSecond: "RELAYHOST_LOCAL_SES_CALLS_PER_SECOND",
} as const;

/** Objects under this prefix are messages we are responsible for (the spool is the queue). */
export const SPOOL_PREFIX = "spool/";
/** Ending of every spool key. */
export const SPOOL_SUFFIX = ".eml";

/** Label of the record that proves a name to a certificate authority (RFC 8555 §8.4). */
export const CHALLENGE_LABEL = "_acme-challenge";

/**
 * The edge's name where its task has a public address of its own: below the host name, which is an alias of it. A weighted
 * record holds the addresses; one of weight zero, which the stack owns, answers when that is not there. Its address is
 * nobody's (RFC 5737), so that no customer's server ever speaks to a stranger who got the task's old one.
 */
export const ADDRESS_RECORD = {
  label: "task",
  ofTasks: "task",
  ofNobody: "nobody",
  nobody: "192.0.2.1",
  ttlSeconds: 60,
} as const;

/** SES message tags that lead an event back to its record. SES allows `A-Z a-z 0-9 _ -` only. */
export const SES_TAG = {
  id: "relayhost-id",
  recipient: "relayhost-recipient",
  tenant: "relayhost-tenant",
} as const;

/** Global secondary indexes of the ledger, each projecting keys only. */
export const LEDGER_INDEX = {
  bySesId: "bySesId",
  byRecipient: "byRecipient",
  byTenantDay: "byTenantDay",
  byMessageId: "byMessageId",
} as const;

/** Global secondary indexes of the directory: all rows of one tenant; domains that wait for SES (keys only, no others). */
export const DIRECTORY_INDEX = { byTenant: "byTenant", byWaiting: "byWaiting" } as const;

/** Key attributes of both tables; index keys are attributes of the same name as given here. */
export const LEDGER_KEYS = {
  partition: "pk",
  sort: "sk",
  ttl: "expiresAt",
  sesId: "sesId",
  recipient: "recipientKey",
  tenantDay: "tenantDay",
  messageId: "messageIdKey",
  id: "id",
} as const;
/** Key attributes of the directory. */
export const DIRECTORY_KEYS = { partition: "pk", tenant: "tenant", waiting: "waitsFor" } as const;

/** Dimensions: every metric has the environment, some the reason too (a reply's name). */
export const METRIC_DIMENSION = { environment: "Environment", reason: "Reason" } as const;

/** Metrics by the names that code uses: what CloudWatch calls each, and in which unit. */
export const METRICS = {
  /** Messages that got their 250. */
  accepted: { name: "Accepted", unit: "Count" },
  /** Messages refused at MAIL or at the end of their data, in all and by reason. */
  refused: { name: "Refused", unit: "Count" },
  /** From the end of data to the answer of S3, of accepted messages. */
  secondsToStore: { name: "SecondsToStore", unit: "Seconds" },
  /** Stores that failed or missed their deadline: each was answered 451. */
  storeFailures: { name: "StoreFailures", unit: "Count" },
  /** The most connections open at one time. */
  connections: { name: "Connections", unit: "Count" },
  /** Connections refused before their greeting, in all and by reason. */
  connectionsRefused: { name: "ConnectionsRefused", unit: "Count" },
  authFailures: { name: "AuthFailures", unit: "Count" },
  /** Until the TLS certificate ends. */
  certificateDaysLeft: { name: "CertificateDaysLeft", unit: "None" },
} as const satisfies Readonly<Record<string, { readonly name: string; readonly unit: "Count" | "Seconds" | "None" }>>;

/** A metric, as code calls it. */
export type MetricName = keyof typeof METRICS;

/** SSM parameter in which an environment publishes its runtime names for the CLI. */
export function runtimeParameterName(environment: string): string {
  return `/relayhost/${environment}/runtime`;
}

/** CloudWatch namespace of all metrics. */
export const METRIC_NAMESPACE = "Relayhost";
