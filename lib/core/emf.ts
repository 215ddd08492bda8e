/**
 * Metrics as CloudWatch takes them out of a log: Embedded Metric Format, one JSON object for each set of dimensions.
 *
 * Promise:  what is counted between two flushes comes out once, added up; a flush with nothing to say gives nothing, so
 *           that a relay that stands by pays for no metric.
 * Bounded:  a metric keeps at most `VALUES_MAX` single values between flushes; further ones are left out of its spread
 *           and counted in the metric of the same name with `Skipped` behind it.
 * Follows the "Embedded metric format specification" of the Amazon CloudWatch user guide.
 */

import type { LogEvent } from "./log.ts";

/** Namespace of all metrics of the relay. */
export const METRIC_NAMESPACE = "relayhost";

/** Units that CloudWatch knows, as far as they are used here. */
export type MetricUnit = "Count" | "Seconds" | "Bytes" | "Percent" | "None";

/** What tells series of one metric apart, beyond the environment. Keep the values few: each is a metric to be paid. */
export type MetricDimensions = Readonly<Record<string, string>>;

/** One document of the format takes at most 100 values of a metric. */
const VALUES_PER_DOCUMENT = 100;
const VALUES_MAX = 1_000;

interface Series {
  readonly dimensions: MetricDimensions;
  readonly metrics: Map<string, { readonly unit: MetricUnit; values: number[]; skipped: number }>;
}

/** Collects metrics of one process and gives them out as log events. No clock of its own. */
export class Metrics {
  readonly #environment: string;
  #series = new Map<string, Series>();

  /** `environment` is the first dimension of everything. */
  constructor(environment: string) {
    this.#environment = environment;
  }

  /** Adds to a sum. */
  count(name: string, by = 1, dimensions: MetricDimensions = {}): void {
    const metric = this.#metric(name, "Count", dimensions);
    metric.values = [(metric.values[0] ?? 0) + by];
  }

  /** One measured value; its spread is kept. */
  observe(name: string, value: number, unit: MetricUnit, dimensions: MetricDimensions = {}): void {
    const metric = this.#metric(name, unit, dimensions);
    if (metric.values.length < VALUES_MAX) metric.values.push(value);
    else metric.skipped++;
  }

  /** How something stands now; a later value replaces it. */
  gauge(name: string, value: number, unit: MetricUnit, dimensions: MetricDimensions = {}): void {
    this.#metric(name, unit, dimensions).values = [value];
  }

  /** What was collected since the last flush, as events for the log. */
  flush(nowMs: number): LogEvent[] {
    const collected = [...this.#series.values()];
    this.#series = new Map();
    return collected.flatMap((series) => this.#documents(series, nowMs));
  }

  #metric(name: string, unit: MetricUnit, dimensions: MetricDimensions) {
    const key = JSON.stringify(Object.entries(dimensions).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { dimensions, metrics: new Map() };
      this.#series.set(key, series);
    }
    let metric = series.metrics.get(name);
    if (metric === undefined) {
      metric = { unit, values: [], skipped: 0 };
      series.metrics.set(name, metric);
    }
    return metric;
  }

  #documents({ dimensions, metrics }: Series, nowMs: number): LogEvent[] {
    const documents: LogEvent[] = [];
    const longest = Math.max(...[...metrics.values()].map(({ values }) => values.length));
    for (let from = 0; from < longest; from += VALUES_PER_DOCUMENT) {
      const values: Record<string, number | number[]> = {};
      const described: { Name: string; Unit: MetricUnit }[] = [];
      for (const [name, metric] of metrics) {
        const part = metric.values.slice(from, from + VALUES_PER_DOCUMENT);
        const [only] = part;
        if (only === undefined) continue;
        described.push({ Name: name, Unit: metric.unit });
        values[name] = part.length === 1 ? only : part;
        if (from === 0 && metric.skipped > 0) {
          described.push({ Name: `${name}Skipped`, Unit: "Count" });
          values[`${name}Skipped`] = metric.skipped;
        }
      }
      documents.push({
        event: "metrics",
        _aws: {
          Timestamp: nowMs,
          CloudWatchMetrics: [
            {
              Namespace: METRIC_NAMESPACE,
              Dimensions: [["environment", ...Object.keys(dimensions)]],
              Metrics: described,
            },
          ],
        },
        environment: this.#environment,
        ...dimensions,
        ...values,
      });
    }
    return documents;
  }
}
