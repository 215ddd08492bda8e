/**
 * Hosted zones of the account: which there are, what one holds, and changes to it.
 *
 * Failure:  throws the SDK's error. Route 53 takes five requests a second of an account; the SDK waits and repeats.
 * See https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html.
 */

import {
  ChangeResourceRecordSetsCommand,
  ListHostedZonesCommand,
  type ListHostedZonesCommandOutput,
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandOutput,
  Route53Client,
  type RRType,
} from "@aws-sdk/client-route-53";
import type { HostedZone, RecordChange, RecordSet } from "../core/route53-plan.ts";

/** A client that is patient with throttling. */
export function makeRoute53(): Route53Client {
  return new Route53Client({ maxAttempts: 10 });
}

/** All public zones. One request for each hundred. */
export async function listZones(client: Route53Client): Promise<HostedZone[]> {
  const zones: HostedZone[] = [];
  let marker: string | undefined;
  do {
    const page: ListHostedZonesCommandOutput = await client.send(
      new ListHostedZonesCommand(marker === undefined ? {} : { Marker: marker }),
    );
    for (const { Id = "", Name = "", Config } of page.HostedZones ?? []) {
      if (Config?.PrivateZone !== true) zones.push({ id: Id.replace("/hostedzone/", ""), name: plainName(Name) });
    }
    marker = page.IsTruncated === true ? page.NextMarker : undefined;
  } while (marker !== undefined);
  return zones;
}

/** All record sets of a zone. One request for each three hundred. An alias shows as a value that no record has. */
export async function listRecordSets(client: Route53Client, zone: HostedZone): Promise<RecordSet[]> {
  const sets: RecordSet[] = [];
  let next: { StartRecordName?: string; StartRecordType?: RRType; StartRecordIdentifier?: string } | undefined = {};
  do {
    const page: ListResourceRecordSetsCommandOutput = await client.send(
      new ListResourceRecordSetsCommand({ HostedZoneId: zone.id, ...next }),
    );
    for (const { Name = "", Type = "", ResourceRecords, AliasTarget } of page.ResourceRecordSets ?? []) {
      const values = ResourceRecords?.map(({ Value = "" }) => Value) ?? [`alias of ${AliasTarget?.DNSName ?? ""}`];
      sets.push({ name: plainName(Name), type: Type, values });
    }
    next =
      page.IsTruncated === true
        ? {
            ...(page.NextRecordName === undefined ? {} : { StartRecordName: page.NextRecordName }),
            ...(page.NextRecordType === undefined ? {} : { StartRecordType: page.NextRecordType }),
            ...(page.NextRecordIdentifier === undefined ? {} : { StartRecordIdentifier: page.NextRecordIdentifier }),
          }
        : undefined;
  } while (next !== undefined);
  return sets;
}

/** Makes all changes of one zone, or none of them. */
export async function changeZone(
  client: Route53Client,
  zone: HostedZone,
  changes: readonly RecordChange[],
): Promise<void> {
  const Changes = changes.map(({ action, set, ttlSeconds }) => ({
    Action: action,
    ResourceRecordSet: {
      Name: `${set.name}.`,
      Type: set.type as RRType,
      TTL: ttlSeconds,
      ResourceRecords: set.values.map((Value) => ({ Value })),
    },
  }));
  const ChangeBatch = { Comment: "Records for mail through relayhost", Changes };
  await client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone.id, ChangeBatch }));
}

/** Route 53 writes `_` and the like as octal escapes (`\137`), and ends names with a dot. */
function plainName(name: string): string {
  return name
    .replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\.$/, "")
    .toLowerCase();
}
