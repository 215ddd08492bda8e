/** Forward: takes notifications of spooled messages from its queue and hands the messages to SES. */

import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { findingOfArn } from "./nag.ts";
import { RelayFunction } from "./relay-function.ts";
import { forwardRights, type RelayResources } from "./rights.ts";
import { webhookVariables } from "./webhook-sender.ts";

/** What forward works on. */
export interface ForwardWorkerProps {
  readonly environment: Environment;
  readonly codeDir: string;
  readonly resources: RelayResources;
  readonly configurationSet: string;
}

/** The function on the forward queue. */
export class ForwardWorker extends Construct {
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: ForwardWorkerProps) {
    super(scope, id);
    const { environment, resources, configurationSet } = props;
    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "forward",
      logicalId: "ForwardFunction",
      description: "Hands spooled messages to SES",
      codeDir: props.codeDir,
      limits: LIMITS.forward,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.spoolBucket]: resources.spool.bucketName,
        [ENV.forwardQueueUrl]: resources.forwardQueue.queueUrl,
        [ENV.forwardDlqUrl]: resources.forwardDlq.queueUrl,
        [ENV.ledgerTable]: resources.ledger.tableName,
        [ENV.directoryTable]: resources.directory.tableName,
        [ENV.configurationSet]: configurationSet,
        [ENV.systemAddress]: environment.systemAddress,
        ...webhookVariables(resources.webhookQueue),
        [ENV.sesTenants]: String(environment.sesTenants),
        [ENV.recordDays]: String(environment.recordDays),
        [ENV.giveUpAfterHours]: String(environment.giveUpAfterHours),
        // Each invocation keeps to its share of the account's rate.
        [ENV.forwardConcurrency]: String(environment.forwardConcurrency),
        [ENV.recipientsPerCall]: String(environment.recipientsPerCall),
        [ENV.threadReplies]: String(environment.threadReplies),
        [ENV.keepSubjects]: String(environment.keepSubjects),
      },
      rights: forwardRights(this, resources, { configurationSet, sesTenants: environment.sesTenants }),
      exceptions: [
        {
          rule: "IAM5",
          finding: findingOfArn(this, "ses", "identity/*"),
          reason: "Tenants' domains come and go without a deployment; the configuration set bounds what can be sent.",
        },
        {
          rule: "IAM5",
          finding: "Resource::*",
          reason: "ses:GetAccount has no resource that a policy could name.",
        },
      ],
    });
    this.worker.consume(resources.forwardQueue, LIMITS.forward.batchSize, environment.forwardConcurrency);
  }
}
