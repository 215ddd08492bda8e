/**
 * The network load balancer in front of the edge.
 *
 * It passes TCP through, so TLS ends in the edge, and client addresses arrive as they are (client IP preservation), which
 * is what networks in the directory are matched against.
 *
 * Its resources belong to the scope that is given, under whose ids a running environment knows them. Addresses of its own
 * cannot be given to a load balancer that has others, nor its targets to a second one: where `edge.elasticIps` changes, all of it is made anew,
 * under other ids, before the old goes.
 */

import { Duration } from "aws-cdk-lib";
import { CfnEIP, type IVpc, Peer, Port, SecurityGroup, SubnetType } from "aws-cdk-lib/aws-ec2";
import type { FargateService } from "aws-cdk-lib/aws-ecs";
import {
  NetworkListenerAction,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { EDGE_CONTAINER, edgePorts } from "./edge-task.ts";
import { argueAway } from "./nag.ts";
import { resourceName } from "./physical-names.ts";

/** What it stands in front of. */
export interface NlbIngressProps {
  readonly environment: Environment;
  readonly vpc: IVpc;
  /** The tasks' group, to which rules are added. */
  readonly taskGroup: SecurityGroup;
  readonly service: FargateService;
}

/** Where customers connect, and what answers there. 2525 is for those whose provider blocks 587. */
const LISTENERS = [
  { port: 587, answers: "smtp" },
  { port: 2525, answers: "smtp" },
  { port: 465, answers: "smtps" },
] as const;

/** Load balancer, listeners and targets; see the head of this file. */
export class NlbIngress {
  readonly loadBalancer: NetworkLoadBalancer;
  /** Those of port 587, whose health is that of the service. */
  readonly targets: NetworkTargetGroup;
  /** Its fixed addresses, one in each zone; none where it has not asked for them. */
  readonly addresses: readonly CfnEIP[];
  readonly #scope: Construct;
  readonly #props: NlbIngressProps;

  constructor(scope: Construct, props: NlbIngressProps) {
    this.#scope = scope;
    this.#props = props;
    const { vpc, environment } = props;
    this.addresses = environment.edge.elasticIps ? this.#fixedAddresses() : [];
    const subnets = { subnetType: SubnetType.PUBLIC };
    this.loadBalancer = new NetworkLoadBalancer(scope, this.#id("LoadBalancer"), {
      vpc,
      internetFacing: true,
      ...(this.addresses.length === 0
        ? { vpcSubnets: subnets }
        : {
            subnetMappings: vpc.selectSubnets(subnets).subnets.flatMap((subnet, index) => {
              const address = this.addresses[index];
              return address === undefined ? [] : [{ subnet, allocationId: address.attrAllocationId }];
            }),
          }),
      securityGroups: [this.#securityGroup()],
      // Either address answers while one task is alive anywhere: MTAs keep addresses longer than they should.
      crossZoneEnabled: true,
    });
    argueAway(this.loadBalancer, {
      rule: "ELB2",
      reason: "A network load balancer writes access logs for TLS listeners only, and TLS ends in the edge.",
    });
    this.targets = this.#listen();
  }

  #id(id: string): string {
    return this.#props.environment.edge.elasticIps ? `Fixed${id}` : id;
  }

  /** Customers write them into their firewalls: under ids that no refactoring changes. */
  #fixedAddresses(): CfnEIP[] {
    const { vpc, environment } = this.#props;
    return vpc.selectSubnets({ subnetType: SubnetType.PUBLIC }).subnets.map((_subnet, index) => {
      const address = new CfnEIP(this.#scope, `Address${index + 1}`, {
        domain: "vpc",
        tags: [{ key: "Name", value: resourceName(environment.name, `edge-${index + 1}`) }],
      });
      address.overrideLogicalId(`EdgeAddress${index + 1}`);
      return address;
    });
  }

  /** In: the listeners' ports, and from here to the tasks. */
  #securityGroup(): SecurityGroup {
    const { vpc, taskGroup, environment } = this.#props;
    const group = new SecurityGroup(this.#scope, "BalancerGroup", {
      vpc,
      description: "SMTP from the customers to the load balancer",
      allowAllOutbound: false,
    });
    argueAway(group, {
      rule: "EC23",
      reason: "Customers' mail servers are anywhere; who may send is decided by login or by network in the directory.",
    });
    for (const { port } of LISTENERS) group.addIngressRule(Peer.anyIpv4(), Port.tcp(port), `SMTP on ${port}`);
    for (const port of Object.values(edgePorts(environment.ingress))) {
      group.addEgressRule(taskGroup, Port.tcp(port), `to the edge on ${port}`);
      taskGroup.addIngressRule(group, Port.tcp(port), `from the load balancer on ${port}`);
    }
    return group;
  }

  /** 587 and 2525 share one target group: they are the same port of the same tasks. */
  #listen(): NetworkTargetGroup {
    const { smtp, smtps } = edgePorts(this.#props.environment.ingress);
    const groups = { smtp: this.#targetGroup("SmtpTargets", smtp), smtps: this.#targetGroup("SmtpsTargets", smtps) };
    for (const { port, answers } of LISTENERS) {
      this.loadBalancer.addListener(`Port${port}`, {
        port,
        protocol: Protocol.TCP,
        defaultAction: NetworkListenerAction.forward([groups[answers]]),
      });
    }
    return groups.smtp;
  }

  #targetGroup(id: string, port: number): NetworkTargetGroup {
    const { vpc, service, environment } = this.#props;
    const group = new NetworkTargetGroup(this.#scope, this.#id(id), {
      vpc,
      port,
      protocol: Protocol.TCP,
      targetType: TargetType.IP,
      preserveClientIp: true,
      // Sessions go on for this long after the load balancer has stopped giving the task new ones.
      deregistrationDelay: Duration.seconds(LIMITS.edge.deregistrationSeconds),
      healthCheck: {
        protocol: Protocol.HTTP,
        port: String(edgePorts(environment.ingress).health),
        path: "/health",
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
    group.addTarget(service.loadBalancerTarget({ containerName: EDGE_CONTAINER, containerPort: port }));
    return group;
  }
}
