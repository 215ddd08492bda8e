/** Lambda entry of address: called when a task of the edge changes, and by a schedule; keeps the host name on its address. */

import { makeEc2, makeEcs } from "../../lib/aws/edge-service.ts";
import { makeRoute53 } from "../../lib/aws/route53-zones.ts";
import { readAddressConfig } from "../../lib/config/function-config.ts";
import { type Log, logJson } from "../../lib/core/log.ts";
import { type KeptAddress, keepAddress } from "./keep-address.ts";

/** A Lambda handler for events and schedules; the event does not matter. */
export type AddressHandler = (event: unknown) => Promise<KeptAddress>;

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeAddressHandler(env: NodeJS.ProcessEnv, log: Log = logJson): AddressHandler {
  const { edgeCluster, hostedZoneId, addressName } = readAddressConfig(env);
  const deps = {
    cluster: { client: makeEcs(), cluster: edgeCluster },
    ec2: makeEc2(),
    record: { client: makeRoute53(), zoneId: hostedZoneId, name: addressName },
    log,
  };
  return async () => await keepAddress(deps);
}

let cached: AddressHandler | undefined;

/** What Lambda calls. */
export const handler: AddressHandler = async (event) => {
  cached ??= makeAddressHandler(process.env);
  return await cached(event);
};
