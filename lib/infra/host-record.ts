/**
 * The relay's host name, as an alias A record. Never a CNAME: Exim takes the name behind one for the server's name
 * and then looks for that in its password file.
 */

import type { NetworkLoadBalancer } from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { ARecord, HostedZone, type IAliasRecordTarget, RecordTarget } from "aws-cdk-lib/aws-route53";
import { LoadBalancerTarget } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";
import type { HostedZoneSetting } from "../config/environment.ts";
import type { TaskAddress } from "./task-address.ts";

/** The name, the zone it is in, and where it points. */
export interface HostRecordProps {
  readonly hostName: string;
  readonly hostedZone: HostedZoneSetting;
  readonly target: NetworkLoadBalancer | TaskAddress;
}

/** The alias record; see the head of this file. */
export class HostRecord extends Construct {
  constructor(scope: Construct, id: string, props: HostRecordProps) {
    super(scope, id);
    const { hostedZone, target } = props;
    const zone = HostedZone.fromHostedZoneAttributes(this, "Zone", {
      hostedZoneId: hostedZone.id,
      zoneName: hostedZone.name,
    });
    const alias: IAliasRecordTarget =
      "loadBalancerDnsName" in target
        ? new LoadBalancerTarget(target)
        : { bind: () => ({ dnsName: `${target.name}.`, hostedZoneId: hostedZone.id }) };
    const record = new ARecord(this, "Alias", {
      zone,
      recordName: `${props.hostName}.`,
      target: RecordTarget.fromAlias(alias),
      comment: "relayhost",
    });
    // Route 53 takes an alias only of what is there.
    if (!("loadBalancerDnsName" in target)) record.node.addDependency(target.record);
  }
}
