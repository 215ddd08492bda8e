/**
 * The settings of the SMTP edge, from the environment.
 *
 * Every variable has its meaning and its default here. Failure: `ConfigurationError` with every problem at once.
 */

import type { EdgeSettings } from "../core/edge-settings.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import {
  ConfigurationError,
  flag,
  optional,
  type Parser,
  port,
  readSettings,
  required,
  type Setting,
  type Settings,
  text,
  type Values,
  wholeNumber,
} from "./declare.ts";

/** What the edge process needs: its settings, and where spool and directory are. */
export interface EdgeConfig {
  readonly settings: EdgeSettings;
  readonly spoolBucket: string;
  readonly directoryTable: string;
}

const { edge } = LIMITS;
const MiB = 1024 * 1024;

/** Letters, digits, hyphens, dots (RFC 1123 §2.1): it stands in a greeting and in a header field. */
const hostName: Parser<string> = (value) =>
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(value)
    ? { value: value.toLowerCase() }
    : { allowed: "a host name" };

/** As the console shows it, with the six characters that Secrets Manager adds to the name. */
const secretArn: Parser<string> = (value) =>
  /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+$/.test(value)
    ? { value }
    : { allowed: "the ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>" };

/** Makes a setting whose absence means something of its own. */
function orNone(name: string, doc: string): Setting<string | undefined> {
  return optional<string | undefined>(name, text, undefined, doc);
}

/** There is no word for "no limit": a large number is one. */
const PER_MINUTE_MAX = 1_000_000_000;

function perMinute(name: string, fallback: number, what: string, whose: string): Setting<number> {
  const doc = `${what} a minute of one ${whose} without a limit of its own, over all edge processes`;
  return optional(name, wholeNumber(1, PER_MINUTE_MAX), fallback, doc);
}

const declared = {
  hostName: required(ENV.hostName, hostName, "name of the edge in its greeting and its Received field"),
  spoolBucket: required(ENV.spoolBucket, text, "S3 bucket of the spool"),
  directoryTable: required(ENV.directoryTable, text, "DynamoDB table of tenants, credentials, networks and domains"),
  bindAddress: optional(ENV.bindAddress, text, "0.0.0.0", "address to listen on"),
  smtpPort: optional(ENV.smtpPort, port, 2525, "SMTP with STARTTLS"),
  smtpsPort: optional(ENV.smtpsPort, port, 2465, "SMTP with TLS from the first byte"),
  healthPort: optional<number | undefined>(ENV.healthPort, port, undefined, "HTTP health check; none if not set"),
  tlsCertificateFile: orNone(ENV.tlsCertificateFile, "certificate chain in PEM; self-signed if not set"),
  tlsKeyFile: orNone(ENV.tlsKeyFile, "private key in PEM; self-signed if not set"),
  tlsSecretArn: optional<string | undefined>(
    ENV.tlsSecretArn,
    secretArn,
    undefined,
    "secret in AWS Secrets Manager that holds certificate chain and private key in PEM",
  ),
  tlsAwaitSecret: optional(
    ENV.tlsAwaitSecret,
    flag,
    false,
    "true: as long as the secret holds no certificate, a self-signed one is shown",
  ),
  certificateCheckMs: optional(
    ENV.certificateCheckMs,
    wholeNumber(100, 24 * 3_600_000),
    edge.certificateCheckMs,
    "milliseconds after which the certificate is read again",
  ),
  dataDir: orNone(ENV.dataDir, "folder of the self-signed certificate; under the temporary one if not set"),
  temporaryDir: optional(ENV.temporaryDir, text, "/tmp", "folder for messages too big for memory"),
  strictAuthentication: optional(
    ENV.strictAuthentication,
    flag,
    false,
    "true: 530 and 535, on which most mail servers bounce; false: 4xx, so that mail waits where it is",
  ),
  clearTextAuth: optional(ENV.clearTextAuth, flag, false, "offer AUTH without TLS too"),
  logAddresses: optional(ENV.logAddresses, flag, false, "write senders and recipients into the log"),
  environment: optional(ENV.environment, text, "default", "name that tells the relays of an account apart in metrics"),
  metrics: optional(ENV.metrics, flag, true, "write metrics into the log once a minute, for CloudWatch"),
  messageSizeBytesMax: optional(
    ENV.messageSizeMax,
    wholeNumber(64 * 1024, 29_999_999),
    edge.messageSizeBytesMax,
    "octets of the largest message",
  ),
  headerBytesMax: optional(
    ENV.headerSizeMax,
    wholeNumber(4096, 16 * MiB),
    edge.headerBytesMax,
    "octets of the largest header",
  ),
  recipientsMax: optional(ENV.recipientsMax, wholeNumber(100, 100_000), edge.recipientsMax, "recipients of a message"),
  hopsMax: optional(ENV.hopsMax, wholeNumber(1, 1000), edge.hopsMax, "Received fields of a message"),
  connectionsMax: optional(ENV.connectionsMax, wholeNumber(1, 100_000), edge.connectionsMax, "connections at one time"),
  connectionsPerAddressMax: optional(
    ENV.connectionsPerAddressMax,
    wholeNumber(1, 100_000),
    edge.connectionsPerAddressMax,
    "connections at one time from one address",
  ),
  tasks: optional(ENV.edgeTasks, wholeNumber(1, 1_000), 1, "edge processes that share the limits per tenant"),
  connectionsPerTenantMax: optional(
    ENV.connectionsPerTenantMax,
    wholeNumber(1, 100_000),
    edge.connectionsPerTenantMax,
    "connections at one time of one tenant, over all edge processes",
  ),
  tenantMessagesPerMinute: perMinute(ENV.tenantMessagesPerMinute, edge.tenantMessagesPerMinute, "messages", "tenant"),
  tenantRecipientsPerMinute: perMinute(
    ENV.tenantRecipientsPerMinute,
    edge.tenantRecipientsPerMinute,
    "recipients",
    "tenant",
  ),
  credentialMessagesPerMinute: perMinute(
    ENV.credentialMessagesPerMinute,
    edge.credentialMessagesPerMinute,
    "messages",
    "credential or network",
  ),
  credentialRecipientsPerMinute: perMinute(
    ENV.credentialRecipientsPerMinute,
    edge.credentialRecipientsPerMinute,
    "recipients",
    "credential or network",
  ),
  senderMessagesPerMinute: perMinute(
    ENV.senderMessagesPerMinute,
    edge.senderMessagesPerMinute,
    "messages",
    "envelope sender",
  ),
  senderRecipientsPerMinute: perMinute(
    ENV.senderRecipientsPerMinute,
    edge.senderRecipientsPerMinute,
    "recipients",
    "envelope sender",
  ),
  junkCommandsMax: optional(
    ENV.junkCommandsMax,
    wholeNumber(10, 1_000_000),
    edge.junkCommandsMax,
    "commands of a session that bring no mail",
  ),
  authFailuresMax: optional(
    ENV.authFailuresMax,
    wholeNumber(1, 20),
    edge.authFailuresMax,
    "failed AUTH commands after which a connection is closed",
  ),
  commandLineBytesMax: optional(
    ENV.commandLineMax,
    wholeNumber(2_048, 64 * 1024),
    edge.commandLineBytesMax,
    "octets of the longest command line",
  ),
  sessionMs: optional(
    ENV.sessionTimeoutMs,
    wholeNumber(100, 24 * 3_600_000),
    edge.sessionMs,
    "milliseconds after which a session takes no further message; one under way may take as long again",
  ),
  dataGraceMs: optional(
    ENV.dataGraceMs,
    wholeNumber(100, 3_600_000),
    edge.dataGraceMs,
    "milliseconds that any DATA may take",
  ),
  commandMs: optional(
    ENV.commandTimeoutMs,
    wholeNumber(100, 3_600_000),
    edge.commandMs,
    "milliseconds that a client may take for one command",
  ),
  dataBytesPerSecondMin: optional(
    ENV.dataBytesPerSecondMin,
    wholeNumber(1, 100 * MiB),
    edge.dataBytesPerSecondMin,
    "octets a second below which DATA is cut",
  ),
  tlsHandshakeMs: optional(
    ENV.tlsHandshakeTimeoutMs,
    wholeNumber(100, 600_000),
    edge.tlsHandshakeMs,
    "milliseconds for a TLS handshake",
  ),
  greetingPauseMs: optional(
    ENV.greetingPauseMs,
    wholeNumber(0, 60_000),
    0,
    "milliseconds before the greeting, to catch clients that talk first",
  ),
} satisfies Settings;

type Env = Readonly<Record<string, string | undefined>>;

/** Throws `ConfigurationError` naming every wrong, missing or unknown setting. */
export function readEdgeConfig(env: Env): EdgeConfig {
  const problems = [...unknownNames(env), ...certificateProblems(env)];
  let values: Values<typeof declared>;
  try {
    values = readSettings(declared, env);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new ConfigurationError([...error.problems, ...problems]);
    throw error;
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const { spoolBucket, directoryTable, tlsCertificateFile, tlsKeyFile, dataDir, metrics, ...given } = values;
  return {
    spoolBucket,
    directoryTable,
    settings: {
      ...edgeDefaults(),
      ...given,
      metricsEveryMs: metrics ? edge.metricsEveryMs : 0,
      dataDir: dataDir ?? `${given.temporaryDir}/relayhost`,
      tls:
        tlsCertificateFile === undefined || tlsKeyFile === undefined
          ? undefined
          : { certificateFile: tlsCertificateFile, keyFile: tlsKeyFile },
    },
  };
}

/** What is not set from outside: the edge's inner deadlines, which `limits.ts` relates to one another. */
function edgeDefaults() {
  return {
    certificateAwaitMs: edge.certificateAwaitMs,
    memoryPerMessageBytesMax: edge.memoryPerMessageBytesMax,
    dotLinesMax: edge.dotLinesMax,
    afterFailedAuthMs: edge.afterFailedAuthMs,
    authDelayMs: edge.authDelayMs,
    socketIdleMs: edge.socketIdleMs,
    deadlineCheckMs: 1_000,
    directoryDeadlineMs: edge.directoryDeadlineMs,
    directoryCacheMs: edge.directoryCacheMs,
    storeDeadlineMs: edge.storeDeadlineMs,
    storesFromFileMax: edge.storesFromFileMax,
    closeTimeoutMs: edge.closeTimeoutMs,
  };
}

/** A misspelt setting must not be ignored; those of the other processes may stand in the same environment. */
function unknownNames(env: Env): string[] {
  const known = new Set<string>(Object.values(ENV));
  return Object.keys(env)
    .filter((name) => name.startsWith("RELAYHOST_") && !known.has(name))
    .map((name) => `${name} is not a setting`);
}

function certificateProblems(env: Env): string[] {
  const given = [ENV.tlsCertificateFile, ENV.tlsKeyFile].filter((name) => (env[name] ?? "") !== "");
  const hasSecret = (env[ENV.tlsSecretArn] ?? "") !== "";
  if (given.length > 0 && hasSecret)
    return [`${ENV.tlsSecretArn} and ${given.join(", ")}: set the secret or the files`];
  if (env[ENV.tlsAwaitSecret] === "true" && !hasSecret) {
    return [`${ENV.tlsAwaitSecret} goes with ${ENV.tlsSecretArn}`];
  }
  return given.length === 1 ? [`${ENV.tlsCertificateFile} and ${ENV.tlsKeyFile} go together: set both or none`] : [];
}
