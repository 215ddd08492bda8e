/** SNS publishing: how local SES lets its events out, as SES itself does. */

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { requestHandler } from "./clients.ts";

/** Makes a function that publishes to any topic; it rejects with the SDK's error. */
export function makePublisher(): (topicArn: string, message: string) => Promise<void> {
  const client = new SNSClient({ maxAttempts: 3, requestHandler });
  return async (topicArn, message) => {
    await client.send(new PublishCommand({ TopicArn: topicArn, Message: message }));
  };
}
