/**
 * The TXT record that proves to a certificate authority that a name is ours (RFC 8555 §8.4), in a Route 53 zone.
 *
 * Promise:  `publish` resolves when all of Route 53's name servers answer with the record.
 * Failure:  throws the SDK's error, or a time-out after a minute and a half.
 */

import {
  type ChangeAction,
  ChangeResourceRecordSetsCommand,
  type Route53Client,
  waitUntilResourceRecordSetsChanged,
} from "@aws-sdk/client-route-53";

/** Where it stands. */
export interface ChallengeRecord {
  readonly client: Route53Client;
  readonly zoneId: string;
  /** Without the last dot. */
  readonly name: string;
}

const TTL_SECONDS = 60;
const IN_SYNC_SECONDS_MAX = 90;

/** Puts the value there; what an interrupted run left is replaced. */
export async function publishChallenge(record: ChallengeRecord, value: string): Promise<void> {
  const { client } = record;
  const Id = await change(record, "UPSERT", value);
  // Once a second: Route 53 takes five requests a second of an account, and is done within a minute.
  const pace = { client, maxWaitTime: IN_SYNC_SECONDS_MAX, minDelay: 1, maxDelay: 5 };
  await waitUntilResourceRecordSetsChanged(pace, { Id });
}

/** Takes it away. */
export async function removeChallenge(record: ChallengeRecord, value: string): Promise<void> {
  await change(record, "DELETE", value);
}

async function change(record: ChallengeRecord, Action: ChangeAction, value: string): Promise<string> {
  const ResourceRecordSet = {
    Name: `${record.name}.`,
    Type: "TXT" as const,
    TTL: TTL_SECONDS,
    ResourceRecords: [{ Value: `"${value}"` }],
  };
  const { ChangeInfo } = await record.client.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: record.zoneId,
      ChangeBatch: { Comment: "relayhost's certificate", Changes: [{ Action, ResourceRecordSet }] },
    }),
  );
  if (ChangeInfo?.Id === undefined) throw new Error("Route 53 gave the change no id");
  return ChangeInfo.Id;
}
