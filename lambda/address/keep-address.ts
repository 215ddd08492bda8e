/**
 * Keeps the edge's name on the addresses of its tasks.
 *
 * Promise:  looks at what runs now and at what the record says now, and changes the record only where they differ; so
 *           events may come in any order, twice, or not at all. An address of a task that is on its way out is left out.
 * Failure:  throws; the record stays as it is until the next call, a minute later at most.
 */

import { type AddressRecord, readAddressRecord, writeAddressRecord } from "../../lib/aws/address-record.ts";
import { type EdgeCluster, publicAddresses, readTasks } from "../../lib/aws/edge-service.ts";
import type { Log } from "../../lib/core/log.ts";
import { servingInterfaces } from "../../lib/core/serving-tasks.ts";

/** What keeping needs. */
export interface KeepAddressDeps {
  readonly cluster: EdgeCluster;
  readonly ec2: Parameters<typeof publicAddresses>[0];
  readonly record: AddressRecord;
  readonly log: Log;
}

/** What the record holds now, and whether that is new. */
export interface KeptAddress {
  readonly addresses: readonly string[];
  readonly changed: boolean;
}

/** See the head of this file. */
export async function keepAddress({ cluster, ec2, record, log }: KeepAddressDeps): Promise<KeptAddress> {
  const addresses = await publicAddresses(ec2, servingInterfaces(await readTasks(cluster)));
  const present = await readAddressRecord(record);
  const changed = addresses.join() !== present.join();
  if (changed) {
    await writeAddressRecord(record, addresses);
    log({ event: "address-changed", from: present, to: addresses });
  }
  return { addresses, changed };
}
