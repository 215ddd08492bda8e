/** Does work on each item with at most so many under way; the first failure ends it once what runs has ended. */
export async function forEachInFlight<T>(
  items: readonly T[],
  inFlightMax: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) {
      if (failures.length > 0) return;
      try {
        await work(item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlightMax, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

/** As `forEachInFlight`, but begins every item's work, whatever came of the others; then throws the first failure. */
export async function tryEachInFlight<T>(
  items: readonly T[],
  inFlightMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  await forEachInFlight(items, inFlightMax, async (item) => {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  });
  if (failures.length > 0) throw failures[0];
}
