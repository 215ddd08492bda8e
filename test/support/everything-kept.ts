/** All that an environment keeps, item by item, for tests of what must be there and what must not. */

import { type AttributeValue, type DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, type S3Client } from "@aws-sdk/client-s3";
import { ListTenantsCommand, paginateListEmailIdentities, type SESv2Client } from "@aws-sdk/client-sesv2";
import { unmarshall } from "@aws-sdk/util-dynamodb";

/** The items of a table. */
export async function itemsOf(client: DynamoDBClient, TableName: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, AttributeValue>[] = [];
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
    items.push(...(page.Items ?? []));
  }
  return items.map((item) => unmarshall(item));
}

/** Key and version of everything in a bucket; a marker has "marker" before it. */
export async function versionsOf(client: S3Client, Bucket: string): Promise<string[]> {
  const found: string[] = [];
  let more: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (more !== undefined) {
    const page: ListObjectVersionsCommandOutput = await client.send(
      new ListObjectVersionsCommand({ Bucket, ...more, MaxKeys: 7 }),
    );
    for (const { Key, VersionId } of page.Versions ?? []) found.push(`${Key} ${VersionId}`);
    for (const { Key, VersionId } of page.DeleteMarkers ?? []) found.push(`marker ${Key} ${VersionId}`);
    more =
      page.IsTruncated === true
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
  }
  return found;
}

/** Names of the identities and tenants of SES. */
export async function sesNames(client: SESv2Client): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateListEmailIdentities({ client }, {})) {
    for (const { IdentityName = "" } of page.EmailIdentities ?? []) names.push(`identity ${IdentityName}`);
  }
  const { Tenants = [] } = await client.send(new ListTenantsCommand({}));
  return [...names, ...Tenants.map(({ TenantName }) => `tenant ${TenantName}`)];
}
