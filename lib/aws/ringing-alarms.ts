/** Alarms of an environment that ring now: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html. */

import { CloudWatchClient, paginateDescribeAlarms } from "@aws-sdk/client-cloudwatch";
import type { RingingAlarm } from "../core/status.ts";
import { requestHandler } from "./clients.ts";

/** Those in state ALARM whose names begin so, by name. Throws the SDK's error. */
export async function ringingAlarms(namePrefix: string): Promise<RingingAlarm[]> {
  const client = new CloudWatchClient({ maxAttempts: 3, requestHandler });
  try {
    const alarms: RingingAlarm[] = [];
    const asked = { AlarmNamePrefix: namePrefix, StateValue: "ALARM" } as const;
    for await (const page of paginateDescribeAlarms({ client }, asked)) {
      for (const { AlarmName, AlarmDescription, StateUpdatedTimestamp } of page.MetricAlarms ?? []) {
        alarms.push({
          name: AlarmName ?? "",
          description: AlarmDescription ?? "",
          ...(StateUpdatedTimestamp === undefined ? {} : { sinceMs: StateUpdatedTimestamp.getTime() }),
        });
      }
    }
    return alarms.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    client.destroy();
  }
}
