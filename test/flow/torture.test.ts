/**
 * The torture set through the whole relay, as a process of its own: an SMTP session, the spool, forward, and what local
 * SES was given. Bodies are compared with the client's octets, headers with what the rules make of them.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareForSes } from "../../lib/core/header-rules.ts";
import type { OutboxMail } from "../support/outbox.ts";
import { splitMessage } from "../support/raw-message.ts";
import { DEMO_LOGIN, type RelayProcess, startRelay } from "../support/relay-process.ts";
import { SmtpClient } from "../support/smtp-client.ts";
import { relayedTortureMessages, type TortureMessage } from "../support/torture.ts";

const messages = relayedTortureMessages();
/** Of the relay's own tenant, so that mail whose From is another's is rewritten rather than refused. */
const OWN_DOMAINS = ["example.com", "example.jp"];

let relay: RelayProcess;
const replies = new Map<string, string>();
let sent: ReadonlyMap<string, OutboxMail>;

const addressOf = (message: TortureMessage): string => `${message.name}@example.net`;

beforeAll(async () => {
  relay = await startRelay();
  const client = await SmtpClient.connect({ port: relay.smtpPort });
  await client.logIn(DEMO_LOGIN);
  for (const message of messages) {
    const { bytes, name } = message;
    const reply = await client.sendMail({
      from: "torture@example.com",
      to: [addressOf(message)],
      mailParameters: "BODY=8BITMIME",
      data: bytes,
    });
    replies.set(name, `${reply.code} ${reply.lines.join(" ")}`);
  }
  await client.quit();
  const mails = await relay.waitForOutbox(messages.length, 120_000);
  sent = new Map(mails.map((mail) => [mail.recipients[0] ?? "", mail]));
}, 240_000);
afterAll(async () => await relay.remove());

/** Our own Received field, whole: the topmost field of what SES got. */
function receivedFieldOf(raw: Buffer): Buffer {
  const end = /\r\n(?![ \t])/.exec(raw.toString("latin1"))?.index ?? 0;
  return raw.subarray(0, end + 2);
}

describe("the torture set through the whole relay", () => {
  it("is sixty messages at least, each taken and sent once", async () => {
    expect(messages.length).toBeGreaterThanOrEqual(60);
    expect([...replies.values()].filter((reply) => !reply.startsWith("250 "))).toEqual([]);
    expect(await relay.outbox()).toHaveLength(messages.length);
    expect([...sent.keys()].toSorted()).toEqual(messages.map(addressOf).toSorted());
  });

  it.each(messages)("$name reaches SES with every octet of its body", (message) => {
    const raw = sent.get(addressOf(message))?.raw ?? Buffer.alloc(0);
    const body = message.bytes.subarray(message.bodyStart);
    const arrived = splitMessage(raw).body;
    if (message.foldedBodyLines === 0) expect(arrived.equals(body)).toBe(true);
    else expect(arrived.toString("latin1").replaceAll("\r\n ", "")).toBe(body.toString("latin1"));
  });

  it.each(messages)("$name reaches SES with the header that the rules make, behind the relay's Received", (message) => {
    const raw = sent.get(addressOf(message))?.raw ?? Buffer.alloc(0);
    const receivedField = receivedFieldOf(raw);
    expect(receivedField.toString("latin1")).toMatch(/^Received: from .* by /s);
    const wanted = prepareForSes(message.bytes, {
      receivedField,
      longBodyLines: "fold",
      isVerifiedDomain: (domain) => OWN_DOMAINS.includes(domain),
      defaultDomain: "example.com",
    });
    expect(raw.toString("latin1")).toBe(wanted.bytes.toString("latin1"));
    expect(splitMessage(raw).header.toString("latin1")).not.toMatch(/^(?:relayhost-|x-ses-|bcc:|dkim-signature:)/im);
  });
});
