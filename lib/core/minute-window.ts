/**
 * Counts what happened in the last minute, so that a limit per minute holds for any sixty seconds and not only from one
 * full minute to the next.
 *
 * Promise:  what was added counts for at least 60 and at most 65 seconds. Memory is constant. Times are milliseconds of
 *           one clock that never goes back.
 */

const SLOT_MS = 5_000;
/** The slot that is being filled and those of the minute before it. */
const SLOTS = 60_000 / SLOT_MS + 1;

/** The longest time for which anything counts. */
export const WINDOW_MS = SLOTS * SLOT_MS;

/** See the head of this file. */
export class MinuteWindow {
  readonly #counts = new Float64Array(SLOTS);
  #newest = 0;
  #sum = 0;

  /** How much of the last minute counts at `nowMs`. */
  sum(nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#sum;
  }

  /**
   * How many milliseconds from `nowMs` on until there is room for `amount` more: 0 means now. For what is more than the
   * whole limit there never is; then it is the longest time for which anything counts.
   */
  waitMs(nowMs: number, amount: number, limit: number): number {
    this.#moveTo(nowMs);
    let excess = this.#sum + amount - limit;
    if (excess <= 0) return 0;
    for (let slot = this.#newest - SLOTS + 1; slot <= this.#newest; slot++) {
      excess -= this.#counts[index(slot)] ?? 0;
      if (excess <= 0) return (slot + SLOTS) * SLOT_MS - nowMs;
    }
    return WINDOW_MS;
  }

  /** Counts; returns the slot, for `giveBack`. */
  add(nowMs: number, amount: number): number {
    this.#moveTo(nowMs);
    const at = index(this.#newest);
    this.#counts[at] = (this.#counts[at] ?? 0) + amount;
    this.#sum += amount;
    return this.#newest;
  }

  /** Takes back what was added to a slot, unless that does not count any more. */
  giveBack(nowMs: number, slot: number, amount: number): void {
    this.#moveTo(nowMs);
    if (slot <= this.#newest - SLOTS) return;
    const at = index(slot);
    this.#counts[at] = (this.#counts[at] ?? 0) - amount;
    this.#sum -= amount;
  }

  #moveTo(nowMs: number): void {
    const newest = Math.floor(nowMs / SLOT_MS);
    if (newest - this.#newest >= SLOTS) {
      this.#counts.fill(0);
      this.#sum = 0;
    } else {
      for (let slot = this.#newest + 1; slot <= newest; slot++) {
        this.#sum -= this.#counts[index(slot)] ?? 0;
        this.#counts[index(slot)] = 0;
      }
    }
    this.#newest = Math.max(this.#newest, newest);
  }
}

function index(slot: number): number {
  return ((slot % SLOTS) + SLOTS) % SLOTS;
}
