/** How many failures each day brought, in all, by receiver and by reason. */

import type { FailureFact } from "./failure-fact.ts";
import type { RefusalReason } from "./refusal-reasons.ts";

/** One receiver or reason; `counts` in the order of the days. */
export interface TrendLine<K extends string = string> {
  readonly name: K;
  readonly total: number;
  readonly counts: readonly number[];
}

/** Collects failures one by one; takes memory for days, receivers and reasons, not for failures. */
export class BounceTrend {
  /** UTC, the oldest first. */
  readonly days: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #all: number[];
  readonly #receivers = new Map<string, number[]>();
  readonly #reasons = new Map<RefusalReason, number[]>();

  /** `days` in any order. */
  constructor(days: readonly string[]) {
    this.days = [...new Set(days)].toSorted();
    this.#places = new Map(this.days.map((day, index) => [day, index]));
    this.#all = this.days.map(() => 0);
  }

  /** Counts for the day of acceptance; one of another day is left out. */
  add({ acceptedMs, receiver, reason }: Pick<FailureFact, "acceptedMs" | "receiver" | "reason">): void {
    const place = this.#places.get(new Date(acceptedMs).toISOString().slice(0, 10));
    if (place === undefined) return;
    for (const counts of [this.#all, this.#line(this.#receivers, receiver), this.#line(this.#reasons, reason)]) {
      counts[place] = (counts[place] ?? 0) + 1;
    }
  }

  /** Failures of each day. */
  get all(): readonly number[] {
    return this.#all;
  }

  /** The largest first; equal ones by name. */
  receivers(): TrendLine[] {
    return linesOf(this.#receivers);
  }

  /** The largest first; equal ones by name. */
  reasons(): TrendLine<RefusalReason>[] {
    return linesOf(this.#reasons);
  }

  #line<K>(lines: Map<K, number[]>, name: K): number[] {
    const known = lines.get(name);
    if (known !== undefined) return known;
    const counts = this.days.map(() => 0);
    lines.set(name, counts);
    return counts;
  }
}

function linesOf<K extends string>(lines: ReadonlyMap<K, readonly number[]>): TrendLine<K>[] {
  return [...lines]
    .map(([name, counts]) => ({ name, counts, total: counts.reduce((sum, one) => sum + one, 0) }))
    .toSorted((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
}
