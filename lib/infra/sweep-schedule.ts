/** Sweep: runs by the clock, finds spooled messages that nothing is working on, and puts them back to work. */

import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { findingOfArn } from "./nag.ts";
import { RelayFunction } from "./relay-function.ts";
import { type RelayResources, sweepRights } from "./rights.ts";
import { webhookVariables } from "./webhook-sender.ts";

/** What sweep works on. */
export interface SweepScheduleProps {
  readonly environment: Environment;
  readonly codeDir: string;
  readonly resources: RelayResources;
  readonly feedbackQueue: IQueue;
}

/** The function and its schedule. */
export class SweepSchedule extends Construct {
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: SweepScheduleProps) {
    super(scope, id);
    const { environment, resources } = props;
    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "sweep",
      logicalId: "SweepFunction",
      description: "Puts forgotten and late messages back to work",
      codeDir: props.codeDir,
      limits: LIMITS.sweep,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.spoolBucket]: resources.spool.bucketName,
        [ENV.forwardQueueUrl]: resources.forwardQueue.queueUrl,
        [ENV.forwardDlqUrl]: resources.forwardDlq.queueUrl,
        [ENV.feedbackQueueUrl]: props.feedbackQueue.queueUrl,
        [ENV.ledgerTable]: resources.ledger.tableName,
        [ENV.directoryTable]: resources.directory.tableName,
        [ENV.systemAddress]: environment.systemAddress,
        ...webhookVariables(resources.webhookQueue),
        [ENV.recordDays]: String(environment.recordDays),
        [ENV.giveUpAfterHours]: String(environment.giveUpAfterHours),
        [ENV.keepSubjects]: String(environment.keepSubjects),
      },
      rights: sweepRights(this, resources, props.feedbackQueue),
      exceptions: [
        {
          rule: "IAM5",
          finding: findingOfArn(this, "ses", "identity/*"),
          reason: "Reads the state of tenants' domains, which come and go without a deployment.",
        },
        {
          rule: "IAM5",
          finding: "Resource::*",
          reason: "ses:ListEmailIdentities has no resource that a policy could name.",
        },
      ],
    });
    new Rule(this, "Schedule", {
      description: `Starts ${environment.name}'s sweep`,
      schedule: Schedule.rate(Duration.minutes(LIMITS.sweep.scheduleMinutes)),
      // The next run does what a failed one left undone.
      targets: [
        new LambdaFunction(this.worker.function, {
          retryAttempts: 0,
          maxEventAge: Duration.minutes(LIMITS.sweep.scheduleMinutes),
        }),
      ],
    });
  }
}
