/** Items of one table by their keys, a hundred in a call, in no particular order; those that do not exist are left out. */

import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { forEachInFlight } from "../core/in-flight.ts";

/** Key or item, with DynamoDB's type marks. */
export type Item = Record<string, AttributeValue>;

/** DynamoDB takes at most this many keys in one BatchGetItem. */
export const BATCH_KEYS_MAX = 100;
const ROUNDS_MAX = 8;
const CALLS_IN_FLIGHT = 6;

/** Reads them, not consistently. Throws what DynamoDB throws, or when it keeps items back again and again. */
export async function batchRead(
  client: DynamoDBClient,
  table: string,
  keys: readonly Item[],
  take: (item: Item) => void,
): Promise<void> {
  const parts: Item[][] = [];
  for (let start = 0; start < keys.length; start += BATCH_KEYS_MAX) {
    parts.push(keys.slice(start, start + BATCH_KEYS_MAX));
  }
  await forEachInFlight(parts, CALLS_IN_FLIGHT, async (part) => {
    let wanted = part;
    for (let round = 0; wanted.length > 0; round++) {
      if (round === ROUNDS_MAX) throw new Error("DynamoDB keeps back part of a batch");
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetItemCommand({ RequestItems: { [table]: { Keys: wanted } } }),
      );
      for (const item of Responses?.[table] ?? []) take(item);
      wanted = UnprocessedKeys?.[table]?.Keys ?? [];
    }
  });
}
