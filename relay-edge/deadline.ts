/**
 * Bounds how long something may take.
 *
 * Promise:  the promise settles by the deadline, whether or not the work does; the work is told through its signal.
 */

/** Thrown when the time is over. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** Runs `work`; rejects with `DeadlineExceeded` after `ms` milliseconds, or as the work does. */
export async function withDeadline<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineExceeded(`nothing within ${ms} ms`));
      controller.abort();
    }, ms);
  });
  try {
    return await Promise.race([work(controller.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}
