/** How long mail takes from the edge's acceptance to SES's, from the relay's own log. */

import type { LoggedEvent } from "../fault/relay-processes.ts";
import { spread } from "../quantile.ts";

/** Milliseconds, of a number of recipients. */
export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Told of every event of a relay. Both ends are read by one clock, when the event arrives here. */
export class LatencyMeter {
  readonly #accepted = new Map<string, { atMs: number; left: number }>();
  #taken: number[] = [];

  /** Messages that were accepted and are not with SES for all their recipients. */
  get waiting(): number {
    // The relay's own reports are forwarded without having been accepted: less than nothing is left of them.
    let count = 0;
    for (const { left } of this.#accepted.values()) if (left > 0) count += 1;
    return count;
  }

  see({ event, atMs }: Pick<LoggedEvent, "event" | "atMs">): void {
    const id = String(event["id"]);
    if (event.event === "message-accepted") {
      const known = this.#accepted.get(id);
      // Forward may be heard of before the edge: each writes to a pipe of its own.
      const left = Number(event["recipients"]) + (known?.left ?? 0);
      if (left === 0) this.#accepted.delete(id);
      else this.#accepted.set(id, { atMs, left });
    } else if (event.event === "forwarded") {
      const known = this.#accepted.get(id);
      this.#taken.push(known === undefined ? 0 : Math.max(0, atMs - known.atMs));
      const left = (known?.left ?? 0) - 1;
      if (left === 0) this.#accepted.delete(id);
      else this.#accepted.set(id, { atMs: known?.atMs ?? atMs, left });
    }
  }

  /** Of what reached SES since the last call; undefined when nothing did. */
  take(): Latency | undefined {
    const { count, p50, p99, max } = spread(this.#taken);
    this.#taken = [];
    return count === 0 ? undefined : { count, p50Ms: p50, p99Ms: p99, maxMs: max };
  }
}
