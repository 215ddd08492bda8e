/** A log with a fixed name and an end to what it keeps. Logs go with their stack; what must outlive it is in the tables. */

import { RemovalPolicy } from "aws-cdk-lib";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { freezeLogicalId } from "./physical-names.ts";

/** What makes one log differ from another. */
export interface RelayLogProps {
  readonly logGroupName: string;
  readonly logicalId: string;
  /** One of the periods CloudWatch Logs knows; another one throws. */
  readonly days: number;
}

/** The log group; see the head of this file. */
export class RelayLog extends Construct {
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: RelayLogProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, "Group", {
      logGroupName: props.logGroupName,
      retention: retentionOf(props.days),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    freezeLogicalId(this.logGroup, props.logicalId);
  }
}

function retentionOf(days: number): RetentionDays {
  const name: string | undefined = RetentionDays[days];
  if (name === undefined) throw new RangeError(`CloudWatch Logs does not keep a log for ${days} days`);
  return RetentionDays[name as keyof typeof RetentionDays];
}
