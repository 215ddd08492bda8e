/** The mail about a pause or a warning, in the contact's language. */

import { describe, expect, it } from "vitest";
import { breakerNotice } from "../../lib/core/breaker-notice.ts";
import { headerText } from "../../lib/core/dsn-subject.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject } from "../../lib/core/spool-object.ts";

const cause = makeQueueId(1_000, new Uint8Array(11));
const CASE = {
  tenant: "acme",
  reason: "5.0 % of 200 mails bounced",
  to: "post@acme.example",
  from: "mailer-daemon@relay.example",
  hostName: "relay.example",
  credential: "relayhost",
  cause,
  nowMs: Date.UTC(2026, 10, 24),
} as const;

function read(notice: Parameters<typeof breakerNotice>[0]): { subject: string; text: string } {
  const { envelope, message } = decodeSpoolObject(breakerNotice(notice).bytes);
  expect(envelope).toMatchObject({ returnPath: null, dsnFor: cause, body: "8BITMIME" });
  const text = message.toString("utf8");
  const raw = /^Subject: (.*(?:\r\n .*)*)/m.exec(text)?.[1] ?? "";
  return { subject: headerText(Buffer.from(raw)), text };
}

describe("the notice of the breaker", () => {
  it.each([
    ["en", "pause", "[relayhost] Tenant acme has been paused", "What to do:"],
    ["en", "warn", "[relayhost] Tenant acme comes near its limit", "still sending"],
    ["ja", "pause", "[relayhost] お客様 acme の送信を一時停止しました", "対処:"],
    ["ja", "warn", "[relayhost] お客様 acme のエラー率が上限に近づいています", "送信は続いています"],
  ] as const)("says in %s of a %s what has happened and what to do", (language, kind, subject, words) => {
    const notice = read({ ...CASE, language, kind });
    expect(notice.subject).toBe(subject);
    for (const part of [words, CASE.reason, `relayhost trace ${cause}`]) expect(notice.text).toContain(part);
    expect(notice.text.includes("relayhost tenant resume acme")).toBe(kind === "pause");
  });

  it.each(["en", "ja"] as const)("names the sender alone where only that is paused: %s", (language) => {
    const { subject, text } = read({ ...CASE, language, kind: "pause", sender: "list@acme.example" });
    expect(subject).toContain("list@acme.example");
    expect(text).toContain("relayhost tenant resume acme --sender list@acme.example");
  });
});
