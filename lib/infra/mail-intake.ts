/**
 * Where an accepted message lives: the spool bucket, and the queue that tells forward of it.
 *
 * The notification is a property of the bucket itself. The CDK's `addEventNotification` would bring a Python function
 * with the right to rewrite the notifications of every bucket in the account.
 */

import { ArnFormat, Duration, Stack } from "aws-cdk-lib";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
  type IBucket,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { SPOOL_PREFIX, SPOOL_SUFFIX } from "../core/names.ts";
import { argueAway } from "./nag.ts";
import { dataRemovalPolicy, freezeLogicalId, resourceName } from "./physical-names.ts";
import { RelayQueue } from "./relay-queue.ts";

/** What the intake depends on. */
export interface MailIntakeProps {
  readonly environment: Environment;
}

/** The spool and the forward queue; see the head of this file. */
export class MailIntake extends Construct {
  readonly spool: IBucket;
  readonly forwardQueue: Queue;
  readonly forwardDlq: Queue;

  constructor(scope: Construct, id: string, props: MailIntakeProps) {
    super(scope, id);
    const { environment } = props;
    const queue = new RelayQueue(this, "Forward", {
      environment: environment.name,
      part: "forward",
      logicalId: "ForwardQueue",
      visibilityTimeoutSeconds: LIMITS.forward.visibilityTimeoutSeconds,
      maxReceiveCount: LIMITS.forward.maxReceiveCount,
    });
    this.forwardQueue = queue.queue;
    this.forwardDlq = queue.dlq;

    const { account, region } = Stack.of(this);
    // Bucket names are shared by all accounts of a partition. A fixed one lets the queue's policy name this bucket
    // alone; with a generated one, bucket and policy would each have to exist before the other.
    const bucketName = `${resourceName(environment.name, "spool")}-${account}-${region}`;
    const spool = new Bucket(this, "Spool", {
      bucketName,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      lifecycleRules: [
        {
          // Messages still in the spool never expire: they are ours until they are handled.
          id: "forget-handled-messages",
          noncurrentVersionExpiration: Duration.days(environment.retentionDays),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy: dataRemovalPolicy(environment.deletionProtection),
    });
    freezeLogicalId(spool, "SpoolBucket");
    argueAway(spool, {
      rule: "S1",
      reason:
        "Every access is by one of the relay's own roles and stands in its log by message; server access logs would be " +
        "kept, and paid for, in a second bucket. CloudTrail data events show the rest to an account that wants them.",
    });
    this.notifyForward(spool, bucketName);
    this.spool = spool as IBucket;
  }

  /** S3 checks that it may write to the queue when the bucket is made, so the queue's policy comes first. */
  private notifyForward(spool: Bucket, bucketName: string): void {
    const stack = Stack.of(this);
    const bucketArn = stack.formatArn({
      service: "s3",
      region: "",
      account: "",
      resource: bucketName,
      arnFormat: ArnFormat.NO_RESOURCE_NAME,
    });
    const { policyDependable } = this.forwardQueue.addToResourcePolicy(
      new PolicyStatement({
        sid: "AllowSpoolNotifications",
        principals: [new ServicePrincipal("s3.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [this.forwardQueue.queueArn],
        conditions: { StringEquals: { "aws:SourceAccount": stack.account }, ArnEquals: { "aws:SourceArn": bucketArn } },
      }),
    );
    if (policyDependable !== undefined) spool.node.addDependency(policyDependable);
    const bucket = spool.node.defaultChild;
    if (!(bucket instanceof CfnBucket)) throw new TypeError("the spool has no bucket resource");
    bucket.notificationConfiguration = {
      queueConfigurations: [
        {
          event: "s3:ObjectCreated:*",
          queue: this.forwardQueue.queueArn,
          filter: {
            s3Key: {
              rules: [
                { name: "prefix", value: SPOOL_PREFIX },
                { name: "suffix", value: SPOOL_SUFFIX },
              ],
            },
          },
        },
      ],
    };
  }
}
