/**
 * UpdateTimeToLive and DescribeTimeToLive, which dynalite lacks, so that set-up is the same as on AWS.
 *
 * The setting is kept in the table's description. Nothing expires: DynamoDB itself only promises to delete "within a
 * few days", and readers have to allow for expired items anyway.
 * See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html.
 */

import { RefusedRequest } from "./aws-request.ts";
import type { DynaliteStore, StoredTable } from "./dynamodb-store.ts";

/** Switches TTL on or off. Refuses, as AWS does, what is already so. */
export async function updateTimeToLive(store: DynaliteStore, input: Record<string, unknown>): Promise<object> {
  const name = requiredText(input, "TableName");
  const given = input["TimeToLiveSpecification"];
  if (typeof given !== "object" || given === null) throw invalid("TimeToLiveSpecification must be given");
  const specification = {
    AttributeName: requiredText(given as Record<string, unknown>, "AttributeName"),
    Enabled: "Enabled" in given && given.Enabled === true,
  };
  return await new Promise((resolve, reject) => {
    store.tableDb.lock(name, (release) => {
      const done = release((error: Error | null | undefined) => {
        if (error !== null && error !== undefined) reject(error);
        else resolve({ TimeToLiveSpecification: specification });
      });
      store.getTable(name, true, (error, table) => {
        if (table === undefined) return done(error);
        if ((table.TimeToLiveSpecification?.Enabled ?? false) === specification.Enabled) {
          return done(invalid(`TimeToLive is already ${specification.Enabled ? "enabled" : "disabled"}`));
        }
        const changed: StoredTable = { ...table, TimeToLiveSpecification: specification };
        store.tableDb.put(name, changed, done);
      });
    });
  });
}

/** Tells whether TTL is on and for which attribute. */
export async function describeTimeToLive(store: DynaliteStore, input: Record<string, unknown>): Promise<object> {
  const table = await new Promise<StoredTable>((resolve, reject) => {
    store.getTable(requiredText(input, "TableName"), false, (error, found) => {
      if (found === undefined) reject(error ?? new Error("no table and no error"));
      else resolve(found);
    });
  });
  const specification = table.TimeToLiveSpecification;
  return {
    TimeToLiveDescription:
      specification?.Enabled === true
        ? { TimeToLiveStatus: "ENABLED", AttributeName: specification.AttributeName }
        : { TimeToLiveStatus: "DISABLED" },
  };
}

function requiredText(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw invalid(`${name} must be given`);
  return value;
}

function invalid(message: string): RefusedRequest {
  return new RefusedRequest(400, "ValidationException", message);
}
