/** The ledger's first record of a message, made from its spool object. */

import { originalSubject } from "./dsn-original.ts";
import { shownSubject } from "./dsn-subject.ts";
import { fieldValue, readHeader } from "./header-fields.ts";
import { messageIdText } from "./header-message-ids.ts";
import type { MessageRecord } from "./message-record.ts";
import type { SpoolObject } from "./spool-object.ts";

/** Of a field that is only looked at for who must not be sent a report. */
const VALUE_CHARS_MAX = 500;

/** What the object does not say of itself. */
export interface RecordOptions {
  /** Of the object, in a versioned bucket. */
  readonly versionId: string | undefined;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** A setting: subjects are kept with the records. */
  readonly keepSubject: boolean;
}

/** See the head of this file. */
export function newMessageRecord(object: SpoolObject, options: RecordOptions): MessageRecord {
  const { envelope, message } = object;
  const { versionId, expiresAt } = options;
  const { fields } = readHeader(message);
  const value = (name: string): string | undefined => {
    const field = fields.find((candidate) => candidate.name === name);
    return field === undefined ? undefined : fieldValue(message, field);
  };
  const messageIdValue = value("message-id");
  const messageId = messageIdValue === undefined ? undefined : messageIdText(messageIdValue);
  const autoSubmitted = value("auto-submitted")?.slice(0, VALUE_CHARS_MAX);
  const rawSubject = options.keepSubject ? originalSubject(message) : undefined;
  const subject = rawSubject === undefined ? "" : shownSubject(rawSubject);
  const listPost = value("list-post")?.slice(0, VALUE_CHARS_MAX);
  return {
    id: envelope.id,
    tenant: envelope.tenant,
    credential: envelope.credential,
    returnPath: envelope.returnPath,
    time: envelope.time,
    size: message.length,
    ...(messageId === undefined ? {} : { messageId }),
    ...(subject === "" ? {} : { subject }),
    ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    ...(autoSubmitted === undefined ? {} : { autoSubmitted }),
    ...(listPost === undefined ? {} : { listPost }),
    ...(versionId === undefined ? {} : { versionId }),
    clientAddress: envelope.client.address,
    recipients: envelope.recipients.length,
    ...(envelope.dsnFor === undefined ? {} : { dsnFor: envelope.dsnFor }),
    ...(envelope.resendOf === undefined ? {} : { resendOf: envelope.resendOf }),
    ...(envelope.rewrite === undefined ? {} : { rewrite: envelope.rewrite }),
    ...(envelope.foreignReturnPath === undefined ? {} : { foreignReturnPath: envelope.foreignReturnPath }),
    expiresAt,
  };
}
