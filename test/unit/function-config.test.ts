/** Settings of the three functions: what they must be given, and that the numbers default to the limits. */

import { describe, expect, it } from "vitest";
import { ConfigurationError } from "../../lib/config/declare.ts";
import { readFeedbackConfig, readForwardConfig, readSweepConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV } from "../../lib/core/names.ts";

const GIVEN = {
  [ENV.environment]: "dev",
  [ENV.ledgerTable]: "ledger",
  [ENV.directoryTable]: "directory",
  [ENV.spoolBucket]: "spool",
  [ENV.hostName]: "relay.example.net",
  [ENV.systemAddress]: "postmaster@relay.example.net",
  [ENV.forwardQueueUrl]: "https://sqs.example/1/forward",
  [ENV.forwardDlqUrl]: "https://sqs.example/1/forward-dlq",
  [ENV.feedbackQueueUrl]: "https://sqs.example/1/feedback",
  [ENV.feedbackDlqUrl]: "https://sqs.example/1/feedback-dlq",
  [ENV.configurationSet]: "relayhost-dev",
};

const READERS = { forward: readForwardConfig, feedback: readFeedbackConfig, sweep: readSweepConfig };

describe.each(Object.entries(READERS))("settings of %s", (name, read) => {
  it("are complete with the names of the environment alone, and keep records as long as the limits say", () => {
    expect(read(GIVEN)).toMatchObject({
      environment: "dev",
      ledgerTable: "ledger",
      spoolBucket: "spool",
      recordDays: LIMITS.ledger.recordDays,
    });
  });

  it("name everything that is missing when nothing is given", () => {
    let problems: readonly string[] = [];
    try {
      read({});
    } catch (error) {
      problems = error instanceof ConfigurationError ? error.problems : [];
    }
    for (const variable of [ENV.environment, ENV.ledgerTable, ENV.spoolBucket, ENV.hostName, ENV.systemAddress]) {
      expect(problems.filter((problem) => problem.startsWith(`${variable} is not set`))).toHaveLength(1);
    }
  });

  it("refuse a queue that is no address and days that are no number", () => {
    const wrong = { ...GIVEN, [ENV.recordDays]: "forever", [ENV.forwardQueueUrl]: "forward" };
    expect(() => read(wrong)).toThrow(ENV.recordDays);
    if (name !== "feedback") expect(() => read(wrong)).toThrow(ENV.forwardQueueUrl);
  });
});

describe("settings of forward", () => {
  it("give up and use SES tenants as set, else as the limits say and not at all", () => {
    expect(readForwardConfig(GIVEN)).toMatchObject({
      giveUpAfterHours: LIMITS.forward.giveUpAfterHours,
      sesTenants: false,
    });
    const set = { ...GIVEN, [ENV.giveUpAfterHours]: "72", [ENV.sesTenants]: "true" };
    expect(readForwardConfig(set)).toMatchObject({ giveUpAfterHours: 72, sesTenants: true });
  });

  it("pause tenants as set, below SES's lines, else as the limits say", () => {
    const { bounceRateMax, complaintRateMax, messagesMin } = LIMITS.breaker;
    expect(readFeedbackConfig(GIVEN)).toMatchObject({
      breakerBounceRateMax: bounceRateMax,
      breakerComplaintRateMax: complaintRateMax,
      breakerMessagesMin: messagesMin,
    });
    const set = {
      [ENV.breakerBounceRateMax]: "3.5%",
      [ENV.breakerComplaintRateMax]: "0.05",
      [ENV.breakerMessagesMin]: "50",
    };
    expect(readFeedbackConfig({ ...GIVEN, ...set })).toMatchObject({
      breakerBounceRateMax: 0.035,
      breakerComplaintRateMax: 0.0005,
      breakerMessagesMin: 50,
    });
    expect(() => readFeedbackConfig({ ...GIVEN, [ENV.breakerBounceRateMax]: "5%" })).toThrow(/below 5%/);
    expect(() => readFeedbackConfig({ ...GIVEN, [ENV.breakerComplaintRateMax]: "0.1%" })).toThrow(/below 0.1%/);
  });

  it.each(["0", "241", "48h"])("refuse to give up after %s", (value) => {
    expect(() => readForwardConfig({ ...GIVEN, [ENV.giveUpAfterHours]: value })).toThrow(/from 1 to 240/);
  });
});
