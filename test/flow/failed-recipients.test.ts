/** Recipients who did not get their mail are found by tenant and day, without reading the mail that arrived. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eachFailedRecipient, type FailedRecipient } from "../../lib/aws/failed-recipients.ts";
import { findByTenantDay } from "../../lib/aws/ledger-dynamo.ts";
import { failureFact } from "../../lib/core/failure-fact.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline();
});
afterAll(async () => await pipeline.close());

async function failed(tenant: string, days: readonly string[], withMessage = false): Promise<FailedRecipient[]> {
  const found: FailedRecipient[] = [];
  await eachFailedRecipient(pipeline.ledger, { tenant, days, withMessage }, (one) => found.push(one));
  return found;
}

describe("failed recipients", () => {
  it("are those that bounced, complained or were suppressed, each once, and not those that got it", async () => {
    const at = "simulator.amazonses.com";
    pipeline.work();
    const id = await pipeline.accept({
      to: [`bounce@${at}`, `complaint@${at}`, `success@${at}`, `suppressionlist@${at}`],
      bytes: "From: A <a@example.com>\r\nSubject: x\r\nMessage-ID: <x@example.com>\r\n\r\nx\r\n",
    });
    const ended = new Set<string>();
    await pipeline.logged((event) => {
      if (event["event"] === "feedback" && event["id"] === id)
        ended.add(`${String(event["recipient"])} ${String(event["state"])}`);
      return (
        ["bounce bounced", "complaint complained", "success delivered"].every((end) =>
          ended.has(end.replace(" ", `@${at} `)),
        ) && [...ended].some((end) => end.startsWith(`suppressionlist@${at} `))
      );
    });
    await pipeline.rest();
    const today = new Date(Date.parse((await pipeline.recipients(id))[0]?.history[0]?.at ?? ""))
      .toISOString()
      .slice(0, 10);

    const found = await failed("demo", [today, "2020-01-01"], true);
    const facts = found
      .map(({ record }) => failureFact(record))
      .map((one) => `${one?.recipient.split("@")[0]} ${one?.kind}`);
    expect(facts.sort()).toEqual(["bounce bounce", "complaint complaint", "suppressionlist suppressed"]);
    expect(found.every(({ message }) => message?.id === id && message.returnPath === "a@example.com")).toBe(true);
    expect(await failed("other", [today])).toEqual([]);
    // The index by tenant and day still has each message once.
    expect((await findByTenantDay(pipeline.ledger, "demo", today, 100)).filter((other) => other === id)).toEqual([id]);
  });
});
