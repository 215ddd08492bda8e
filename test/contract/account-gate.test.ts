/** The gate before SES, with a real SES over HTTP that tells rate and state of the account. */

import { PutAccountSendingAttributesCommand } from "@aws-sdk/client-sesv2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountGate, type Passage } from "../../lambda/forward/account-gate.ts";
import { readSendingQuota } from "../../lib/aws/sending-quota.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { LocalSes } from "../support/local-ses.ts";

const { rateShare, breakerFirstMs, breakerMaxMs, quotaReadEveryMs, quotaRetryMs, quotaWaitMs } = LIMITS.account;
const RATE = 40;

let ses: LocalSes;
/** How far the gate's clock is ahead of ours. */
let aheadMs = 0;
let quotaReads = 0;
let log: LogEvent[] = [];

const now = (): number => Date.now() + aheadMs;
const soon = (): number => now() + 20_000;

beforeEach(async () => {
  ses = await LocalSes.start({ sendRatePerSecond: RATE });
  aheadMs = 0;
  quotaReads = 0;
  log = [];
});
afterEach(async () => await ses.stop());

function makeGate(concurrency = 1): AccountGate {
  return new AccountGate({
    readQuota: async () => {
      quotaReads += 1;
      return await readSendingQuota(ses.client);
    },
    concurrency,
    now,
    log: (event) => log.push(event),
  });
}

function failure(code: string, text: string): Failure {
  return { class: "transient", code, text, status: "4.3.0", ambiguous: false, accountWide: true };
}
const SUSPENDED = failure("AccountSuspendedException", "Account is suspended.");

/** A call that got leave, ended. */
function end(passage: Passage, called = true): void {
  if (passage.kind === "go") passage.end(called ? 1 : 0);
}

/** Seconds that so many calls in a row take to get leave, the first left out. */
async function secondsFor(gate: AccountGate, calls: number): Promise<number> {
  end(await gate.pass(soon()));
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    const passage = await gate.pass(soon());
    expect(passage.kind).toBe("go");
    end(passage);
  }
  return (performance.now() - started) / 1000;
}

describe("the pace", () => {
  it("is this invocation's share of the rate that SES tells, which is asked once", async () => {
    expect(await secondsFor(makeGate(2), 20)).toBeGreaterThan(20 / (RATE / 2));
    expect(quotaReads).toBe(1);
  });

  it("counts the recipients of a call, and gives back those that the call did not have", async () => {
    const gate = makeGate();
    expect(await gate.recipientsPerCall(soon())).toBe(Math.floor(RATE * rateShare));
    const first = await gate.pass(soon(), 20);
    const started = performance.now();
    if (first.kind === "go") first.end(10);
    const second = await gate.pass(soon(), 20);
    end(second);
    const seconds = (performance.now() - started) / 1000;
    expect(second.kind).toBe("go");
    expect(seconds).toBeGreaterThan(9 / RATE);
    // Half of the first call's turn was given back.
    aheadMs += 60_000;
    expect((await gate.pass(now(), 20)).kind).toBe("go");
    expect((await gate.pass(now(), 20)).kind).toBe("later");
    expect(await makeGate(1_000).recipientsPerCall(soon())).toBe(1);
  });

  it("follows the rate when SES raises it, without waiting for the answer", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    await ses.restart({ sendRatePerSecond: 1_000 });
    aheadMs += quotaReadEveryMs;
    end(await gate.pass(soon()));
    await expect.poll(() => quotaReads).toBe(2);
    await expect.poll(async () => await secondsFor(gate, 40), { timeout: 10_000 }).toBeLessThan(40 / RATE / 2);
  });

  it("is that of the sandbox while SES does not tell, and no call waits past its time for the answer", async () => {
    const gate = new AccountGate({
      readQuota: async () => await new Promise(() => undefined),
      concurrency: 1,
      now,
      log: (event) => log.push(event),
    });
    const started = performance.now();
    const passage = await gate.pass(now() + 200);
    expect(passage.kind).toBe("later");
    expect(performance.now() - started).toBeLessThan(quotaWaitMs - 500);
  });

  it("asks again soon when the first question failed, and keeps the known rate when a later one does", async () => {
    await ses.restart({ controlRatePerSecond: 0.001 });
    await readSendingQuota(ses.client); // the one question that SES answers for now
    const gate = makeGate();
    end(await gate.pass(soon()));
    expect(log.map(({ event }) => event)).toEqual(["quota-unknown"]);
    await ses.restart({ controlRatePerSecond: 1_000 });
    aheadMs += quotaRetryMs;
    end(await gate.pass(soon()));
    expect(quotaReads).toBe(2);
    await ses.restart({ controlRatePerSecond: 0.001 });
    await readSendingQuota(ses.client);
    aheadMs += quotaReadEveryMs;
    expect(await secondsFor(gate, 20)).toBeLessThan(5);
    expect(quotaReads).toBe(3);
  });

  it("gets slower when SES says that it was too fast, and nothing is closed", async () => {
    const gate = makeGate();
    await gate.pass(soon());
    const started = performance.now();
    gate.tooFast();
    await secondsFor(gate, 15);
    // From the sign on, when the bucket is empty: on a slow machine it fills before the first of the sixteen.
    expect((performance.now() - started) / 1000).toBeGreaterThan(16 / (RATE * 0.75));
    expect(log).toEqual([]);
  });

  it("sends nobody whose turn comes too late, and keeps the turn for others", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    const passages = await Promise.all(Array.from({ length: 50 }, async () => await gate.pass(now() + 500)));
    const late = passages.filter((passage) => passage.kind === "later");
    expect(late.length).toBeGreaterThan(20);
    for (const passage of late) expect(passage.atMs).toBeLessThan(now() + 1_000);
    end(await gate.pass(soon()));
  });
});

describe("the breaker", () => {
  it.each([
    SUSPENDED,
    failure("ThrottlingException", "Daily message quota exceeded."),
    failure("SendingPausedException", "Sending paused for this account."),
  ])("opens when SES says $code: $text", async (refusal) => {
    const gate = makeGate();
    if (refusal.code === "SendingPausedException") {
      await ses.client.send(new PutAccountSendingAttributesCommand({ SendingEnabled: false }));
    }
    end(await gate.pass(soon()));
    await gate.closed(refusal);
    const passage = await gate.pass(soon());
    expect(passage).toMatchObject({ kind: "later", atMs: gate.openUntilMs });
    expect(gate.openUntilMs - now()).toBeGreaterThan(breakerFirstMs - 5_000);
    expect(log).toMatchObject([{ event: "account-breaker-open", code: refusal.code, text: refusal.text }]);
  });

  it("stays closed when the account sends, and only a tenant or a configuration set is paused", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    aheadMs += 60_000;
    await gate.closed(failure("SendingPausedException", "Sending paused for tenant one."));
    const passage = await gate.pass(soon());
    expect(passage.kind).toBe("go");
    expect(log).toEqual([]);
  });

  it("opens to be safe when SES does not tell whether the account sends", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    ses.client.destroy();
    await ses.stop();
    aheadMs += 60_000;
    await gate.closed(failure("SendingPausedException", "Sending paused for this account."));
    expect((await gate.pass(soon())).kind).toBe("later");
    ses = await LocalSes.start();
  });

  it("turns those back who were waiting for their turn when it opened", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    const waiting = Array.from({ length: 40 }, async () => await gate.pass(soon()));
    await gate.closed(SUSPENDED);
    const passages = await Promise.all(waiting);
    expect(passages.filter((passage) => passage.kind === "go").length).toBeLessThan(5);
    expect(passages.at(-1)).toEqual({ kind: "later", atMs: gate.openUntilMs });
  });

  it("lets one call try when its time is over, and the others when that one worked", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    await gate.closed(SUSPENDED);
    aheadMs += breakerFirstMs;
    let going = 0;
    const first = await gate.pass(soon());
    const others = Array.from({ length: 10 }, async () => {
      const passage = await gate.pass(soon());
      going += 1;
      return passage;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([first.kind, going]).toEqual(["go", 0]);
    gate.worked();
    end(first);
    expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(Array<string>(10).fill("go"));
  });

  it("closes to all when the one that tries is refused, for twice as long each time up to the longest", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    await gate.closed(SUSPENDED);
    let openMs: number = breakerFirstMs;
    for (let round = 0; round < 7; round++) {
      expect(Math.abs(gate.openUntilMs - now() - openMs)).toBeLessThan(5_000);
      aheadMs += openMs;
      const trial = await gate.pass(soon());
      const others = Array.from({ length: 5 }, async () => await gate.pass(soon()));
      await gate.closed(SUSPENDED);
      end(trial);
      expect(trial.kind).toBe("go");
      expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(Array<string>(5).fill("later"));
      openMs = Math.min(breakerMaxMs, 2 * openMs);
    }
    expect(openMs).toBe(breakerMaxMs);
  });

  it("lets the next one try when the first made no call, or learned nothing of the account", async () => {
    const gate = makeGate();
    end(await gate.pass(soon()));
    await gate.closed(SUSPENDED);
    aheadMs += breakerFirstMs;
    for (const called of [false, true, false]) {
      const trial = await gate.pass(soon());
      expect(trial.kind).toBe("go");
      expect(await gate.pass(now() + 50)).toMatchObject({ kind: "later" });
      end(trial, called);
    }
  });

  it("is not closed by a call that was under way before it opened", async () => {
    const gate = makeGate();
    const early = await gate.pass(soon());
    await gate.closed(SUSPENDED);
    gate.worked();
    end(early);
    expect((await gate.pass(soon())).kind).toBe("later");
    aheadMs += breakerFirstMs;
    await gate.pass(soon());
    await gate.closed(SUSPENDED);
    expect(gate.openUntilMs - now()).toBeGreaterThan(breakerFirstMs * 1.5);
  });
});
