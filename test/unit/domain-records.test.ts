/** What is to be published for a sender's domain, and how it reads in each place. */

import { describe, expect, it } from "vitest";
import { csvText } from "../../lib/core/csv.ts";
import type { DomainIdentity } from "../../lib/core/directory.ts";
import { formatRecords, RECORD_COLUMNS, recordCells } from "../../lib/core/domain-record-formats.ts";
import { relativeName, wantedRecords } from "../../lib/core/domain-records.ts";

const IDENTITY: DomainIdentity = {
  region: "ap-northeast-1",
  dkimTokens: ["aaa", "bbb", "ccc"],
  dkimZone: "dkim.ap-northeast-1.amazonses.com",
  mailFrom: "bounce.a.example",
};
const RECORDS = wantedRecords("a.example", IDENTITY);

describe("wantedRecords", () => {
  it("are three CNAMEs, MX and SPF of the MAIL FROM domain, and a DMARC policy", () => {
    expect(RECORDS.map(({ name, type, value, need }) => `${name} ${type} ${value} ${need}`)).toEqual([
      "aaa._domainkey.a.example CNAME aaa.dkim.ap-northeast-1.amazonses.com required",
      "bbb._domainkey.a.example CNAME bbb.dkim.ap-northeast-1.amazonses.com required",
      "ccc._domainkey.a.example CNAME ccc.dkim.ap-northeast-1.amazonses.com required",
      "bounce.a.example MX feedback-smtp.ap-northeast-1.amazonses.com advised",
      "bounce.a.example TXT v=spf1 include:amazonses.com ~all advised",
      "_dmarc.a.example TXT v=DMARC1; p=none advised",
    ]);
  });

  it("name where DMARC reports go, if that is said", () => {
    const dmarc = wantedRecords("a.example", IDENTITY, "dmarc@host.example").find(({ purpose }) => purpose === "dmarc");
    expect(dmarc?.value).toBe("v=DMARC1; p=none; rua=mailto:dmarc@host.example");
  });

  it("leave MAIL FROM out where SES has not taken one", () => {
    const { mailFrom, ...without } = IDENTITY;
    expect(mailFrom).toBeDefined();
    expect(wantedRecords("a.example", without).map(({ purpose }) => purpose)).toEqual([
      "dkim",
      "dkim",
      "dkim",
      "dmarc",
    ]);
  });
});

describe("relativeName", () => {
  it.each([
    ["_dmarc.a.example", "_dmarc"],
    ["a.example", "@"],
    ["xa.example", "xa.example."],
  ])("writes %s in the zone a.example as %s", (name, relative) => {
    expect(relativeName(name, "a.example")).toBe(relative);
  });
});

describe("formatRecords", () => {
  it("zone: lines to append to a master file", () => {
    expect(formatRecords("zone", "a.example", RECORDS)).toBe(`$ORIGIN a.example.
aaa._domainkey\t3600\tIN\tCNAME\taaa.dkim.ap-northeast-1.amazonses.com.
bbb._domainkey\t3600\tIN\tCNAME\tbbb.dkim.ap-northeast-1.amazonses.com.
ccc._domainkey\t3600\tIN\tCNAME\tccc.dkim.ap-northeast-1.amazonses.com.
bounce\t3600\tIN\tMX\t10 feedback-smtp.ap-northeast-1.amazonses.com.
bounce\t3600\tIN\tTXT\t"v=spf1 include:amazonses.com ~all"
_dmarc\t3600\tIN\tTXT\t"v=DMARC1; p=none"
`);
  });

  it("zone: names under a zone above the domain", () => {
    const text = formatRecords("zone", "host.example", wantedRecords("mail.host.example", IDENTITY));
    expect(text).toContain("aaa._domainkey.mail\t");
    expect(text).toContain("bounce.a.example.\t");
  });

  it("plesk: commands that add and never set", () => {
    const text = formatRecords("plesk", "a.example", RECORDS);
    expect(text).toContain(
      "plesk bin dns --add a.example -cname aaa._domainkey -canonical aaa.dkim.ap-northeast-1.amazonses.com\n",
    );
    expect(text).toContain("-mx bounce -mailexchanger feedback-smtp.ap-northeast-1.amazonses.com -priority 10\n");
    expect(text).toContain("-txt 'v=DMARC1; p=none' -domain _dmarc\n");
    expect(text).not.toContain("--set");
  });

  it("route53: a change batch that never replaces a DMARC policy", () => {
    const batch = JSON.parse(formatRecords("route53", "a.example", RECORDS)) as {
      Changes: { Action: string; ResourceRecordSet: { Name: string; ResourceRecords: { Value: string }[] } }[];
    };
    expect(batch.Changes.map(({ Action }) => Action)).toEqual([
      "UPSERT",
      "UPSERT",
      "UPSERT",
      "UPSERT",
      "UPSERT",
      "CREATE",
    ]);
    expect(batch.Changes[3]?.ResourceRecordSet).toEqual({
      Name: "bounce.a.example.",
      Type: "MX",
      TTL: 3600,
      ResourceRecords: [{ Value: "10 feedback-smtp.ap-northeast-1.amazonses.com." }],
    });
    expect(batch.Changes[4]?.ResourceRecordSet.ResourceRecords).toEqual([
      { Value: '"v=spf1 include:amazonses.com ~all"' },
    ]);
  });

  it("cloudflare: a batch of records that are not proxied", () => {
    const batch = JSON.parse(formatRecords("cloudflare", "a.example", RECORDS)) as {
      posts: { name: string; type: string; proxied?: boolean; priority?: number }[];
    };
    expect(batch.posts[0]).toMatchObject({ name: "aaa._domainkey.a.example", type: "CNAME", proxied: false });
    expect(batch.posts[3]).toMatchObject({ name: "bounce.a.example", type: "MX", priority: 10 });
  });

  it("csv: a line for each record", () => {
    expect(csvText(RECORD_COLUMNS, RECORDS.map(recordCells)).split("\r\n")[4]).toBe(
      "a.example,bounce.a.example,MX,10,feedback-smtp.ap-northeast-1.amazonses.com,mail-from-mx,advised",
    );
  });
});
