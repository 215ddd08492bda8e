/** docs/cost.md says what templates, counts and prices make, and the counts are those of the code. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { costPage } from "../../bench/cost/cost-page.ts";
import { LIST_PRICES, REGIONS } from "../../bench/cost/list-prices.ts";
import {
  addQuantities,
  billLines,
  essentialsDollars,
  KEPT_BYTES_PER_MESSAGE,
  trafficQuantities,
} from "../../bench/cost/month.ts";
import { IDLE_SWEEP, standingQuantities } from "../../bench/cost/standing-resources.ts";
import { benchCost } from "../../bench/cost-bench.ts";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { CALLS_PER_MESSAGE, CALLS_PER_RECIPIENT } from "../../lib/core/prices.ts";
import { startPipeline } from "../support/pipeline.ts";
import { synthesize } from "./synthesized.ts";

const PAGE = join(import.meta.dirname, "..", "..", "docs", "cost.md");

describe("docs/cost.md", () => {
  it("is what npm run cost writes", () => {
    expect(readFileSync(PAGE, "utf8"), "run npm run cost").toBe(costPage());
  });
});

describe("the bill", () => {
  it("counts what the template holds: in standby nothing by the hour", () => {
    const running = standingQuantities(synthesize("dev"));
    expect(running).toMatchObject({ loadBalancerHour: 730, publicAddressHour: 3 * 730, taskCpuHour: 730 / 4 });
    const standby = standingQuantities(synthesize("dev", { standby: true }));
    expect(standby).toMatchObject({ loadBalancerHour: 0, publicAddressHour: 0, taskCpuHour: 0, taskMemoryHour: 0 });
  });

  it("takes off what is free, and never below nothing", () => {
    const lines = billLines({ alarmMetric: 12, dashboard: 1 }, "us-east-1", true);
    expect(lines.get("alarmMetric")).toBeCloseTo(0.2);
    expect(lines.get("dashboard")).toBe(0);
  });

  it("rises with the messages, by SES's tiers where there are tiers", () => {
    expect(essentialsDollars(30_000_000)).toBeCloseTo(1600 + 2800);
    const one = addQuantities({ hostedZone: 1 }, trafficQuantities(1000, 2));
    expect(one.snsPublish).toBe(1000);
    expect(one.hostedZone).toBe(1);
  });

  it.each(REGIONS)("has a price for everything in %s", (region) => {
    for (const price of Object.values(LIST_PRICES)) expect(price.dollars[region]).toBeGreaterThan(0);
  });
});

describe("the calls of a message", () => {
  it("that the prices are multiplied by are those that the handlers make", async () => {
    const measured = await benchCost(10);
    const times = (call: string): number => measured.calls.find((row) => row.call === call)?.perMessage ?? 0;
    const counted = (name: keyof typeof CALLS_PER_MESSAGE): number =>
      CALLS_PER_MESSAGE[name] + CALLS_PER_RECIPIENT[name];
    expect(times("s3 PutObject")).toBe(counted("s3Puts"));
    expect(times("s3 GetObject")).toBe(counted("s3Gets"));
    expect(times("sns Publish")).toBe(counted("snsPublishes"));
    // Announcements to the books come once for many messages.
    expect(measured.writeUnits / counted("dynamodbWriteUnits")).toBeGreaterThan(0.9);
    expect(measured.writeUnits / counted("dynamodbWriteUnits")).toBeLessThan(1.1);
    expect(measured.readUnits / counted("dynamodbReadUnits")).toBeGreaterThan(0.9);
    expect(measured.readUnits / counted("dynamodbReadUnits")).toBeLessThan(1.1);
    expect(measured.logBytes).toBeLessThan(KEPT_BYTES_PER_MESSAGE.logs / 2);
    expect(measured.keptBytes).toBeLessThan(KEPT_BYTES_PER_MESSAGE.records);
    expect(measured.keptBytes).toBeGreaterThan(KEPT_BYTES_PER_MESSAGE.records / 2);
  }, 120_000);
});

describe("a sweep of an empty relay", () => {
  it("makes the calls that standing by is charged with", async () => {
    const pipeline = await startPipeline();
    try {
      const log: LogEvent[] = [];
      const sweep = makeSweepHandler(pipeline.env, (event) => void log.push(event));
      const run = async (): Promise<void> => void (await sweep({}, { getRemainingTimeInMillis: () => 300_000 }));
      // The first one of an hour lists the account's identities too, which costs nothing.
      await run();
      log.length = 0;
      pipeline.proxy.reset();
      await run();
      const calls = (service: string): string[] =>
        pipeline.proxy.calls.filter((call) => call.service === service).map(({ operation }) => operation);
      expect(calls("s3")).toHaveLength(IDLE_SWEEP.s3Put);
      expect(calls("sqs")).toHaveLength(IDLE_SWEEP.sqsRequest);
      // Each an empty Query, at most one unit.
      expect(calls("dynamodb").length).toBeLessThanOrEqual(2 * IDLE_SWEEP.dynamodbReadUnit);
      const written = log.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)) + 1, 0);
      expect(written).toBeLessThan(IDLE_SWEEP.logBytes);
    } finally {
      await pipeline.close();
    }
  }, 60_000);
});
