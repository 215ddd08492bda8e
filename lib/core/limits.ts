/**
 * Every number of the relay with its unit, and the relations between them that keep mail safe.
 *
 * Infra and runtime read the same constants; `limitProblems()` states the relations and a test calls it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

export const LIMITS = {
  edge: {
    /** Default of the SIZE setting: octets of one message as received (reference: SES takes 40 MB after base64). */
    messageSizeBytesMax: 28 * MiB,
    /** What one message may hold in memory before it goes to a temporary file. */
    memoryPerMessageBytesMax: 256 * KiB,
    headerBytesMax: 1 * MiB,
    recipientsMax: 1000,
    hopsMax: 30,
    storeDeadlineMs: 30_000,
    directoryDeadlineMs: 5_000,
    directoryCacheMs: 60_000,
    socketIdleMs: 300_000,
    /** After SIGTERM: how long transactions in flight may take; must exceed the store deadline. */
    closeTimeoutMs: 60_000,
    containerStopSeconds: 90,
  },
  forward: {
    timeoutSeconds: 60,
    memoryMiB: 512,
    batchSize: 10,
    /** AWS: at least six times the function timeout. */
    visibilityTimeoutSeconds: 360,
    /** A message that is retried in good order is received often; poison is told apart by the handler. */
    maxReceiveCount: 200,
    sesCallTimeoutMs: 20_000,
    /** A claim ends this long after the invocation that made it must have ended. */
    claimMarginMs: 5_000,
    recipientsPerCall: 1,
    giveUpAfterHours: 48,
    retryFirstMs: 30_000,
    retryMaxMs: 3_600_000,
  },
  feedback: { timeoutSeconds: 30, memoryMiB: 256, batchSize: 10, visibilityTimeoutSeconds: 180, maxReceiveCount: 20 },
  sweep: {
    timeoutSeconds: 300,
    memoryMiB: 256,
    scheduleMinutes: 5,
    /** A spool object without a record is re-driven when it is older than this. */
    forgottenAfterMs: 10 * 60_000,
    /** A record whose claim or wait ran out is re-driven after this much more. */
    overdueAfterMs: 10 * 60_000,
    /** A message is not put back again before this has passed: it may only wait behind a long queue. */
    redriveAgainAfterMs: 60 * 60_000,
  },
  queue: { retentionDays: 14 },
  spool: { retentionDays: 14 },
  ledger: { recordDays: 90, unknownEventDays: 14 },
} as const;

/** Returns one sentence per broken relation; empty when all hold. */
export function limitProblems(limits: typeof LIMITS = LIMITS): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, sentence: string): void => {
    if (!holds) problems.push(sentence);
  };
  const { edge, forward, feedback, queue } = limits;
  must(forward.visibilityTimeoutSeconds >= 6 * forward.timeoutSeconds, "forward visibility is under six timeouts");
  must(feedback.visibilityTimeoutSeconds >= 6 * feedback.timeoutSeconds, "feedback visibility is under six timeouts");
  must(forward.sesCallTimeoutMs + 5_000 < forward.timeoutSeconds * 1000, "an SES call can outlive its invocation");
  must(edge.storeDeadlineMs < edge.closeTimeoutMs, "the listener closes before a store may end");
  must(edge.closeTimeoutMs < edge.containerStopSeconds * 1000, "the container stops before the listener has closed");
  must(edge.messageSizeBytesMax * (4 / 3) < 40_000_000, "a full-size message exceeds SES's 40 MB after base64");
  must(edge.memoryPerMessageBytesMax <= edge.messageSizeBytesMax, "memory per message exceeds the message size");
  must(queue.retentionDays * 24 > forward.giveUpAfterHours, "the queue forgets before we give up");
  must(forward.recipientsPerCall >= 1 && forward.recipientsPerCall <= 50, "SES takes 1 to 50 recipients a call");
  return problems;
}
