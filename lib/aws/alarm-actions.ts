/** Whether an alarm tells anybody: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DisableAlarmActions.html. */

import { CloudWatchClient, DisableAlarmActionsCommand, EnableAlarmActionsCommand } from "@aws-sdk/client-cloudwatch";
import { requestHandler } from "./clients.ts";

/** Lets it ring, or not. It goes on being evaluated. Throws the SDK's error. */
export async function setAlarmActions(alarmName: string, rings: boolean): Promise<void> {
  const client = new CloudWatchClient({ maxAttempts: 3, requestHandler });
  try {
    const AlarmNames = [alarmName];
    await (rings
      ? client.send(new EnableAlarmActionsCommand({ AlarmNames }))
      : client.send(new DisableAlarmActionsCommand({ AlarmNames })));
  } finally {
    client.destroy();
  }
}
