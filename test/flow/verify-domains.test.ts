/** The sweep lets domains send that SES has verified, and stops those that it has not any more. */

import { CreateEmailIdentityCommand, type ListEmailIdentitiesCommandOutput, SESv2Client } from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyDomains } from "../../lambda/sweep/verify-domains.ts";
import { createRow, listPendingDomains, readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { makeSesControl } from "../../lib/aws/ses-control.ts";
import { domainKey, type SenderDomain } from "../../lib/core/directory.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { type Cli, startCli } from "../support/cli.ts";

const NOON = Date.UTC(2026, 10, 24, 12, 0, 30);
const LATER = NOON + 20 * 60_000;

let aws: Cli;
let ses: SESv2Client;

beforeAll(async () => {
  aws = await startCli([]);
  ses = new SESv2Client();
});

afterAll(async () => {
  ses.destroy();
  await aws.close();
});

async function domain(name: string, status: SenderDomain["status"], identity: "verified" | "waiting" | "none") {
  await createRow(aws.directory, { kind: "domain", domain: name, tenant: "t", status });
  if (identity === "none") return;
  await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: name }));
  if (identity === "waiting") return;
  const body = JSON.stringify({ identity: name });
  await fetch(`${aws.endpoint}/local/verify`, { method: "POST", body });
}

/** `stale`: a domain that SES's list still shows as waiting. */
async function run(nowMs: number, stale?: string): Promise<{ log: LogEvent[]; calls: number }> {
  const log: LogEvent[] = [];
  const control = makeSesControl(0);
  let calls = 0;
  await verifyDomains({
    directory: aws.directory,
    ses: {
      ...control,
      call: async (send) => {
        calls += 1;
        const answer = await control.call(send);
        const listed = (answer as ListEmailIdentitiesCommandOutput).EmailIdentities ?? [];
        for (const identity of listed) if (identity.IdentityName === stale) identity.SendingEnabled = false;
        return answer;
      },
    },
    region: "us-east-1",
    now: () => nowMs,
    log: (event) => log.push(event),
  });
  control.destroy();
  return { log, calls };
}

const status = async (name: string): Promise<string | undefined> => {
  const row = await readRow(aws.directory, domainKey(name));
  return row?.kind === "domain" ? row.status : undefined;
};

describe("verifyDomains", () => {
  it("asks SES nothing as long as no domain waits", async () => {
    await domain("good.example", "verified", "verified");
    expect(await run(LATER)).toEqual({ log: [], calls: 0 });
  });

  it("lets those send that SES has verified, with one call for all, and leaves the others waiting", async () => {
    for (let i = 0; i < 30; i++) await domain(`p${i}.example`, "pending", i % 2 === 0 ? "verified" : "waiting");
    await domain("unknown.example", "pending", "none");
    const { log, calls } = await run(LATER);
    expect(calls).toBe(1);
    expect(log).toHaveLength(15);
    expect(log[0]).toMatchObject({ event: "domain-verified" });
    expect(await status("p0.example")).toBe("verified");
    expect(await status("p1.example")).toBe("pending");
    expect(await listPendingDomains(aws.directory)).toHaveLength(16);
    expect((await run(LATER)).log).toEqual([]);
  });

  it("once an hour has those wait again whose verification is gone, but not what SES does not know", async () => {
    await domain("gone.example", "verified", "waiting");
    await domain("covered.example", "verified", "none");
    await run(LATER);
    expect(await status("gone.example")).toBe("verified");
    const { log, calls } = await run(NOON);
    // The list, and the one that the list shows as waiting.
    expect(calls).toBe(2);
    expect(log).toEqual([{ event: "domain-withdrawn", domain: "gone.example", dkim: "PENDING", error: undefined }]);
    expect(await status("gone.example")).toBe("pending");
    expect(await status("covered.example")).toBe("verified");
    expect(await status("good.example")).toBe("verified");
    expect(await listPendingDomains(aws.directory)).toContain("gone.example");
  });

  it("stops no mail on the word of a list that is a moment old", async () => {
    expect(await run(NOON, "good.example")).toMatchObject({ log: [], calls: 2 });
    expect(await status("good.example")).toBe("verified");
  });

  it("changes nothing of a domain that was removed meanwhile", async () => {
    await writeRow(aws.directory, { kind: "domain", domain: "p2.example", tenant: "t", status: "pending" });
    await run(LATER);
    expect(await status("p2.example")).toBe("verified");
  });
});
