/**
 * The directory's rows of one tenant, found by reading the whole table with what was written a moment ago, and read no
 * further than their keys tell: a row that this version cannot read is the tenant's all the same.
 *
 * Failure:  throws what DynamoDB throws.
 */

import { paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { DirectoryRow, SenderDomain } from "../core/directory.ts";
import { parseDirectoryRow } from "../core/directory-row.ts";
import type { ErasureKind } from "../core/erasure.ts";
import { DIRECTORY_KEYS } from "../core/names.ts";
import type { Directory } from "./directory-dynamo.ts";

/** A row. */
export interface TenantRow {
  readonly key: string;
  readonly kind: ErasureKind;
  /** If it is one that sends. */
  readonly domain?: SenderDomain;
}

const KINDS: Readonly<Record<DirectoryRow["kind"], ErasureKind>> = {
  tenant: "tenant",
  credential: "credentials",
  network: "networks",
  domain: "domains",
  "sender-pause": "senderPauses",
  watch: "watches",
};

/** All rows of the tenant, its own last. */
export async function findTenantRows(directory: Directory, tenant: string): Promise<TenantRow[]> {
  const rows: TenantRow[] = [];
  const pages = paginateScan(
    { client: directory.client },
    {
      TableName: directory.table,
      ConsistentRead: true,
      FilterExpression: "#t = :t",
      ExpressionAttributeNames: { "#t": DIRECTORY_KEYS.tenant },
      ExpressionAttributeValues: { ":t": { S: tenant } },
    },
  );
  for await (const page of pages) {
    for (const item of page.Items ?? []) {
      const key = item[DIRECTORY_KEYS.partition]?.S ?? "";
      const kind = (KINDS as Readonly<Record<string, ErasureKind>>)[key.slice(0, key.indexOf("#"))] ?? "tenant";
      const row = parseDirectoryRow(unmarshall(item));
      rows.push({ key, kind, ...(row?.kind === "domain" ? { domain: row } : {}) });
    }
  }
  return rows.toSorted((a, b) => Number(a.kind === "tenant") - Number(b.kind === "tenant"));
}
