/** Lambda entry of sweep: called by a schedule, looks at the whole spool and keeps the books. */

import type { Context } from "aws-lambda";
import { makeDynamoDb, makeS3, makeSqs } from "../../lib/aws/clients.ts";
import { makeSesControl } from "../../lib/aws/ses-control.ts";
import { UsageMarker } from "../../lib/aws/usage-dynamo.ts";
import { WebhookOutbox } from "../../lib/aws/webhook-outbox.ts";
import { readSweepConfig } from "../../lib/config/function-config.ts";
import { SES_CALLS_PER_SECOND } from "../../lib/config/runtime-names.ts";
import { errorText, type Log, logJson } from "../../lib/core/log.ts";
import { clearDeadLetters } from "./clear-dead-letters.ts";
import { countUsage } from "./count-usage.ts";
import { offerKeptEvents } from "./offer-kept-events.ts";
import { SWEEP_GRACE, type SweepGrace, type SweepReport, sweepSpool } from "./sweep-spool.ts";
import { type VerifyDomainsDeps, verifyDomains } from "./verify-domains.ts";

/** The part of Lambda's context that is used; local mode gives the same. */
export type SweepInvocation = Pick<Context, "getRemainingTimeInMillis">;
/** A Lambda handler for a schedule; the event does not matter. */
export type SweepHandler = (event: unknown, invocation: SweepInvocation) => Promise<SweepReport>;

/** Left of an invocation's time when it looks at no further message. */
const LAST_MESSAGE_MS = 30_000;

/** Builds the handler from an environment. `grace` is shorter where it is known that nobody works. Throws `ConfigurationError`. */
export function makeSweepHandler(
  env: NodeJS.ProcessEnv,
  log: Log = logJson,
  grace: SweepGrace = SWEEP_GRACE,
): SweepHandler {
  const config = readSweepConfig(env);
  const dynamodb = makeDynamoDb();
  const directory = { client: dynamodb, table: config.directoryTable };
  const sqs = makeSqs();
  const deps = {
    spool: { client: makeS3(), bucket: config.spoolBucket },
    ledger: { client: dynamodb, table: config.ledgerTable },
    directory,
    webhooks: new WebhookOutbox({
      directory,
      queue: config.webhookQueueUrl === undefined ? undefined : { client: sqs, url: config.webhookQueueUrl },
      now: Date.now,
    }),
    queue: { client: sqs, url: config.forwardQueueUrl },
    feedbackQueue: { client: sqs, url: config.feedbackQueueUrl },
    deadLetterQueue: { client: sqs, url: config.forwardDlqUrl },
    hostName: config.hostName,
    systemAddress: config.systemAddress,
    giveUpAfterHours: config.giveUpAfterHours,
    recordDays: config.recordDays,
    keepSubjects: config.keepSubjects,
    region: env["AWS_REGION"] ?? "us-east-1",
    ses: makeSesControl(SES_CALLS_PER_SECOND),
    now: Date.now,
    usage: new UsageMarker({ client: dynamodb, table: config.ledgerTable }),
    log,
    grace,
  };
  return async (_event, invocation) => {
    const stopAtMs = deps.now() + invocation.getRemainingTimeInMillis() - LAST_MESSAGE_MS;
    const failures: unknown[] = [];
    const report = await attempt(() => sweepSpool(deps, stopAtMs), failures);
    await attempt(() => clearDeadLetters(deps), failures);
    await attempt(() => offerKeptEvents(deps, stopAtMs), failures);
    await attempt(() => countUsage(deps, stopAtMs), failures);
    await verifyDomainsOrLog(deps);
    if (report === undefined || failures.length > 0) {
      throw new AggregateError(failures, failures.map(errorText).join("; "));
    }
    return report;
  };
}

/** What fails at every run must keep no other part from its work; the run as a whole still fails, which rings. */
async function attempt<T>(part: () => Promise<T>, failures: unknown[]): Promise<T | undefined> {
  try {
    return await part();
  } catch (error) {
    failures.push(error);
    return undefined;
  }
}

/** Last, and never the reason why a sweep fails: mail does not wait for SES's control plane. */
async function verifyDomainsOrLog(deps: VerifyDomainsDeps): Promise<void> {
  try {
    await verifyDomains(deps);
  } catch (error) {
    deps.log({ event: "verify-domains-error", error: errorText(error) });
  }
}

let cached: SweepHandler | undefined;

/** What Lambda calls. */
export const handler: SweepHandler = async (event, invocation) => {
  cached ??= makeSweepHandler(process.env);
  return await cached(event, invocation);
};
