/** Rows of the directory: claimed once, changed by attribute, listed, and found while they wait. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  changeRow,
  createRow,
  type Directory,
  deleteRowOf,
  listPendingDomains,
  readRow,
  readRows,
  scanRows,
  setDomainStatus,
  writeRow,
} from "../../lib/aws/directory-dynamo.ts";
import { LOCAL_NAMES, provision } from "../../lib/aws/provision.ts";
import { credentialKey, domainKey, type SenderDomain, tenantKey } from "../../lib/core/directory.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/local-aws.ts";
import { createSesServer, type SesServer } from "../../lib/local/ses-server.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";

let dataDir: string;
let aws: LocalAws;
let ses: SesServer;
let clients: TestClients;
let directory: Directory;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-directory-"));
  ses = createSesServer({ dataDir, publish: async () => undefined });
  await ses.start();
  aws = await startLocalAws({ dataDir, port: 0, ses });
  clients = makeTestClients(aws.endpoint);
  directory = { client: clients.dynamodb, table: LOCAL_NAMES.directoryTable };
  await provision(clients, LOCAL_NAMES);
});

afterAll(async () => {
  clients.destroy();
  await aws.close();
  await ses.close();
  await rm(dataDir, { recursive: true });
});

function domain(name: string, tenant: string, status: SenderDomain["status"] = "pending"): SenderDomain {
  return { kind: "domain", domain: name, tenant, status };
}

describe("a row of the directory", () => {
  it("is created once, whoever comes second", async () => {
    expect(await createRow(directory, domain("once.example", "a"))).toBe(true);
    expect(await createRow(directory, domain("once.example", "b"))).toBe(false);
    expect(await readRow(directory, domainKey("once.example"))).toMatchObject({ tenant: "a" });
  });

  it("is changed only while it has the expected values, and never made by a change", async () => {
    await createRow(directory, { kind: "tenant", id: "a", name: "A", status: "active", language: "en" });
    expect(await changeRow(directory, tenantKey("a"), { name: "B" }, { name: "X" })).toBe(false);
    expect(await changeRow(directory, tenantKey("a"), { name: "B", contact: "x@a.example" }, { name: "A" })).toBe(true);
    expect(await changeRow(directory, tenantKey("a"), { contact: undefined })).toBe(true);
    expect(await readRow(directory, tenantKey("a"))).toEqual({
      kind: "tenant",
      id: "a",
      name: "B",
      status: "active",
      language: "en",
    });
    expect(await changeRow(directory, tenantKey("nobody"), { name: "X" })).toBe(false);
    expect(await readRow(directory, tenantKey("nobody"))).toBeUndefined();
  });

  it("is removed by its own tenant only", async () => {
    await createRow(directory, domain("mine.example", "a"));
    expect(await deleteRowOf(directory, domainKey("mine.example"), "b")).toBe(false);
    expect(await deleteRowOf(directory, domainKey("mine.example"), "a")).toBe(true);
    expect(await deleteRowOf(directory, domainKey("mine.example"), "a")).toBe(true);
    expect(await readRow(directory, domainKey("mine.example"))).toBeUndefined();
  });

  it("is found although a key that nothing can have is asked for with it", async () => {
    await createRow(directory, domain("beside.example", "a"));
    const tooLong = credentialKey("x".repeat(3000));
    const tooLongInOctets = credentialKey("\u3042".repeat(800));
    const found = await readRows(directory, [tooLong, domainKey("beside.example"), tooLongInOctets]);
    expect(found).toMatchObject([{ domain: "beside.example" }]);
    expect(await readRow(directory, tooLongInOctets)).toBeUndefined();
  });

  it("keeps what SES was set up with", async () => {
    const ses = { region: "us-east-1", dkimTokens: ["x", "y"], dkimZone: "dkim.example", mailFrom: "bounce.s.example" };
    await createRow(directory, { ...domain("s.example", "a"), ses });
    expect(await readRow(directory, domainKey("s.example"))).toMatchObject({ ses });
  });
});

describe("a domain that waits for SES", () => {
  it("is found until it is verified, and again when SES takes that back", async () => {
    await createRow(directory, domain("wait.example", "a"));
    await createRow(directory, domain("done.example", "a", "verified"));
    expect(await listPendingDomains(directory)).toContain("wait.example");
    expect(await listPendingDomains(directory)).not.toContain("done.example");
    expect(await setDomainStatus(directory, "wait.example", "verified")).toBe(true);
    expect(await listPendingDomains(directory)).not.toContain("wait.example");
    expect(await readRow(directory, domainKey("wait.example"))).toMatchObject({ status: "verified", tenant: "a" });
    await setDomainStatus(directory, "wait.example", "pending");
    expect(await listPendingDomains(directory)).toContain("wait.example");
    expect(await setDomainStatus(directory, "nobodys.example", "verified")).toBe(false);
    expect(await readRow(directory, domainKey("nobodys.example"))).toBeUndefined();
  });
});

describe("scanRows", () => {
  it("finds all rows of one kind, and no others, over pages", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `scan${i}.example`);
    for (const name of names) await writeRow(directory, domain(name, "scan", "verified"));
    const found = (await scanRows(directory, "domain")).filter(({ tenant }) => tenant === "scan");
    expect(found.map((row) => row.domain).toSorted()).toEqual(names.toSorted());
    expect((await scanRows(directory, "tenant")).every(({ kind }) => kind === "tenant")).toBe(true);
  });
});

describe("provision", () => {
  it("gives a table of an earlier version the index that it lacks, with the items that are there", async () => {
    const names = { ...LOCAL_NAMES, directoryTable: "old-directory" };
    await clients.dynamodb.send(
      new CreateTableCommand({
        TableName: names.directoryTable,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: ["pk", "tenant"].map((AttributeName) => ({ AttributeName, AttributeType: "S" as const })),
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        GlobalSecondaryIndexes: [
          {
            IndexName: "byTenant",
            KeySchema: [
              { AttributeName: "tenant", KeyType: "HASH" },
              { AttributeName: "pk", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "ALL" },
          },
        ],
      }),
    );
    const old = { client: clients.dynamodb, table: names.directoryTable };
    // A table is made before it can be written to.
    await waitUntilTableExists({ client: old.client, maxWaitTime: 30, minDelay: 1 }, { TableName: old.table });
    await writeRow(old, domain("old.example", "a"));
    await provision(clients, names);
    await writeRow(old, domain("new.example", "a"));
    expect((await listPendingDomains(old)).toSorted()).toEqual(["new.example", "old.example"]);
    const { Table } = await clients.dynamodb.send(new DescribeTableCommand({ TableName: names.directoryTable }));
    expect(Table?.GlobalSecondaryIndexes?.map(({ IndexStatus }) => IndexStatus)).toEqual(["ACTIVE", "ACTIVE"]);
    await clients.dynamodb.send(new DeleteTableCommand({ TableName: names.directoryTable }));
  });
});
