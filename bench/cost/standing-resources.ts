/** What of a synthesized environment costs by the month whether or not mail comes, counted from its template. */

import { LIMITS } from "../../lib/core/limits.ts";
import { list, object } from "../../test/infra/cdk-json.ts";
import type { Synthesized } from "../../test/infra/synthesized.ts";
import type { PriceName } from "./list-prices.ts";

/** How much of each price a month uses. */
export type Quantities = Partial<Record<PriceName, number>>;

/** A month as AWS's own calculator has it. */
export const HOURS = 730;

/**
 * Lambda's poller of a queue: five long polls of twenty seconds at any time, also when nothing comes (Lambda developer
 * guide, "Configuring scaling behavior for SQS event source mappings").
 */
const POLLS_PER_HOUR = 5 * 3 * 60;

/** What a sweep of an empty relay calls; a test counts it. */
export const IDLE_SWEEP = { s3Put: 1, sqsRequest: 1, dynamodbReadUnit: 2, logBytes: 400, billedMs: 300 } as const;

/** Metrics that the edge writes also when nobody sends: the peak of connections, and the certificate's days. */
const IDLE_METRICS = 2;

/** Of the image; the base without a shell and the bundle, compressed. */
const IMAGE_GIGABYTES = 0.06;

/** The hours, months and calls of an environment that nobody uses. A certificate's secret counts, wherever it is made. */
export function standingQuantities(environment: Synthesized): Quantities {
  const of = (type: string) => environment.ofType(type);
  const tasks = of("AWS::ECS::Service").reduce((sum, { properties }) => sum + Number(properties["DesiredCount"]), 0);
  const task = of("AWS::ECS::TaskDefinition")[0]?.properties ?? {};
  const balancers = of("AWS::ElasticLoadBalancingV2::LoadBalancer");
  const balancerAddresses = balancers.reduce(
    (sum, { properties }) => sum + list(properties["Subnets"]).length + list(properties["SubnetMappings"]).length,
    0,
  );
  const pollers = of("AWS::Lambda::EventSourceMapping").length;
  const sweeps = (HOURS * 60) / LIMITS.sweep.scheduleMinutes;
  return {
    loadBalancerHour: HOURS * balancers.length,
    publicAddressHour: HOURS * (balancerAddresses + tasks),
    taskCpuHour: (HOURS * tasks * Number(task["Cpu"])) / 1024,
    taskMemoryHour: (HOURS * tasks * Number(task["Memory"])) / 1024,
    hostedZone: 1,
    secret: Math.max(1, of("AWS::SecretsManager::Secret").length),
    kmsKey: of("AWS::KMS::Key").length,
    alarmMetric: of("AWS::CloudWatch::Alarm").reduce(
      (sum, { properties }) => sum + alarmMetrics(properties["Metrics"]),
      0,
    ),
    dashboard: of("AWS::CloudWatch::Dashboard").length,
    metric: tasks > 0 ? IDLE_METRICS : 0,
    logGigabyte: (sweeps * IDLE_SWEEP.logBytes) / 1e9 + (tasks * HOURS * 60 * EDGE_METRIC_BYTES) / 1e9,
    s3Put: sweeps * IDLE_SWEEP.s3Put,
    imageGigabyte: IMAGE_GIGABYTES,
    sqsRequest: pollers * POLLS_PER_HOUR * HOURS + sweeps * IDLE_SWEEP.sqsRequest,
    lambdaRequest: sweeps,
    lambdaGigabyteSecond: (sweeps * IDLE_SWEEP.billedMs * LIMITS.sweep.memoryMiB) / 1024 / 1000,
    dynamodbReadUnit: sweeps * IDLE_SWEEP.dynamodbReadUnit,
  };
}

/** The line of metrics that an edge without traffic writes each minute. */
const EDGE_METRIC_BYTES = 400;

/** Each metric that an alarm computes with is charged; one without `Metrics` has one. */
function alarmMetrics(metrics: Parameters<typeof list>[0]): number {
  const stats = list(metrics).filter((metric) => object(metric)["MetricStat"] !== undefined);
  return Math.max(1, stats.length);
}
