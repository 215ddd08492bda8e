import { describe, expect, it } from "vitest";
import { MetricSums } from "../../lib/core/emf.ts";
import { METRICS } from "../../lib/core/names.ts";

describe("metrics of a process", () => {
  it("are one event in CloudWatch's embedded metric format for what has no reason, and one for each reason", () => {
    const sums = new MetricSums("prod");
    sums.count("accepted");
    sums.count("accepted", 2);
    sums.peak("connections", 4);
    sums.peak("connections", 3);
    sums.measure("secondsToStore", 0.03);
    sums.measure("secondsToStore", 0.05);
    sums.count("refused", 1, "fromForeign");
    sums.count("refused", 1, "fromForeign");
    expect(sums.drain(1_795_000_000_000)).toEqual([
      {
        event: "metrics",
        _aws: {
          Timestamp: 1_795_000_000_000,
          CloudWatchMetrics: [
            {
              Namespace: "Relayhost",
              Dimensions: [["Environment"]],
              Metrics: [
                { Name: "Accepted", Unit: "Count" },
                { Name: "Connections", Unit: "Count" },
                { Name: "SecondsToStore", Unit: "Seconds" },
              ],
            },
          ],
        },
        Environment: "prod",
        Accepted: 3,
        Connections: 4,
        SecondsToStore: [0.03, 0.05],
      },
      {
        event: "metrics",
        _aws: {
          Timestamp: 1_795_000_000_000,
          CloudWatchMetrics: [
            {
              Namespace: "Relayhost",
              // In all, and by reason.
              Dimensions: [["Environment"], ["Environment", "Reason"]],
              Metrics: [{ Name: "Refused", Unit: "Count" }],
            },
          ],
        },
        Environment: "prod",
        Reason: "fromForeign",
        Refused: 2,
      },
    ]);
    expect(sums.drain(1_795_000_060_000)).toEqual([]);
  });

  it("hold at most 100 values each in an event (the format's limit), and go on in further ones", () => {
    const sums = new MetricSums("prod");
    for (let i = 0; i < 250; i++) sums.measure("secondsToStore", i);
    const values = sums.drain(0).map((event) => event["SecondsToStore"] as number[]);
    expect(values.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(values.flat()).toEqual(Array.from({ length: 250 }, (_, i) => i));
  });

  it("keep an even sample of at most 1,000 values, however many there are", () => {
    for (const count of [1_000, 1_001, 2_001, 123_456]) {
      const sums = new MetricSums("prod");
      for (let i = 0; i < count; i++) sums.measure("secondsToStore", i);
      const values = sums.drain(0).flatMap((event) => event["SecondsToStore"] as number[]);
      expect(values.length).toBeGreaterThan(499);
      expect(values.length).toBeLessThanOrEqual(1_000);
      const steps = new Set(values.slice(1).map((value, index) => value - (values[index] ?? 0)));
      expect([...steps]).toHaveLength(1);
      expect(values.at(-1)).toBeGreaterThan(count - 1 - 2 * Math.max(...steps));
    }
  });

  it("have names that differ, from one another and from the dimensions", () => {
    const names = [...Object.values(METRICS).map(({ name }) => name), "Environment", "Reason", "event", "_aws"];
    expect(new Set(names).size).toBe(names.length);
  });
});
