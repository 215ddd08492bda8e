/**
 * The SMTP service: a network load balancer in front of Fargate tasks.
 *
 * The load balancer passes TCP through, so TLS ends in the edge, and client addresses arrive as they are (client IP
 * preservation), which is what networks in the directory are matched against.
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
import {
  NetworkListenerAction,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { EDGE_CONTAINER, EDGE_PORT } from "./edge-task.ts";
import { argueAway } from "./nag.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";

/** What runs, and where. */
export interface SmtpEdgeProps {
  readonly environment: Environment;
  readonly vpc: IVpc;
  readonly taskDefinition: FargateTaskDefinition;
}

/** Where customers connect, and what answers there. 2525 is for those whose provider blocks 587. */
const LISTENERS = [
  { port: 587, answers: "smtp" },
  { port: 2525, answers: "smtp" },
  { port: 465, answers: "smtps" },
] as const;

/** Load balancer and service; see the head of this file. */
export class SmtpEdge extends Construct {
  readonly loadBalancer: NetworkLoadBalancer;
  readonly service: FargateService;
  /** Those of port 587, whose health is that of the service. */
  readonly targets: NetworkTargetGroup;

  constructor(scope: Construct, id: string, props: SmtpEdgeProps) {
    super(scope, id);
    const { environment, vpc, taskDefinition } = props;
    const { balancerGroup, taskGroup } = this.securityGroups(vpc);
    const cluster = new Cluster(this, "Cluster", { vpc, clusterName: resourceName(environment.name) });
    freezeLogicalId(cluster, "EdgeCluster");
    argueAway(cluster, {
      rule: "ECS4",
      reason: "Container Insights costs more than the tasks it watches; the edge publishes what it does itself.",
    });

    this.service = new FargateService(this, "Service", {
      cluster: cluster as ICluster,
      taskDefinition,
      desiredCount: environment.edge.desiredCount,
      // A new task takes over before an old one goes, and a version that does not come up is taken back.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      healthCheckGracePeriod: Duration.seconds(60),
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.ENABLED,
      assignPublicIp: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [taskGroup],
      propagateTags: PropagatedTagSource.SERVICE,
      enableExecuteCommand: false,
    });
    // Tasks that may not pull their image yet would trip the circuit breaker of a first deployment.
    this.service.node.addDependency(taskDefinition.obtainExecutionRole());

    this.loadBalancer = new NetworkLoadBalancer(this, "LoadBalancer", {
      vpc,
      internetFacing: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [balancerGroup],
      // Either address answers while one task is alive anywhere: MTAs keep addresses longer than they should.
      crossZoneEnabled: true,
    });
    argueAway(this.loadBalancer, {
      rule: "ELB2",
      reason: "A network load balancer writes access logs for TLS listeners only, and TLS ends in the edge.",
    });
    this.targets = this.listen(vpc);
  }

  /** In: the listeners' ports, then only from the load balancer. Out: HTTPS, to AWS. */
  private securityGroups(vpc: IVpc): { balancerGroup: SecurityGroup; taskGroup: SecurityGroup } {
    const balancerGroup = new SecurityGroup(this, "BalancerGroup", {
      vpc,
      description: "SMTP from the customers to the load balancer",
      allowAllOutbound: false,
    });
    const taskGroup = new SecurityGroup(this, "TaskGroup", {
      vpc,
      description: "SMTP from the load balancer to the edge",
      allowAllOutbound: false,
    });
    argueAway(balancerGroup, {
      rule: "EC23",
      reason: "Customers' mail servers are anywhere; who may send is decided by login or by network in the directory.",
    });
    for (const { port } of LISTENERS) balancerGroup.addIngressRule(Peer.anyIpv4(), Port.tcp(port), `SMTP on ${port}`);
    for (const port of Object.values(EDGE_PORT)) {
      balancerGroup.addEgressRule(taskGroup, Port.tcp(port), `to the edge on ${port}`);
      taskGroup.addIngressRule(balancerGroup, Port.tcp(port), `from the load balancer on ${port}`);
    }
    taskGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "AWS APIs, image and log");
    return { balancerGroup, taskGroup };
  }

  /** 587 and 2525 share one target group: they are the same port of the same tasks. */
  private listen(vpc: IVpc): NetworkTargetGroup {
    const groups = {
      smtp: this.targetGroup(vpc, "SmtpTargets", EDGE_PORT.smtp),
      smtps: this.targetGroup(vpc, "SmtpsTargets", EDGE_PORT.smtps),
    };
    for (const { port, answers } of LISTENERS) {
      this.loadBalancer.addListener(`Port${port}`, {
        port,
        protocol: Protocol.TCP,
        defaultAction: NetworkListenerAction.forward([groups[answers]]),
      });
    }
    return groups.smtp;
  }

  private targetGroup(vpc: IVpc, id: string, port: number): NetworkTargetGroup {
    const group = new NetworkTargetGroup(this, id, {
      vpc,
      port,
      protocol: Protocol.TCP,
      targetType: TargetType.IP,
      preserveClientIp: true,
      // Sessions go on for this long after the load balancer has stopped giving the task new ones.
      deregistrationDelay: Duration.seconds(LIMITS.edge.deregistrationSeconds),
      healthCheck: {
        protocol: Protocol.HTTP,
        port: String(EDGE_PORT.health),
        path: "/health",
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
    group.addTarget(this.service.loadBalancerTarget({ containerName: EDGE_CONTAINER, containerPort: port }));
    return group;
  }
}
