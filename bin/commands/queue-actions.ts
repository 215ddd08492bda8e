/** `relayhost retry|hold|release|drop`: what an operator can do with messages in the queue. */

import type { Command } from "commander";
import { noteMessage, readMessage, saveRecipient } from "../../lib/aws/ledger-dynamo.ts";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { headSpoolObject } from "../../lib/aws/spool-s3.ts";
import { createdEventBody } from "../../lib/core/created-event.ts";
import { dueNow } from "../../lib/core/message-record.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import { type Connection, connect } from "./connect.ts";
import { printJson } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";

interface Options {
  readonly env?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What can be done with a message of the queue. */
export interface QueueAction {
  readonly name: "retry" | "hold" | "release" | "drop";
  readonly description: string;
  /** What it did, for the person. */
  readonly done: string;
  readonly run: (connection: Connection, id: QueueId, options: { readonly quiet?: boolean }) => Promise<void>;
}

/** All of it. */
export const QUEUE_ACTIONS: readonly QueueAction[] = [
  {
    name: "retry",
    description: "try messages again now, also those that were set aside",
    done: "back to work",
    run: async (connection, id) => {
      await noteMessage(connection.ledger, id, { unreadable: null, starts: null }, Date.now());
      await makeDue(connection, id);
      await putToWork(connection, id);
    },
  },
  {
    name: "hold",
    description: "send nothing of these messages until they are released; they are not given up meanwhile",
    done: "held",
    run: async (connection, id) => await noteMessage(connection.ledger, id, { order: "hold" }, Date.now()),
  },
  {
    name: "release",
    description: "end a hold and try at once",
    done: "released",
    run: async (connection, id) => {
      await noteMessage(connection.ledger, id, { order: null }, Date.now());
      await makeDue(connection, id);
      await putToWork(connection, id);
    },
  },
  {
    name: "drop",
    description: "end messages: recipients that are still open get nothing, and the sender is told (--quiet: is not)",
    done: "to be dropped",
    run: async (connection, id, options) => {
      const order = options.quiet === true ? "drop-silently" : "drop";
      await noteMessage(connection.ledger, id, { order, unreadable: null, starts: null }, Date.now());
      await putToWork(connection, id);
    },
  },
];

/** Adds the four commands. */
export function addQueueActionCommands(program: Command): void {
  for (const action of QUEUE_ACTIONS) {
    const command = program
      .command(action.name)
      .description(action.description)
      .argument("<id...>", "queue ids")
      .option("--env <name>", "a deployed environment instead of local mode")
      .option("--dry-run", "say what would be done, and do nothing")
      .option("--json", "as JSON, one array")
      .addHelpText("after", `\nExample:\n  relayhost ${action.name} 01kb2x5m9cz3qv7g8h4t`);
    if (action.name === "drop") command.option("--quiet", "send the sender no report");
    command.action(async (texts: string[], options: Options) => await act(action, texts, options));
  }
}

async function act(action: QueueAction, texts: readonly string[], options: Options): Promise<void> {
  const wrong = texts.filter((text) => parseQueueId(text) === undefined);
  if (wrong.length > 0) throw new CommandError(`not a queue id: ${wrong.join(", ")}`, EXIT.usage);
  const ids = texts.map(parseQueueId).filter((id) => id !== undefined);
  const connection = await connect(options.env);
  const results: { id: QueueId; result: string }[] = [];
  for (const id of ids) {
    const known = await headSpoolObject(connection.spool, id);
    if (known === undefined) results.push({ id, result: "not in the queue" });
    else {
      if (options.dryRun !== true) await action.run(connection, id, options);
      results.push({ id, result: options.dryRun === true ? `would be ${action.done}` : action.done });
    }
  }
  if (options.json === true) printJson(results);
  else for (const { id, result } of results) console.log(`${id}  ${result}`);
  if (results.some(({ result }) => result === "not in the queue")) process.exitCode = EXIT.notFound;
}

/** Lets waiting recipients wait no longer. A record that changes meanwhile is being worked on already. */
async function makeDue(connection: Connection, id: QueueId): Promise<void> {
  const { recipients } = await readMessage(connection.ledger, id);
  for (const record of recipients) {
    const due = dueNow(record, Date.now());
    if (due !== undefined) await saveRecipient(connection.ledger, due);
  }
}

async function putToWork(connection: Connection, id: QueueId): Promise<void> {
  const { spoolBucket, region } = connection.names;
  const size = (await headSpoolObject(connection.spool, id)) ?? 0;
  await sendToQueue(connection.forwardQueue, createdEventBody(spoolBucket, id, size, new Date().toISOString(), region));
}
