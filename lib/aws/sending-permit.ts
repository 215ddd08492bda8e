/**
 * Whether a message may be sent now, asked once for all its recipients: pauses of the tenant and of its envelope sender
 * from the directory, suppressed recipients from the ledger, in one BatchGetItem over both tables.
 *
 * Reads are eventually consistent: half a unit for each key. Throws what DynamoDB throws.
 */

import { type AttributeValue, BatchGetItemCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { addressKey } from "../core/address.ts";
import { type Pause, senderPauseKey, tenantKey } from "../core/directory.ts";
import { parseDirectoryRow } from "../core/directory-row.ts";
import { DIRECTORY_KEYS } from "../core/names.ts";
import type { Suppression } from "../core/suppression.ts";
import type { Directory } from "./directory-dynamo.ts";
import type { Ledger } from "./ledger-dynamo.ts";
import { parseSuppression, suppressionKey } from "./suppression-dynamo.ts";

/** What stands against sending. */
export interface SendingPermit {
  /** The tenant or the sender may not send just now. */
  readonly pause: Pause | undefined;
  /** Recipients to whom nothing is to be sent, by address in lower case. */
  readonly suppressed: ReadonlyMap<string, Suppression>;
}

/** DynamoDB takes at most this many keys in one BatchGetItem. */
const KEYS_MAX = 100;
const ROUNDS_MAX = 8;

/** Asks for one message; `returnPath` null: the null sender, which is never paused by itself. */
export async function readSendingPermit(
  tables: { readonly ledger: Ledger; readonly directory: Directory },
  mail: { readonly tenant: string; readonly returnPath: string | null; readonly recipients: readonly string[] },
): Promise<SendingPermit> {
  const { ledger, directory } = tables;
  const { tenant, returnPath } = mail;
  const rowKeys = [tenantKey(tenant), ...(returnPath === null ? [] : [senderPauseKey(tenant, returnPath)])];
  const wanted: TableKey[] = [
    ...rowKeys.map((key) => ({ table: directory.table, key: { [DIRECTORY_KEYS.partition]: { S: key } } })),
    ...[...new Set(mail.recipients.map(addressKey))].map((address) => ({
      table: ledger.table,
      key: suppressionKey(tenant, address),
    })),
  ];
  let pause: Pause | undefined;
  const suppressed = new Map<string, Suppression>();
  for (let start = 0; start < wanted.length; start += KEYS_MAX) {
    const found = await batchGet(ledger, wanted.slice(start, start + KEYS_MAX));
    for (const item of found.get(directory.table) ?? []) pause ??= pauseIn(item);
    for (const item of found.get(ledger.table) ?? []) {
      const entry = parseSuppression(item);
      suppressed.set(entry.address, entry);
    }
  }
  return { pause, suppressed };
}

interface TableKey {
  readonly table: string;
  readonly key: Record<string, AttributeValue>;
}

function pauseIn(item: Record<string, AttributeValue>): Pause | undefined {
  const row = parseDirectoryRow(unmarshall(item));
  if (row?.kind === "sender-pause") return row.pause;
  if (row?.kind !== "tenant" || row.status === "active") return undefined;
  return row.pause ?? { by: "operator", reason: "paused by the operator", atMs: 0 };
}

async function batchGet(
  ledger: Ledger,
  wanted: readonly TableKey[],
): Promise<Map<string, Record<string, AttributeValue>[]>> {
  const found = new Map<string, Record<string, AttributeValue>[]>();
  let asked: Record<string, { Keys: Record<string, AttributeValue>[] | undefined }> = {};
  for (const { table, key } of wanted) asked[table] = { Keys: [...(asked[table]?.Keys ?? []), key] };
  for (let round = 0; Object.keys(asked).length > 0; round++) {
    if (round === ROUNDS_MAX) throw new Error("DynamoDB keeps back part of a batch");
    const { Responses, UnprocessedKeys } = await ledger.client.send(new BatchGetItemCommand({ RequestItems: asked }));
    for (const [table, items] of Object.entries(Responses ?? {})) {
      found.set(table, [...(found.get(table) ?? []), ...items]);
    }
    asked = Object.fromEntries(Object.entries(UnprocessedKeys ?? {}).map(([table, { Keys }]) => [table, { Keys }]));
  }
  return found;
}
