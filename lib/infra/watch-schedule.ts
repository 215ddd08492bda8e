/** Watch: looks once a day whether tenants' own addresses are still on block lists. */

import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { RelayFunction } from "./relay-function.ts";
import { type RelayResources, watchRights } from "./rights.ts";

/** What the watch works on. */
export interface WatchScheduleProps {
  readonly environment: Environment;
  readonly codeDir: string;
  readonly resources: Pick<RelayResources, "spool" | "ledger" | "directory">;
}

/** The function and its schedule. */
export class WatchSchedule extends Construct {
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: WatchScheduleProps) {
    super(scope, id);
    const { environment, resources } = props;
    const { dqsSecretArn } = environment.watch;
    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "watch",
      logicalId: "WatchFunction",
      description: "Looks whether tenants' own addresses are still on block lists",
      codeDir: props.codeDir,
      limits: LIMITS.watch,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.systemAddress]: environment.systemAddress,
        [ENV.spoolBucket]: resources.spool.bucketName,
        [ENV.ledgerTable]: resources.ledger.tableName,
        [ENV.directoryTable]: resources.directory.tableName,
        ...(dqsSecretArn === undefined ? {} : { [ENV.spamhausDqsSecretArn]: dqsSecretArn }),
      },
      rights: watchRights(resources, dqsSecretArn),
    });
    new Rule(this, "Schedule", {
      description: `Starts ${environment.name}'s watch over block lists`,
      schedule: Schedule.rate(Duration.hours(LIMITS.watch.scheduleHours)),
      // A second run on one day does what a failed one left undone, and nothing else.
      targets: [new LambdaFunction(this.worker.function, { retryAttempts: 2, maxEventAge: Duration.hours(6) })],
    });
  }
}
