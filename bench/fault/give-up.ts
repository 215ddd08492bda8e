/**
 * The last act of a run: a mail that SES takes at no time. Its sender must be told of the delay after four hours and of the
 * end after two days, and then it must be over. Clocks are set ahead, so it takes seconds.
 */

import { setTimeout as pause } from "node:timers/promises";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { DELAY_NOTICE_AFTER_MS } from "../../lib/core/dsn-policy.ts";
import type { DsnAction } from "../../lib/core/dsn-status.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { noteOf, type RecipientRecord } from "../../lib/core/message-record.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import { DEMO_LOGIN } from "../../test/support/relay-process.ts";
import { SmtpClient } from "../../test/support/smtp-client.ts";
import type { RelayProcesses } from "./relay-processes.ts";

/** Envelope sender of that mail: nobody else's reports go there. */
export const GIVEN_UP_SENDER = "given-up@example.com";

const HOUR_MS = 3_600_000;
/** After the hour in which it is tried again at the latest. */
const UNTIL_DELAYED_MS = DELAY_NOTICE_AFTER_MS + HOUR_MS;
/** Longer than anything that is only slow. */
const DEADLINE_MS = 90_000;
const LOOK_EVERY_MS = 300;

/**
 * Sends it to a relay at rest and lets two days go by; resolves once SES works again. Returns what did not happen, in
 * words. The reports are on their way then.
 */
export async function letOneBeGivenUp(relay: RelayProcesses): Promise<string[]> {
  const { proxy } = relay;
  proxy.onCall = ({ operation }) => (operation === "SendEmail" ? { status: 500, type: "InternalFailure" } : undefined);
  try {
    const id = await submit(relay);
    if (id === undefined) return ["the mail that nobody takes was not taken"];
    const wrong: string[] = [];
    const wait = async (what: string, is: (record: RecipientRecord) => boolean): Promise<void> => {
      if (!(await becomes(relay, id, is))) wrong.push(`${id}: ${what}`);
    };
    await wait("was not tried", ({ state }) => state === "waiting");
    relay.setClock(relay.clockAheadMs() + UNTIL_DELAYED_MS);
    await wait("no report of its delay after four hours", (record) => isWritten(record, "delayed"));
    relay.setClock(relay.clockAheadMs() + LIMITS.forward.giveUpAfterHours * HOUR_MS - DELAY_NOTICE_AFTER_MS);
    await wait("not given up after two days", ({ state }) => state === "failed");
    await wait("no report of its end", (record) => isWritten(record, "failed"));
    return wrong;
  } finally {
    proxy.onCall = () => undefined;
    // Its reports wait for their next try.
    relay.setClock(relay.clockAheadMs() + HOUR_MS);
  }
}

async function submit({ smtpPort }: RelayProcesses): Promise<ReturnType<typeof parseQueueId>> {
  const client = await SmtpClient.connect({ port: smtpPort, timeoutMs: DEADLINE_MS });
  try {
    await client.logIn(DEMO_LOGIN);
    const data = `From: ${GIVEN_UP_SENDER}\r\nSubject: nobody takes it\r\n\r\nx\r\n`;
    const reply = await client.sendMail({ from: GIVEN_UP_SENDER, to: ["nobody@recipient.test"], data });
    return parseQueueId(/queued as (\w+)/.exec(reply.lines.join(" "))?.[1] ?? "");
  } finally {
    await client.quit();
  }
}

async function becomes(
  { direct, names }: RelayProcesses,
  id: NonNullable<ReturnType<typeof parseQueueId>>,
  is: (record: RecipientRecord) => boolean,
): Promise<boolean> {
  const ledger = { client: direct.dynamodb, table: names.ledgerTable };
  for (const startMs = performance.now(); performance.now() - startMs < DEADLINE_MS; await pause(LOOK_EVERY_MS)) {
    const [record] = (await readMessage(ledger, id)).recipients;
    if (record !== undefined && is(record)) return true;
  }
  return false;
}

function isWritten(record: RecipientRecord, action: DsnAction): boolean {
  return noteOf(record, action)?.written === true;
}
