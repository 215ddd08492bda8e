/** What the steps of forward hand each other. */

import type { RawMessage } from "../../lib/aws/raw-message.ts";
import type { Sender } from "../../lib/aws/send-ses.ts";
import type { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import type { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import type { DsnDeps } from "../../lib/aws/write-owed-dsns.ts";
import type { Failure } from "../../lib/core/failure.ts";
import type { MessageRefusal } from "../../lib/core/header-rules.ts";
import type { ClaimHolder, MessageRecord, RecipientRecord } from "../../lib/core/message-record.ts";
import type { EnvelopeRecipient } from "../../lib/core/spool-object.ts";
import type { AccountGate } from "./account-gate.ts";

/** What forwarding needs; the clients are made in the handler. */
export interface ForwardDeps extends DsnDeps {
  readonly sender: Sender;
  readonly gate: AccountGate;
  readonly usage: UsageMarker;
  readonly webhooks: WebhookOutbox;
  readonly recipientsPerCall: number;
  readonly region: string;
  readonly threadReplies: boolean;
  readonly keepSubjects: boolean;
  readonly recordDays: number;
  readonly giveUpAfterHours: number;
  readonly random: () => number;
}

/** What one invocation may do: who claims, and when it must stop beginning new calls. */
export interface Turn {
  readonly holder: ClaimHolder;
  readonly stopAtMs: number;
  /** From 0 to 1, the same for all recipients, so that a message with many of them wakes once for all. */
  readonly jitter: number;
}

/** A message that is ready to go. */
export interface Job {
  readonly message: MessageRecord;
  /** Why it cannot be sent at all. */
  readonly refusal: MessageRefusal | undefined;
  readonly raw: RawMessage;
  /** From is an address of the relay itself. */
  readonly own: boolean;
  /** SHA-256 of the client's octets; undefined when copies are not to be found out. */
  readonly digest: string | undefined;
}

/** One of its recipients that may still need a copy. */
export interface Target {
  readonly index: number;
  readonly recipient: EnvelopeRecipient;
  /** Its record as it was read. */
  readonly known: RecipientRecord | undefined;
  /** Why nothing is sent to it, or nothing for now. */
  readonly stop?: Failure;
}

/** Where recipients stand after their turn. */
export interface RecipientEnd {
  /** When to come back (epoch milliseconds); undefined: nothing more is to be sent. */
  readonly againMs?: number;
  /** A report about them may be owed since their records were read. */
  readonly mayOwe?: boolean;
}

/** Where several of them stand: the earliest time, and whether any report may be owed. */
export function joinEnds(ends: readonly RecipientEnd[]): RecipientEnd {
  const times = ends.flatMap(({ againMs }) => (againMs === undefined ? [] : [againMs]));
  return {
    ...(times.length === 0 ? {} : { againMs: Math.min(...times) }),
    ...(ends.some(({ mayOwe }) => mayOwe === true) ? { mayOwe: true } : {}),
  };
}
