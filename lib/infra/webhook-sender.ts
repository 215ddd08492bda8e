/**
 * What tenants' own servers are told of their mail: a queue, and the function that posts what is in it.
 *
 * A queue of its own, so that a slow server never delays what SES reports. Made only where the environment asks for it:
 * Lambda polls a queue the whole month, used or not.
 */

import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { RelayFunction } from "./relay-function.ts";
import { RelayQueue } from "./relay-queue.ts";
import { webhookRights } from "./rights.ts";

/** What the sender works on. */
export interface WebhookSenderProps {
  readonly environment: Environment;
  readonly codeDir: string;
  readonly directory: ITable;
}

/** Queue and function; see the head of this file. */
export class WebhookSender extends Construct {
  readonly queue: Queue;
  readonly dlq: Queue;
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: WebhookSenderProps) {
    super(scope, id);
    const { environment, directory } = props;
    const { queue, dlq } = new RelayQueue(this, "Webhook", {
      environment: environment.name,
      part: "webhook",
      logicalId: "WebhookQueue",
      visibilityTimeoutSeconds: LIMITS.webhook.visibilityTimeoutSeconds,
      maxReceiveCount: LIMITS.webhook.maxReceiveCount,
    });
    this.queue = queue;
    this.dlq = dlq;
    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "webhook",
      logicalId: "WebhookFunction",
      description: "Tells tenants' servers what became of their mail",
      codeDir: props.codeDir,
      limits: LIMITS.webhook,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.directoryTable]: directory.tableName,
        [ENV.webhookQueueUrl]: queue.queueUrl,
        [ENV.webhookDlqUrl]: dlq.queueUrl,
      },
      rights: webhookRights(directory, queue, dlq),
    });
    this.worker.consume(queue, LIMITS.webhook.batchSize, LIMITS.webhook.concurrency);
  }
}

/** The variable that lets a function tell webhooks; none where there are none. */
export function webhookVariables(queue: { readonly queueUrl: string } | undefined): Readonly<Record<string, string>> {
  return queue === undefined ? {} : { [ENV.webhookQueueUrl]: queue.queueUrl };
}
