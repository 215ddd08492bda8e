/** Where an environment's resources are: all of it, or an error that says what is missing and where. */

import { describe, expect, it } from "vitest";
import { parseRuntimeNames } from "../../lib/config/runtime-names.ts";

const NAMES = {
  region: "us-east-1",
  hostName: "relay.example.net",
  spoolBucket: "b",
  forwardQueueUrl: "http://x/f",
  forwardDlqUrl: "http://x/fd",
  feedbackQueueUrl: "http://x/b",
  feedbackDlqUrl: "http://x/bd",
  ledgerTable: "l",
  directoryTable: "d",
  configurationSet: "c",
};

describe("parseRuntimeNames", () => {
  it("gives the names and nothing else that stands beside them", () => {
    expect(parseRuntimeNames(JSON.stringify({ ...NAMES, pid: 5, endpoint: "x" }), "local.json")).toEqual({
      ...NAMES,
      sesTenants: false,
      webhooks: false,
      threadReplies: true,
      keepSubjects: false,
      sesCallsPerSecond: 1,
    });
  });

  it("take AWS's pace for SES unless another is named, and SES tenants only where they are said to be", () => {
    const json = JSON.stringify({ ...NAMES, sesTenants: true, sesCallsPerSecond: 0 });
    expect(parseRuntimeNames(json, "x")).toMatchObject({ sesTenants: true, sesCallsPerSecond: 0 });
    expect(parseRuntimeNames(JSON.stringify({ ...NAMES, sesTenants: "yes" }), "x").sesTenants).toBe(false);
  });

  it("names every field that is missing, empty or no text, and the place", () => {
    const json = JSON.stringify({ ...NAMES, region: undefined, spoolBucket: "", ledgerTable: 5 });
    expect(() => parseRuntimeNames(json, "local.json")).toThrow("local.json lacks region, spoolBucket, ledgerTable");
  });

  it.each(["null", "5", '"x"', "[]", "{}"])("refuses %s as lacking everything", (json) => {
    expect(() => parseRuntimeNames(json, "x")).toThrow(`x lacks ${Object.keys(NAMES).join(", ")}`);
  });

  it.each(["", "{", '{"region": "us'])("says of a file cut to %j that it is not JSON, and which file", (json) => {
    expect(() => parseRuntimeNames(json, ".relayhost/local.json")).toThrow(".relayhost/local.json is not JSON");
  });
});
