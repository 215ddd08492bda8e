/**
 * The record that holds the addresses of the edge's tasks: the weighted one of its name, beside one of weight zero that
 * the stack owns and that answers when this one is not there.
 *
 * Failure: throws the SDK's error; Route 53 makes a change as a whole or not at all.
 */

import {
  type ChangeAction,
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  type Route53Client,
} from "@aws-sdk/client-route-53";
import { ADDRESS_RECORD } from "../core/names.ts";

/** Where it stands. */
export interface AddressRecord {
  readonly client: Route53Client;
  readonly zoneId: string;
  /** Without the last dot. */
  readonly name: string;
}

/** The addresses that it holds now, sorted; none when it is not there. */
export async function readAddressRecord(record: AddressRecord): Promise<string[]> {
  const found = await find(record);
  return (found?.ResourceRecords ?? []).map(({ Value = "" }) => Value).sort();
}

/** Has it hold these addresses, or takes it away when there are none. */
export async function writeAddressRecord(record: AddressRecord, addresses: readonly string[]): Promise<void> {
  if (addresses.length > 0) {
    await change(record, "UPSERT", {
      Name: `${record.name}.`,
      Type: "A",
      SetIdentifier: ADDRESS_RECORD.ofTasks,
      Weight: 1,
      TTL: ADDRESS_RECORD.ttlSeconds,
      ResourceRecords: addresses.map((Value) => ({ Value })),
    });
    return;
  }
  const present = await find(record);
  if (present !== undefined) await change(record, "DELETE", present);
}

async function find({ client, zoneId, name }: AddressRecord): Promise<ResourceRecordSet | undefined> {
  const { ResourceRecordSets = [] } = await client.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      StartRecordName: `${name}.`,
      StartRecordType: "A",
      MaxItems: 10,
    }),
  );
  return ResourceRecordSets.find(
    ({ Name, Type, SetIdentifier }) => Name === `${name}.` && Type === "A" && SetIdentifier === ADDRESS_RECORD.ofTasks,
  );
}

async function change(record: AddressRecord, Action: ChangeAction, set: ResourceRecordSet): Promise<void> {
  await record.client.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: record.zoneId,
      ChangeBatch: { Comment: "relayhost's edge", Changes: [{ Action, ResourceRecordSet: set }] },
    }),
  );
}
