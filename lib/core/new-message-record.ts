/** The ledger's first record of a message, made from its spool object. */

import { fieldValue, readHeader } from "./header-fields.ts";
import { messageIdText } from "./header-message-ids.ts";
import type { MessageRecord } from "./message-record.ts";
import type { SpoolObject } from "./spool-object.ts";

/** Of a field that is only looked at for who must not be sent a report. */
const VALUE_CHARS_MAX = 500;

/** `versionId`: of the object, in a versioned bucket. `expiresAt`: epoch seconds. */
export function newMessageRecord(object: SpoolObject, versionId: string | undefined, expiresAt: number): MessageRecord {
  const { envelope, message } = object;
  const { fields } = readHeader(message);
  const value = (name: string): string | undefined => {
    const field = fields.find((candidate) => candidate.name === name);
    return field === undefined ? undefined : fieldValue(message, field);
  };
  const messageIdValue = value("message-id");
  const messageId = messageIdValue === undefined ? undefined : messageIdText(messageIdValue);
  const autoSubmitted = value("auto-submitted")?.slice(0, VALUE_CHARS_MAX);
  const listPost = value("list-post")?.slice(0, VALUE_CHARS_MAX);
  return {
    id: envelope.id,
    tenant: envelope.tenant,
    credential: envelope.credential,
    returnPath: envelope.returnPath,
    time: envelope.time,
    size: message.length,
    ...(messageId === undefined ? {} : { messageId }),
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
