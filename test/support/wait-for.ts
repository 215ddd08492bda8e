/** Waits for something that another process does and announces to nobody: asks again at short intervals. */

const INTERVAL_MS = 50;

/** What to wait for and how long. */
export type WaitOptions = {
  readonly deadlineMs: number;
  /** Default 50 ms. */
  readonly intervalMs?: number;
  /** What to say when the time is over; called once, then. */
  readonly otherwise: () => string | Promise<string>;
};

/** Resolves with the first value that is not undefined. Rejects after the deadline, or at once when `ask` rejects. */
export async function waitFor<T>(ask: () => T | undefined | Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const end = performance.now() + options.deadlineMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    if (performance.now() > end) {
      throw new Error(`nothing within ${options.deadlineMs} ms: ${await options.otherwise()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.intervalMs ?? INTERVAL_MS));
  }
}
