/** What the SES account may send: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html. */

import { GetAccountCommand, type SESv2Client } from "@aws-sdk/client-sesv2";
import type { AccountFacts } from "../core/status.ts";

/** Throws the SDK's error. The control plane takes one request a second for the whole account, so cache the answer. */
export async function readSendingQuota(client: SESv2Client): Promise<AccountFacts> {
  const account = await client.send(new GetAccountCommand({}));
  return {
    ratePerSecond: account.SendQuota?.MaxSendRate ?? 1,
    per24Hours: account.SendQuota?.Max24HourSend ?? 200,
    sentLast24Hours: account.SendQuota?.SentLast24Hours ?? 0,
    sendingEnabled: account.SendingEnabled ?? true,
    enforcement: account.EnforcementStatus ?? "HEALTHY",
    production: account.ProductionAccessEnabled ?? false,
  };
}
