/**
 * The name of an edge whose task has a public address of its own, and the function that keeps it on that address.
 *
 * A function and not the task: the task would need rights in DNS, and the edge has none but to store and look up; and a
 * task that is killed cannot take its address away. The function runs when ECS tells of a change, and every minute, since
 * events are best effort.
 *
 * The stack owns one record of weight zero that leads to nobody, which the host name can point to before any task runs
 * and after the last; the function owns the other one. So no deployment ever meets a record that it did not write.
 */

import { ArnFormat, Duration, Stack } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { CfnRecordSet } from "aws-cdk-lib/aws-route53";
import { Construct } from "constructs";
import type { Environment, HostedZoneSetting } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ADDRESS_RECORD, ENV } from "../core/names.ts";
import { findingOfArn } from "./nag.ts";
import { resourceName } from "./physical-names.ts";
import { RelayFunction } from "./relay-function.ts";
import { addressRights } from "./rights.ts";

/** Whose name, and where it is. */
export interface TaskAddressProps {
  readonly environment: Environment;
  readonly hostedZone: HostedZoneSetting;
  readonly codeDir: string;
}

/** Record, function and what calls it; see the head of this file. */
export class TaskAddress extends Construct {
  /** Without the last dot. */
  readonly name: string;
  readonly record: CfnRecordSet;

  constructor(scope: Construct, id: string, props: TaskAddressProps) {
    super(scope, id);
    const { environment, hostedZone } = props;
    this.name = `${ADDRESS_RECORD.label}.${environment.hostName}`;
    this.record = new CfnRecordSet(this, "Nobody", {
      hostedZoneId: hostedZone.id,
      name: `${this.name}.`,
      type: "A",
      setIdentifier: ADDRESS_RECORD.ofNobody,
      weight: 0,
      ttl: String(ADDRESS_RECORD.ttlSeconds),
      resourceRecords: [ADDRESS_RECORD.nobody],
    });
    const cluster = resourceName(environment.name);
    const worker = new RelayFunction(this, "Worker", {
      environment,
      name: "address",
      logicalId: "AddressFunction",
      description: "Keeps the edge's name on the address of its task",
      codeDir: props.codeDir,
      limits: LIMITS.address,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.edgeCluster]: cluster,
        [ENV.hostedZoneId]: hostedZone.id,
        [ENV.addressName]: this.name,
      },
      rights: addressRights(this, { cluster, zoneId: hostedZone.id, addressName: this.name }),
      exceptions: [
        {
          rule: "IAM5",
          finding: findingOfArn(this, "ecs", `task/${cluster}/*`),
          reason: "Tasks of one cluster; their names are made when they start.",
        },
        {
          rule: "IAM5",
          finding: "Resource::*",
          reason:
            "ecs:ListTasks is bound to the cluster by a condition; ec2:DescribeNetworkInterfaces has no resource that " +
            "a policy could name.",
        },
      ],
    });
    const { scheduleMinutes, standbyScheduleMinutes } = LIMITS.address;
    const target = (): LambdaFunction =>
      // The next run does what a failed one left undone.
      new LambdaFunction(worker.function, { retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, "Schedule", {
      description: `Looks where ${environment.name}'s edge is`,
      schedule: Schedule.rate(Duration.minutes(environment.standby ? standbyScheduleMinutes : scheduleMinutes)),
      targets: [target()],
    });
    new Rule(this, "Changed", {
      description: `Hears of changes of ${environment.name}'s edge`,
      eventPattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Task State Change"],
        detail: { clusterArn: [this.clusterArn(cluster)] },
      },
      targets: [target()],
    });
  }

  private clusterArn(cluster: string): string {
    const arnFormat = ArnFormat.SLASH_RESOURCE_NAME;
    return Stack.of(this).formatArn({ service: "ecs", resource: "cluster", resourceName: cluster, arnFormat });
  }
}
