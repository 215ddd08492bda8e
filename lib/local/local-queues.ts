/**
 * SQS and SNS on this machine: fauxqs with its SQLite file, made fit for a process that may be killed at any moment.
 *
 * Promise:  a message that was accepted is there after kill -9, in its queue or in the dead-letter queue.
 * Promise:  what was being worked on at the end of the last run is visible at once in the next, with its receive count:
 *           the workers of local mode live in the process that ended, so nobody is working on it any more. (A message
 *           that a worker had put off with ChangeMessageVisibility comes early by this, which handlers allow for.)
 * Promise:  queue URLs name the port of this run, whatever port the queue was made on.
 */

import type { DatabaseSync } from "node:sqlite";
import type { FauxqsParts, QueuePersistence, SnsStore, SqsQueue, SqsStore } from "./fauxqs-parts.ts";

/** The two stores, loaded and writing through to disk. */
export interface LocalQueues {
  readonly sqs: SqsStore;
  readonly sns: SnsStore;
  /** Puts a message into a queue; it is on disk on return. Returns false when there is no such queue. */
  sendToQueue(queueArn: string, body: string): boolean;
  /** To be called once no request is under way. */
  close(): void;
}

/**
 * Opens the queues in a folder.
 *
 * @param origin where this run's server listens, such as `http://127.0.0.1:4566`
 */
export function openLocalQueues(parts: FauxqsParts, folder: string, origin: string): LocalQueues {
  const { persistence, database } = parts.openPersistence(folder);
  // With a write-ahead log a commit needs no fsync to survive the process; only a power cut could undo the last ones.
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec("UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL");
  database.prepare("UPDATE sqs_queues SET url = ? || '/000000000000/' || name").run(origin);

  const sqs = parts.makeSqsStore();
  const sns = parts.makeSnsStore();
  sqs.host = ""; // queue URLs then carry the host that the client asked, not sqs.<region>.localhost
  persistence.loadSqsAndSns(sqs, sns);
  keepReceiveCount(persistence, database);
  sqs.persistence = persistence;
  sns.persistence = persistence;
  for (const queue of sqs.allQueues()) {
    queue.persistence = persistence;
    moveInOneStep(queue, database);
  }
  const createQueue = sqs.createQueue.bind(sqs);
  sqs.createQueue = (...details) => {
    const queue = createQueue(...details);
    moveInOneStep(queue, database);
    return queue;
  };

  return {
    sqs,
    sns,
    sendToQueue(queueArn, body) {
      const queue = sqs.getQueueByArn(queueArn);
      if (queue === undefined) return false;
      queue.enqueue(parts.makeMessage(body));
      return true;
    },
    close() {
      persistence.close();
    },
  };
}

/** fauxqs 2.4.1 loses a message whose visibility is set to 0: it writes NULL into the receive count, which throws. */
function keepReceiveCount(persistence: QueuePersistence, database: DatabaseSync): void {
  const ready = database.prepare(
    "UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?",
  );
  persistence.updateMessageReady = (messageId) => {
    ready.run(messageId);
  };
}

/** A receive that moves messages to a dead-letter queue deletes and inserts them: one transaction, or a kill loses some. */
function moveInOneStep(queue: SqsQueue, database: DatabaseSync): void {
  const dequeue = queue.dequeue.bind(queue);
  queue.dequeue = (...request) => {
    database.exec("BEGIN");
    try {
      const received = dequeue(...request);
      database.exec("COMMIT");
      return received;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
}
