/** Answers the parent's question for this process's CPU time, and ends the process when the parent is gone. */

/** Milliseconds of CPU, user and system, since the start of the process. */
export interface Usage {
  readonly cpuMs: number;
}

/** Installs the answer to the message `usage`. */
export function reportUsage(): void {
  process.on("message", (message) => {
    if (message !== "usage") return;
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1000 } satisfies Usage);
  });
  process.once("disconnect", () => process.exit());
}
