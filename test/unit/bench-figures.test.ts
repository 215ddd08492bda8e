import { describe, expect, it } from "vitest";
import { checkGenerators, type EdgeRow } from "../../bench/edge-bench.ts";
import { type Moments, pipelineTimes, TO_LEDGER, TO_SES } from "../../bench/pipeline-times.ts";
import { quantile, spread } from "../../bench/quantile.ts";
import { type Figures, judge } from "../../bench/targets.ts";

describe("quantiles", () => {
  it("are values that were measured, whatever their order", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
    expect(spread(hundred)).toEqual({ count: 100, p50: 50, p90: 90, p99: 99, max: 99 });
    expect(quantile([3, 1], 0.5)).toBe(3);
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(spread([7])).toEqual({ count: 1, p50: 7, p90: 7, p99: 7, max: 7 });
    expect(spread([]).p99).toBeNaN();
  });
});

describe("a message's way through the pipeline", () => {
  const whole: Moments = {
    writtenMs: 100,
    acceptedMs: 110,
    receivedMs: 109,
    calledMs: 130,
    takenMs: 140,
    publishedMs: 190,
    recordedMs: 200,
  };
  const partOf = (messages: readonly Moments[], part: string): number | undefined =>
    pipelineTimes(messages).parts.find((row) => row.part === part)?.ms.max;

  it("is measured from the 250, and its parts add up", () => {
    const { parts, lost, unrecorded } = pipelineTimes([whole]);
    expect(partOf([whole], TO_SES)).toBe(30);
    expect(partOf([whole], TO_LEDGER)).toBe(90);
    const between = parts.slice(3).reduce((sum, { ms }) => sum + ms.max, 0);
    expect(between).toBe(90);
    expect([lost, unrecorded]).toEqual([0, 0]);
  });

  it("that does not reach SES after a 250 is a loss, and one without a 250 is none", () => {
    const { takenMs: _, publishedMs: __, recordedMs: ___, ...lost } = whole;
    const { acceptedMs: ____, ...refused } = lost;
    expect(pipelineTimes([whole, lost, refused])).toMatchObject({ lost: 1, unrecorded: 1 });
    expect(partOf([whole, lost, refused], TO_SES)).toBe(30);
  });
});

describe("the two load generators", () => {
  const row = (by: EdgeRow["by"], cpuMs: number, reuse = true): EdgeRow => ({
    secure: false,
    reuse,
    bytes: 10_240,
    by,
    server: "edge",
    perSecond: 1,
    cpuMs,
    roundsCpuMs: [cpuMs],
  });

  it("disagree when either makes the edge work a quarter more than the other", () => {
    const agree = (ours: number, theirs: number): boolean | undefined =>
      checkGenerators([row("ours as smtp-source", ours), row("smtp-source", theirs)])[0]?.agree;
    expect(agree(1.2, 1)).toBe(true);
    expect(agree(1.3, 1)).toBe(false);
    expect(agree(1, 1.3)).toBe(false);
  });

  it("are not compared where only ours ran", () => {
    expect(checkGenerators([row("ours", 1)])).toEqual([]);
    expect(checkGenerators([row("ours as smtp-source", 1, false), row("smtp-source", 1)])).toEqual([]);
  });
});

describe("the targets", () => {
  const MiB = 1024 * 1024;
  const missed = (figures: Figures): string[] =>
    judge(figures).flatMap(({ what, reached, isTime }) => (reached ? [] : [isTime ? `${what} (time)` : what]));
  const pipeline = (counts: object): Figures => ({
    pipeline: {
      bytes: 1,
      rows: [
        {
          perSecond: 10,
          messages: 1,
          acceptedPerSecond: 10,
          parts: [],
          lost: 0,
          unrecorded: 0,
          sentTwice: 0,
          ...counts,
        },
      ],
    },
  });
  const forward = (warmBytes: number): Figures => ({
    forward: {
      rows: [],
      feedback: { events: 1, perSecond: 1, cpuMs: 1 },
      memory: { bytes: 1, idleBytes: 1, oneRecipientBytes: MiB, tenRecipientsBytes: MiB, warmBytes },
    },
  });

  it("hold for each message", () => {
    expect(missed(pipeline({}))).toEqual([]);
    expect(missed(pipeline({ lost: 1 }))).toEqual(["messages lost at 10/s"]);
    expect(missed(pipeline({ unrecorded: 1 }))).toEqual(["deliveries not in the ledger at 10/s"]);
    expect(missed(pipeline({ sentTwice: 1 }))).toEqual(["messages sent twice at 10/s"]);
  });

  it("tell times from the rest", () => {
    const rows = (totalBytes: number, importMs: number, name = "forward"): Figures => ({
      "cold-start": [{ name, startBytes: 1, totalBytes, importMs }],
    });
    expect(missed(rows(900 * 1024, 200, "certificate"))).toEqual([]);
    expect(missed(rows(700_000, 150))).toEqual([]);
    expect(missed(rows(700_001, 151))).toEqual(["bundle of forward", "import of forward (time)"]);
  });

  it("are not reached by what could not be measured", () => {
    expect(missed(forward(341 * MiB))).toEqual([]);
    expect(missed(forward(342 * MiB))).toHaveLength(1);
    expect(missed(forward(Number.NaN))).toHaveLength(1);
  });

  it("are none of what did not run", () => {
    expect(judge({})).toEqual([]);
  });
});
