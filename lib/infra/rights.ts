/**
 * Every right that a process of the relay has, written out: one function per role, nothing granted anywhere else.
 *
 * Invariants: no action holds a wildcard; the edge can store mail and read the directory, nothing else; only forward
 * can send; a function has the rights that its code uses, which a test takes from its bundle. The CDK's `grant...` helpers are avoided because they add `s3:GetObject*`, `s3:List*` and the like.
 */

import { ArnFormat, Stack } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { CHALLENGE_LABEL, DIRECTORY_INDEX, LEDGER_INDEX, SPOOL_PREFIX } from "../core/names.ts";

/** What the roles are about. */
export interface RelayResources {
  readonly spool: IBucket;
  readonly ledger: ITable;
  readonly directory: ITable;
  readonly forwardQueue: IQueue;
  readonly forwardDlq: IQueue;
  /** Absent where the environment has no webhooks. */
  readonly webhookQueue?: IQueue | undefined;
}

const LEDGER_READ_WRITE = ["dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/** The edge: store a message, look up who is asking, read its own certificate. It can neither read, list, delete nor send mail. */
export function edgeRights(
  resources: Pick<RelayResources, "spool" | "directory">,
  tlsSecretArn: string | undefined,
): PolicyStatement[] {
  const { spool, directory } = resources;
  return [
    allow("StoreMessages", ["s3:PutObject"], [spoolObjects(spool)]),
    allow("ReadDirectory", ["dynamodb:GetItem", "dynamodb:BatchGetItem"], [directory.tableArn]),
    ...(tlsSecretArn === undefined
      ? []
      : [allow("ReadCertificate", ["secretsmanager:GetSecretValue"], [tlsSecretArn])]),
  ];
}

/** Forward: read, send, record and delete messages, write DSNs, put aside what is no message. */
export function forwardRights(
  scope: Construct,
  resources: RelayResources,
  options: { readonly configurationSet: string; readonly sesTenants: boolean },
): PolicyStatement[] {
  const { spool, ledger, directory, forwardQueue, forwardDlq } = resources;
  return [
    allow("SpoolMessages", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [spoolObjects(spool)]),
    listSpool(spool),
    allow("ReadWriteLedger", [...LEDGER_READ_WRITE, "dynamodb:BatchGetItem"], [ledger.tableArn]),
    allow("FindAnsweredMail", ["dynamodb:Query"], [`${ledger.tableArn}/index/${LEDGER_INDEX.byMessageId}`]),
    allow("ReadDirectory", ["dynamodb:GetItem", "dynamodb:BatchGetItem"], [directory.tableArn]),
    consume(forwardQueue),
    allow("PutAside", ["sqs:SendMessage"], [forwardDlq.queueArn]),
    ...tellWebhooks(resources.webhookQueue),
    sendMail(scope, options),
    // How fast the account may send. The account is no resource that a policy could name.
    allow("ReadQuota", ["ses:GetAccount"], ["*"]),
  ];
}

/** Feedback: put events on record, write the DSNs they call for, with the message as it was before it was deleted. */
export function feedbackRights(
  resources: Pick<RelayResources, "spool" | "ledger" | "directory" | "webhookQueue">,
  feedbackQueue: IQueue,
): PolicyStatement[] {
  const { spool, ledger, directory } = resources;
  return [
    allow("SpoolMessages", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], [spoolObjects(spool)]),
    listSpool(spool),
    allow("ReadWriteLedger", LEDGER_READ_WRITE, [ledger.tableArn]),
    allow("FindMessage", ["dynamodb:Query"], [`${ledger.tableArn}/index/${LEDGER_INDEX.bySesId}`]),
    allow("ReadDirectory", ["dynamodb:GetItem", "dynamodb:BatchGetItem"], [directory.tableArn]),
    // Pauses of tenants and senders.
    allow("PauseInDirectory", ["dynamodb:PutItem", "dynamodb:UpdateItem"], [directory.tableArn]),
    consume(feedbackQueue),
    ...tellWebhooks(resources.webhookQueue),
  ];
}

/**
 * Sweep: find what was forgotten or is late and put it back to work; end what is left over, with a DSN; keep the books;
 * let domains send once SES has verified them.
 */
export function sweepRights(scope: Construct, resources: RelayResources, feedbackQueue: IQueue): PolicyStatement[] {
  const { spool, ledger, directory, forwardQueue, forwardDlq } = resources;
  return [
    allow("SpoolMessages", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [spoolObjects(spool)]),
    listSpool(spool),
    allow("ReadWriteLedger", [...LEDGER_READ_WRITE, "dynamodb:BatchGetItem", "dynamodb:DeleteItem"], [ledger.tableArn]),
    allow("CountUsage", ["dynamodb:Query"], [`${ledger.tableArn}/index/${LEDGER_INDEX.byTenantDay}`]),
    // The mark of a contract that is used up stands in the tenant's row.
    // So does whether a domain is verified, in the domain's.
    allow("ReadMarkDirectory", ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"], [directory.tableArn]),
    allow("FindPendingDomains", ["dynamodb:Query"], [`${directory.tableArn}/index/${DIRECTORY_INDEX.byWaiting}`]),
    // The list is of the whole account, which no policy could name.
    allow("ListIdentities", ["ses:ListEmailIdentities"], ["*"]),
    allow(
      "ReadIdentity",
      ["ses:GetEmailIdentity"],
      [Stack.of(scope).formatArn({ service: "ses", resource: "identity", resourceName: "*" })],
    ),
    allow("FindMessage", ["dynamodb:Query"], [`${ledger.tableArn}/index/${LEDGER_INDEX.bySesId}`]),
    allow("ReturnToQueue", ["sqs:SendMessage"], [forwardQueue.queueArn, feedbackQueue.queueArn]),
    ...tellWebhooks(resources.webhookQueue),
    allow("ClearDeadLetters", ["sqs:ReceiveMessage", "sqs:DeleteMessage"], [forwardDlq.queueArn]),
  ];
}

/** Webhook: read where a tenant wants to be told, and put aside what could not be told. Nothing of the mail. */
export function webhookRights(directory: ITable, webhookQueue: IQueue, webhookDlq: IQueue): PolicyStatement[] {
  return [
    allow("ReadDirectory", ["dynamodb:GetItem"], [directory.tableArn]),
    consume(webhookQueue),
    allow("PutAside", ["sqs:SendMessage"], [webhookDlq.queueArn]),
  ];
}

/** Certificate: its own secret, and one record of one name in the zone. It can neither read the zone nor change anything else. */
export function certificateRights(
  scope: Construct,
  names: { readonly secretArn: string; readonly zoneId: string; readonly hostName: string },
): PolicyStatement[] {
  const prove = new PolicyStatement({
    sid: "ProveName",
    actions: ["route53:ChangeResourceRecordSets"],
    resources: [route53(scope, "hostedzone", names.zoneId)],
    conditions: {
      "ForAllValues:StringEquals": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [`${CHALLENGE_LABEL}.${names.hostName}`],
        "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
        "route53:ChangeResourceRecordSetsActions": ["UPSERT", "DELETE"],
      },
    },
  });
  return [
    allow("KeepCertificate", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], [names.secretArn]),
    prove,
    allow("AwaitChange", ["route53:GetChange"], [route53(scope, "change", "*")]),
  ];
}

/** Watch: see what is watched and where a tenant's mail came from, keep the answer, write one mail. */
export function watchRights(
  { spool, ledger, directory }: Pick<RelayResources, "spool" | "ledger" | "directory">,
  dqsSecretArn: string | undefined,
): PolicyStatement[] {
  return [
    allow("WriteNotice", ["s3:PutObject"], [spoolObjects(spool)]),
    allow("ReadMessages", ["dynamodb:BatchGetItem"], [ledger.tableArn]),
    allow("FindMessages", ["dynamodb:Query"], [`${ledger.tableArn}/index/${LEDGER_INDEX.byTenantDay}`]),
    allow("ReadMarkDirectory", ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"], [directory.tableArn]),
    ...(dqsSecretArn === undefined ? [] : [allow("ReadKey", ["secretsmanager:GetSecretValue"], [dqsSecretArn])]),
  ];
}

/** Address: which tasks of one cluster run, where, and one record of one name in the zone. */
export function addressRights(
  scope: Construct,
  names: { readonly cluster: string; readonly zoneId: string; readonly addressName: string },
): PolicyStatement[] {
  const stack = Stack.of(scope);
  const ecs = (resource: string, resourceName: string): string =>
    stack.formatArn({ service: "ecs", resource, resourceName });
  const zone = route53(scope, "hostedzone", names.zoneId);
  return [
    // ListTasks is of container instances, which Fargate has none of; the cluster is a condition.
    new PolicyStatement({
      sid: "ListTasks",
      actions: ["ecs:ListTasks"],
      resources: ["*"],
      conditions: { ArnEquals: { "ecs:cluster": ecs("cluster", names.cluster) } },
    }),
    allow("ReadTasks", ["ecs:DescribeTasks"], [ecs("task", `${names.cluster}/*`)]),
    // No resource of EC2's that a policy could name for it.
    allow("ReadAddresses", ["ec2:DescribeNetworkInterfaces"], ["*"]),
    allow("ReadRecord", ["route53:ListResourceRecordSets"], [zone]),
    new PolicyStatement({
      sid: "KeepRecord",
      actions: ["route53:ChangeResourceRecordSets"],
      resources: [zone],
      conditions: {
        "ForAllValues:StringEquals": {
          "route53:ChangeResourceRecordSetsNormalizedRecordNames": [names.addressName],
          "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
          "route53:ChangeResourceRecordSetsActions": ["UPSERT", "DELETE"],
        },
      },
    }),
  ];
}

/** What a function needs to write its own log, and no other. */
export function logRights(logGroup: ILogGroup): PolicyStatement {
  return allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]);
}

function allow(sid: string, actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources });
}

/** Route 53 is one for all regions, and its ARNs name no account. */
function route53(scope: Construct, resource: string, resourceName: string): string {
  const arnFormat = ArnFormat.SLASH_RESOURCE_NAME;
  return Stack.of(scope).formatArn({ service: "route53", region: "", account: "", resource, resourceName, arnFormat });
}

function tellWebhooks(queue: IQueue | undefined): PolicyStatement[] {
  return queue === undefined ? [] : [allow("TellWebhooks", ["sqs:SendMessage"], [queue.queueArn])];
}

function spoolObjects(spool: IBucket): string {
  return spool.arnForObjects(`${SPOOL_PREFIX}*`);
}

/**
 * Listing, under the prefix. Without this right S3 answers 403 instead of 404 for a key that is not there
 * (GetObject API reference, "Permissions"); that request carries no prefix, hence `IfExists`.
 */
function listSpool(spool: IBucket): PolicyStatement {
  return new PolicyStatement({
    sid: "ListSpool",
    actions: ["s3:ListBucket"],
    resources: [spool.bucketArn],
    conditions: { StringLikeIfExists: { "s3:prefix": `${SPOOL_PREFIX}*` } },
  });
}

/** What Lambda's poller needs, and the handler to defer a message. */
function consume(queue: IQueue): PolicyStatement {
  return allow(
    "ConsumeQueue",
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
    [queue.queueArn],
  );
}

/**
 * Sending raw mail, from any identity of this account and region, through our configuration set only. `identity/*` is
 * as narrow as it can be: domains are taken in while the relay runs, and SES asks for the right on the identity of the
 * header From. Which domain a tenant may use is decided by the edge and by forward.
 */
function sendMail(
  scope: Construct,
  options: { readonly configurationSet: string; readonly sesTenants: boolean },
): PolicyStatement {
  const stack = Stack.of(scope);
  const ses = (resource: string, resourceName: string): string =>
    stack.formatArn({ service: "ses", resource, resourceName });
  return allow(
    "SendMail",
    ["ses:SendEmail", "ses:SendRawEmail"],
    [
      ses("identity", "*"),
      ses("configuration-set", options.configurationSet),
      ...(options.sesTenants ? [ses("tenant", "*")] : []),
    ],
  );
}
