/**
 * The n-th call to AWS on a message's way fails, for every n, in every way, once or for a while. Afterwards each
 * recipient has ended in exactly one way, the sender has been told exactly once, and nothing is left over.
 *
 * The message goes to one address that is delivered and one that bounces, so its way includes the report. Time is moved
 * on by setting the clock, which the local services share: waits and visibility time-outs then run out at once.
 * Where an answer never comes, the clients' own time-outs end the wait, but ten times as fast.
 * All of it once with a call to SES for each recipient and once with one for both, in a file of its own each, so that
 * the two can run side by side: nearly all of the time is waiting. FAULT_STRIDE (default 1) takes every n-th n only.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeSweepHandler } from "../../lambda/sweep/handler.ts";
import { changeRow } from "../../lib/aws/directory-dynamo.ts";
import { queueDepth } from "../../lib/aws/queue-sqs.ts";
import { listSpool } from "../../lib/aws/spool-s3.ts";
import { tenantKey } from "../../lib/core/directory.ts";
import { ENV } from "../../lib/core/names.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import type { AwsCall, AwsFault } from "../support/aws-proxy.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";

const STRIDE = Number(process.env["FAULT_STRIDE"] ?? "1");
/** How many calls fail in a row when the fault lasts: more than the SDK tries, on several calls. */
const LASTING_CALLS = 9;
const STEPS_MAX = 40;
const STEP_MS = 7 * 60_000;

const NO_ANSWER = "without an answer until it times out";
const DONE_WITHOUT_ANSWER = "done, but without an answer until it times out";
const FAULTS: Readonly<Record<string, (call: AwsCall) => AwsFault>> = {
  refused: () => "refuse",
  "answered 500": () => ({ status: 500, type: "InternalFailure" }),
  throttled: (call) =>
    call.service === "ses"
      ? { status: 429, type: "TooManyRequestsException", message: "Maximum sending rate exceeded." }
      : { status: 400, type: "ThrottlingException" },
  "done, but its answer lost": () => "lose",
  [NO_ANSWER]: () => "hang",
  [DONE_WITHOUT_ANSWER]: () => "mute",
};
/** The shortest time-out of any client; whatever waits as long is a time-out here. */
const TIME_OUT_MS = 5_000;
const TIME_OUTS_FASTER = 10;

let pipeline: Pipeline | undefined;
let runs = 0;

function hurryTimeOuts(): void {
  const { setTimeout: original } = globalThis;
  vi.spyOn(globalThis, "setTimeout").mockImplementation((work, ms = 0, ...rest) =>
    original(work, ms >= TIME_OUT_MS ? ms / TIME_OUTS_FASTER : ms, ...rest),
  );
}

interface Result {
  readonly id: QueueId;
  readonly from: string;
  readonly delivered: string;
  readonly calls: number;
}

/** Sends one message through everything, with the given faults, until nothing is left to do. */
async function run(pipeline: Pipeline, fault: (call: AwsCall) => AwsFault): Promise<Result> {
  runs += 1;
  const from = `told-${runs}@example.com`;
  const delivered = `fine-${runs}@example.net`;
  const to = [delivered, `bounce+${runs}@simulator.amazonses.com`];
  const id = await pipeline.accept({ from, to, bytes: testMail(`nth-${runs}`) });
  pipeline.proxy.reset();
  pipeline.proxy.onCall = fault;
  const sweep = makeSweepHandler(pipeline.env, () => undefined);
  for (let step = 0; step < STEPS_MAX; step++) {
    const handled = await pipeline.pump().catch(() => 1);
    if (handled === 0 && (await unfinished(pipeline, id, from)) === undefined) {
      return { id, from, delivered, calls: pipeline.proxy.calls.length };
    }
    if (handled === 0) {
      // SES tries again by real time; without this, a fast machine is through with its steps before the event is out.
      await pipeline.published();
      vi.setSystemTime(Date.now() + STEP_MS);
      await sweep({}, { getRemainingTimeInMillis: () => 300_000 }).catch(() => undefined);
    }
  }
  const log = pipeline.log.slice(-30).map((event) => JSON.stringify(event));
  const left = await unfinished(pipeline, id, from);
  throw new Error(`not finished after ${STEPS_MAX} steps: ${left}\n${log.join("\n")}`);
}

/** What is still to be done before the message has come to its end; undefined when nothing is. */
async function unfinished(pipeline: Pipeline, id: QueueId, from: string): Promise<string | undefined> {
  for await (const { key } of listSpool(pipeline.spool)) return `${key} is in the spool`;
  const [fine, bounced] = await pipeline.recipients(id);
  if (fine?.state !== "delivered" || bounced?.state !== "bounced") {
    return `recipients are ${fine?.state} and ${bounced?.state}`;
  }
  const report = bounced.dsns?.[0]?.id;
  if (report === undefined) return "the bounce has no report";
  const told = (await pipeline.recipients(report))[0];
  if (told?.address !== from || told.state !== "delivered") return `the report is ${told?.state}`;
  const { waiting, inFlight } = await queueDepth(pipeline.feedbackQueue);
  return waiting + inFlight === 0 ? undefined : `feedback queue: ${waiting} waiting, ${inFlight} in flight`;
}

/** What must hold after any fault. */
async function check(pipeline: Pipeline, result: Result): Promise<void> {
  const mails = await pipeline.outbox();
  const copies = (address: string): number => mails.filter((mail) => mail.recipients.includes(address)).length;
  const unsure = pipeline.log.filter((event) => event.event === "possible-duplicate");
  const counted = (address: string): number => unsure.filter((event) => event["recipient"] === address).length;
  for (const address of [result.delivered, result.from]) {
    expect(copies(address), `copies to ${address}`).toBeGreaterThanOrEqual(1);
    expect(copies(address), `copies to ${address} beyond the counted ones`).toBeLessThanOrEqual(1 + counted(address));
  }
  expect(
    (await pipeline.recipients(result.id)).every((record) => (record.dsns ?? []).every((note) => note.written)),
  ).toBe(true);
  expect(await queueDepth(pipeline.forwardDlq)).toMatchObject({ waiting: 0, inFlight: 0 });
}

/** Declares the tests for a relay that puts so many recipients of a message into one call to SES. */
export function describeNthCall(perCall: number): void {
  describe(`a message survives the failure of any call, with at most ${perCall} recipients in a call to SES`, () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    });
    afterEach(async () => {
      vi.restoreAllMocks();
      await pipeline?.close();
      pipeline = undefined;
      vi.useRealTimers();
    });

    it.for(Object.keys(FAULTS).flatMap((kind) => [[kind, 1] as const, [kind, LASTING_CALLS] as const]))(
      "%s, %i calls in a row",
      { timeout: 900_000 },
      async ([kind, length]) => {
        const fault = FAULTS[kind];
        if (fault === undefined) throw new Error(`no fault ${kind}`);
        // A new one for each test: going back from a clock that ran ahead would confuse everything that remembers a time.
        pipeline = await startPipeline({}, { [ENV.recipientsPerCall]: String(perCall) });
        // Half of this mail bounces, which would pause the tenant after a hundred.
        await changeRow(pipeline.directory, tenantKey("demo"), { breaker: { pauses: false } });
        const { calls } = await run(pipeline, () => undefined);
        if (kind === NO_ANSWER || kind === DONE_WITHOUT_ANSWER) hurryTimeOuts();
        expect(calls).toBeGreaterThan(20);
        for (let n = 1; n <= calls; n += STRIDE) {
          const faulty = (call: AwsCall): boolean => call.number >= n && call.number < n + length;
          try {
            await check(pipeline, await run(pipeline, (call) => (faulty(call) ? fault(call) : undefined)));
          } catch (error) {
            const failed = pipeline.proxy.calls
              .filter(faulty)
              .map(({ service, operation }) => `${service} ${operation}`);
            throw new Error(`with call ${n} of ${calls}: ${failed.join(", ")}`, { cause: error });
          }
        }
      },
    );
  });
}
