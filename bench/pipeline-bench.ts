/**
 * How long a message takes through the whole relay, and where: edge, forward, feedback and local services as processes
 * of their own, a client that sends at a steady rate with TLS and log-in, and one clock for all.
 *
 * Calls to SQS, SNS and SES go through a proxy in this process, which reads the times off them: about a millisecond for
 * each, which is in the figures. Those to S3 and DynamoDB do not.
 */

import { parseCreatedEvent } from "../lib/core/created-event.ts";
import { SES_TAG } from "../lib/core/names.ts";
import { DEMO_LOGIN } from "../test/support/relay-process.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { type Generator, startGenerator } from "./edge-programs.ts";
import { type RelayProcesses, startRelayProcesses } from "./fault/relay-processes.ts";
import { monotonicMs } from "./monotonic.ts";
import { type Moments, type PipelineTimes, pipelineTimes } from "./pipeline-times.ts";
import type { RateOrder, SentMail } from "./programs/smtp-generator.ts";

/** A steady load. */
export interface PipelineLoad {
  readonly perSecond: number;
  readonly messages: number;
}

/** What was measured at one rate. */
export interface PipelineRow extends PipelineLoad, PipelineTimes {
  /** The rate that there was, from the first 250 to the last. */
  readonly acceptedPerSecond: number;
  /** Calls that SES answered with a message id, beyond one for each message. */
  readonly sentTwice: number;
}

/** All of it. */
export interface PipelineBench {
  /** Of a message. */
  readonly bytes: number;
  readonly rows: readonly PipelineRow[];
}

const BYTES = 10_240;
const SESSIONS = 8;
const WARM: PipelineLoad = { perSecond: 20, messages: 100 };
/** From the last 250 until everything is on record. */
const REST_MS = 60_000;

/** Each load in turn, with the same processes. */
export async function benchPipeline(
  loads: readonly PipelineLoad[],
  progress: (line: string) => void,
): Promise<PipelineBench> {
  progress("pipeline, starting its processes");
  const relay = await startRelayProcesses({ pastProxy: true });
  const generator = await startGenerator();
  try {
    const watch = watchMoments(relay);
    await measure(relay, generator, watch, WARM);
    const rows: PipelineRow[] = [];
    for (const load of loads) {
      progress(`pipeline, ${load.messages} messages at ${load.perSecond} a second`);
      rows.push(await measure(relay, generator, watch, load));
    }
    if (relay.ownDeaths.length > 0) throw new Error(relay.ownDeaths.join("; "));
    return { bytes: BYTES, rows };
  } finally {
    await generator.stop();
    await relay.stop();
  }
}

async function measure(
  relay: RelayProcesses,
  generator: Generator,
  watch: Watch,
  load: PipelineLoad,
): Promise<PipelineRow> {
  const order: RateOrder = { ...load, port: relay.smtpPort, sessions: SESSIONS, bytes: BYTES, login: DEMO_LOGIN };
  const { sent } = await generator.order<{ sent: SentMail[] }>(order);
  const messages = sent.map(({ id, ...times }) => Object.assign(watch.of(id), times));
  const isDone = (): true | undefined => messages.every(({ recordedMs }) => recordedMs !== undefined) || undefined;
  // What is missing then is lost, which the figures say.
  await waitFor(isDone, { deadlineMs: REST_MS, otherwise: () => "" }).catch(() => undefined);
  const times = sent.map(({ acceptedMs }) => acceptedMs);
  const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
  return {
    ...load,
    ...pipelineTimes(messages),
    acceptedPerSecond: (sent.length - 1) / seconds,
    sentTwice: sent.reduce((sum, { id }) => sum + Math.max(0, watch.timesTaken(id) - 1), 0),
  };
}

/** The moments of each message by its queue id. */
interface Watch {
  of(id: string): Moments;
  timesTaken(id: string): number;
}

function watchMoments(relay: RelayProcesses): Watch {
  const moments = new Map<string, Moments>();
  const taken = new Map<string, number>();
  const called = new Map<number, number>();
  const of = (id: string): Moments => {
    const known = moments.get(id) ?? {};
    moments.set(id, known);
    return known;
  };
  relay.proxy.onCall = ({ service, operation, number }) => {
    if (service === "ses" && operation === "SendEmail") called.set(number, monotonicMs());
    return undefined;
  };
  relay.proxy.onAnswer = ({ service, operation, number }, request, answer) => {
    const nowMs = monotonicMs();
    if (service === "sqs" && operation === "ReceiveMessage") {
      for (const id of announcedIn(answer)) of(id).receivedMs ??= nowMs;
    } else if (service === "ses" && operation === "SendEmail") {
      const calledMs = called.get(number);
      called.delete(number);
      const id = idOfSend(request);
      if (id === undefined || calledMs === undefined || !isTaken(answer)) return;
      taken.set(id, (taken.get(id) ?? 0) + 1);
      const message = of(id);
      message.calledMs ??= calledMs;
      message.takenMs ??= nowMs;
    } else if (service === "sns") {
      const id = idOfEvent(request);
      if (id !== undefined) of(id).publishedMs ??= nowMs;
    }
  };
  relay.onEvent = ({ event }) => {
    if (event.event === "feedback" && event["type"] === "Delivery")
      of(String(event["id"])).recordedMs ??= monotonicMs();
  };
  return { of, timesTaken: (id) => taken.get(id) ?? 0 };
}

/** Queue ids in an answer of ReceiveMessage, of forward's queue or another. */
function announcedIn(answer: Buffer): string[] {
  const { Messages } = JSON.parse(answer.toString("utf8")) as { Messages?: readonly { readonly Body: string }[] };
  return (Messages ?? []).flatMap(({ Body }) => (parseCreatedEvent(Body) ?? []).map(({ id }) => String(id)));
}

function idOfSend(request: Buffer): string | undefined {
  const { EmailTags } = JSON.parse(request.toString("utf8")) as {
    EmailTags?: readonly { readonly Name: string; readonly Value: string }[];
  };
  return EmailTags?.find(({ Name }) => Name === SES_TAG.id)?.Value;
}

function isTaken(answer: Buffer): boolean {
  return "MessageId" in (JSON.parse(answer.toString("utf8")) as object);
}

/** Of a delivery. */
function idOfEvent(request: Buffer): string | undefined {
  const message = new URLSearchParams(request.toString("utf8")).get("Message");
  if (message === null) return undefined;
  const { eventType, mail } = JSON.parse(message) as {
    eventType?: string;
    mail?: { tags?: Readonly<Record<string, readonly string[]>> };
  };
  return eventType === "Delivery" ? mail?.tags?.[SES_TAG.id]?.[0] : undefined;
}
