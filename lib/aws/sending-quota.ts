/** What the SES account may send: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html. */

import { GetAccountCommand, type SESv2Client } from "@aws-sdk/client-sesv2";

export interface SendingQuota {
  /** Recipients per second. */
  readonly ratePerSecond: number;
  /** Recipients in 24 hours; -1: no limit. */
  readonly per24Hours: number;
  readonly sentLast24Hours: number;
  readonly sendingEnabled: boolean;
  /** `HEALTHY`, `PROBATION` or `SHUTDOWN`. */
  readonly enforcement: string;
  /** False: sandbox, only verified recipients. */
  readonly production: boolean;
}

/** Throws the SDK's error. The control plane takes one request a second for the whole account, so cache the answer. */
export async function readSendingQuota(client: SESv2Client): Promise<SendingQuota> {
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
