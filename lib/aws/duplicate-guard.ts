/**
 * Finds out second copies of a mail: same tenant, sender, recipient and octets, accepted within a short time.
 *
 * One item for each mail and recipient, written on condition; it is gone from the ledger by its TTL.
 */

import { createHash } from "node:crypto";
import { ConditionalCheckFailedException, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LEDGER_KEYS } from "../core/names.ts";
import { parseQueueId, type QueueId } from "../core/queue-id.ts";
import type { Ledger } from "./ledger-dynamo.ts";

/** A mail to one recipient, as far as it tells copies from new mail. Times in milliseconds. */
export interface Copy {
  readonly tenant: string;
  readonly returnPath: string | null;
  readonly recipient: string;
  /** Of the client's octets, Message-ID included. */
  readonly digest: string;
  readonly id: QueueId;
  readonly index: number;
  readonly acceptedMs: number;
  readonly windowMs: number;
}

const SORT = "d";

/**
 * Returns undefined when this mail is the first of its kind (asked again about the same id: still the first), else
 * which one was. Throws the SDK's error.
 */
export async function claimUnique(ledger: Ledger, copy: Copy): Promise<{ id: QueueId; index: number } | undefined> {
  const pk = partition(copy);
  const item = {
    [LEDGER_KEYS.partition]: pk,
    [LEDGER_KEYS.sort]: SORT,
    [LEDGER_KEYS.ttl]: Math.ceil((copy.acceptedMs + copy.windowMs) / 1000) + 86_400,
    tenant: copy.tenant,
    first: copy.id,
    index: copy.index,
    acceptedMs: copy.acceptedMs,
  };
  try {
    await ledger.client.send(
      new PutItemCommand({
        TableName: ledger.table,
        Item: marshall(item),
        ConditionExpression: "attribute_not_exists(pk) OR acceptedMs < :before OR #first = :own",
        ExpressionAttributeNames: { "#first": "first" },
        ExpressionAttributeValues: {
          ":before": { N: String(copy.acceptedMs - copy.windowMs) },
          ":own": { S: copy.id },
        },
      }),
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
  const { Items } = await ledger.client.send(
    new QueryCommand({
      TableName: ledger.table,
      ConsistentRead: true,
      KeyConditionExpression: `${LEDGER_KEYS.partition} = :p`,
      ExpressionAttributeValues: { ":p": { S: pk } },
    }),
  );
  const [found] = Items ?? [];
  const stored = found === undefined ? {} : unmarshall(found);
  const id = parseQueueId(String(stored["first"]));
  return id === undefined || id === copy.id ? undefined : { id, index: Number(stored["index"]) };
}

/** Every part is length-free but separated by what none of them holds. */
function partition(copy: Copy): string {
  const parts = [copy.tenant, copy.returnPath ?? "", copy.recipient, copy.digest];
  return `d#${createHash("sha256").update(parts.join("\n")).digest("base64url")}`;
}
