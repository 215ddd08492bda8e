/**
 * The header under which a message went to SES: as local mode's outbox keeps it, else computed from the kept source by the
 * function that forward calls.
 */

import { prepareMessage } from "../../lib/aws/prepare-message.ts";
import type { SentHeader } from "../../lib/console/message-page.ts";
import { readHeader } from "../../lib/core/header-fields.ts";
import { sesMessageId } from "../../lib/core/header-message-ids.ts";
import type { RecipientRecord } from "../../lib/core/message-record.ts";
import type { SpoolObject } from "../../lib/core/spool-object.ts";
import type { ConsoleContext } from "./console-context.ts";
import { readOutboxHeader } from "./outbox.ts";

const HEADER_CHARS_SHOWN = 64 * 1024;
/** Recipients of one message that are looked up in the outbox. */
const OUTBOX_LOOKUPS_MAX = 50;
const MESSAGE_IDS_SHOWN = 5;

/** Headers in the outbox, by SES id; empty for a deployed environment. */
export async function outboxHeaders(
  dataDir: string | undefined,
  recipients: readonly RecipientRecord[],
): Promise<Map<string, string>> {
  const headers = new Map<string, string>();
  if (dataDir === undefined) return headers;
  const sesIds = recipients.map(({ sesId }) => sesId).filter((sesId) => sesId !== undefined);
  for (const sesId of new Set(sesIds.slice(0, OUTBOX_LOOKUPS_MAX))) {
    const bytes = await readOutboxHeader(dataDir, sesId);
    if (bytes !== undefined) headers.set(sesId, headerText(bytes));
  }
  return headers;
}

/**
 * What forward would make of the header now. Undefined for an environment that does not say what its relay's own address
 * is. Throws what DynamoDB throws.
 */
export async function computedHeader(
  { connection }: ConsoleContext,
  kept: SpoolObject,
  recipients: readonly RecipientRecord[],
): Promise<SentHeader | undefined> {
  const { ledger, directory, names } = connection;
  if (names.systemAddress === undefined) return undefined;
  const deps = {
    ledger,
    directory,
    region: names.region,
    threadReplies: names.threadReplies,
    systemAddress: names.systemAddress,
    log: () => undefined,
  };
  // Only the beginning was read, and where that ends in the body says nothing of the body.
  const { bodyStart } = readHeader(kept.message);
  const prepared = await prepareMessage(deps, { ...kept, message: kept.message.subarray(0, bodyStart) });
  const sesIds = [...new Set(recipients.map(({ sesId }) => sesId).filter((sesId) => sesId !== undefined))];
  return {
    text: headerText(prepared.bytes),
    edits: prepared.edits.filter(({ kinds }) => kinds.length > 0),
    refusal: prepared.refusal?.text,
    messageIds: sesIds.slice(0, MESSAGE_IDS_SHOWN).map((sesId) => `<${sesMessageId(sesId, names.region)}>`),
  };
}

/** The header as text, without the line that ends it, at most 64 KiB of it. */
export function headerText(bytes: Buffer): string {
  const end = bytes.indexOf("\r\n\r\n");
  return bytes.subarray(0, Math.min(end === -1 ? bytes.length : end, HEADER_CHARS_SHOWN)).toString("utf8");
}
