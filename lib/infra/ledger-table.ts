/**
 * The ledger: what became of each message and each recipient.
 *
 * Keys and indexes are those of `lib/core/names.ts`; indexes hold keys only, because a reader fetches the records
 * from the table, where they are current.
 */

import { AttributeType, BillingMode, type ITable, ProjectionType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../core/names.ts";
import { dataRemovalPolicy, freezeLogicalId, resourceName } from "./physical-names.ts";

/** What the ledger depends on. */
export interface LedgerTableProps {
  readonly environment: Environment;
}

/** The table; see the head of this file. */
export class LedgerTable extends Construct {
  readonly table: ITable;

  constructor(scope: Construct, id: string, props: LedgerTableProps) {
    super(scope, id);
    const { environment } = props;
    const table = new Table(this, "Table", {
      tableName: resourceName(environment.name, "ledger"),
      partitionKey: { name: LEDGER_KEYS.partition, type: AttributeType.STRING },
      sortKey: { name: LEDGER_KEYS.sort, type: AttributeType.STRING },
      timeToLiveAttribute: LEDGER_KEYS.ttl,
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: environment.deletionProtection,
      removalPolicy: dataRemovalPolicy(environment.deletionProtection),
    });
    freezeLogicalId(table, "LedgerTable");
    addIndex(table, LEDGER_INDEX.bySesId, LEDGER_KEYS.sesId);
    addIndex(table, LEDGER_INDEX.byRecipient, LEDGER_KEYS.recipient, LEDGER_KEYS.id);
    addIndex(table, LEDGER_INDEX.byTenantDay, LEDGER_KEYS.tenantDay, LEDGER_KEYS.id);
    addIndex(table, LEDGER_INDEX.byMessageId, LEDGER_KEYS.messageId, LEDGER_KEYS.id);
    this.table = table as ITable;
  }
}

function addIndex(table: Table, indexName: string, hash: string, range?: string): void {
  table.addGlobalSecondaryIndex({
    indexName,
    partitionKey: { name: hash, type: AttributeType.STRING },
    ...(range === undefined ? {} : { sortKey: { name: range, type: AttributeType.STRING } }),
    projectionType: ProjectionType.KEYS_ONLY,
  });
}
