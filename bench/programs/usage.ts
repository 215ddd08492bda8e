/** How a measured process talks with its parent, and ends when the parent is gone. */

/** Milliseconds of CPU, user and system, since the start of the process. */
export interface Usage {
  readonly cpuMs: number;
}

/** Milliseconds of CPU, user and system, since the start of this process. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Installs the answer to the message `usage`. */
export function reportUsage(): void {
  process.on("message", (message) => {
    if (message === "usage") process.send?.({ cpuMs: cpuMs() } satisfies Usage);
  });
  process.once("disconnect", () => process.exit());
}

/** What some work took. */
export interface Effort {
  readonly seconds: number;
  readonly cpuMs: number;
}

/** Does it and tells. */
export async function measured(work: () => Promise<void>): Promise<Effort> {
  const startMs = performance.now();
  const startCpuMs = cpuMs();
  await work();
  return { seconds: (performance.now() - startMs) / 1000, cpuMs: cpuMs() - startCpuMs };
}

/** Carries out each order of the parent and sends its result. A failed one ends the process, which the parent notices. */
export function answerOrders(carryOut: (order: unknown) => Promise<object>): void {
  process.on("message", (message) => {
    carryOut(message).then(
      (done) => process.send?.(done),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.once("disconnect", () => process.exit());
}
