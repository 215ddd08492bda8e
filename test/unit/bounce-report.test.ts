/** From a recipient's record to why it failed, and from many of those to few groups. */

import { describe, expect, it } from "vitest";
import { bounceCsv, bounceLines } from "../../bin/commands/bounce-lines.ts";
import { textWidth } from "../../bin/commands/wrap-text.ts";
import { BounceReport, maskedText } from "../../lib/core/bounce-report.ts";
import { BounceTrend } from "../../lib/core/bounce-trend.ts";
import { type FailureFact, failureFact } from "../../lib/core/failure-fact.ts";
import {
  endedUnseen,
  firstClaim,
  type MessageRecord,
  type RecipientRecord,
  recordEvent,
  recordFailed,
  recordSent,
} from "../../lib/core/message-record.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import type { RefusalReason } from "../../lib/core/refusal-reasons.ts";
import { sesEvent } from "../support/dsn-samples.ts";

const ID = parseQueueId("01kqv3m4x0abcdefghjk");
if (ID === undefined) throw new Error("not a queue id");
const MESSAGE: MessageRecord = {
  id: ID,
  tenant: "demo",
  credential: "demo",
  returnPath: "www@a.example",
  time: "2026-11-24T03:00:05.000Z",
  size: 1000,
  clientAddress: "192.0.2.1",
  recipients: 1,
  expiresAt: 2_000_000_000,
};
const HOLDER = { claimedBy: "x", claimUntil: 0 };
const NOW = Date.parse("2026-11-24T03:00:06.000Z");

function sent(address = "user@example.org"): RecipientRecord {
  return recordSent(firstClaim(MESSAGE, 0, { address }, NOW, HOLDER), "ses-1", NOW);
}

function after(type: string, details: Record<string, unknown>, address = "user@example.org"): RecipientRecord {
  const record = recordEvent(sent(address), sesEvent(type, details));
  if (record === undefined) throw new Error("the event changed nothing");
  return record;
}

function bounced(bounceType: string, bounceSubType: string, report: object = {}, emailAddress = "user@example.org") {
  const bouncedRecipients = [{ emailAddress, ...report }];
  return failureFact(after("Bounce", { bounceType, bounceSubType, bouncedRecipients }, emailAddress));
}

describe("why a recipient did not get the mail", () => {
  it("is the reply's meaning, with receiver, list and the words as they came", () => {
    const diagnosticCode = "smtp; 554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org";
    expect(bounced("Permanent", "General", { status: "5.7.1", diagnosticCode })).toMatchObject({
      kind: "bounce",
      reason: "ip-listed",
      by: "Spamhaus ZEN",
      url: "https://check.spamhaus.org/",
      receiver: "example.org",
      status: "5.7.1",
      text: "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org",
      recipient: "user@example.org",
    });
  });

  it.each([
    ["Permanent", "NoEmail", {}, "bounce", "no-such-user"],
    ["Permanent", "NoEmail", { diagnosticCode: "smtp; 550 5.1.1 unknown" }, "bounce", "no-such-user"],
    ["Transient", "MailboxFull", { diagnosticCode: "smtp; 552 5.2.2 full" }, "temporary", "mailbox-full"],
    ["Transient", "General", { diagnosticCode: "smtp; 451 4.7.1 Greylisted" }, "temporary", "greylisted"],
    ["Permanent", "General", { diagnosticCode: "smtp; 550 computer says no" }, "bounce", "general"],
    ["Permanent", "OnAccountSuppressionList", {}, "suppressed", "account-suppressed"],
    ["Permanent", "Suppressed", {}, "suppressed", "globally-suppressed"],
    ["Brand", "New", {}, "bounce", "general"],
  ])("after %s/%s with %j is %s, %s", (type, subType, report, kind, reason) => {
    expect(bounced(type, subType, report)).toMatchObject({ kind, reason });
  });

  it("is named by the recipient's domain where the reply does not show the receiver", () => {
    expect(bounced("Permanent", "NoEmail", {}, "taro@i.softbank.jp")?.receiver).toBe("SoftBank");
    expect(bounced("Permanent", "NoEmail", {}, "taro@outlook.jp")?.receiver).toBe("Outlook.com");
    expect(bounced("Permanent", "NoEmail", {}, "taro@evil-outlook.jp")?.receiver).toBe("evil-outlook.jp");
    expect(bounced("Permanent", "NoEmail", {}, "taro@t.vodafone.ne.jp")?.receiver).toBe("SoftBank");
  });

  it("is a complaint, or that SES never sent it, or a virus", () => {
    const complainedRecipients = [{ emailAddress: "user@example.org" }];
    expect(failureFact(after("Complaint", { complainedRecipients }))).toMatchObject({
      kind: "complaint",
      reason: "complained",
    });
    const complaintSubType = "OnAccountSuppressionList";
    expect(failureFact(after("Complaint", { complainedRecipients, complaintSubType }))).toMatchObject({
      kind: "suppressed",
      reason: "account-suppressed",
    });
    expect(failureFact(after("Reject", { reason: "Bad content" }))).toMatchObject({ kind: "refused", reason: "virus" });
  });

  it.each([
    ["MessageRejected", "Email address is not verified.", "5.7.1", "refused", "not-verified"],
    ["BadRequestException", "Invalid header", "5.6.0", "refused", "ses-refused"],
    ["ThrottlingException", "Too many", "4.4.7", "gave-up", "gave-up"],
    ["dropped", "by the operator", "5.3.0", "dropped", "dropped"],
    ["suppressed", "bounced before", "5.7.1", "suppressed", "suppressed"],
  ])("is the relay's own end: %s", (code, text, status, kind, reason) => {
    const failure = { class: "permanent", code, text, status, ambiguous: false, accountWide: false } as const;
    const claimed = firstClaim(MESSAGE, 0, { address: "user@example.org" }, NOW, HOLDER);
    expect(failureFact(recordFailed(claimed, failure, NOW))).toMatchObject({ kind, reason, text: `${code}: ${text}` });
    const unseen = endedUnseen(MESSAGE, 0, { address: "user@example.org" }, failure, NOW);
    expect(failureFact(unseen)).toMatchObject({ kind, reason });
  });

  it("is nothing for mail that arrived or is under way", () => {
    expect(failureFact(sent())).toBeUndefined();
    expect(failureFact(after("Delivery", { recipients: ["user@example.org"] }))).toBeUndefined();
  });
});

function fact(over: Partial<FailureFact> = {}): FailureFact {
  return {
    id: ID as FailureFact["id"],
    recipient: "user@example.org",
    at: "2026-11-24T03:00:07.000Z",
    acceptedMs: NOW,
    kind: "bounce",
    reason: "no-such-user",
    receiver: "example.org",
    text: "550 5.1.1 unknown",
    ...over,
  };
}

describe("a report of bounces", () => {
  const report = (facts: readonly FailureFact[]) => {
    const made = new BounceReport();
    for (const one of facts) made.add(one);
    return made.groups();
  };

  it("puts the same cause at the same receiver together, the most first, with the latest as example", () => {
    const groups = report([
      fact({ at: "2026-11-24T05:00:00.000Z", recipient: "b@example.org", text: "550 no b" }),
      fact({ at: "2026-11-24T04:00:00.000Z", recipient: "a@example.org" }),
      fact({ at: "2026-11-24T03:00:00.000Z", recipient: "A@example.org" }),
      fact({ receiver: "example.net" }),
    ]);
    expect(groups).toHaveLength(2);
    expect(groups[0]).toMatchObject({
      count: 3,
      recipients: 2,
      firstAt: "2026-11-24T03:00:00.000Z",
      lastAt: "2026-11-24T05:00:00.000Z",
      example: { recipient: "b@example.org", text: "550 no b" },
    });
  });

  it("keeps texts that are in no table apart, but not for addresses, numbers and identifiers in them", () => {
    const vague = { reason: "general" } as const;
    const groups = report([
      fact({ ...vague, text: "550 5.0.0 go away, user@example.org (id 4f9XyZ1abc)" }),
      fact({ ...vague, text: "550 5.0.0 go away, other@example.org (id 7a8BcD2efg)" }),
      fact({ ...vague, text: "550 5.0.0 stay away" }),
    ]);
    expect(groups.map(({ count }) => count)).toEqual([2, 1]);
    expect(maskedText("550 5.1.1 a@b.c: no 12", "a@b.c")).toBe(maskedText("550 5.1.1 x@y.z: no 7", "x@y.z"));
    expect(maskedText("550 no", "")).not.toBe(maskedText("552 no", ""));
  });

  it("is shown with meaning, advice and the reply as it came, in lines that fit", () => {
    const listed = fact({
      reason: "ip-listed",
      by: "SpamCop",
      url: "https://www.spamcop.net/bl.shtml",
      text: `554 blocked using bl.spamcop.net ${"word ".repeat(30)}`,
    });
    for (const language of ["en", "ja"] as const) {
      const lines = bounceLines(report([listed, fact()]), 10, language, 80).flatMap((line) => line.split("\n"));
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(82);
      const text = lines.join(" ").replace(/\s+/g, " ");
      expect(text).toContain("SpamCop");
      expect(text).toContain("554 blocked using bl.spamcop.net");
      expect(text).toContain("https://www.spamcop.net/bl.shtml");
    }
    expect(bounceLines(report([listed, fact()]), 1, "en", 80).at(-1)).toBe("2 in 2 groups, the largest 1 shown");
    expect(bounceLines([], 10, "ja", 80)).toEqual([expect.stringContaining("ありません")]);
  });

  it("lets no reply start a line or steer the terminal", () => {
    const lines = bounceLines(report([fact({ text: "550 no\u001b[31m\r\n250 yes" })]), 10, "en", 80);
    for (const control of ["\u001b", "\r"]) expect(lines.join("")).not.toContain(control);
    expect(lines.some((line) => line.startsWith("250"))).toBe(false);
  });

  it("is CSV that a spreadsheet reads, and in which no reply is a formula", () => {
    const csv = bounceCsv(report([fact({ recipient: "=cmd()@example.org", text: '550 "quoted", and\nmore' })]), "en");
    const [head, row] = csv.split("\r\n");
    expect(head).toMatch(/^count,recipients,kind,reason,/);
    expect(row).toContain("'=cmd()@example.org");
    expect(csv).toContain('"550 ""quoted"", and\nmore"');
  });
});

describe("the trend of failures", () => {
  it("counts each for its day of acceptance, by receiver and reason, and leaves out other days", () => {
    const trend = new BounceTrend(["2026-11-24", "2026-11-23"]);
    const add = (time: string, receiver: string, reason: RefusalReason): void =>
      trend.add({ acceptedMs: Date.parse(time), receiver, reason });
    add("2026-11-23T23:59:59.999Z", "Gmail", "ip-listed");
    add("2026-11-24T00:00:00.000Z", "Gmail", "no-ptr");
    add("2026-11-24T10:00:00.000Z", "a.example", "no-ptr");
    add("2026-11-25T00:00:00.000Z", "a.example", "no-ptr");
    expect([trend.days, trend.all]).toEqual([
      ["2026-11-23", "2026-11-24"],
      [1, 2],
    ]);
    expect(trend.receivers()).toEqual([
      { name: "Gmail", total: 2, counts: [1, 1] },
      { name: "a.example", total: 1, counts: [0, 1] },
    ]);
    expect(trend.reasons().map(({ name, counts }) => [name, counts])).toEqual([
      ["no-ptr", [0, 2]],
      ["ip-listed", [1, 0]],
    ]);
  });
});
