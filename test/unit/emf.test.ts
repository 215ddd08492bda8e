import { describe, expect, it } from "vitest";
import { Metrics } from "../../lib/core/emf.ts";

const NOW = 1_790_000_000_000;

/** The document's metrics as CloudWatch would read them: name, unit, values, dimensions. */
function read(document: Readonly<Record<string, unknown>>): unknown {
  const aws = document["_aws"] as {
    Timestamp: number;
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
  };
  const [directive] = aws.CloudWatchMetrics;
  return {
    at: aws.Timestamp,
    namespace: directive?.Namespace,
    dimensions: Object.fromEntries((directive?.Dimensions[0] ?? []).map((name) => [name, document[name]])),
    metrics: Object.fromEntries((directive?.Metrics ?? []).map(({ Name, Unit }) => [Name, [document[Name], Unit]])),
  };
}

describe("metrics", () => {
  it("say nothing when nothing was counted", () => {
    expect(new Metrics("prod").flush(NOW)).toEqual([]);
  });

  it("add up, and begin anew after each flush", () => {
    const metrics = new Metrics("prod");
    metrics.count("Accepted");
    metrics.count("Accepted", 2);
    expect(metrics.flush(NOW).map(read)).toEqual([
      { at: NOW, namespace: "relayhost", dimensions: { environment: "prod" }, metrics: { Accepted: [3, "Count"] } },
    ]);
    expect(metrics.flush(NOW)).toEqual([]);
  });

  it("keep series of other dimensions apart, in whatever order the dimensions are named", () => {
    const metrics = new Metrics("prod");
    metrics.count("Refused", 1, { reason: "limit", port: "587" });
    metrics.count("Refused", 1, { port: "587", reason: "limit" });
    metrics.count("Refused", 1, { reason: "sender", port: "587" });
    expect(metrics.flush(NOW).map(read)).toEqual([
      expect.objectContaining({
        dimensions: { environment: "prod", reason: "limit", port: "587" },
        metrics: { Refused: [2, "Count"] },
      }),
      expect.objectContaining({
        dimensions: { environment: "prod", reason: "sender", port: "587" },
        metrics: { Refused: [1, "Count"] },
      }),
    ]);
  });

  it("give every measured value, a hundred in each document, and only the last of a gauge", () => {
    const metrics = new Metrics("prod");
    for (let value = 0; value < 250; value++) metrics.observe("StoreSeconds", value, "Seconds");
    metrics.gauge("Connections", 9, "Count");
    metrics.gauge("Connections", 4, "Count");
    const documents = metrics.flush(NOW);
    expect(documents.map((document) => [document["StoreSeconds"]].flat().length)).toEqual([100, 100, 50]);
    expect(documents.flatMap((document) => document["StoreSeconds"])).toEqual(Array.from({ length: 250 }, (_, i) => i));
    expect(documents.map((document) => document["Connections"])).toEqual([4, undefined, undefined]);
  });

  it("do not grow without bound, and say how much is left out", () => {
    const metrics = new Metrics("prod");
    for (let value = 0; value < 1_500; value++) metrics.observe("StoreSeconds", value, "Seconds");
    const documents = metrics.flush(NOW);
    expect(documents).toHaveLength(10);
    expect(documents[0]?.["StoreSecondsSkipped"]).toBe(500);
  });
});
