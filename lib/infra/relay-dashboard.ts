/** One dashboard that follows the way of a message, from the customers' connections to what became of their mail. */

import { Duration } from "aws-cdk-lib";
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  Metric,
  Stats,
  TextWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import type { NetworkLoadBalancer, NetworkTargetGroup } from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { METRIC_DIMENSION, METRIC_NAMESPACE, METRICS, type MetricName } from "../core/names.ts";
import { resourceName } from "./physical-names.ts";

/** What is shown. */
export interface RelayDashboardProps {
  readonly environment: string;
  /** Absent while the environment stands by; the balancer, where there is none. */
  readonly edge: { readonly balancer: Balancer | undefined } | undefined;
  readonly forwardQueue: IQueue;
  readonly forwardDlq: IQueue;
  readonly feedbackQueue: IQueue;
  readonly feedbackDlq: IQueue;
  readonly forward: IFunction;
  readonly feedback: IFunction;
  readonly possibleDuplicates: IMetric;
  readonly alarms: readonly IAlarm[];
}

interface Balancer {
  readonly loadBalancer: NetworkLoadBalancer;
  readonly targets: NetworkTargetGroup;
}

const PERIOD = Duration.minutes(5);
const FULL_WIDTH = 24;

/** The dashboard `relayhost-<environment>`; see the head of this file. */
export class RelayDashboard extends Construct {
  constructor(scope: Construct, id: string, props: RelayDashboardProps) {
    super(scope, id);
    new Dashboard(this, "Dashboard", {
      dashboardName: resourceName(props.environment),
      defaultInterval: Duration.hours(24),
      widgets: [
        [new AlarmStatusWidget({ title: "What rings (see RUNBOOK.md)", alarms: [...props.alarms], width: FULL_WIDTH })],
        ...(props.edge === undefined
          ? [[step("1. Standing by: customers cannot connect")]]
          : edgeRows(props.environment, props.edge.balancer)),
        ...forwardRows(props),
        ...feedbackRows(props),
      ],
    });
  }
}

function edgeRows(environment: string, balancer: Balancer | undefined): IWidget[][] {
  const heading = [step("1. Customers' servers connect")];
  if (balancer === undefined) return [heading, ownRow(environment)];
  const { loadBalancer, targets } = balancer;
  const { metrics } = loadBalancer;
  return [
    heading,
    row(
      graph("Connections", [metrics.newFlowCount({ statistic: Stats.SUM }), metrics.activeFlowCount()]),
      graph("Octets", [metrics.processedBytes({ statistic: Stats.SUM })]),
      graph("Edge tasks", [
        targets.metrics.healthyHostCount({ statistic: Stats.MINIMUM }),
        targets.metrics.unHealthyHostCount({ statistic: Stats.MAXIMUM }),
      ]),
    ),
  ];
}

/** Without a load balancer: what the edge says itself. */
function ownRow(environment: string): IWidget[] {
  const own = (name: MetricName, statistic: string): Metric =>
    new Metric({
      namespace: METRIC_NAMESPACE,
      metricName: METRICS[name].name,
      dimensionsMap: { [METRIC_DIMENSION.environment]: environment },
      statistic,
      period: PERIOD,
    });
  return row(
    graph("Connections", [own("connections", Stats.MAXIMUM), own("connectionsRefused", Stats.SUM)]),
    graph("Messages", [own("accepted", Stats.SUM), own("refused", Stats.SUM), own("storeFailures", Stats.SUM)]),
    graph("Minutes in which the edge was alive", [own("connections", Stats.SAMPLE_COUNT)]),
  );
}

function forwardRows({ forwardQueue, forwardDlq, forward, possibleDuplicates }: RelayDashboardProps): IWidget[][] {
  return [
    [step("2. Messages wait for forward, which hands them to SES")],
    row(
      graph("Messages stored and handled", [
        forwardQueue.metricNumberOfMessagesSent({ statistic: Stats.SUM, label: "stored" }),
        forwardQueue.metricNumberOfMessagesDeleted({ statistic: Stats.SUM, label: "handled" }),
      ]),
      graph("Waiting", [
        forwardQueue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, label: "now" }),
        forwardQueue.metricApproximateNumberOfMessagesNotVisible({
          statistic: Stats.MAXIMUM,
          label: "later or at work",
        }),
        forwardDlq.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, label: "set aside" }),
      ]),
      graph("Oldest waiting, seconds", [
        forwardQueue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM }),
      ]),
    ),
    row(
      graph("Forward", [
        forward.metricInvocations({ statistic: Stats.SUM }),
        forward.metricErrors({ statistic: Stats.SUM }),
        forward.metricThrottles({ statistic: Stats.SUM }),
      ]),
      graph("Forward, milliseconds", [
        forward.metricDuration({ statistic: "p50", label: "p50" }),
        forward.metricDuration({ statistic: "p99", label: "p99" }),
      ]),
      graph("SES takes (whole account), second copies that are possible", [ses("Send", Stats.SUM), possibleDuplicates]),
    ),
  ];
}

function feedbackRows({ feedbackQueue, feedbackDlq, feedback }: RelayDashboardProps): IWidget[][] {
  return [
    [step("3. What became of the mail, and whether the events are recorded (SES's figures are the whole account's)")],
    row(
      graph("Results", [
        ses("Delivery", Stats.SUM),
        ses("Bounce", Stats.SUM),
        ses("Complaint", Stats.SUM),
        ses("Reject", Stats.SUM),
      ]),
      graph("Reputation", [
        ses("Reputation.BounceRate", Stats.AVERAGE),
        ses("Reputation.ComplaintRate", Stats.AVERAGE),
      ]),
      graph("Events waiting", [
        feedbackQueue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, label: "now" }),
        feedbackQueue.metricApproximateNumberOfMessagesNotVisible({
          statistic: Stats.MAXIMUM,
          label: "later or at work",
        }),
        feedbackDlq.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, label: "set aside" }),
      ]),
    ),
    row(
      graph("Feedback", [
        feedback.metricInvocations({ statistic: Stats.SUM }),
        feedback.metricErrors({ statistic: Stats.SUM }),
      ]),
    ),
  ];
}

function ses(metricName: string, statistic: string): Metric {
  return new Metric({ namespace: "AWS/SES", metricName, statistic, period: PERIOD });
}

function step(text: string): IWidget {
  return new TextWidget({ markdown: `### ${text}`, width: FULL_WIDTH, height: 1 });
}

function graph(title: string, metrics: readonly IMetric[]): GraphWidget {
  return new GraphWidget({ title, left: [...metrics], period: PERIOD, width: FULL_WIDTH / 3, leftYAxis: { min: 0 } });
}

function row(...widgets: IWidget[]): IWidget[] {
  return widgets;
}
