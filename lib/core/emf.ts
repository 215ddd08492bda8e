/**
 * Metrics in CloudWatch's embedded metric format: log events that CloudWatch Logs turns into metrics.
 *
 * A process adds up what happens and writes it once a minute, not for each message: log lines cost money, and so does
 * each metric that is written in a month, for every combination of dimensions.
 *
 * Promise:  counts and peaks are exact. Of measured values at most 1,000 are kept until the next `drain`, evenly spread
 *           over those that came, so that averages and percentiles hold; their number is no count of anything.
 * See "Specification: Embedded metric format" in the CloudWatch user guide.
 */

import type { LogEvent } from "./log.ts";
import { METRIC_DIMENSION, METRIC_NAMESPACE, METRICS, type MetricName } from "./names.ts";

/** Values that one metric may have in one event (specification, "Target members"). */
const VALUES_PER_EVENT_MAX = 100;
const VALUES_MAX = 1_000;

/** What happened in a process since the last `drain`. */
export class MetricSums {
  readonly #environment: string;
  /** By reason; the empty one stands for what has none. */
  readonly #counts = new Map<string, Map<MetricName, number>>();
  readonly #peaks = new Map<MetricName, number>();
  readonly #measured = new Map<MetricName, Sample>();

  /** `environment` tells the relays of an account apart. */
  constructor(environment: string) {
    this.#environment = environment;
  }

  /** Something happened `amount` times. With a `reason` it is counted in all and under that. */
  count(name: MetricName, amount = 1, reason = ""): void {
    const counts = this.#counts.get(reason) ?? new Map<MetricName, number>();
    this.#counts.set(reason, counts.set(name, (counts.get(name) ?? 0) + amount));
  }

  /** A level; the highest since the last `drain` is written. */
  peak(name: MetricName, level: number): void {
    this.#peaks.set(name, Math.max(level, this.#peaks.get(name) ?? level));
  }

  /** One measured value, in the metric's unit. */
  measure(name: MetricName, value: number): void {
    const sample = this.#measured.get(name) ?? new Sample();
    this.#measured.set(name, sample);
    sample.add(value);
  }

  /** The events to log, none where nothing happened; begins anew. `nowMs` is milliseconds since 1970. */
  drain(nowMs: number): LogEvent[] {
    const events: LogEvent[] = [];
    const plain: [MetricName, number | readonly number[]][] = [
      ...(this.#counts.get("") ?? []),
      ...this.#peaks,
      ...[...this.#measured].map(([name, sample]) => [name, sample.values.slice(0, VALUES_PER_EVENT_MAX)] as const),
    ].map(([name, value]) => [name, value]);
    if (plain.length > 0) events.push(this.#event(nowMs, plain));
    for (const [name, { values }] of this.#measured) {
      for (let start = VALUES_PER_EVENT_MAX; start < values.length; start += VALUES_PER_EVENT_MAX) {
        events.push(this.#event(nowMs, [[name, values.slice(start, start + VALUES_PER_EVENT_MAX)]]));
      }
    }
    for (const [reason, counts] of this.#counts)
      if (reason !== "") events.push(this.#event(nowMs, [...counts], reason));
    this.#counts.clear();
    this.#peaks.clear();
    this.#measured.clear();
    return events;
  }

  #event(
    nowMs: number,
    values: readonly (readonly [MetricName, number | readonly number[]])[],
    reason?: string,
  ): LogEvent {
    const { environment } = METRIC_DIMENSION;
    const dimensions = reason === undefined ? [[environment]] : [[environment], [environment, METRIC_DIMENSION.reason]];
    return {
      event: "metrics",
      _aws: {
        Timestamp: nowMs,
        CloudWatchMetrics: [
          {
            Namespace: METRIC_NAMESPACE,
            Dimensions: dimensions,
            Metrics: values.map(([name]) => ({ Name: METRICS[name].name, Unit: METRICS[name].unit })),
          },
        ],
      },
      [environment]: this.#environment,
      ...(reason === undefined ? {} : { [METRIC_DIMENSION.reason]: reason }),
      ...Object.fromEntries(values.map(([name, value]) => [METRICS[name].name, value])),
    };
  }
}

/** Values, evenly thinned out when they become too many. */
class Sample {
  #values: number[] = [];
  #every = 1;
  #seen = 0;

  get values(): readonly number[] {
    return this.#values;
  }

  add(value: number): void {
    const isWanted = this.#seen++ % this.#every === 0;
    if (!isWanted) return;
    if (this.#values.length === VALUES_MAX) {
      this.#values = this.#values.filter((_, index) => index % 2 === 0);
      this.#every *= 2;
      if ((this.#seen - 1) % this.#every !== 0) return;
    }
    this.#values.push(value);
  }
}
