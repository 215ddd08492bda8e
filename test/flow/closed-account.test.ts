/**
 * An account that SES has closed (paused, suspended, out of its daily quota): SES is left in peace, mail waits, and goes
 * out once the account is open again. Time is moved by setting the clock, which the local services share.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import type { SendFault } from "../../lib/local/ses-server.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";

const { breakerFirstMs, breakerMaxMs } = LIMITS.account;
const MESSAGES = 30;

const REFUSALS = [
  { status: 400, errorType: "AccountSuspendedException", message: "Account is suspended." },
  { status: 400, errorType: "ThrottlingException", message: "Daily message quota exceeded." },
  { status: 429, errorType: "TooManyRequestsException", message: "Daily sending quota exceeded (24 hours)." },
] as const;

let pipeline: Pipeline;
let onSend: () => SendFault | undefined;
let calls = 0;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  calls = 0;
  onSend = () => undefined;
  pipeline = await startPipeline({
    onSend: () => {
      calls += 1;
      return onSend();
    },
  });
});
afterEach(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

/** Handles what is in the queues until nothing comes any more; returns how often SES was called. */
async function pumpAll(): Promise<number> {
  const before = calls;
  while ((await pipeline.pump()) > 0);
  return calls - before;
}

const later = (ms: number): unknown => vi.setSystemTime(Date.now() + ms + 1_000);
const happened = (): Set<string> => new Set(pipeline.log.map(({ event }) => event));

describe("a closed account", () => {
  it.each(REFUSALS)(
    "is asked by one call at growing intervals, and the mail waits without a failure: $errorType, $message",
    async (refusal) => {
      const ids = [];
      for (let i = 0; i < MESSAGES; i++) {
        ids.push(await pipeline.accept({ to: [`b${i}@example.net`], bytes: testMail(`closed-${i}`) }));
      }
      onSend = () => refusal;
      // Those of the first batch are under way together before the first answer comes.
      expect(await pumpAll()).toBeLessThanOrEqual(LIMITS.forward.batchSize);
      expect(await pumpAll()).toBe(0);
      let openMs: number = breakerFirstMs;
      for (let round = 0; round < 7; round++) {
        later(openMs / 2);
        expect(await pumpAll()).toBe(0);
        later(openMs / 2);
        expect(await pumpAll()).toBe(1);
        openMs = Math.min(breakerMaxMs, openMs * 2);
      }
      expect(happened()).not.toContain("failed");

      onSend = () => undefined;
      for (let hours = 0; hours < 3; hours++) {
        later(3_600_000);
        await pumpAll();
      }
      for (const id of ids) {
        const [record] = await pipeline.recipients(id);
        expect(record?.state).toBe("delivered");
        expect(record?.dsns ?? []).toEqual([]);
      }
      expect(await pipeline.outbox()).toHaveLength(MESSAGES);
      for (const event of ["failed", "dsn-written", "possible-duplicate", "dead-letter", "forward-error"]) {
        expect(happened()).not.toContain(event);
      }
    },
  );

  it("that is only too fast is not closed: all goes out in one go, and nothing is put off", async () => {
    let refusals = 40;
    onSend = () =>
      refusals-- > 0
        ? { status: 429, errorType: "TooManyRequestsException", message: "Maximum sending rate exceeded." }
        : undefined;
    for (let i = 0; i < MESSAGES; i++) await pipeline.accept({ bytes: testMail(`fast-${i}`) });
    await pumpAll();
    expect(await pipeline.outbox()).toHaveLength(MESSAGES);
    expect(happened()).not.toContain("deferred");
    expect(happened()).not.toContain("account-breaker-open");
  });
});
