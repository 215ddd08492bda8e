/**
 * Publishes events when they are due, each at least once, whatever happens to the process or the topic.
 *
 * Promise:  an event that was added is published until `publish` resolves: with growing waits while it rejects, and after
 *           a restart. A kill between publishing and noting it publishes twice.
 * Order:    the events of one message to one topic come one after the other; nothing else is promised.
 */

import {
  addLine,
  doneLine,
  type EventJournal,
  openJournal,
  type PendingEvent,
  readJournal,
} from "./ses-event-journal.ts";
import { within } from "./ses-wait.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
const PUBLISH_AT_ONCE_MAX = 16;
/** How long `close` waits for calls of `publish` that have begun. */
const CLOSE_WAIT_MS = 5_000;

/** Where events are kept and how they leave. */
export interface EventQueueOptions {
  readonly path: string;
  readonly publish: (topicArn: string, message: string) => Promise<void>;
  readonly nowMs: () => number;
  /** Told of the first failure of a row, with the topic. */
  readonly log: (line: string) => void;
}

/** Events between acceptance and publication. */
export interface EventQueue {
  /** Notes events on disk. They are published only once `release` was called with the same; until then `forget` undoes it. */
  note(events: readonly PendingEvent[]): Promise<void>;
  release(events: readonly PendingEvent[]): void;
  forget(events: readonly PendingEvent[]): Promise<void>;
  /** How many are noted and not yet published. */
  size(): number;
  /** Ends without waiting for what is not yet due; it stays noted. */
  close(): Promise<void>;
}

/** Reads what an earlier process left, except the events of messages that it never accepted, and goes on with it. */
export async function openEventQueue(
  options: EventQueueOptions,
  neverAccepted: ReadonlySet<string>,
): Promise<EventQueue> {
  const left = (await readJournal(options.path)).filter((event) => !neverAccepted.has(event.messageId));
  const live = new Map(left.map((event) => [event.id, event]));
  const journal = await openJournal(options.path, () => live.values());
  const queue = runQueue(options, live, journal);
  queue.release(left);
  return queue;
}

function runQueue(options: EventQueueOptions, live: Map<string, PendingEvent>, journal: EventJournal): EventQueue {
  const timers = new Set<NodeJS.Timeout>();
  const ready: PendingEvent[][] = [];
  const running = new Set<Promise<void>>();
  const failing = new Set<string>();
  const failures = new Map<string, number>();
  let closed = false;

  /** A row: the events still to come of one message for one topic; only its first is ever under way. */
  const schedule = (row: PendingEvent[], waitMs: number): void => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      ready.push(row);
      pump();
    }, waitMs);
    timers.add(timer);
  };
  const pump = (): void => {
    if (closed) return;
    while (running.size < PUBLISH_AT_ONCE_MAX) {
      const row = ready.shift();
      if (row === undefined) return;
      const run = publishFirst(row).finally(() => {
        running.delete(run);
        pump();
      });
      running.add(run);
    }
  };
  const publishFirst = async (row: PendingEvent[]): Promise<void> => {
    const event = row[0];
    if (event === undefined) return;
    try {
      await options.publish(event.topicArn, event.body);
    } catch (cause) {
      const count = (failures.get(event.id) ?? 0) + 1;
      failures.set(event.id, count);
      if (!failing.has(event.topicArn)) {
        failing.add(event.topicArn);
        options.log(`SES events cannot be published to ${event.topicArn}, trying again: ${String(cause)}`);
      }
      schedule(row, Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (count - 1)));
      return;
    }
    failing.delete(event.topicArn);
    failures.delete(event.id);
    live.delete(event.id);
    const rest = row.slice(1);
    if (rest[0] !== undefined) schedule(rest, Math.max(0, rest[0].dueMs - options.nowMs()));
    // Not noted: it is published once more after a restart, which at-least-once allows.
    await journal.append([doneLine(event.id)]).catch((cause: unknown) => {
      options.log(`SES cannot note that an event was published: ${String(cause)}`);
    });
  };
  return {
    async note(events) {
      if (events.length === 0) return;
      for (const event of events) live.set(event.id, event);
      try {
        await journal.append(events.map(addLine));
      } catch (cause) {
        for (const event of events) live.delete(event.id);
        throw cause;
      }
    },
    release(events) {
      for (const row of Map.groupBy(events, (event) => `${event.messageId} ${event.topicArn}`).values()) {
        const first = row[0];
        if (first !== undefined) schedule(row, Math.max(0, first.dueMs - options.nowMs()));
      }
    },
    async forget(events) {
      if (events.length === 0) return;
      for (const event of events) live.delete(event.id);
      await journal.append(events.map((event) => doneLine(event.id)));
    },
    size: () => live.size,
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      await within(CLOSE_WAIT_MS, Promise.all(running));
      await journal.close();
    },
  };
}
