/** How an address comes on a tenant's suppression list, and lists as text. */

import { describe, expect, it } from "vitest";
import { failureOutcome } from "../../lib/core/dsn-policy.ts";
import { firstQueueIdAt } from "../../lib/core/queue-id.ts";
import type { SesEvent, SesRecipientReport } from "../../lib/core/ses-event.ts";
import { suppressedFailure, suppressionBy, suppressionReason } from "../../lib/core/suppression.ts";
import { formatSuppressionCsv, parseSuppressionList } from "../../lib/core/suppression-list.ts";

const ADDRESS = "Tanaka@example.org";
const ID = firstQueueIdAt(1_790_000_000_000);
const NOW = "2026-11-24T10:00:00.000Z";
const common = { sesId: "s", id: ID, recipientIndexes: [0], tenant: "demo", at: NOW, destination: [ADDRESS] };

function bounce(kind: string, report: Partial<SesRecipientReport> = {}): SesEvent {
  const [bounceType = "", bounceSubType = ""] = kind.split("/");
  return { ...common, type: "Bounce", bounceType, bounceSubType, recipients: [{ address: ADDRESS, ...report }] };
}
const complaint = (complaintSubType?: string): SesEvent => ({
  ...common,
  type: "Complaint",
  recipients: [ADDRESS],
  ...(complaintSubType === undefined ? {} : { complaintSubType }),
});

describe("an address comes on the list", () => {
  it.each<[string, SesEvent, "bounce" | "complaint" | undefined]>([
    ["a mailbox that is not there", bounce("Permanent/NoEmail"), "bounce"],
    ["a hard bounce without a cause", bounce("Permanent/General"), "bounce"],
    ["a hard bounce, 5.1.1", bounce("Permanent/General", { status: "5.1.1" }), "bounce"],
    ["a closed mailbox", bounce("Permanent/General", { status: "5.2.1" }), "bounce"],
    ["a complaint", complaint(), "complaint"],
  ])("for %s", (_, event, reason) => {
    expect(suppressionReason(event, ADDRESS)).toBe(reason);
  });

  it.each<[string, SesEvent]>([
    ["a full mailbox", bounce("Transient/MailboxFull", { status: "5.2.2" })],
    ["a full mailbox that SES calls permanent", bounce("Permanent/General", { status: "5.2.2" })],
    [
      "a receiver that blocks the IP address",
      bounce("Permanent/General", { status: "5.7.1", diagnosticCode: "smtp; 550 5.7.1 listed by Spamhaus" }),
    ],
    ["a refusal for want of authentication", bounce("Permanent/General", { status: "5.7.26" })],
    ["a refused content", bounce("Transient/ContentRejected", { status: "5.7.1" })],
    ["something undetermined", bounce("Undetermined/Undetermined")],
    ["an automatic answer", bounce("Transient/General")],
    ["an entry of SES's own list", bounce("Permanent/OnAccountSuppressionList", { status: "5.1.1" })],
    ["SES's global list, which forgets after two weeks", bounce("Permanent/Suppressed", { status: "5.1.1" })],
    ["a complaint that stands for an entry of SES's list", complaint("OnAccountSuppressionList")],
    ["a delivery", { ...common, type: "Delivery", recipients: [ADDRESS] }],
    ["a virus", { ...common, type: "Reject", reason: "Bad content" }],
  ])("not for %s", (_, event) => {
    expect(suppressionReason(event, ADDRESS)).toBeUndefined();
  });

  it("not if it is the mailbox simulator's", () => {
    const address = "Bounce+x@simulator.amazonses.com";
    const event = {
      ...common,
      type: "Bounce",
      bounceType: "Permanent",
      bounceSubType: "General",
      recipients: [],
    } as const;
    expect(suppressionReason(event, address)).toBeUndefined();
  });
});

describe("the report about a suppressed address", () => {
  it("says since when, why and how to lift it, and has status 5.7.1", () => {
    const event = bounce("Permanent/NoEmail", { diagnosticCode: "smtp; 550 5.1.1 no such user" });
    const entry = suppressionBy(event, "bounce", { tenant: "demo", address: ADDRESS, messageId: ID });
    const outcome = failureOutcome(suppressedFailure(entry), false);
    expect(outcome).toMatchObject({ action: "failed", status: "5.7.1", reason: "suppressed" });
    expect(outcome.remoteText).toBe(
      "on the suppression list of demo since 2026-11-24 (bounce: Permanent/NoEmail smtp; 550 5.1.1 no such user); " +
        "to lift it: relayhost suppression remove --tenant demo tanaka@example.org",
    );
  });

  it("quotes an address that a shell would take for a command", () => {
    const entry = { tenant: "demo", address: "$(rm)'x@example.org", reason: "manual", since: NOW } as const;
    expect(suppressedFailure(entry).text).toContain(`--tenant demo '$(rm)'\\''x@example.org'`);
  });
});

describe("a list as text", () => {
  it("is read back as it was written, odd characters too", () => {
    const entries = [
      { tenant: "demo", address: "a@example.net", reason: "bounce", since: NOW, detail: 'smtp; 550 "no", he said' },
      { tenant: "demo", address: "+81@example.jp", reason: "manual", since: NOW, detail: "=cmd()" },
      { tenant: "demo", address: "b@example.net", reason: "complaint", since: NOW },
    ] as const;
    const csv = formatSuppressionCsv(entries);
    expect(csv).toContain('"\t=cmd()"');
    expect(parseSuppressionList(csv, "demo", NOW)).toEqual({ entries, problems: [] });
  });

  it("may be one address a line, with blank lines and comments, in any case and twice", () => {
    const { entries, problems } = parseSuppressionList(
      "# old list\nA@Example.net\r\n\r\na@example.net\nc@example.net",
      "demo",
      NOW,
    );
    expect(problems).toEqual([]);
    expect(entries).toEqual([
      { tenant: "demo", address: "a@example.net", reason: "manual", since: NOW },
      { tenant: "demo", address: "c@example.net", reason: "manual", since: NOW },
    ]);
  });

  it("may be that of SES", () => {
    const csv = "EmailAddress,Reason,LastUpdateTime\nx@example.net,BOUNCE,2026-01-02T03:04:05.000000+09:00\n";
    expect(parseSuppressionList(csv, "demo", NOW).entries).toEqual([
      { tenant: "demo", address: "x@example.net", reason: "bounce", since: "2026-01-01T18:04:05.000Z" },
    ]);
  });

  it("names each line that is wrong", () => {
    const csv = 'address,since\na@example.net,yesterday\n"b\nb",2026-01-01\nnobody,2026-01-01\n';
    expect(parseSuppressionList(csv, "demo", NOW).problems).toEqual([
      'line 2: "yesterday" is not a time such as 2026-11-24T10:00:00Z',
      'line 3: "b\\nb" is not a mail address',
      'line 5: "nobody" is not a mail address',
    ]);
  });

  it("may be empty", () => {
    expect(parseSuppressionList("", "demo", NOW)).toEqual({ entries: [], problems: [] });
  });
});
