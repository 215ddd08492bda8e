/** A tenant's policy for foreign mail, as it stands in the directory table. */

import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readRow, writeRow } from "../../lib/aws/directory-dynamo.ts";
import { type Tenant, tenantKey } from "../../lib/core/directory.ts";
import { DIRECTORY_KEYS } from "../../lib/core/names.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";

const ACME: Tenant = { kind: "tenant", id: "acme", name: "acme", status: "active", language: "ja" };
let aws: TestAws;

beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(async () => await aws.close());

async function writeRaw(values: Record<string, unknown>): Promise<void> {
  const item = { ...ACME, ...values, [DIRECTORY_KEYS.partition]: tenantKey("acme"), [DIRECTORY_KEYS.tenant]: "acme" };
  await aws.directory.client.send(new PutItemCommand({ TableName: aws.directoryTable, Item: marshall(item) }));
}

it("reads what was written, and nothing where nothing was", async () => {
  for (const tenant of [
    ACME,
    { ...ACME, foreignFrom: "rewrite", systemMail: "refuse", rewriteDomain: "a.example" } as const,
    { ...ACME, foreignFrom: "refuse", systemMail: "rewrite" } as const,
  ]) {
    await writeRow(aws.directory, tenant);
    expect(await readRow(aws.directory, tenantKey("acme"))).toEqual(tenant);
  }
});

it("takes a choice that it does not know for the stricter one", async () => {
  await writeRaw({ foreignFrom: "rewrite-some", systemMail: "rewrite-some", rewriteDomain: 5 });
  expect(await readRow(aws.directory, tenantKey("acme"))).toEqual({
    ...ACME,
    foreignFrom: "refuse",
    systemMail: "refuse",
  });
});

it("takes a status or a bound of the contract that it cannot read for the strictest one", async () => {
  await writeRaw({ status: "closing", startsAtMs: "soon", endsAtMs: "later", monthlyMessagesMax: -1 });
  expect(await readRow(aws.directory, tenantKey("acme"))).toEqual({
    ...ACME,
    status: "paused",
    startsAtMs: Number.MAX_SAFE_INTEGER,
    endsAtMs: 0,
    monthlyMessagesMax: 0,
  });
});
