/** Creates the webhook queue on an endpoint where no CloudFormation does it: the local servers. */

import { LIMITS } from "../core/limits.ts";
import { makeSqs } from "./clients.ts";
import { provisionQueue, workAttributes } from "./provision.ts";

/** Where they are. */
export interface WebhookQueues {
  readonly queueUrl: string;
  readonly dlqUrl: string;
}

/** What local mode calls them. */
const LOCAL_QUEUES = { queue: "relayhost-local-webhook", dlq: "relayhost-local-webhook-dlq" };

/** Calling it again changes nothing. Throws the SDK's error. */
export async function provisionWebhooks(names = LOCAL_QUEUES): Promise<WebhookQueues> {
  const sqs = makeSqs();
  try {
    const retention = { MessageRetentionPeriod: String(LIMITS.queue.retentionDays * 86_400) };
    const dlq = await provisionQueue(sqs, names.dlq, retention);
    const attributes = { ...retention, ...workAttributes(LIMITS.webhook, dlq) };
    const queue = await provisionQueue(sqs, names.queue, attributes);
    return { queueUrl: queue.url, dlqUrl: dlq.url };
  } finally {
    sqs.destroy();
  }
}
