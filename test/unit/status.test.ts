import { describe, expect, it } from "vitest";
import { judgeStatus, type StatusFacts } from "../../lib/core/status.ts";
import { STATUS_WORDS_JA } from "../../lib/core/status-words-ja.ts";
import { NO_USAGE } from "../../lib/core/usage.ts";

const NOW = Date.UTC(2026, 10, 24);
const DAY_MS = 86_400_000;

const WELL: StatusFacts = {
  nowMs: NOW,
  environment: "prod",
  account: {
    value: {
      ratePerSecond: 14,
      per24Hours: 50_000,
      sentLast24Hours: 100,
      sendingEnabled: true,
      enforcement: "HEALTHY",
      production: true,
    },
  },
  queue: { value: { messages: 0, isMore: false, held: 0 } },
  deadLetters: { value: { forward: 0, feedback: 0, webhook: 0 } },
  lastHour: { value: NO_USAGE },
  pauses: { value: [] },
  usedUp: { value: [] },
  domains: { value: { verified: 3, pending: [], lost: [] } },
  certificate: { value: { state: "shown", endsAtMs: NOW + 60 * DAY_MS } },
  alarms: { value: [] },
};

function account(changes: object): Partial<StatusFacts> {
  if ("error" in WELL.account) throw new Error("not here");
  return { account: { value: { ...WELL.account.value, ...changes } } };
}

describe("the status", () => {
  it("is good when everything is", () => {
    const { level, lines } = judgeStatus(WELL);
    expect(level).toBe("good");
    expect(new Set(lines.map((line) => line.level))).toEqual(new Set(["good"]));
  });

  it.each<[string, Partial<StatusFacts>, string, RegExp]>([
    ["a sandbox", account({ production: false }), "look", /^sandbox/],
    ["a review", account({ enforcement: "PROBATION" }), "act", /under review/],
    ["a shut down", account({ enforcement: "SHUTDOWN" }), "act", /shut the account down/],
    ["four fifths of the quota", account({ sentLast24Hours: 40_000 }), "look", /nearly used: 40,000 of 50,000/],
    ["the whole quota", account({ sentLast24Hours: 50_000 }), "act", /used up/],
    ["no quota at all", account({ per24Hours: -1, sentLast24Hours: 1e6 }), "good", /no limit/],
    [
      "mail that waits for two hours",
      { queue: { value: { messages: 3, isMore: false, held: 1, oldestSeconds: 7200, reason: "421 busy" } } },
      "look",
      /^3 messages, 1 held; the oldest waits for 2 hours \(421 busy\)$/,
    ],
    [
      "mail that waits for a day",
      { queue: { value: { messages: 10_000, isMore: true, held: 0, oldestSeconds: 90_000 } } },
      "act",
      /^over 10,000 messages; the oldest waits for 25 hours$/,
    ],
    ["only held mail", { queue: { value: { messages: 2, isMore: false, held: 2 } } }, "note", /all held/],
    ["events set aside", { deadLetters: { value: { forward: 0, feedback: 2 } } }, "act", /^2 events of SES/],
    ["webhooks set aside", { deadLetters: { value: { forward: 0, feedback: 0, webhook: 1 } } }, "look", /^1 webhook/],
    [
      "much that came back",
      { lastHour: { value: { ...NO_USAGE, messages: 200, recipients: 200, delivered: 180, bounced: 20 } } },
      "look",
      /^much came back/,
    ],
    [
      "few that came back",
      { lastHour: { value: { ...NO_USAGE, messages: 20, recipients: 20, delivered: 15, bounced: 5 } } },
      "good",
      /^20 messages to 20 recipients, 15 delivered, 5 bounced$/,
    ],
    ["a month that is used up", { usedUp: { value: ["acme"] } }, "look", /^acme has used up its month/],
    [
      "reports that SES would refuse",
      { domains: { value: { verified: 1, pending: [], lost: [], systemLost: "relay.example.net" } } },
      "act",
      /sends nothing for relay\.example\.net/,
    ],
    [
      "many pending domains",
      { domains: { value: { verified: 0, pending: ["a", "b", "c", "d", "e", "f", "g"], lost: [] } } },
      "look",
      /^7 domains not verified yet: a, b, c, d, e and 2 more$/,
    ],
    [
      "an ended certificate",
      { certificate: { value: { state: "shown", endsAtMs: NOW - 1 } } },
      "act",
      /^ended on 2026-11-23$/,
    ],
    [
      "a certificate that nobody trusts",
      { certificate: { value: { state: "shown", endsAtMs: NOW + 60 * DAY_MS, trust: "DEPTH_ZERO_SELF_SIGNED_CERT" } } },
      "look",
      /refuse it: DEPTH_ZERO/,
    ],
    ["something that is no relay", { certificate: { value: { state: "no-starttls" } } }, "act", /without STARTTLS/],
    ["an answer that did not come", { domains: { error: "TimeoutError: x" } }, "unknown", /^could not be asked/],
  ])("with %s", (_, changes, level, text) => {
    const status = judgeStatus({ ...WELL, ...changes });
    expect(status.level).toBe(level);
    expect(status.lines.find((line) => text.test(line.text))?.level).toBe(level);
    // The same judgement in Japanese; only the name of an alarm is no sentence.
    const japanese = judgeStatus({ ...WELL, ...changes }, STATUS_WORDS_JA);
    const judged = (all: typeof status) => all.lines.map((line) => [line.level, line.part]);
    expect(judged(japanese)).toEqual(judged(status));
    for (const line of japanese.lines) {
      if (line.part !== "alarms") expect(line.text).toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
      expect(status.lines.map((one) => one.text)).not.toContain(line.part === "alarms" ? "" : line.text);
    }
  });

  it("has the worst first, and takes a self-made certificate for good on one's own machine", () => {
    const status = judgeStatus({
      ...WELL,
      ...account({ production: false }),
      environment: undefined,
      alarms: undefined,
      deadLetters: { value: { forward: 1, feedback: 0 } },
      certificate: { value: { state: "shown", endsAtMs: NOW + 60 * DAY_MS, trust: "SELF_SIGNED" } },
    });
    expect(status.lines.slice(0, 2).map(({ part }) => part)).toEqual(["dead letters", "account"]);
    expect(status.lines.find(({ part }) => part === "certificate")).toMatchObject({ level: "good" });
    expect(status.lines[0]?.todo).toBe("relayhost queue; RUNBOOK.md#messages-set-aside");
  });
});
