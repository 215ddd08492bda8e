import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { MUTATIONS, mutated } from "../../bench/mutate/mutations.ts";
import { LatencyMeter } from "../../bench/soak/latency-meter.ts";
import { trends, type Window } from "../../bench/soak/level.ts";

const MB = 1024 * 1024;

function windows(
  change: (number: number) => {
    heapBytes?: number;
    openFiles?: number;
    p50Ms?: number;
    messages?: number;
  } = () => ({}),
): Window[] {
  return Array.from({ length: 12 }, (_, number) => {
    const { heapBytes = 30 * MB, openFiles = 40, p50Ms = 90, messages = 1_000 } = change(number);
    const edge = { heapBytes, pssBytes: 90 * MB, openFiles };
    return { endSeconds: 10 * (number + 1), messages, p50Ms, p99Ms: 300, waiting: 3, processes: { edge } };
  });
}

function uneven(found: readonly Window[]): string[] {
  return trends(found, ["edge"]).flatMap(({ what, isLevel }) => (isLevel ? [] : [what]));
}

describe("a soak run", () => {
  it("is level with noise, and with what grows at the start only", () => {
    expect(uneven(windows())).toEqual([]);
    expect(
      uneven(windows((i) => ({ heapBytes: (30 + (i % 3)) * MB, openFiles: 40 + (i % 5), p50Ms: 90 + 50 * (i % 2) }))),
    ).toEqual([]);
    expect(uneven(windows((i) => ({ heapBytes: Math.min(60, 30 + 10 * i) * MB })))).toEqual([]);
  });

  it("is not where each message leaves something in the heap, a file open, or a longer queue", () => {
    expect(uneven(windows((i) => ({ heapBytes: (30 + 4 * i) * MB })))).toEqual(["edge: heap after garbage collection"]);
    expect(uneven(windows((i) => ({ openFiles: 40 + 10 * i })))).toEqual(["edge: open files"]);
    expect(uneven(windows((i) => ({ p50Ms: 90 * 2 ** i })))).toEqual(["latency p50, ms"]);
  });

  it("is not where no more is accepted after a while", () => {
    expect(uneven(windows((i) => ({ messages: i < 8 ? 50 : 0 })))).toEqual(["messages accepted"]);
  });

  it("measures from acceptance to SES, whichever log is read first, for each recipient", () => {
    const meter = new LatencyMeter();
    const see = (event: string, id: string, atMs: number, recipients?: number): void =>
      meter.see({ atMs, event: { event, id, recipients } });
    see("message-accepted", "a", 0, 2);
    see("forwarded", "a", 100);
    see("forwarded", "b", 105);
    see("message-accepted", "b", 110, 1);
    expect(meter.waiting).toBe(1);
    see("forwarded", "a", 200);
    expect(meter.waiting).toBe(0);
    // A report of the relay's own.
    see("forwarded", "c", 205);
    expect(meter.waiting).toBe(0);
    expect(meter.take()).toEqual({ count: 4, p50Ms: 100, p99Ms: 200, maxMs: 200 });
    expect(meter.take()).toBeUndefined();
  });
});

describe("a deliberate bug", () => {
  it.each(MUTATIONS.map((mutation) => [mutation.bug, mutation] as const))(
    "has its place in the source: %s",
    async (_, mutation) => {
      const text = await readFile(new URL(`../../${mutation.file}`, import.meta.url), "utf8");
      expect(mutated(mutation, text)).not.toBe(text);
    },
  );

  it("is there for every promise", () => {
    // Webhooks have no number.
    const promises = new Set(MUTATIONS.map(({ promise }) => Number.parseInt(promise, 10)));
    expect([...promises].filter(Number.isFinite).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
