/**
 * The two tables on an endpoint where no CloudFormation makes them: with their indexes, active, in any order of versions.
 *
 * Failure:  throws the SDK's error, or one that says which table did not become active.
 */

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { DIRECTORY_INDEX, DIRECTORY_KEYS, LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";

const TABLE_POLL_MS = 20;
const TABLE_DEADLINE_MS = 30_000;

/** The ledger, as lib/infra makes it. */
export function ledgerTable(name: string): CreateTableCommandInput {
  const { partition, sort, sesId, recipient, tenantDay, messageId, id } = LEDGER_KEYS;
  return {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: texts(partition, sort, sesId, recipient, tenantDay, messageId, id),
    KeySchema: keys(partition, sort),
    GlobalSecondaryIndexes: [
      { IndexName: LEDGER_INDEX.bySesId, KeySchema: keys(sesId), Projection: { ProjectionType: "KEYS_ONLY" } },
      {
        IndexName: LEDGER_INDEX.byRecipient,
        KeySchema: keys(recipient, id),
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
      {
        IndexName: LEDGER_INDEX.byTenantDay,
        KeySchema: keys(tenantDay, id),
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
      {
        IndexName: LEDGER_INDEX.byMessageId,
        KeySchema: keys(messageId, id),
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  };
}

/** The directory, as lib/infra makes it. */
export function directoryTable(name: string): CreateTableCommandInput {
  const { partition, tenant, waiting } = DIRECTORY_KEYS;
  return {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: texts(partition, tenant, waiting),
    KeySchema: keys(partition),
    GlobalSecondaryIndexes: [
      {
        IndexName: DIRECTORY_INDEX.byTenant,
        KeySchema: keys(tenant, partition),
        Projection: { ProjectionType: "ALL" },
      },
      {
        IndexName: DIRECTORY_INDEX.byWaiting,
        KeySchema: keys(waiting, partition),
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  };
}

function texts(...attributes: readonly string[]): CreateTableCommandInput["AttributeDefinitions"] {
  return attributes.map((AttributeName) => ({ AttributeName, AttributeType: "S" }));
}

function keys(hash: string, range?: string): { AttributeName: string; KeyType: "HASH" | "RANGE" }[] {
  const schema: { AttributeName: string; KeyType: "HASH" | "RANGE" }[] = [{ AttributeName: hash, KeyType: "HASH" }];
  if (range !== undefined) schema.push({ AttributeName: range, KeyType: "RANGE" });
  return schema;
}

/** Creates a table, or gives one that is there the indexes that it lacks; resolves when all of it is active. */
export async function provisionTable(client: DynamoDBClient, input: CreateTableCommandInput): Promise<void> {
  try {
    await client.send(new CreateTableCommand(input));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error; // it exists
  }
  // One index at a time, as CloudFormation does it too.
  for (;;) {
    const present = await activeIndexes(client, input.TableName);
    const missing = input.GlobalSecondaryIndexes?.find(({ IndexName = "" }) => !present.includes(IndexName));
    if (missing === undefined) return;
    await client.send(
      new UpdateTableCommand({
        TableName: input.TableName,
        AttributeDefinitions: input.AttributeDefinitions,
        GlobalSecondaryIndexUpdates: [{ Create: missing }],
      }),
    );
  }
}

/** The indexes of a table, once it and all of them are active. */
async function activeIndexes(client: DynamoDBClient, name: string | undefined): Promise<string[]> {
  // The SDK's waiter waits at least a second between looks.
  for (const started = Date.now(); ; ) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    const indexes = Table?.GlobalSecondaryIndexes ?? [];
    const active = indexes.every(({ IndexStatus }) => IndexStatus === undefined || IndexStatus === "ACTIVE");
    if (Table?.TableStatus === "ACTIVE" && active) return indexes.map(({ IndexName = "" }) => IndexName);
    if (Date.now() - started > TABLE_DEADLINE_MS) throw new Error(`table ${name} is still not active`);
    await new Promise((resolve) => setTimeout(resolve, TABLE_POLL_MS));
  }
}

/** Has items of a table expire. */
export async function provisionTimeToLive(client: DynamoDBClient, table: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: table }));
  if (TimeToLiveDescription?.TimeToLiveStatus === "ENABLED") return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: table,
      TimeToLiveSpecification: { AttributeName: LEDGER_KEYS.ttl, Enabled: true },
    }),
  );
}
