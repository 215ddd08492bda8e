/** The pace of calls to SES's control plane. */

import { SESv2Client, TooManyRequestsException } from "@aws-sdk/client-sesv2";
import { describe, expect, it } from "vitest";
import { makeSesControl } from "../../lib/aws/ses-control.ts";

const client = new SESv2Client({ region: "us-east-1" });

describe("a control", () => {
  it("starts calls an interval apart, however many wait, and in order", async () => {
    const control = makeSesControl(50, client);
    const starts: number[] = [];
    const order: number[] = [];
    const call = async (i: number): Promise<void> =>
      await control.call(async () => {
        starts.push(performance.now());
        order.push(i);
        await Promise.resolve();
      });
    await Promise.all(Array.from({ length: 6 }, (_, i) => call(i)));
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    for (const [i, start] of starts.entries()) if (i > 0) expect(start - (starts[i - 1] ?? 0)).toBeGreaterThan(15);
  });

  it("makes a call again that SES finds too fast, and gives its answer", async () => {
    const control = makeSesControl(1000, client);
    let tries = 0;
    const answer = await control.call(async () => {
      tries += 1;
      if (tries < 3) throw new TooManyRequestsException({ message: "Rate exceeded", $metadata: {} });
      return await Promise.resolve("done");
    });
    expect({ answer, tries }).toEqual({ answer: "done", tries: 3 });
  });

  it("throws any other error at once", async () => {
    let tries = 0;
    const failing = makeSesControl(0, client).call(async () => {
      tries += 1;
      return await Promise.reject(new Error("no"));
    });
    await expect(failing).rejects.toThrow("no");
    expect(tries).toBe(1);
  });
});
