/**
 * A certificate that needs no hands: a secret that holds it, and the function that has it renewed.
 *
 * The function runs by the clock, and after each deployment, so that a new environment need not wait for the clock. The
 * secret is empty at first (a generated value would be taken for a certificate); the edge waits for it.
 */

import { Aws, Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { CfnSecret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import type { AcmeSetting, Environment, HostedZoneSetting } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { argueAway, findingOfGlobalArn } from "./nag.ts";
import { RelayFunction } from "./relay-function.ts";
import { certificateRights } from "./rights.ts";

/** Whose certificate, from whom, and where the name is. */
export interface CertificateRenewalProps {
  readonly environment: Environment;
  readonly hostedZone: HostedZoneSetting;
  readonly acme: AcmeSetting;
  readonly codeDir: string;
}

/** Secret, function and schedule; see the head of this file. */
export class CertificateRenewal extends Construct {
  readonly secretArn: string;
  readonly worker: RelayFunction;

  constructor(scope: Construct, id: string, props: CertificateRenewalProps) {
    super(scope, id);
    const { environment, hostedZone, acme } = props;
    const secret = new CfnSecret(this, "Secret", {
      description: `Certificate of ${environment.hostName} and the account at its authority; renewed by relayhost`,
    });
    secret.overrideLogicalId("CertificateSecret");
    argueAway(secret, {
      rule: "SMG4",
      reason:
        "It is renewed, when the certificate asks for it, by a function of the relay; Secrets Manager's own rotation " +
        "goes by days alone.",
    });
    // Ref of a secret is its ARN.
    this.secretArn = secret.ref;
    this.worker = new RelayFunction(this, "Worker", {
      environment,
      name: "certificate",
      logicalId: "CertificateFunction",
      description: "Has the edge's certificate renewed in time",
      codeDir: props.codeDir,
      limits: LIMITS.certificate,
      variables: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.hostedZoneId]: hostedZone.id,
        [ENV.tlsSecretArn]: this.secretArn,
        [ENV.acmeDirectoryUrl]: acme.directoryUrl,
        [ENV.acmeContact]: acme.contact,
      },
      rights: certificateRights(this, {
        secretArn: this.secretArn,
        zoneId: hostedZone.id,
        hostName: environment.hostName,
      }),
      exceptions: [
        {
          rule: "IAM5",
          finding: findingOfGlobalArn(this, "route53", "change/*"),
          reason: "Route 53 names a change when it is made; nothing but its state can be read by this.",
        },
      ],
    });
    const target = (): LambdaFunction =>
      new LambdaFunction(this.worker.function, {
        retryAttempts: 2,
        maxEventAge: Duration.hours(LIMITS.certificate.scheduleHours),
      });
    new Rule(this, "Schedule", {
      description: `Looks at ${environment.name}'s certificate`,
      schedule: Schedule.rate(Duration.hours(LIMITS.certificate.scheduleHours)),
      targets: [target()],
    });
    new Rule(this, "Deployed", {
      description: `Looks at ${environment.name}'s certificate after a deployment`,
      eventPattern: {
        source: ["aws.cloudformation"],
        detailType: ["CloudFormation Stack Status Change"],
        resources: [Aws.STACK_ID],
        detail: { "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] } },
      },
      targets: [target()],
    });
  }
}
