/**
 * What rings, and whom it reaches: alarms on what AWS measures and on what the relay writes into its logs.
 *
 * An event of the log becomes a metric by a filter, so that code that logs needs to know nothing of alarms, and a metric
 * costs nothing while nothing happens. Ten alarms are free in an account; the rest costs 0.10 USD a month each.
 */

import { Duration } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { NetworkTargetGroup } from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { FilterPattern, type ILogGroup, MetricFilter } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { METRIC_DIMENSION, METRIC_NAMESPACE, METRICS } from "../core/names.ts";
import { type AlarmId, alarmDescription, alarmName } from "./alarm-list.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";

/** What is watched. */
export interface RelayAlarmsProps {
  readonly environment: Environment;
  readonly forwardQueue: IQueue;
  readonly forwardDlq: IQueue;
  readonly feedbackQueue: IQueue;
  readonly feedbackDlq: IQueue;
  /** Absent where the environment has no webhooks. */
  readonly webhookDlq: IQueue | undefined;
  readonly functions: readonly IFunction[];
  readonly forwardLog: ILogGroup;
  readonly feedbackLog: ILogGroup;
  readonly edgeLog: ILogGroup;
  /** Absent where the certificate is not renewed here. */
  readonly certificateLog: ILogGroup | undefined;
  /** Absent while the environment stands by. Without targets the edge itself says that it is alive. */
  readonly edge: { readonly targets: NetworkTargetGroup | undefined } | undefined;
}

/** What an alarm asks of its metric. */
interface Condition {
  readonly metric: IMetric;
  readonly threshold: number;
  /** It rings after this many of the metric's periods in a row. */
  readonly periods: number;
  readonly below?: true;
  /** No data means trouble too. */
  readonly silenceRings?: true;
}

const FIVE_MINUTES = Duration.minutes(5);

/** Alarms, the topic they ring on, and its mail subscription; see the head of this file. */
export class RelayAlarms extends Construct {
  readonly topic: Topic;
  readonly alarms: Alarm[] = [];
  /** Calls to SES that may have sent a second copy (ARCHITECTURE.md): no alarm, since it is an upper bound. */
  readonly possibleDuplicates: Metric;
  readonly #environment: Environment;

  constructor(scope: Construct, id: string, props: RelayAlarmsProps) {
    super(scope, id);
    this.#environment = props.environment;
    const { name, alarmAddress } = props.environment;
    this.topic = new Topic(this, "Topic", {
      topicName: resourceName(name, "alarms"),
      displayName: `relayhost ${name}`,
      enforceSSL: true,
    });
    freezeLogicalId(this.topic, "AlarmTopic");
    if (alarmAddress !== undefined) this.topic.addSubscription(new EmailSubscription(alarmAddress));
    this.watchQueues(props);
    this.watchFunctions(props);
    this.watchAccount(props);
    this.watchEdge(props);
    this.possibleDuplicates = this.counted("PossibleDuplicates", props.forwardLog, "possible-duplicate");
  }

  private watchQueues({ forwardQueue, forwardDlq, feedbackQueue, feedbackDlq, webhookDlq }: RelayAlarmsProps): void {
    const visible = (queue: IQueue): IMetric =>
      queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: FIVE_MINUTES });
    const age = (queue: IQueue): IMetric =>
      queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: FIVE_MINUTES });
    this.alarm("ForwardDeadLetters", { metric: visible(forwardDlq), threshold: 1, periods: 1 });
    this.alarm("FeedbackDeadLetters", { metric: visible(feedbackDlq), threshold: 1, periods: 1 });
    if (webhookDlq !== undefined) {
      this.alarm("WebhookDeadLetters", { metric: visible(webhookDlq), threshold: 1, periods: 1 });
    }
    // SQS leaves a message that was received three times out of this metric: mail that SES defers does not ring.
    this.alarm("MailWaits", { metric: age(forwardQueue), threshold: 30 * 60, periods: 3 });
    // A notice of delay waits in the queue until four hours after acceptance.
    this.alarm("EventsWait", { metric: age(feedbackQueue), threshold: 5 * 3600, periods: 3 });
  }

  private watchFunctions({ functions }: RelayAlarmsProps): void {
    const errors = Object.fromEntries(
      functions.map((fn, index) => [`e${index}`, fn.metricErrors({ statistic: Stats.SUM, period: FIVE_MINUTES })]),
    );
    const metric = new MathExpression({
      expression: `SUM([${Object.keys(errors).join(", ")}])`,
      usingMetrics: errors,
      label: "errors of all functions",
      period: FIVE_MINUTES,
    });
    this.alarm("FunctionErrors", { metric, threshold: 1, periods: 3 });
  }

  private watchAccount({ forwardLog, feedbackLog }: RelayAlarmsProps): void {
    const reputation = (metricName: string): Metric =>
      new Metric({ namespace: "AWS/SES", metricName, statistic: Stats.AVERAGE, period: Duration.hours(1) });
    this.alarm("BounceRate", { metric: reputation("Reputation.BounceRate"), threshold: 0.04, periods: 1 });
    this.alarm("ComplaintRate", { metric: reputation("Reputation.ComplaintRate"), threshold: 0.0008, periods: 1 });
    const closed = this.counted("AccountClosed", forwardLog, "account-breaker-open");
    this.alarm("AccountClosed", { metric: closed, threshold: 1, periods: 1 });
    const paused = this.counted("TenantPaused", feedbackLog, "breaker-paused");
    this.alarm("TenantPaused", { metric: paused, threshold: 1, periods: 1 });
    const used = this.counted("QuotaUsed", forwardLog, "account-quota", "$.usedShare");
    this.alarm("QuotaNearlyUsed", { metric: used, threshold: 0.8, periods: 1 });
  }

  private watchEdge({ edgeLog, certificateLog, edge }: RelayAlarmsProps): void {
    if (edge === undefined) return;
    this.alarm("EdgeUnhealthy", {
      metric:
        edge.targets?.metrics.healthyHostCount({ statistic: Stats.MINIMUM, period: Duration.minutes(1) }) ??
        this.aliveEdges(),
      threshold: 1,
      periods: 3,
      below: true,
      silenceRings: true,
    });
    const certificate = this.counted("CertificateExpires", edgeLog, "certificate-expires");
    // The edge cannot tell that it waits in vain for its first one; whoever should bring it can.
    if (certificateLog !== undefined) this.countAlso("CertificateExpires", certificateLog, "certificate-expires");
    this.alarm("CertificateExpires", { metric: certificate, threshold: 1, periods: 1 });
    const directory = this.counted("DirectoryErrors", edgeLog, "directory-failed");
    this.alarm("DirectoryErrors", { metric: directory, threshold: 5, periods: 2 });
    const store = this.counted("StoreErrors", edgeLog, "store-failed");
    this.alarm("StoreErrors", { metric: store, threshold: 5, periods: 2 });
  }

  /** How many tasks have written their metrics in a minute: each does so once, whatever happens. */
  private aliveEdges(): Metric {
    return new Metric({
      namespace: METRIC_NAMESPACE,
      metricName: METRICS.connections.name,
      dimensionsMap: { [METRIC_DIMENSION.environment]: this.#environment.name },
      statistic: Stats.SAMPLE_COUNT,
      period: Duration.minutes(1),
    });
  }

  /** How often an event stands in a log, in five minutes; or the greatest of a number that it carries. */
  private counted(metricName: string, logGroup: ILogGroup, event: string, value?: string): Metric {
    const filter = this.filter(`${metricName}Filter`, metricName, logGroup, event, value);
    return filter.metric({ statistic: value === undefined ? Stats.SUM : Stats.MAXIMUM, period: FIVE_MINUTES });
  }

  /** Adds the event of another log to the same metric. */
  private countAlso(metricName: string, logGroup: ILogGroup, event: string): void {
    this.filter(`${metricName}Filter2`, metricName, logGroup, event);
  }

  private filter(id: string, metricName: string, logGroup: ILogGroup, event: string, value = "1"): MetricFilter {
    return new MetricFilter(this, id, {
      logGroup,
      filterPattern: FilterPattern.stringValue("$.event", "=", event),
      metricNamespace: METRIC_NAMESPACE,
      // Filters cannot take a dimension from the log of another environment; the name tells them apart.
      metricName: `${this.#environment.name}.${metricName}`,
      metricValue: value,
    });
  }

  private alarm(id: AlarmId, condition: Condition): void {
    const alarm = new Alarm(this, id, {
      alarmName: alarmName(this.#environment.name, id),
      alarmDescription: alarmDescription(id),
      metric: condition.metric,
      threshold: condition.threshold,
      evaluationPeriods: condition.periods,
      comparisonOperator:
        condition.below === true
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: condition.silenceRings === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    this.alarms.push(alarm);
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
