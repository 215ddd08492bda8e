/**
 * What SES says about a message after taking it: configuration set, topic, queue, and the function that records it.
 *
 * SNS and SQS stand between because they keep an event until it is handled; SES's way over EventBridge is best effort.
 */

import { Duration } from "aws-cdk-lib";
import {
  ConfigurationSet,
  ConfigurationSetTlsPolicy,
  DedicatedIpPool,
  EmailSendingEvent,
  EventDestination,
} from "aws-cdk-lib/aws-ses";
import { Topic } from "aws-cdk-lib/aws-sns";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";
import { RelayFunction } from "./relay-function.ts";
import { RelayQueue } from "./relay-queue.ts";
import { feedbackRights, type RelayResources } from "./rights.ts";
import { webhookVariables } from "./webhook-sender.ts";

/** What feedback works on. */
export interface FeedbackIntakeProps {
  readonly environment: Environment;
  readonly codeDir: string;
  readonly resources: Pick<RelayResources, "spool" | "ledger" | "directory" | "webhookQueue">;
}

/** Configuration set, topic, queue and function; see the head of this file. */
export class FeedbackIntake extends Construct {
  readonly feedbackQueue: Queue;
  readonly feedbackDlq: Queue;
  /** Name of the configuration set that every message is sent with. */
  readonly configurationSet: string;
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: FeedbackIntakeProps) {
    super(scope, id);
    const { environment, resources } = props;
    const queue = new RelayQueue(this, "Feedback", {
      environment: environment.name,
      part: "feedback",
      logicalId: "FeedbackQueue",
      visibilityTimeoutSeconds: LIMITS.feedback.visibilityTimeoutSeconds,
      maxReceiveCount: LIMITS.feedback.maxReceiveCount,
    });
    this.feedbackQueue = queue.queue;
    this.feedbackDlq = queue.dlq;

    const topic = new Topic(this, "Topic", {
      topicName: resourceName(environment.name, "feedback"),
      displayName: `SES events of relayhost ${environment.name}`,
      enforceSSL: true,
    });
    freezeLogicalId(topic, "FeedbackTopic");
    topic.addSubscription(new SqsSubscription(queue.queue, { rawMessageDelivery: true, deadLetterQueue: queue.dlq }));

    this.configurationSet = resourceName(environment.name);
    this.publishEvents(environment, topic);

    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "feedback",
      logicalId: "FeedbackFunction",
      description: "Records what SES reports about sent messages",
      codeDir: props.codeDir,
      limits: LIMITS.feedback,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.spoolBucket]: resources.spool.bucketName,
        [ENV.feedbackQueueUrl]: queue.queue.queueUrl,
        [ENV.ledgerTable]: resources.ledger.tableName,
        [ENV.directoryTable]: resources.directory.tableName,
        [ENV.systemAddress]: environment.systemAddress,
        ...webhookVariables(resources.webhookQueue),
        [ENV.recordDays]: String(environment.recordDays),
        ...breakerVariables(environment),
      },
      rights: feedbackRights(resources, queue.queue),
    });
    this.worker.consume(queue.queue, LIMITS.feedback.batchSize, environment.feedbackConcurrency);
  }

  private publishEvents(environment: Environment, topic: Topic): void {
    const set = new ConfigurationSet(this, "ConfigurationSet", {
      configurationSetName: this.configurationSet,
      reputationMetrics: true,
      tlsPolicy: ConfigurationSetTlsPolicy[environment.sesTlsPolicy],
      maxDeliveryDuration: Duration.hours(environment.sesDeliveryHours),
      ...(environment.sesDedicatedPool === undefined
        ? {}
        : {
            dedicatedIpPool: DedicatedIpPool.fromDedicatedIpPoolName(this, "Pool", environment.sesDedicatedPool),
          }),
      // The account's list would let one tenant's bounce block an address for all: the relay keeps a list per tenant.
      disableSuppressionList: true,
    });
    freezeLogicalId(set, "ConfigurationSet");
    // Opens and clicks are left out on purpose: to count them SES rewrites the mail. This also lets SES, and for this
    // configuration set only, publish to the topic. Sends are left out because forward has SES's answer already, and an
    // event more for each mail costs a tenth of the relaying.
    set.addEventDestination("Events", {
      configurationSetEventDestinationName: "feedback",
      destination: EventDestination.snsTopic(topic),
      events: [
        EmailSendingEvent.DELIVERY,
        EmailSendingEvent.BOUNCE,
        EmailSendingEvent.COMPLAINT,
        EmailSendingEvent.REJECT,
        EmailSendingEvent.DELIVERY_DELAY,
        EmailSendingEvent.RENDERING_FAILURE,
      ],
    });
  }
}

/** Only what differs from the defaults, which the function knows. */
function breakerVariables(environment: Environment): Record<string, string> {
  const { breakerBounceRateMax, breakerComplaintRateMax, breakerMessagesMin } = environment;
  return {
    ...(breakerBounceRateMax === undefined ? {} : { [ENV.breakerBounceRateMax]: breakerBounceRateMax }),
    ...(breakerComplaintRateMax === undefined ? {} : { [ENV.breakerComplaintRateMax]: breakerComplaintRateMax }),
    [ENV.breakerMessagesMin]: String(breakerMessagesMin),
  };
}
