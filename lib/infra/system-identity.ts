/**
 * The SES identity that the relay's own mail comes from: its reports, and mail that leaves under the system address.
 *
 * Made, and verified through Route 53, where the environment's hosted zone holds the domain of the system address.
 * Elsewhere it is added by hand like a tenant's domain. No DMARC record is made here: a policy for the zone is its
 * owner's business, and one for the relay's name alone would override it.
 */

import { Fn } from "aws-cdk-lib";
import { CfnRecordSet, HostedZone, MxRecord, TxtRecord } from "aws-cdk-lib/aws-route53";
import {
  ConfigurationSet,
  DkimIdentity,
  EasyDkimSigningKeyLength,
  EmailIdentity,
  Identity,
  MailFromBehaviorOnMxFailure,
} from "aws-cdk-lib/aws-ses";
import { Construct } from "constructs";
import type { HostedZoneSetting } from "../config/environment.ts";
import { freezeLogicalId } from "./physical-names.ts";

/** The domain, and the zone it is in. */
export interface SystemIdentityProps {
  readonly domain: string;
  readonly hostedZone: HostedZoneSetting;
  readonly configurationSet: string;
  readonly region: string;
}

/** The identity with its DNS records; see the head of this file. */
export class SystemIdentity extends Construct {
  constructor(scope: Construct, id: string, props: SystemIdentityProps) {
    super(scope, id);
    const { domain, region } = props;
    const zone = HostedZone.fromHostedZoneAttributes(this, "Zone", {
      hostedZoneId: props.hostedZone.id,
      zoneName: props.hostedZone.name,
    });
    const mailFromDomain = `bounce.${domain}`;
    const identity = new EmailIdentity(this, "Identity", {
      identity: Identity.domain(domain),
      dkimSigning: true,
      dkimIdentity: DkimIdentity.easyDkim(EasyDkimSigningKeyLength.RSA_2048_BIT),
      feedbackForwarding: false,
      mailFromDomain,
      // A record that is not there yet must not stop a report.
      mailFromBehaviorOnMxFailure: MailFromBehaviorOnMxFailure.USE_DEFAULT_VALUE,
      configurationSet: ConfigurationSet.fromConfigurationSetName(this, "ConfigurationSet", props.configurationSet),
    });
    freezeLogicalId(identity, "SystemIdentity");
    for (const [index, { name, value }] of identity.dkimRecords.entries()) {
      // The name is known once SES has made the identity, and complete; a CnameRecord would put the zone behind it.
      new CfnRecordSet(this, `Dkim${index + 1}`, {
        hostedZoneId: zone.hostedZoneId,
        name: Fn.join("", [name, "."]),
        type: "CNAME",
        ttl: "1800",
        resourceRecords: [value],
      });
    }
    new MxRecord(this, "MailFromMx", {
      zone,
      recordName: `${mailFromDomain}.`,
      values: [{ priority: 10, hostName: `feedback-smtp.${region}.amazonses.com` }],
    });
    new TxtRecord(this, "MailFromSpf", {
      zone,
      recordName: `${mailFromDomain}.`,
      values: ["v=spf1 include:amazonses.com ~all"],
    });
  }
}

/** Whether a domain is in a zone. */
export function isInZone(domain: string, zone: string): boolean {
  return domain === zone || domain.endsWith(`.${zone}`);
}
