/**
 * Decides whether a message is ours, and makes it durable.
 *
 * Promise:  when this returns an id, envelope and bytes are in the spool: one PutObject has been answered with success.
 * Refusal:  a peer's mistake returns a reply from the table, and nothing is stored.
 * Failure:  any failure of storage or directory becomes 451 4.3.0. A store that missed its deadline may still arrive:
 *           the edge has no right to delete, and the client's next try is then a second copy, which forward's
 *           duplicate guard catches.
 * See RFC 5321 §4.2.5 (responsibility on 250).
 *
 * A client that is gone before its answer does not stop the store: it has sent all its data, and a message too much
 * is better than one too few.
 */

import type { LimitFunction } from "p-limit";
import { putSpoolObject, type Spool } from "../lib/aws/spool-s3.ts";
import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import type { MetricSums } from "../lib/core/emf.ts";
import { errorText, type Log } from "../lib/core/log.ts";
import { makeQueueId, QUEUE_ID_RANDOM_BYTES, type QueueId } from "../lib/core/queue-id.ts";
import { receivedField } from "../lib/core/received-header.ts";
import type { Classified, RewriteClass } from "../lib/core/sender-class.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import { type Envelope, encodeSpoolHeader } from "../lib/core/spool-object.ts";
import { withDeadline } from "./deadline.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import { judgeSender } from "./judge-sender.ts";
import type { MessageBuffer } from "./message-buffer.ts";
import { receiveMessage } from "./receive-message.ts";

/** What taking messages needs. */
export interface AcceptDeps {
  readonly settings: EdgeSettings;
  readonly spool: Spool;
  /** Gives a message from a file its turn to be stored. */
  readonly fileTurns: LimitFunction;
  readonly directory: DirectoryCache;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: Log;
  readonly metrics: MetricSums;
}

/** Everything about a message that is known before its data. */
export interface Transaction {
  readonly envelope: Omit<Envelope, "id" | "time" | "dsnFor" | "rewrite">;
  readonly extended: boolean;
  readonly authenticated: boolean;
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined;
  /** Counts a message that will leave under the relay's shared address; the reply if there are too many already. */
  readonly countShared: () => SmtpReply | undefined;
}

/** What became of a message. */
export type Accepted =
  | {
      readonly kind: "accepted";
      readonly id: QueueId;
      readonly messageId: string | undefined;
      readonly reply: SmtpReply;
      readonly size: number;
      /** From the end of data to the answer of the storage. */
      readonly storeMs: number;
      /** What kind of mail it is. */
      readonly classified: Classified;
      /** Set when it will leave under another From. */
      readonly rewrite: RewriteClass | undefined;
    }
  | { readonly kind: "refused"; readonly reply: SmtpReply; readonly size: number }
  /** To be answered now, and the connection closed. */
  | { readonly kind: "cut"; readonly reply: SmtpReply; readonly size: number };

/** Rewritten mail of these classes leaves under the relay's own system address, which all tenants share. */
const SHARED_CLASSES: ReadonlySet<RewriteClass> = new Set(["bounce", "auto-reply", "system"]);

/** Takes one message. Rejects only when the client goes away before the end of its data. */
export async function acceptMessage(
  deps: AcceptDeps,
  transaction: Transaction,
  stream: AsyncIterable<Buffer>,
): Promise<Accepted> {
  const received = await receiveMessage(deps, stream);
  const endOfData = performance.now();
  if (received.kind !== "complete") return received;
  const { buffer, header } = received;
  const size = buffer.length;
  try {
    const judged = await judgeSender(deps, transaction.envelope, header);
    if (judged.kind === "refused") return { kind: "refused", reply: judged.reply, size };
    const { classified, rewrite } = judged;
    const tooMany = rewrite !== undefined && SHARED_CLASSES.has(rewrite) ? transaction.countShared() : undefined;
    if (tooMany !== undefined) return { kind: "refused", reply: tooMany, size };
    const id = await store(deps, transaction, rewrite, buffer);
    if (id === undefined) return { kind: "refused", reply: smtpReply("notStored"), size };
    return {
      kind: "accepted",
      id,
      messageId: header.messageId,
      reply: smtpReply("queued", { id }),
      size,
      storeMs: performance.now() - endOfData,
      classified,
      rewrite,
    };
  } finally {
    await buffer.dispose();
  }
}

/** One PutObject; undefined when it did not succeed in time. */
async function store(
  deps: AcceptDeps,
  transaction: Transaction,
  rewrite: RewriteClass | undefined,
  buffer: MessageBuffer,
): Promise<QueueId | undefined> {
  const timeMs = deps.now();
  const id = makeQueueId(timeMs, deps.randomBytes(QUEUE_ID_RANDOM_BYTES));
  const { envelope, tls } = transaction;
  const head = encodeSpoolHeader(
    { ...envelope, id, time: new Date(timeMs).toISOString(), ...(rewrite === undefined ? {} : { rewrite }) },
    receivedField({
      hostName: deps.settings.hostName,
      helo: envelope.client.helo,
      clientAddress: envelope.client.address,
      extended: transaction.extended,
      authenticated: transaction.authenticated,
      ...(tls === undefined ? {} : { tls }),
      id,
      timeMs,
    }),
  );
  try {
    await withDeadline(deps.settings.storeDeadlineMs, async (signal) => {
      const body = await buffer.body(head);
      // Sends nothing any more when its turn comes after its deadline.
      const put = async (): Promise<void> => await putSpoolObject(deps.spool, id, body, signal);
      await (Buffer.isBuffer(body) ? put() : deps.fileTurns(put));
    });
    return id;
  } catch (error) {
    deps.metrics.count("storeFailures");
    deps.log({ event: "store-failed", id, tenant: envelope.tenant, error: errorText(error) });
    return undefined;
  }
}
