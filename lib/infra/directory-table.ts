/** The directory: tenants, credentials, networks and domains, each row under one key, read by the edge. */

import { AttributeType, BillingMode, type ITable, ProjectionType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { DIRECTORY_INDEX, DIRECTORY_KEYS } from "../core/names.ts";
import { dataRemovalPolicy, freezeLogicalId, resourceName } from "./physical-names.ts";

/** What the directory depends on. */
export interface DirectoryTableProps {
  readonly environment: Environment;
}

/** The table; see the head of this file. */
export class DirectoryTable extends Construct {
  readonly table: ITable;

  constructor(scope: Construct, id: string, props: DirectoryTableProps) {
    super(scope, id);
    const { environment } = props;
    const table = new Table(this, "Table", {
      tableName: resourceName(environment.name, "directory"),
      partitionKey: { name: DIRECTORY_KEYS.partition, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: environment.deletionProtection,
      removalPolicy: dataRemovalPolicy(environment.deletionProtection),
    });
    freezeLogicalId(table, "DirectoryTable");
    // The operator's tools list a tenant's rows whole; the edge never reads this index.
    table.addGlobalSecondaryIndex({
      indexName: DIRECTORY_INDEX.byTenant,
      partitionKey: { name: DIRECTORY_KEYS.tenant, type: AttributeType.STRING },
      sortKey: { name: DIRECTORY_KEYS.partition, type: AttributeType.STRING },
      projectionType: ProjectionType.ALL,
    });
    // Holds only what waits, so that looking costs nothing as long as nothing does.
    table.addGlobalSecondaryIndex({
      indexName: DIRECTORY_INDEX.byWaiting,
      partitionKey: { name: DIRECTORY_KEYS.waiting, type: AttributeType.STRING },
      sortKey: { name: DIRECTORY_KEYS.partition, type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.table = table as ITable;
  }
}
