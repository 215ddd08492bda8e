/** Keeps what the reckoning needs of a running relay: events of its log, and what SES takes. */

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SES_TAG } from "../../lib/core/names.ts";
import { LOAD_SENDER } from "../../test/fault/mail-load.ts";
import { OutboxCopies, tagOf } from "../../test/fault/outbox-copies.ts";
import { outboxReader } from "../../test/support/outbox.ts";
import type { Books } from "./reckon.ts";
import type { LoggedEvent, RelayProcesses } from "./relay-processes.ts";

const KEPT: ReadonlySet<string> = new Set(["possible-duplicate", "webhook-dead"]);
const LOOK_EVERY_MS = 2_000;

/** Events that the reckoning needs are kept, the others counted. */
export function collectEvents(relay: RelayProcesses): { kept: LoggedEvent[]; counts: Record<string, number> } {
  const kept: LoggedEvent[] = [];
  const counts: Record<string, number> = {};
  relay.onEvent = (logged) => {
    const { event } = logged.event;
    counts[event] = (counts[event] ?? 0) + 1;
    if (KEPT.has(event)) kept.push(logged);
  };
  return { kept, counts };
}

/** Takes in what SES takes while it does, since a long run's outbox is large. */
export function followOutbox(
  relay: RelayProcesses,
  senders: readonly string[] = [LOAD_SENDER],
): { close(): Promise<Pick<Books, "copies" | "reports">> } {
  const reader = outboxReader(join(relay.dataDir, "ses", "outbox"));
  const copies = new OutboxCopies();
  const reports: Books["reports"][number][] = [];
  const state = { done: false };
  const look = async (): Promise<void> => {
    const mails = await reader.added();
    copies.add(mails);
    for (const mail of mails) {
      const queueId = tagOf(mail, SES_TAG.id);
      const { id: sesId, recipients, takenAtMs } = mail;
      if (queueId === undefined || !senders.some((sender) => recipients.includes(sender))) continue;
      const text = mail.raw.toString("latin1");
      // A sender's server says so itself when its mail waits: OpenSMTPD does after some tries, if its queue is flushed.
      if (/^Reporting-MTA: dns; *(\S+)/im.exec(text)?.[1] !== relay.names.hostName) continue;
      const action = /^Action: (\w+)/m.exec(text)?.[1] ?? "none";
      reports.push({ queueId, recipients, sesId, takenAtMs, action });
    }
  };
  const looking = (async () => {
    while (!state.done) {
      await look();
      await pause(LOOK_EVERY_MS);
    }
  })();
  return {
    close: async () => {
      state.done = true;
      await looking;
      await look();
      return { copies, reports };
    },
  };
}
