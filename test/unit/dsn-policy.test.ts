import { describe, expect, it } from "vitest";
import { composeDsn } from "../../lib/core/dsn.ts";
import {
  type DsnQuestion,
  dsnQueueId,
  dsnRecipient,
  failureOutcome,
  heldOutcome,
  owesDsn,
  ownOutcome,
} from "../../lib/core/dsn-policy.ts";
import type { Failure } from "../../lib/core/failure.ts";
import { parseQueueId, queueIdTimeMs, spoolKey } from "../../lib/core/queue-id.ts";
import type { Notify } from "../../lib/core/spool-object.ts";
import { dsnInput, queueId } from "../support/dsn-samples.ts";

const HOUR = 3_600_000;

function ask(over: Partial<DsnQuestion> = {}): string {
  const question: DsnQuestion = { returnPath: "www@a.example", action: "failed", alreadyTold: [], ...over };
  const { owed, why } = owesDsn(question);
  expect(owed).toBe(why === "owed");
  return why;
}

describe("owesDsn: the sender", () => {
  it("is told of a failure and of a delay without asking, of success only when asked", () => {
    expect(ask({ action: "failed" })).toBe("owed");
    expect(ask({ action: "delayed" })).toBe("owed");
    expect(ask({ action: "relayed" })).toBe("not-asked-for");
    expect(ask({ action: "relayed", notify: ["SUCCESS"] })).toBe("owed");
    expect(ask({ action: "none" })).toBe("nothing-to-tell");
  });

  it.each<[string, string | null, string]>([
    ["the null sender", null, "null-sender"],
    ["an empty return path", "", "null-sender"],
    ["qmail's double bounce", "#@[]", "null-sender"],
    ["MAILER-DAEMON", "MAILER-DAEMON@plesk1.hosting.example", "automatic-sender"],
    ["Postfix's double-bounce", "double-bounce@a.example", "automatic-sender"],
    ["a return path without a domain", "root", "no-usable-sender"],
    ["an address literal", "root@[192.0.2.1]", "no-usable-sender"],
    ["our own system address", "Postmaster@Relay.example.net", "own-report"],
  ])("gets none when it is %s", (_name, returnPath, why) => {
    const notify: Notify[] = ["SUCCESS", "FAILURE", "DELAY"];
    for (const action of ["failed", "delayed", "relayed"] as const) {
      expect(ask({ returnPath, action, notify, systemAddress: "postmaster@relay.example.net" })).toBe(why);
    }
  });

  it("gets none about our own reports, whatever they ask for", () => {
    expect(ask({ dsnFor: "01kqv3m4x0abcdefghjk", notify: ["FAILURE"] })).toBe("own-report");
  });

  it.each([
    ["auto-replied", "auto-replied"],
    ["Auto-Replied (vacation)", "auto-replied"],
    [' (comment) auto-replied; owner-email="x@y.example"', "auto-replied"],
    ["auto-generated", "owed"],
    ["auto-notified", "owed"],
    ["no", "owed"],
    ["", "owed"],
  ])("of mail with Auto-Submitted: %j is answered: %s", (autoSubmitted, why) => {
    expect(ask({ autoSubmitted })).toBe(why);
  });

  it("outside the tenant's domains gets none: it did not submit the mail", () => {
    expect(ask({ returnPathIsTenants: false })).toBe("foreign-sender");
    expect(ask({ returnPathIsTenants: true })).toBe("owed");
  });

  it("of the SRS kind in the tenant's domain gets one, as that server knows where it goes", () => {
    expect(ask({ returnPath: "SRS0=HHH=TT=outside.example=jane@a.example", returnPathIsTenants: true })).toBe("owed");
  });
});

describe("owesDsn: NOTIFY", () => {
  const cases: [Notify[], ("failed" | "delayed" | "relayed")[]][] = [
    [["FAILURE"], ["failed"]],
    [["DELAY"], ["delayed"]],
    [["SUCCESS"], ["relayed"]],
    [
      ["SUCCESS", "FAILURE"],
      ["failed", "relayed"],
    ],
    [
      ["SUCCESS", "FAILURE", "DELAY"],
      ["failed", "delayed", "relayed"],
    ],
  ];
  it.each(cases)("%j brings %j and nothing else", (notify, expected) => {
    const actions = ["failed", "delayed", "relayed"] as const;
    expect(actions.filter((action) => ask({ notify, action }) === "owed")).toEqual(expected);
  });

  it("NEVER brings nothing, whatever happens", () => {
    for (const action of ["failed", "delayed", "relayed"] as const)
      expect(ask({ notify: ["NEVER"], action })).toBe("notify-never");
  });
});

describe("owesDsn: once", () => {
  it("tells each event once, a bounce also after a relayed report, and nothing after a failure", () => {
    const notify: Notify[] = ["SUCCESS", "FAILURE", "DELAY"];
    const after = (told: "failed" | "delayed" | "relayed", action: "failed" | "delayed" | "relayed"): string =>
      ask({ notify, action, alreadyTold: [told] });
    expect(after("failed", "failed")).toBe("already-told");
    expect(after("failed", "delayed")).toBe("already-told");
    expect(after("failed", "relayed")).toBe("already-told");
    expect(after("delayed", "delayed")).toBe("already-told");
    expect(after("delayed", "failed")).toBe("owed");
    expect(after("delayed", "relayed")).toBe("owed");
    expect(after("relayed", "relayed")).toBe("already-told");
    expect(after("relayed", "delayed")).toBe("already-told");
    expect(after("relayed", "failed")).toBe("owed");
  });

  it("tells a delay after four hours and not before", () => {
    expect(ask({ action: "delayed", heldMs: 4 * HOUR - 1 })).toBe("too-early");
    expect(ask({ action: "delayed", heldMs: 4 * HOUR })).toBe("owed");
    expect(ask({ action: "failed", heldMs: 0 })).toBe("owed");
  });
});

describe("owesDsn: lists and loops", () => {
  it.each([
    "owner-list@a.example",
    "list-bounces@a.example",
    "list-bounces+user=example.org@a.example",
    "list-owner@a.example",
  ])("owes %s a report, because list managers handle bounces by it", (returnPath) => {
    expect(ask({ returnPath, listHeaders: { post: "<mailto:list@a.example>" } })).toBe("owed");
  });

  it.each(["<mailto:list@a.example>", "<https://a.example/post>, <MAILTO:List%40A.example?subject=x> (moderated)"])(
    "sends nothing to a list's own posting address (List-Post: %s)",
    (post) => {
      expect(ask({ returnPath: "list@a.example", listHeaders: { post } })).toBe("list-loop");
    },
  );

  it("reads a broken List-Post without failing", () => {
    for (const post of ["NO", "<mailto:%E0%A4%A>", "<mailto:", ""]) expect(ask({ listHeaders: { post } })).toBe("owed");
  });

  it("sends nothing to the very address that takes no mail, but does when only the content was refused", () => {
    const self = { recipient: "WWW@a.example" };
    expect(ask({ ...self, reason: "no-such-user" })).toBe("would-fail-likewise");
    expect(ask({ ...self, reason: "suppressed" })).toBe("would-fail-likewise");
    expect(ask({ ...self })).toBe("would-fail-likewise");
    expect(ask({ ...self, action: "delayed", reason: "held" })).toBe("would-fail-likewise");
    expect(ask({ ...self, reason: "too-large" })).toBe("owed");
    expect(ask({ ...self, reason: "virus" })).toBe("owed");
    expect(ask({ ...self, action: "relayed", notify: ["SUCCESS"] })).toBe("owed");
    expect(ask({ recipient: "other@a.example", reason: "no-such-user" })).toBe("owed");
  });

  it("owes nothing about a report that comes back through a forwarder, told by the report's own fields", () => {
    const recipient = dsnRecipient(0, { address: "user@example.org" }, ownOutcome("dropped"));
    const mail = composeDsn(dsnInput([recipient])).toString("latin1");
    const autoSubmitted = /^Auto-Submitted: (.*)\r$/m.exec(mail)?.[1];
    expect(ask({ returnPath: "forwarder@a.example", autoSubmitted, notify: ["FAILURE", "SUCCESS"] })).toBe(
      "auto-replied",
    );
  });
});

describe("dsnQueueId", () => {
  const parent = queueId("01kqv3m4x0abcdefghjk");

  it("is the same queue id for the same message, recipients and action, in any order", () => {
    const id = dsnQueueId(parent, [3, 1, 2], "failed");
    expect(parseQueueId(id)).toBe(id);
    expect(dsnQueueId(parent, [1, 2, 3, 3], "failed")).toBe(id);
    expect(spoolKey(dsnQueueId(parent, 1, "failed"))).toBe(spoolKey(dsnQueueId(parent, [1], "failed")));
  });

  it("differs by message, recipients and action, and never is the parent's", () => {
    const ids = [
      dsnQueueId(parent, [1], "failed"),
      dsnQueueId(parent, [2], "failed"),
      dsnQueueId(parent, [1, 2], "failed"),
      dsnQueueId(parent, [12], "failed"),
      dsnQueueId(parent, [1], "delayed"),
      dsnQueueId(parent, [1], "relayed"),
      dsnQueueId(queueId("01kqv3m4x0abcdefghjm"), [1], "failed"),
      parent,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("sorts at the parent's time, or at the one given", () => {
    expect(queueIdTimeMs(dsnQueueId(parent, [0], "failed"))).toBe(queueIdTimeMs(parent));
    expect(queueIdTimeMs(dsnQueueId(parent, [0], "failed", 1_795_000_000_000))).toBe(1_795_000_000_000);
  });
});

describe("outcomes without an event", () => {
  const failure = (over: Partial<Failure>): Failure => ({
    class: "permanent",
    code: "BadRequestException",
    text: "Header section too long",
    status: "5.6.0",
    ambiguous: false,
    accountWide: false,
    ...over,
  });

  it("a refusal by SES is failed with its status and its text, as our own words", () => {
    expect(failureOutcome(failure({}), false)).toMatchObject({
      action: "failed",
      final: true,
      status: "5.6.0",
      reason: "ses-refused",
      diagnosticCode: "x-relayhost; BadRequestException: Header section too long",
    });
    expect(failureOutcome(failure({ status: "5.3.4" }), false)).toMatchObject({ reason: "too-large" });
  });

  it("giving up is 4.4.7 and keeps internal texts inside", () => {
    const denied = failure({
      class: "configuration",
      code: "AccessDeniedException",
      text: "User: arn:aws:sts::123456789012:assumed-role/forward is not authorized",
      status: "4.3.0",
    });
    const outcome = failureOutcome(denied, true);
    expect(outcome).toMatchObject({ status: "4.4.7", reason: "gave-up" });
    expect(JSON.stringify(outcome)).not.toMatch(/arn:aws|123456789012/);
    expect(JSON.stringify(failureOutcome(denied, false))).not.toMatch(/arn:aws|123456789012/);
  });

  it("an unverified sender is 5.7.1 and names the address", () => {
    const text = "Email address is not verified. The following identities failed the check: www@a.example";
    for (const gaveUp of [true, false]) {
      expect(failureOutcome(failure({ code: "MessageRejected", text }), gaveUp)).toMatchObject({
        status: "5.7.1",
        reason: "not-verified",
        remoteText: text,
      });
    }
    expect(failureOutcome(failure({ code: "MailFromDomainNotVerifiedException", text: "" }), true)).toMatchObject({
      status: "5.7.1",
    });
  });

  it("mail that we hold is delayed with a 4.x.x status until our own limit", () => {
    expect(heldOutcome(failure({ status: "5.7.0" }), "2026-11-26T03:00:00.000Z")).toMatchObject({
      action: "delayed",
      status: "4.7.0",
      final: false,
      reason: "held",
      willRetryUntil: "2026-11-26T03:00:00.000Z",
    });
  });

  it.each([
    ["suppressed", "5.7.1"],
    ["virus", "5.7.0"],
    ["dropped", "5.3.0"],
    ["unreadable", "5.6.0"],
  ] as const)("our own end %s is failed with %s", (reason, status) => {
    expect(ownOutcome(reason)).toEqual({ action: "failed", status, final: true, reason });
  });
});

describe("dsnRecipient", () => {
  it("joins envelope and outcome; the original recipient only if the client gave one", () => {
    const outcome = ownOutcome("suppressed", "bounced before");
    expect(dsnRecipient(2, { address: "a@b.example" }, outcome)).toEqual({
      index: 2,
      finalRecipient: "a@b.example",
      action: "failed",
      status: "5.7.1",
      reason: "suppressed",
      diagnosticCode: "x-relayhost; bounced before",
      remoteText: "bounced before",
    });
    const orcpt = { type: "rfc822", value: "A@b.example" };
    expect(dsnRecipient(2, { address: "a@b.example", orcpt }, outcome)).toHaveProperty("originalRecipient", orcpt);
  });
});
