/**
 * The relay's host name, as an alias A record. Never a CNAME: Exim takes the name behind one for the server's name
 * and then looks for that in its password file.
 */

import type { NetworkLoadBalancer } from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { ARecord, HostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { LoadBalancerTarget } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";
import type { HostedZoneSetting } from "../config/environment.ts";

/** The name, the zone it is in, and where it points. */
export interface HostRecordProps {
  readonly hostName: string;
  readonly hostedZone: HostedZoneSetting;
  readonly loadBalancer: NetworkLoadBalancer;
}

/** The alias record; see the head of this file. */
export class HostRecord extends Construct {
  constructor(scope: Construct, id: string, props: HostRecordProps) {
    super(scope, id);
    const zone = HostedZone.fromHostedZoneAttributes(this, "Zone", {
      hostedZoneId: props.hostedZone.id,
      zoneName: props.hostedZone.name,
    });
    new ARecord(this, "Alias", {
      zone,
      recordName: `${props.hostName}.`,
      target: RecordTarget.fromAlias(new LoadBalancerTarget(props.loadBalancer)),
      comment: "relayhost",
    });
  }
}
