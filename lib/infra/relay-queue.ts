/**
 * A queue and the dead letter queue behind it.
 *
 * Both are encrypted with SQS's own key (free, unlike a KMS key), refuse clear text, and keep a message for as long
 * as `LIMITS.queue.retentionDays`: longer than the relay tries to forward it.
 */

import { Duration } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { LIMITS } from "../core/limits.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";

/** What makes one queue differ from another. */
export interface RelayQueueProps {
  readonly environment: string;
  /** Part of the physical name: `relayhost-<environment>-<part>` and `...-<part>-dlq`. */
  readonly part: string;
  /** Logical id of the queue; its dead letter queue gets the same with `Dlq` behind it. */
  readonly logicalId: string;
  readonly visibilityTimeoutSeconds: number;
  readonly maxReceiveCount: number;
}

/** Both queues; see the head of this file. */
export class RelayQueue extends Construct {
  readonly queue: Queue;
  readonly dlq: Queue;

  constructor(scope: Construct, id: string, props: RelayQueueProps) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(LIMITS.queue.retentionDays),
    };
    this.dlq = new Queue(this, "Dlq", { ...common, queueName: resourceName(props.environment, `${props.part}-dlq`) });
    this.queue = new Queue(this, "Queue", {
      ...common,
      queueName: resourceName(props.environment, props.part),
      visibilityTimeout: Duration.seconds(props.visibilityTimeoutSeconds),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.dlq, maxReceiveCount: props.maxReceiveCount },
    });
    freezeLogicalId(this.queue, props.logicalId);
    freezeLogicalId(this.dlq, `${props.logicalId}Dlq`);
  }
}
