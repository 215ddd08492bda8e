/**
 * The settings of one deployed environment, as they stand in `cdk.json` under `context.environments.<name>`.
 *
 * Promise:  `parseEnvironment` returns a complete, checked value, or every mistake at once.
 * Refusal:  a mistake is one sentence: which setting, what was found, what is allowed. It never throws.
 * Numbers default to `lib/core/limits.ts`, so that the template and the running code agree without a setting.
 */

import { isAddress, parseAddress, toAsciiDomain } from "../core/address.ts";
import { LIMITS } from "../core/limits.ts";
import { type JsonSettings, readJsonSettings } from "./read-json-settings.ts";
import { percentBelow } from "./tenant-settings.ts";

/** How SES hands mail to receivers: `REQUIRE` bounces mail for receivers without TLS. */
export type SesTlsPolicy = "OPTIONAL" | "REQUIRE";

/**
 * What stands between the internet and the edge: a network load balancer, or nothing, with one task whose public address
 * is kept in Route 53.
 */
export type Ingress = "nlb" | "task";

/** A public Route 53 zone, given by its attributes so that synthesis needs no look-up. */
export interface HostedZoneSetting {
  readonly id: string;
  readonly name: string;
}

/** Where the edge's certificate comes from. */
export type TlsSource = "self-signed" | "secret" | "acme";

/** A certificate authority that speaks ACME (RFC 8555). */
export interface AcmeSetting {
  /** Whom it may write to. */
  readonly contact: string;
  /** @default Let's Encrypt */
  readonly directoryUrl: string;
  /** Must be true: somebody has read the authority's terms of service and agrees to them. */
  readonly termsOfServiceAgreed: boolean;
}

/** The daily look at tenants' own addresses in block lists (`relayhost watch`). */
export interface WatchSetting {
  /**
   * Secret in Secrets Manager, in the same region, that holds the key of a Spamhaus Data Query Service account and
   * nothing else. Spamhaus answers no cloud's name servers without one.
   */
  readonly dqsSecretArn?: string;
}

/** Size of the SMTP service. `cpu` and `memoryMiB` must be a pair that Fargate sells. */
export interface EdgeSetting {
  /** Number of tasks; 2 or more survive the loss of a zone. @default 1 */
  readonly desiredCount: number;
  /** CPU units, 1024 being one vCPU. @default 256 */
  readonly cpu: number;
  /** @default 512 */
  readonly memoryMiB: number;
  /** Base image pinned by digest (`name@sha256:...`). @default - the tag named in relay-edge/Dockerfile */
  readonly nodeImage?: string;
  /**
   * Secret in Secrets Manager, in the same region, with certificate chain and private key in PEM. Under a key of your
   * own (KMS), give the edge's role the right to decrypt with it. With tls `secret` only.
   */
  readonly tlsSecretArn?: string;
  /**
   * `self-signed`: each task makes one; `secret`: that of `tlsSecretArn`; `acme`: ordered and renewed by the relay.
   * @default secret where `tlsSecretArn` is set, else self-signed
   */
  readonly tls: TlsSource;
  /** With tls `acme` only. */
  readonly acme?: AcmeSetting;
  /** The load balancer has an Elastic IP in each zone, which stay the same as long as it is there. @default false */
  readonly elasticIps: boolean;
}

/** One environment. Optional members are absent where nothing was set; everything else has a value. */
export interface Environment {
  /** The name under `environments`; part of every resource name. */
  readonly name: string;
  readonly region: string;
  /** The name customers write into their mail server, and the greeting name of the edge. */
  readonly hostName: string;
  /** @default - no DNS record is made; the stack's output says where to point the host name */
  readonly hostedZone?: HostedZoneSetting;
  /** Sender of the DSNs that the relay writes; its domain must be verified in SES. */
  readonly systemAddress: string;
  /** Who is told of alarms. @default - nobody */
  readonly alarmAddress?: string;
  /** Largest message taken, in octets. @default LIMITS.edge.messageSizeBytesMax */
  readonly messageSizeMax: number;
  /** How long a handled message can still be looked at and replayed. @default LIMITS.spool.retentionDays */
  readonly retentionDays: number;
  /** How long a message's record is kept. @default LIMITS.ledger.recordDays */
  readonly recordDays: number;
  /** When the sender is told of failure. @default LIMITS.forward.giveUpAfterHours */
  readonly giveUpAfterHours: number;
  /** Share of hard bounces that pauses a tenant which has no value of its own, such as "4%". @default LIMITS.breaker.bounceRateMax */
  readonly breakerBounceRateMax?: string;
  /** As above, of complaints, such as "0.08%". @default LIMITS.breaker.complaintRateMax */
  readonly breakerComplaintRateMax?: string;
  /** Mails of a day before these shares count. @default LIMITS.breaker.messagesMin */
  readonly breakerMessagesMin: number;
  /** Retention of all logs. @default 90 */
  readonly logDays: number;
  /** Upper bound of forward invocations at one time. @default 5 */
  readonly forwardConcurrency: number;
  /** Recipients of a message that may share one call to SES. @default LIMITS.forward.recipientsPerCall */
  readonly recipientsPerCall: number;
  /** Adds to a reply the ids that SES gave to the mail it answers. @default true */
  readonly threadReplies: boolean;
  /** Keeps subjects with the records of messages, so that they can be searched for. @default false */
  readonly keepSubjects: boolean;
  /** Upper bound of feedback invocations at one time. @default 2 */
  readonly feedbackConcurrency: number;
  /** One SES tenant for each tenant of ours. @default false */
  readonly sesTenants: boolean;
  /** Tenants' servers can be told of their mail (docs/webhooks.md); costs a queue's polling. @default false */
  readonly webhooks: boolean;
  readonly watch: WatchSetting;
  /** @default OPTIONAL */
  readonly sesTlsPolicy: SesTlsPolicy;
  /** A pool of dedicated addresses of the account that mail leaves from; it is made and paid for apart. @default - SES's shared ones */
  readonly sesDedicatedPool?: string;
  /** Dollars a month: `alarmAddress` is told at four fifths, and when the month is going to exceed it. @default 0, no budget */
  readonly monthlyBudget: number;
  /** How long SES itself tries to deliver, at most 14. @default 14 */
  readonly sesDeliveryHours: number;
  /** Keeps bucket and tables when the stack is deleted, and guards tables and stack against deletion. @default true */
  readonly deletionProtection: boolean;
  /** Nothing that costs by the hour: no load balancer, no task. Identities, tables, queues and functions stay. @default false */
  readonly standby: boolean;
  /** @default nlb */
  readonly ingress: Ingress;
  readonly edge: EdgeSetting;
}

/** CloudWatch Logs takes these retention periods only (PutRetentionPolicy), in days. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const;

/** Memory in MiB that Fargate sells with each CPU size: from, to, step (Amazon ECS developer guide, task size). */
const FARGATE_MEMORY_MIB: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [512, 1024, 2048]],
  [512, range(1024, 4096, 1024)],
  [1024, range(2048, 8192, 1024)],
  [2048, range(4096, 16_384, 1024)],
  [4096, range(8192, 30_720, 1024)],
]);

const TLS_SOURCES = ["self-signed", "secret", "acme"] as const;
/** Its staging directory, whose certificates nobody trusts: https://acme-staging-v02.api.letsencrypt.org/directory. */
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

const REGION = /^[a-z]{2}(-[a-z]+)+-[1-9]$/;
/** CreateDedicatedIpPool, SES API v2. */
const POOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const ZONE_ID = /^Z[A-Z0-9]{4,31}$/;
const SECRET_ARN = /^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$/;
const IMAGE_BY_DIGEST = /^[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}$/;
/** Short enough for a bucket name with account and region behind it (63 characters). */
const ENVIRONMENT_NAME = /^[a-z](?:-?[a-z0-9]){0,15}$/;

/** Reads one environment. `raw` is whatever JSON stands under its name; unknown settings are mistakes too. */
export function parseEnvironment(
  name: string,
  raw: unknown,
): { readonly environment: Environment } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  if (!ENVIRONMENT_NAME.test(name) || name.length > 16) {
    problems.push(
      `environments: got the name ${JSON.stringify(name)}; allowed: at most 16 of a-z, 0-9 and single hyphens, a letter first`,
    );
  }
  const settings = readJsonSettings(`environments.${name}`, raw, problems);
  const environment = readEnvironment(name, settings);
  settings.finish();
  problems.push(...crossProblems(environment));
  return problems.length === 0 ? { environment } : { problems };
}

/** Reads every setting, so that all mistakes are found; where one was wrong its value is a stand-in. */
function readEnvironment(name: string, settings: JsonSettings): Environment {
  const hostedZone = settings.groupOptional("hostedZone");
  const alarmAddress = settings.textOptional("alarmAddress", isMailbox, "a mail address");
  const breakerBounceRateMax = share(settings, "breakerBounceRateMax", LIMITS.breaker.bounceReviewRate);
  const breakerComplaintRateMax = share(settings, "breakerComplaintRateMax", LIMITS.breaker.complaintReviewRate);
  const sesDedicatedPool = settings.textOptional(
    "sesDedicatedPool",
    (text) => POOL_NAME.test(text),
    "the name of a dedicated IP pool in SES",
  );
  return {
    name,
    region: settings.text("region", (text) => REGION.test(text), "an AWS region such as us-east-1"),
    hostName: settings.text("hostName", isHostName, "a DNS name of two labels or more, in lower case"),
    ...(hostedZone === undefined ? {} : { hostedZone: readHostedZone(hostedZone) }),
    systemAddress: settings.text("systemAddress", isMailbox, "a mail address"),
    ...(alarmAddress === undefined ? {} : { alarmAddress }),
    messageSizeMax: settings.integer(
      "messageSizeMax",
      65_536,
      LIMITS.edge.messageSizeBytesMax,
      LIMITS.edge.messageSizeBytesMax,
    ),
    retentionDays: settings.integer("retentionDays", 1, 365, LIMITS.spool.retentionDays),
    recordDays: settings.integer("recordDays", 1, 3650, LIMITS.ledger.recordDays),
    giveUpAfterHours: settings.integer("giveUpAfterHours", 1, 240, LIMITS.forward.giveUpAfterHours),
    ...(breakerBounceRateMax === undefined ? {} : { breakerBounceRateMax }),
    ...(breakerComplaintRateMax === undefined ? {} : { breakerComplaintRateMax }),
    breakerMessagesMin: settings.integer("breakerMessagesMin", 1, 1_000_000, LIMITS.breaker.messagesMin),
    logDays: settings.oneOf("logDays", LOG_DAYS, 90),
    forwardConcurrency: settings.integer("forwardConcurrency", 2, 1000, 5),
    recipientsPerCall: settings.integer(
      "recipientsPerCall",
      1,
      LIMITS.ses.recipientsPerCallMax,
      LIMITS.forward.recipientsPerCall,
    ),
    threadReplies: settings.flag("threadReplies", true),
    keepSubjects: settings.flag("keepSubjects", false),
    feedbackConcurrency: settings.integer("feedbackConcurrency", 2, 1000, 2),
    sesTenants: settings.flag("sesTenants", false),
    webhooks: settings.flag("webhooks", false),
    watch: readWatch(settings.group("watch")),
    sesTlsPolicy: settings.oneOf("sesTlsPolicy", ["OPTIONAL", "REQUIRE"] as const, "OPTIONAL"),
    ...(sesDedicatedPool === undefined ? {} : { sesDedicatedPool }),
    monthlyBudget: settings.integer("monthlyBudget", 0, 1_000_000, 0),
    sesDeliveryHours: settings.integer("sesDeliveryHours", 1, 14, 14),
    deletionProtection: settings.flag("deletionProtection", true),
    standby: settings.flag("standby", false),
    ingress: settings.oneOf("ingress", ["nlb", "task"] as const, "nlb"),
    edge: readEdge(settings.group("edge")),
  };
}

function readHostedZone(settings: JsonSettings): HostedZoneSetting {
  const zone = {
    id: settings.text("id", (text) => ZONE_ID.test(text), "a Route 53 zone id such as Z0123456789ABCDEFGHIJ"),
    name: settings.text("name", isHostName, "the DNS name of the zone, in lower case"),
  };
  settings.finish();
  return zone;
}

function readEdge(settings: JsonSettings): EdgeSetting {
  const nodeImage = settings.textOptional(
    "nodeImage",
    (text) => IMAGE_BY_DIGEST.test(text),
    "an image pinned by digest, name@sha256:<64 hex digits>",
  );
  const tlsSecretArn = settings.textOptional(
    "tlsSecretArn",
    (text) => SECRET_ARN.test(text),
    "the whole ARN of a secret, with the six characters at its end",
  );
  const acme = settings.groupOptional("acme");
  const cpu = settings.oneOf("cpu", [...FARGATE_MEMORY_MIB.keys()], 256);
  const edge = {
    desiredCount: settings.integer("desiredCount", 1, 100, 1),
    cpu,
    memoryMiB: settings.oneOf("memoryMiB", FARGATE_MEMORY_MIB.get(cpu) ?? [], 512, `with cpu ${cpu}`),
    ...(nodeImage === undefined ? {} : { nodeImage }),
    ...(tlsSecretArn === undefined ? {} : { tlsSecretArn }),
    tls: settings.oneOf("tls", TLS_SOURCES, tlsSecretArn === undefined ? "self-signed" : "secret"),
    ...(acme === undefined ? {} : { acme: readAcme(acme) }),
    elasticIps: settings.flag("elasticIps", false),
  };
  settings.finish();
  return edge;
}

function readWatch(settings: JsonSettings): WatchSetting {
  const dqsSecretArn = settings.textOptional(
    "dqsSecretArn",
    (text) => SECRET_ARN.test(text),
    "the whole ARN of a secret, with the six characters at its end",
  );
  settings.finish();
  return dqsSecretArn === undefined ? {} : { dqsSecretArn };
}

function readAcme(settings: JsonSettings): AcmeSetting {
  const acme = {
    contact: settings.text("contact", isMailbox, "a mail address"),
    directoryUrl: settings.textOptional("directoryUrl", isHttpsUrl, "an https address") ?? LETS_ENCRYPT,
    termsOfServiceAgreed: settings.flag("termsOfServiceAgreed", false),
  };
  settings.finish();
  return acme;
}

/** Mistakes that only two settings together can make. */
function crossProblems(environment: Environment): string[] {
  const at = `environments.${environment.name}`;
  const { hostName, hostedZone, recordDays, retentionDays, region, edge, watch } = environment;
  const problems: string[] = [];
  if (hostedZone !== undefined && hostedZone.name !== "" && hostName !== "") {
    if (hostName !== hostedZone.name && !hostName.endsWith(`.${hostedZone.name}`)) {
      problems.push(
        `${at}.hostName: got ${JSON.stringify(hostName)}; allowed: a name in the hosted zone ${hostedZone.name}`,
      );
    }
  }
  for (const [setting, arn] of [
    ["edge.tlsSecretArn", edge.tlsSecretArn],
    ["watch.dqsSecretArn", watch.dqsSecretArn],
  ] as const) {
    const secretRegion = SECRET_ARN.exec(arn ?? "")?.[1];
    if (secretRegion !== undefined && secretRegion !== region) {
      problems.push(`${at}.${setting}: got a secret in ${secretRegion}; allowed: one in ${region}`);
    }
  }
  if (environment.monthlyBudget > 0 && environment.alarmAddress === undefined) {
    problems.push(`${at}.alarmAddress: is missing; allowed: a mail address, with monthlyBudget`);
  }
  problems.push(...tlsProblems(environment), ...ingressProblems(environment));
  if (recordDays < retentionDays) {
    problems.push(`${at}.recordDays: got ${recordDays}; allowed: at least retentionDays (${retentionDays})`);
  }
  return problems;
}

function tlsProblems({ name, hostedZone, edge }: Environment): string[] {
  const at = `environments.${name}`;
  const { tls, acme, tlsSecretArn } = edge;
  const problems: string[] = [];
  if (tls === "secret" && tlsSecretArn === undefined) {
    problems.push(`${at}.edge.tlsSecretArn: is missing; allowed: the ARN of a secret, with edge.tls secret`);
  }
  if (tls !== "secret" && tlsSecretArn !== undefined) {
    problems.push(`${at}.edge.tlsSecretArn: got a secret; allowed: none, with edge.tls ${tls}`);
  }
  if (tls !== "acme" && acme !== undefined) {
    problems.push(`${at}.edge.acme: got settings; allowed: none, with edge.tls ${tls}`);
  }
  if (tls !== "acme") return problems;
  if (acme === undefined) {
    problems.push(`${at}.edge.acme: is missing; allowed: contact and termsOfServiceAgreed, with edge.tls acme`);
  } else if (!acme.termsOfServiceAgreed) {
    problems.push(
      `${at}.edge.acme.termsOfServiceAgreed: got false; allowed: true, once you have read the authority's terms of service`,
    );
  }
  if (hostedZone === undefined) {
    problems.push(`${at}.hostedZone: is missing; allowed: the zone of the host name, with edge.tls acme`);
  }
  return problems;
}

function ingressProblems({ name, hostedZone, ingress, edge }: Environment): string[] {
  const at = `environments.${name}`;
  if (ingress === "nlb") return [];
  const problems: string[] = [];
  if (hostedZone === undefined && edge.tls !== "acme") {
    problems.push(`${at}.hostedZone: is missing; allowed: the zone of the host name, with ingress task`);
  }
  if (edge.desiredCount !== 1) {
    problems.push(`${at}.edge.desiredCount: got ${edge.desiredCount}; allowed: 1, with ingress task`);
  }
  if (edge.elasticIps) {
    problems.push(`${at}.edge.elasticIps: got true; allowed: false, with ingress task`);
  }
  return problems;
}

function isHttpsUrl(text: string): boolean {
  return URL.canParse(text) && /^https:\/\/\S+$/.test(text);
}

/** A percentage below the one at which SES reviews the account. */
function share(settings: JsonSettings, name: string, below: number): string | undefined {
  const parse = percentBelow(below);
  const parsed = parse("");
  const allowed = "allowed" in parsed ? parsed.allowed : "";
  return settings.textOptional(name, (text) => "value" in parse(text), allowed);
}

function isMailbox(text: string): boolean {
  return isAddress(parseAddress(text));
}

function isHostName(text: string): boolean {
  return toAsciiDomain(text) === text && text.includes(".") && !text.includes("_");
}

function range(from: number, to: number, step: number): number[] {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}
