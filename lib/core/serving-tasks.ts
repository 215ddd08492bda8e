/**
 * Which of a service's tasks the host name should lead to.
 *
 * Pure, and from what there is now: whatever order events came in, the answer is the same.
 */

/** A task as ECS describes it; see its API reference, `Task`. */
export interface TaskState {
  /** `RUNNING`, `PENDING`, `STOPPED` and others. */
  readonly lastStatus: string;
  /** What ECS wants it to be; `STOPPED` for one that is on its way out. */
  readonly desiredStatus: string;
  /** `HEALTHY`, `UNHEALTHY` or `UNKNOWN`. */
  readonly health: string;
  /** Its network interface, once it has one. */
  readonly interfaceId: string | undefined;
}

/**
 * The interfaces of the tasks that serve: those that run and shall go on running. Healthy ones if there are any; else all,
 * since one that has just been started answers in seconds.
 */
export function servingInterfaces(tasks: readonly TaskState[]): string[] {
  const running = tasks.filter(
    ({ lastStatus, desiredStatus }) => lastStatus === "RUNNING" && desiredStatus === "RUNNING",
  );
  const healthy = running.filter(({ health }) => health === "HEALTHY");
  return (healthy.length > 0 ? healthy : running).flatMap(({ interfaceId }) => interfaceId ?? []);
}
