/** Lets a plan of faults happen to a running relay. */

import { setTimeout as pause } from "node:timers/promises";
import { ChangeMessageVisibilityCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { SMTP_REPLIES } from "../../lib/core/smtp-reply.ts";
import { parseQueuedWebhook } from "../../lib/core/webhook.ts";
import type { MailLoad } from "../../test/fault/mail-load.ts";
import type { SeededRandom } from "../../test/fault/seeded-random.ts";
import type { AwsCall, AwsFault } from "../../test/support/aws-proxy.ts";
import type { RelayProcesses } from "./relay-processes.ts";
import { type CallFault, type Fault, nameOf, type PlannedFault, shuffled } from "./schedule.ts";
import type { SmallDisk } from "./small-disk.ts";

/** A fault as it happened. Milliseconds since the relay was first up. */
export interface HappenedFault {
  readonly name: string;
  readonly fault: PlannedFault;
  readonly atMs: number;
  readonly endMs: number;
  /** Calls or queue messages that it met, where it meets such; for a full disk, messages that were put off. */
  readonly met: number;
  /** When it met each of its calls. */
  readonly hitsAtMs: readonly number[];
  /** Why it could not be done here; absent when it was. */
  readonly skipped?: string;
}

/** What faults happen to. */
export interface Victims {
  readonly relay: RelayProcesses;
  readonly load: MailLoad;
  /** The disk under the edge's temporary files, or why there is none that can be filled. */
  readonly disk: SmallDisk | string;
  readonly random: SeededRandom;
  readonly progress: (line: string) => void;
}

interface CallWindow {
  readonly fault: Fault & { kind: "calls" | "queue-duplicates" | "queue-shuffle" };
  left: number;
  met: number;
  readonly hitsAtMs: number[];
}

/** What came of one. */
type Outcome = Pick<HappenedFault, "met" | "skipped"> & { readonly hitsAtMs?: readonly number[] };

/** Copies of queue messages come back within this time. */
const COPY_DELAY_SECONDS = 5;
/** A slow answer is faster than the shortest time-out of a client. */
const SLOW_MS = [200, 3_000] as const;
const LARGE_MESSAGES = 6;
const MESSAGES_BETWEEN = 3;
const BETWEEN_MAX_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Resolves when all has happened that there was time for, everything runs again, and no call goes wrong any more.
 * `runMs`: no fault begins after this, however slow the machine is.
 */
export async function injectFaults(
  plan: readonly PlannedFault[],
  runMs: number,
  victims: Victims,
): Promise<HappenedFault[]> {
  const { relay } = victims;
  const windows = new Set<CallWindow>();
  relay.proxy.onCall = (call) => faultOf(call, windows, victims);
  const happened: HappenedFault[] = [];
  const under: Promise<void>[] = [];
  const endMs = relay.elapsedMs() + runMs;
  let plannedMs = 0;
  for (const fault of plan) {
    await pause(fault.atMs - plannedMs);
    plannedMs = fault.atMs;
    await moreTaken(victims);
    if (relay.elapsedMs() > endMs) break;
    const atMs = relay.elapsedMs();
    victims.progress(`${(atMs / 1000).toFixed(1)} s  ${nameOf(fault)}`);
    under.push(
      happen(fault, victims, windows).then((outcome) => {
        happened.push({ name: nameOf(fault), fault, atMs, endMs: relay.elapsedMs(), hitsAtMs: [], ...outcome });
      }),
    );
  }
  await Promise.all(under);
  relay.proxy.onCall = () => undefined;
  relay.setClock(relay.clockAheadMs());
  return happened.toSorted((a, b) => a.atMs - b.atMs);
}

/** A slow machine gets time to work between two faults: what hits a relay at rest shows nothing. */
async function moreTaken({ load }: Victims): Promise<void> {
  const wanted = load.acknowledged.size + MESSAGES_BETWEEN;
  const deadlineMs = performance.now() + BETWEEN_MAX_MS;
  while (load.acknowledged.size < wanted && performance.now() < deadlineMs) await pause(LOOK_EVERY_MS);
}

async function happen(fault: PlannedFault, victims: Victims, windows: Set<CallWindow>): Promise<Outcome> {
  const { relay, load, disk } = victims;
  switch (fault.kind) {
    case "kill":
    case "restart":
      await relay.end(fault.process, fault.kind === "kill" ? "SIGKILL" : "SIGTERM");
      await pause(fault.downMs);
      await relay.start(fault.process);
      return { met: 1 };
    case "calls":
    case "queue-duplicates":
    case "queue-shuffle": {
      const window: CallWindow = {
        fault,
        left: fault.kind === "calls" ? fault.calls : Number.POSITIVE_INFINITY,
        met: 0,
        hitsAtMs: [],
      };
      windows.add(window);
      await pause(fault.forMs);
      windows.delete(window);
      return { met: window.met, hitsAtMs: window.hitsAtMs };
    }
    case "clock-jump":
      relay.setClock(relay.clockAheadMs() + fault.aheadMs);
      return { met: 1 };
    case "clock-skew":
      relay.setClock(relay.clockAheadMs() + fault.offMs, fault.process);
      await pause(fault.forMs);
      relay.setClock(relay.clockAheadMs(), fault.process);
      return { met: 1 };
    case "disk-full": {
      if (typeof disk === "string") return { met: 0, skipped: disk };
      const before = putOffLarge(load);
      await disk.fill();
      load.sendLarge(LARGE_MESSAGES);
      await pause(fault.forMs);
      // A slow machine needs more time until one has come.
      const deadlineMs = performance.now() + BETWEEN_MAX_MS;
      while (putOffLarge(load) === before && performance.now() < deadlineMs) await pause(LOOK_EVERY_MS);
      await disk.empty();
      return { met: putOffLarge(load) - before };
    }
    case "client-cut":
      load.cutOff(fault.transactions);
      return { met: fault.transactions };
  }
}

/** How often a message too large for the memory was not stored. */
function putOffLarge({ deferrals }: MailLoad): number {
  return deferrals.filter(({ large, reply }) => large && reply.includes(SMTP_REPLIES.notStored.text)).length;
}

function faultOf(call: AwsCall, windows: ReadonlySet<CallWindow>, victims: Victims): AwsFault {
  for (const window of windows) {
    const { fault } = window;
    if (fault.kind === "calls") {
      if (fault.service !== call.service || window.left === 0 || !victims.random.chance(fault.share)) continue;
      window.left -= 1;
      window.met += 1;
      window.hitsAtMs.push(victims.relay.elapsedMs());
      return callFault(fault.fault, call, victims.random);
    }
    if (call.operation !== "ReceiveMessage") continue;
    return { change: (answer) => changedMessages(answer, window, victims) };
  }
  return undefined;
}

function callFault(kind: CallFault, { service }: AwsCall, random: SeededRandom): AwsFault {
  switch (kind) {
    case "time-out":
      return "hang";
    case "reset":
      return "refuse";
    case "error-500":
      return { status: 500, type: service === "s3" ? "InternalError" : "InternalFailure" };
    case "throttle":
      return THROTTLES[service];
    case "slow":
      return { delayMs: random.between(...SLOW_MS) };
    case "lost-answer":
      return "lose";
    case "done-in-silence":
      return "mute";
  }
}

/** Each service's way to say "too many". */
const THROTTLES: Readonly<Record<AwsCall["service"], AwsFault>> = {
  s3: { status: 503, type: "SlowDown" },
  sqs: { status: 400, type: "ThrottlingException" },
  sns: { status: 400, type: "Throttling" },
  dynamodb: { status: 400, type: "ProvisionedThroughputExceededException" },
  ses: { status: 429, type: "TooManyRequestsException", message: "Maximum sending rate exceeded." },
  other: { status: 400, type: "ThrottlingException" },
};

interface Received {
  readonly Messages?: readonly { readonly ReceiptHandle: string; readonly Body: string }[];
}

function changedMessages(answer: Buffer, window: CallWindow, victims: Victims): Buffer {
  const received = parseReceived(answer);
  const messages = received?.Messages;
  if (received === undefined || messages === undefined || messages.length === 0) return answer;
  const { fault } = window;
  if (fault.kind === "queue-shuffle") {
    window.met += messages.length;
    return Buffer.from(JSON.stringify({ ...received, Messages: shuffled(messages, victims.random) }));
  }
  for (const message of messages) {
    if (fault.kind !== "queue-duplicates" || !victims.random.chance(fault.share)) continue;
    window.met += 1;
    comeAgain(message, victims).catch((error: unknown) => victims.progress(`not doubled: ${String(error)}`));
  }
  return answer;
}

/** Once as the same message, at once; or as a copy, which is what a sender does that had no answer. */
async function comeAgain(
  message: { readonly ReceiptHandle: string; readonly Body: string },
  { relay, random }: Victims,
): Promise<void> {
  const { ReceiptHandle, Body } = message;
  const QueueUrl = queueOf(Body, relay);
  const command = random.chance(0.5)
    ? new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 })
    : undefined;
  if (command !== undefined) await relay.direct.sqs.send(command);
  else {
    const DelaySeconds = random.between(0, COPY_DELAY_SECONDS);
    await relay.direct.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: Body, DelaySeconds }));
  }
}

/** Which queue a message of this body is in. */
function queueOf(body: string, { names, webhookQueues }: RelayProcesses): string {
  if (/"eventSource":"aws:s3"/.test(body)) return names.forwardQueueUrl;
  return parseQueuedWebhook(body) === undefined ? names.feedbackQueueUrl : webhookQueues.queueUrl;
}

function parseReceived(answer: Buffer): Received | undefined {
  try {
    return JSON.parse(answer.toString("utf8")) as Received;
  } catch {
    return undefined;
  }
}
