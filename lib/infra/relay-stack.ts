/**
 * One environment of the relay as one stack. It composes the constructs and owns no resource itself.
 *
 * Invariant: synthesis looks nothing up. Two availability zones are taken from the region when the stack is deployed,
 * even where account and region are known and the CDK would ask AWS for their zones.
 */

import { CfnOutput, Fn, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { type EdgeNames, SES_CALLS_PER_SECOND } from "../config/runtime-names.ts";
import { runtimeParameterName } from "../core/names.ts";
import { alarmName } from "./alarm-list.ts";
import type { RelayCode } from "./bundle.ts";
import { CertificateRenewal } from "./certificate-renewal.ts";
import { CostBudget, ENVIRONMENT_TAG } from "./cost-budget.ts";
import { DirectoryTable } from "./directory-table.ts";
import { EdgeTask } from "./edge-task.ts";
import { FeedbackIntake } from "./feedback-intake.ts";
import { ForwardWorker } from "./forward-worker.ts";
import { HostRecord } from "./host-record.ts";
import { LedgerTable } from "./ledger-table.ts";
import { MailIntake } from "./mail-intake.ts";
import { resourceName } from "./physical-names.ts";
import { RelayAlarms } from "./relay-alarms.ts";
import { RelayDashboard } from "./relay-dashboard.ts";
import { RelayNetwork } from "./relay-network.ts";
import type { RelayResources } from "./rights.ts";
import { RuntimeParameter } from "./runtime-parameter.ts";
import { SmtpEdge } from "./smtp-edge.ts";
import { SweepSchedule } from "./sweep-schedule.ts";
import { isInZone, SystemIdentity } from "./system-identity.ts";
import { TaskAddress } from "./task-address.ts";
import { WatchSchedule } from "./watch-schedule.ts";
import { WebhookSender } from "./webhook-sender.ts";

/** The settings of the environment and the code to run in it. */
export interface RelayStackProps extends StackProps {
  readonly environment: Environment;
  /** Folders that `bundleRelay` wrote. */
  readonly code: RelayCode;
}

/** The stack `relayhost-<environment>`; see the head of this file. */
export class RelayStack extends Stack {
  constructor(scope: Construct, id: string, props: RelayStackProps) {
    const { environment, code, ...stackProps } = props;
    super(scope, id, {
      description: `relayhost ${environment.name}: mail relay, SMTP in, Amazon SES out`,
      stackName: resourceName(environment.name),
      terminationProtection: environment.deletionProtection,
      ...stackProps,
    });
    Tags.of(this).add(ENVIRONMENT_TAG, environment.name);

    const intake = new MailIntake(this, "Intake", { environment });
    const { table: directory } = new DirectoryTable(this, "Directory", { environment });
    const webhook = environment.webhooks
      ? new WebhookSender(this, "WebhookSender", { environment, directory, codeDir: code.functions.webhook })
      : undefined;
    const resources: RelayResources = {
      spool: intake.spool,
      ledger: new LedgerTable(this, "Ledger", { environment }).table,
      directory,
      webhookQueue: webhook?.queue,
      forwardQueue: intake.forwardQueue,
      forwardDlq: intake.forwardDlq,
    };
    const feedback = new FeedbackIntake(this, "Feedback", {
      environment,
      resources,
      codeDir: code.functions.feedback,
    });
    const forward = new ForwardWorker(this, "Forward", {
      environment,
      resources,
      codeDir: code.functions.forward,
      configurationSet: feedback.configurationSet,
    });
    const sweep = new SweepSchedule(this, "Sweep", {
      environment,
      resources,
      codeDir: code.functions.sweep,
      feedbackQueue: feedback.feedbackQueue,
    });
    new WatchSchedule(this, "Watch", { environment, resources, codeDir: code.functions.watch });
    const { vpc } = new RelayNetwork(this, "Network");
    const { hostName, hostedZone, monthlyBudget, alarmAddress } = environment;
    if (monthlyBudget > 0 && alarmAddress !== undefined) {
      new CostBudget(this, "Cost", { environment: environment.name, dollars: monthlyBudget, address: alarmAddress });
    }
    const { acme, tlsSecretArn } = environment.edge;
    const renewal =
      acme === undefined || hostedZone === undefined
        ? undefined
        : new CertificateRenewal(this, "Certificate", {
            environment,
            hostedZone,
            acme,
            codeDir: code.functions.certificate,
          });
    const secretArn = renewal?.secretArn ?? tlsSecretArn;
    const task = new EdgeTask(this, "EdgeTask", {
      environment,
      resources,
      imageDir: code.edgeImage,
      tlsSecret: secretArn === undefined ? undefined : { arn: secretArn, awaited: renewal !== undefined },
    });
    const edge = environment.standby
      ? undefined
      : new SmtpEdge(this, "Edge", { environment, vpc, taskDefinition: task.definition });
    const { alarms, possibleDuplicates } = new RelayAlarms(this, "Alarms", {
      environment,
      forwardQueue: intake.forwardQueue,
      forwardDlq: intake.forwardDlq,
      feedbackQueue: feedback.feedbackQueue,
      feedbackDlq: feedback.feedbackDlq,
      webhookDlq: webhook?.dlq,
      functions: [
        forward.worker,
        feedback.worker,
        sweep.worker,
        ...(webhook === undefined ? [] : [webhook.worker]),
      ].map((worker) => worker.function as IFunction),
      forwardLog: forward.worker.logGroup,
      feedbackLog: feedback.worker.logGroup,
      edgeLog: task.logGroup,
      certificateLog: renewal?.worker.logGroup,
      edge: edge === undefined ? undefined : { targets: edge.balancer?.targets },
    });
    new RelayDashboard(this, "Dashboard", {
      environment: environment.name,
      edge: edge === undefined ? undefined : { balancer: edge.balancer },
      forwardQueue: intake.forwardQueue,
      forwardDlq: intake.forwardDlq,
      feedbackQueue: feedback.feedbackQueue,
      feedbackDlq: feedback.feedbackDlq,
      forward: forward.worker.function,
      feedback: feedback.worker.function,
      possibleDuplicates,
      alarms,
    });
    const systemDomain = domainOf(environment.systemAddress);
    if (hostedZone !== undefined && isInZone(systemDomain, hostedZone.name)) {
      const { configurationSet } = feedback;
      new SystemIdentity(this, "SystemIdentity", {
        domain: systemDomain,
        hostedZone,
        configurationSet,
        region: this.region,
      });
    }
    if (hostedZone !== undefined) {
      // Stays while the environment stands by, and then leads to nobody.
      const address =
        environment.ingress === "task"
          ? new TaskAddress(this, "TaskAddress", { environment, hostedZone, codeDir: code.functions.address })
          : undefined;
      const target = address ?? edge?.balancer?.loadBalancer;
      if (target !== undefined) new HostRecord(this, "HostRecord", { hostName, hostedZone, target });
    }
    new RuntimeParameter(this, "Runtime", {
      environment: environment.name,
      names: {
        region: this.region,
        spoolBucket: resources.spool.bucketName,
        forwardQueueUrl: resources.forwardQueue.queueUrl,
        forwardDlqUrl: resources.forwardDlq.queueUrl,
        feedbackQueueUrl: feedback.feedbackQueue.queueUrl,
        feedbackDlqUrl: feedback.feedbackDlq.queueUrl,
        ledgerTable: resources.ledger.tableName,
        directoryTable: resources.directory.tableName,
        configurationSet: feedback.configurationSet,
        hostName,
        sesTenants: environment.sesTenants,
        webhooks: environment.webhooks,
        threadReplies: environment.threadReplies,
        keepSubjects: environment.keepSubjects,
        sesCallsPerSecond: SES_CALLS_PER_SECOND,
        systemAddress: environment.systemAddress,
        ...(webhook === undefined ? {} : { webhookDlqUrl: webhook.dlq.queueUrl }),
        ...(edge === undefined ? {} : { edge: edgeNames(environment, edge) }),
      },
    });

    this.output("HostName", "What customers write into their mail server", hostName);
    if (edge?.balancer !== undefined) {
      const { loadBalancer, addresses } = edge.balancer;
      const name = loadBalancer.loadBalancerDnsName;
      this.output("LoadBalancerName", "Where the host name must point (alias or A, never CNAME)", name);
      for (const [index, address] of addresses.entries()) {
        this.output(`EdgeAddressValue${index + 1}`, "For customers' firewalls; give it a PTR record", address.ref);
      }
    }
    this.output("RuntimeParameterName", "Read by the relayhost command", runtimeParameterName(environment.name));
    this.output("SpoolBucketName", "Messages not yet handled, under spool/", resources.spool.bucketName);
  }

  override get availabilityZones(): string[] {
    return [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  }

  private output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}

function edgeNames(environment: Environment, edge: SmtpEdge): EdgeNames {
  return {
    cluster: resourceName(environment.name),
    service: edge.service.serviceName,
    tasks: environment.edge.desiredCount,
    ingress: environment.ingress,
    healthAlarm: alarmName(environment.name, "EdgeUnhealthy"),
  };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}
