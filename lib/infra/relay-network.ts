/**
 * The network of the edge: public subnets in two zones, and gateway endpoints for what the edge talks to.
 *
 * No NAT gateway: it would cost more than everything else that stands by. Tasks have public addresses, and their
 * security group lets nothing in but the load balancer, or, where there is none, SMTP.
 */

import { GatewayVpcEndpointAwsService, IpAddresses, type IVpc, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { argueAway } from "./nag.ts";

/** The VPC; see the head of this file. */
export class RelayNetwork extends Construct {
  /** As an interface, like all resources passed on: under `exactOptionalPropertyTypes` the CDK's classes are not assignable to its own interfaces. */
  readonly vpc: IVpc;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, "Vpc", {
      ipAddresses: IpAddresses.cidr("10.0.0.0/24"),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [
        { name: "public", subnetType: SubnetType.PUBLIC, cidrMask: 26, mapPublicIpOnLaunch: false },
      ],
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
      // Emptying the default group takes a function that may change every group's rules; nothing uses that group.
      restrictDefaultSecurityGroup: false,
    }) as IVpc;
    argueAway(this.vpc, {
      rule: "VPC7",
      reason: "The edge logs every session with its client's address; flow logs would say less and cost more.",
    });
  }
}
