/** Records written into Route 53 zones: what is missing is added, what differs is left alone, nothing is lost. */

import { Route53Client } from "@aws-sdk/client-route-53";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { applyRecords } from "../../bin/commands/domain-apply.ts";
import { wantedRecords } from "../../lib/core/domain-records.ts";
import { zoneOf } from "../../lib/core/route53-plan.ts";
import { type Route53Server, startRoute53 } from "../support/route53-server.ts";

const IDENTITY = {
  region: "us-east-1",
  dkimTokens: ["t1", "t2", "t3"],
  dkimZone: "dkim.amazonses.com",
  mailFrom: "bounce.a.example",
};
const RECORDS = wantedRecords("a.example", IDENTITY);
const PLAIN = { dryRun: false, replace: false, json: false };

let server: Route53Server;
let client: Route53Client;

beforeAll(async () => {
  server = await startRoute53();
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new Route53Client({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
});

afterAll(async () => {
  client.destroy();
  await server.close();
});

beforeEach(() => {
  server.zones.clear();
  server.batches.splice(0);
  const sets = ["NS", "SOA", "A", "MX", "TXT"].map((type) => ({ name: "a.example.", type, ttl: "60", values: ["x"] }));
  server.zones.set("Z1", { name: "a.example.", isPrivate: false, sets });
  server.zones.set("Z2", { name: "a.example.", isPrivate: true, sets: [] });
  server.zones.set("Z3", { name: "example.", isPrivate: false, sets: [] });
});

function put(name: string, type: string, ...values: string[]): void {
  server.zones.get("Z1")?.sets.push({ name, type, ttl: "60", values });
}

function valuesAt(name: string, type: string): readonly string[] | undefined {
  return server.zones.get("Z1")?.sets.find((set) => set.name === name && set.type === type)?.values;
}

describe("applyRecords", () => {
  it("adds all that is missing to the public zone in one batch, and changes nothing else", async () => {
    const applied = await applyRecords(RECORDS, PLAIN, client);
    expect(applied.map(({ result }) => result)).toEqual(RECORDS.map(() => "written"));
    expect(server.batches).toHaveLength(1);
    expect(server.zones.get("Z1")?.sets).toHaveLength(5 + RECORDS.length);
    expect(valuesAt("t1._domainkey.a.example.", "CNAME")).toEqual(["t1.dkim.amazonses.com."]);
    expect(valuesAt("bounce.a.example.", "MX")).toEqual(["10 feedback-smtp.us-east-1.amazonses.com."]);
    expect(valuesAt("bounce.a.example.", "TXT")).toEqual(['"v=spf1 include:amazonses.com ~all"']);
    expect(server.zones.get("Z2")?.sets).toEqual([]);
  });

  it("does nothing the second time, and nothing in a dry run", async () => {
    await applyRecords(RECORDS, { ...PLAIN, dryRun: true }, client);
    expect(server.batches).toEqual([]);
    await applyRecords(RECORDS, PLAIN, client);
    const again = await applyRecords(RECORDS, PLAIN, client);
    expect(new Set(again.map(({ result }) => result))).toEqual(new Set(["good"]));
    expect(server.batches).toHaveLength(1);
  });

  it("keeps a DMARC policy that is there, whatever is asked for", async () => {
    put("_dmarc.a.example.", "TXT", '"v=DMARC1; p=reject"');
    await applyRecords(RECORDS, { ...PLAIN, replace: true }, client);
    expect(valuesAt("_dmarc.a.example.", "TXT")).toEqual(['"v=DMARC1; p=reject"']);
  });

  it("leaves alone what differs and adds the rest; replaces it only when asked", async () => {
    put("bounce.a.example.", "MX", "10 mail.other.example.");
    put("t1._domainkey.a.example.", "CNAME", "t1.dkim.eu-west-1.amazonses.com.");
    const applied = await applyRecords(RECORDS, PLAIN, client);
    expect(applied.filter(({ result }) => result === "in the way")).toMatchObject([
      { name: "t1._domainkey.a.example", present: "CNAME t1.dkim.eu-west-1.amazonses.com." },
      { name: "bounce.a.example", present: "MX 10 mail.other.example." },
    ]);
    expect(valuesAt("bounce.a.example.", "MX")).toEqual(["10 mail.other.example."]);
    expect(valuesAt("bounce.a.example.", "TXT")).toBeDefined();
    await applyRecords(RECORDS, { ...PLAIN, replace: true }, client);
    expect(valuesAt("bounce.a.example.", "MX")).toEqual(["10 feedback-smtp.us-east-1.amazonses.com."]);
  });

  it("never puts a CNAME where other records stand, nor other records beside a CNAME", async () => {
    put("t2._domainkey.a.example.", "TXT", '"k=rsa; p=x"');
    put("bounce.a.example.", "CNAME", "elsewhere.example.");
    const applied = await applyRecords(RECORDS, { ...PLAIN, replace: true }, client);
    const blocked = applied.filter(({ result }) => result === "in the way").map(({ name, type }) => `${name} ${type}`);
    expect(blocked).toEqual(["t2._domainkey.a.example CNAME", "bounce.a.example MX", "bounce.a.example TXT"]);
  });

  it("says which records no zone of the account holds", async () => {
    server.zones.clear();
    const applied = await applyRecords(RECORDS, PLAIN, client);
    expect(new Set(applied.map(({ result }) => result))).toEqual(new Set(["no zone"]));
  });
});

describe("zoneOf", () => {
  it("is the longest zone that ends the name on a label's border", () => {
    const zones = ["example", "a.example", "xa.example", "b.a.example"].map((name) => ({ id: name, name }));
    expect(zoneOf("x._domainkey.a.example", zones)?.name).toBe("a.example");
    expect(zoneOf("a.example", zones)?.name).toBe("a.example");
    expect(zoneOf("x.ya.example", zones)?.name).toBe("example");
    expect(zoneOf("a.test", zones)).toBeUndefined();
  });
});
