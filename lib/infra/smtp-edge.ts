/**
 * The SMTP service: Fargate tasks, behind a network load balancer or, as a single one, open to the internet themselves.
 */

import { Duration } from "aws-cdk-lib";
import { type IVpc, Peer, Port, SecurityGroup, SubnetType } from "aws-cdk-lib/aws-ec2";
import {
  AvailabilityZoneRebalancing,
  Cluster,
  FargateService,
  type FargateTaskDefinition,
  type ICluster,
  PropagatedTagSource,
} from "aws-cdk-lib/aws-ecs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { edgePorts } from "./edge-task.ts";
import { argueAway } from "./nag.ts";
import { NlbIngress } from "./nlb-ingress.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";

/** What runs, and where. */
export interface SmtpEdgeProps {
  readonly environment: Environment;
  readonly vpc: IVpc;
  readonly taskDefinition: FargateTaskDefinition;
}

/** Cluster, service and what stands before it; see the head of this file. */
export class SmtpEdge extends Construct {
  readonly service: FargateService;
  /** Absent where the task is open to the internet. */
  readonly balancer: NlbIngress | undefined;

  constructor(scope: Construct, id: string, props: SmtpEdgeProps) {
    super(scope, id);
    const { environment, vpc, taskDefinition } = props;
    const taskGroup = this.taskGroup(environment, vpc);
    const cluster = new Cluster(this, "Cluster", { vpc, clusterName: resourceName(environment.name) });
    freezeLogicalId(cluster, "EdgeCluster");
    argueAway(cluster, {
      rule: "ECS4",
      reason: "Container Insights costs more than the tasks it watches; the edge publishes what it does itself.",
    });
    const hasBalancer = environment.ingress === "nlb";
    this.service = new FargateService(this, "Service", {
      cluster: cluster as ICluster,
      taskDefinition,
      desiredCount: environment.edge.desiredCount,
      // A new task takes over before an old one goes, and a version that does not come up is taken back.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      ...(hasBalancer ? { healthCheckGracePeriod: Duration.seconds(60) } : {}),
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.ENABLED,
      assignPublicIp: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [taskGroup],
      propagateTags: PropagatedTagSource.SERVICE,
      enableExecuteCommand: false,
    });
    // Tasks that may not pull their image yet would trip the circuit breaker of a first deployment.
    this.service.node.addDependency(taskDefinition.obtainExecutionRole());
    this.balancer = hasBalancer
      ? new NlbIngress(this, { environment, vpc, taskGroup, service: this.service })
      : undefined;
  }

  /** In: SMTP from the internet, or what the load balancer adds. Out: HTTPS, to AWS. */
  private taskGroup(environment: Environment, vpc: IVpc): SecurityGroup {
    const isOpen = environment.ingress === "task";
    const group = new SecurityGroup(this, "TaskGroup", {
      vpc,
      description: isOpen ? "SMTP from the customers to the edge" : "SMTP from the load balancer to the edge",
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "AWS APIs, image and log");
    if (!isOpen) return group;
    const { smtp, smtps } = edgePorts(environment.ingress);
    for (const port of [smtp, smtps]) group.addIngressRule(Peer.anyIpv4(), Port.tcp(port), `SMTP on ${port}`);
    argueAway(group, {
      rule: "EC23",
      reason: "Customers' mail servers are anywhere; who may send is decided by login or by network in the directory.",
    });
    return group;
  }
}
