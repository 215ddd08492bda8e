/** The queue's pages and what can be done there: the same as `relayhost queue`, `retry`, `hold`, `release` and `drop`. */

import type { Hono } from "hono";
import { headSpoolObject, listSpool, type SpoolEntry } from "../../lib/aws/spool-s3.ts";
import { type QueuePart, queuePage } from "../../lib/console/queue-page.ts";
import { csvText } from "../../lib/core/csv.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import type { QueueRow } from "../../lib/core/queue-row.ts";
import { queueRow } from "../commands/queue.ts";
import { QUEUE_ACTIONS } from "../commands/queue-actions.ts";
import { CommandError } from "../commands/report.ts";
import type { Change } from "./changes.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const PART = 100;
/** A queue that is longer is not written whole. */
const CSV_MAX = 10_000;
const LOOKUPS_IN_FLIGHT = 8;

/** Serves `/queue` and `/queue.csv`. */
export function addQueue(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  app.get("/queue", async (c) => {
    const view = c.get("view");
    return show(
      c,
      context,
      view.words.nav.queue,
      queuePage(view, await queuePart(context, PART, view.query["cursor"])),
    );
  });
  app.get("/queue.csv", async (c) => {
    const { entries } = await queuePart(context, CSV_MAX, undefined);
    const rows = entries.map((row) => HEADS.map((head) => row[head] ?? ""));
    return csv(c, "queue", csvText(HEADS, rows));
  });
}

const HEADS = [
  "id",
  "state",
  "ageSeconds",
  "size",
  "tenant",
  "from",
  "recipients",
  "handled",
  "attempts",
  "nextTry",
  "reason",
] as const satisfies readonly (keyof QueueRow)[];

async function queuePart(
  { connection }: ConsoleContext,
  limit: number,
  cursor: string | undefined,
): Promise<QueuePart> {
  const entries: SpoolEntry[] = [];
  let more = false;
  for await (const entry of listSpool(connection.spool, cursor)) {
    more = entries.length === limit;
    if (more) break;
    entries.push(entry);
  }
  const rows: QueueRow[] = [];
  await forEachInFlight(entries, LOOKUPS_IN_FLIGHT, async (entry, index) => {
    rows[index] = await queueRow(connection, entry);
  });
  return { entries: rows, next: more ? entries.at(-1)?.key : undefined };
}

/** `/do/queue`: `action` with every `id`. */
export function queueChange({ connection }: ConsoleContext): Change {
  return async (form, { words }) => {
    const wanted = form.one("action");
    const quiet = wanted === "drop-silently";
    const action = QUEUE_ACTIONS.find(({ name }) => name === (quiet ? "drop" : wanted));
    const texts = form.all("id");
    const ids = texts.map(parseQueueId).filter((id) => id !== undefined);
    if (action === undefined || ids.length < texts.length) throw new CommandError(words.queue.wrong);
    if (ids.length === 0) throw new CommandError(words.queue.noneChosen);
    const there: QueueId[] = [];
    await forEachInFlight(ids, LOOKUPS_IN_FLIGHT, async (id) => {
      if ((await headSpoolObject(connection.spool, id)) !== undefined) there.push(id);
    });
    there.sort();
    const name = quiet ? "drop-silently" : action.name;
    const title = words.queue.title(words.queue.actions[name], there.length);
    const gone = ids.length - there.length;
    return {
      title,
      effects: [
        words.queue.effects[name],
        ...there.slice(0, 20),
        ...(there.length > 20 ? [words.common.andMore(there.length - 20)] : []),
        ...(gone > 0 ? [words.queue.gone(gone)] : []),
      ],
      back: there.length === 1 && ids.length === 1 ? `/messages/${there[0]}` : "/queue",
      subjects: there,
      run: async () => {
        await forEachInFlight(there, LOOKUPS_IN_FLIGHT, async (id) => {
          await action.run(connection, id, { quiet });
        });
        return { title, lines: [words.queue.doneText(there.length)] };
      },
    };
  };
}
