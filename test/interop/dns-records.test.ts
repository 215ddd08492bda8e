/** The check of a domain's records against a real authoritative server: a good zone, and one for each mistake. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkDomainRecords, type RecordFinding, type RecordVerdict } from "../../lib/core/dns/check-records.ts";
import { recordWords } from "../../lib/core/dns/record-words.ts";
import { wantedRecords } from "../../lib/core/domain-records.ts";
import { makeResolver } from "../../lib/dns/resolver.ts";
import { type Knot, startKnot } from "./support/knot.ts";

const TOKENS = ["aaaa1111", "bbbb2222", "cccc3333"];
const TARGET = "dkim.ses.test";
const MX = "feedback-smtp.ap-northeast-1.amazonses.com";
const SPF = '"v=spf1 include:amazonses.com ~all"';

/** The records of a good zone, each replaceable: `dkim` is the first token's. */
function zone(change: { dkim?: string; mx?: string; spf?: string; dmarc?: string; more?: string } = {}): string {
  const [first = "", ...others] = TOKENS;
  return [
    change.dkim ?? `${first}._domainkey CNAME ${first}.${TARGET}.`,
    ...others.map((token) => `${token}._domainkey CNAME ${token}.${TARGET}.`),
    change.mx ?? `bounce MX 10 ${MX}.`,
    change.spf ?? `bounce TXT ${SPF}`,
    change.dmarc ?? '_dmarc TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.net"',
    change.more ?? "",
  ].join("\n");
}

const T = TOKENS[0] ?? "";
const many = Array.from({ length: 11 }, (_, index) => `include:i${index}.spf.test`).join(" ");

/** Zone, what is wrong in it, the record it is told of, and what is shown. */
const BROKEN: readonly [string, RecordVerdict["record"]["purpose"], RecordFinding, string, string][] = [
  ["missing-dkim", "dkim", "missing", "", zone({ dkim: "" })],
  [
    "doubled",
    "dkim",
    "doubled-zone-name",
    `${T}._domainkey.doubled.test.doubled.test`,
    zone({ dkim: `${T}._domainkey.doubled.test CNAME ${T}.${TARGET}.` }),
  ],
  [
    "doubled-target",
    "dkim",
    "doubled-target",
    `${T}.${TARGET}.doubled-target.test`,
    zone({ dkim: `${T}._domainkey CNAME ${T}.${TARGET}` }),
  ],
  [
    "wrong-target",
    "dkim",
    "wrong-target",
    `${T}.dkim.elsewhere.test`,
    zone({ dkim: `${T}._domainkey CNAME ${T}.dkim.elsewhere.test.` }),
  ],
  ["flattened", "dkim", "cname-flattened", "v=DKIM1; p=MIGf", zone({ dkim: `${T}._domainkey TXT "v=DKIM1; p=MIGf"` })],
  ["proxied", "dkim", "cname-flattened", "192.0.2.7", zone({ dkim: `${T}._domainkey A 192.0.2.7` })],
  ["as-txt", "dkim", "txt-instead-of-cname", `${T}.${TARGET}`, zone({ dkim: `${T}._domainkey TXT "${T}.${TARGET}"` })],
  [
    "no-underscore",
    "dkim",
    "underscore-lost",
    `${T}.domainkey.no-underscore.test`,
    zone({ dkim: `${T}.domainkey CNAME ${T}.${TARGET}.` }),
  ],
  ["no-label", "dkim", "domainkey-lost", `${T}.no-label.test`, zone({ dkim: `${T} CNAME ${T}.${TARGET}.` })],
  ["no-mx", "mail-from-mx", "missing", "", zone({ mx: "" })],
  ["two-mx", "mail-from-mx", "several-mx", `10 ${MX}`, zone({ more: "bounce MX 20 mail.two-mx.test." })],
  ["other-mx", "mail-from-mx", "wrong-target", "mail.other-mx.test", zone({ mx: "bounce MX 10 mail.other-mx.test." })],
  ["mx-with-zone", "mail-from-mx", "doubled-target", `${MX}.mx-with-zone.test`, zone({ mx: `bounce MX 10 ${MX}` })],
  [
    "mx-doubled",
    "mail-from-mx",
    "doubled-zone-name",
    "bounce.mx-doubled.test.mx-doubled.test",
    zone({ mx: `bounce.mx-doubled.test MX 10 ${MX}.` }),
  ],
  [
    "wildcard",
    "mail-from-mx",
    "cname-in-the-way",
    "www.wildcard.test",
    zone({ mx: "", spf: "", more: "* CNAME www.wildcard.test." }),
  ],
  ["no-spf", "mail-from-spf", "missing", "", zone({ spf: "" })],
  [
    "two-spf",
    "mail-from-spf",
    "two-spf-records",
    "v=spf1 +a +mx -all",
    zone({ more: 'bounce TXT "v=spf1 +a +mx -all"' }),
  ],
  ["old-spf", "mail-from-spf", "spf-without-ses", "v=spf1 -all", zone({ spf: 'bounce TXT "v=spf1 -all"' })],
  [
    "quoted-spf",
    "mail-from-spf",
    "spf-syntax",
    '"v=spf1',
    zone({ spf: 'bounce TXT "\\"v=spf1 include:amazonses.com ~all\\""' }),
  ],
  [
    "bad-spf",
    "mail-from-spf",
    "spf-syntax",
    "ip4:192.0.2",
    zone({ spf: 'bounce TXT "v=spf1 ip4:192.0.2 include:amazonses.com ~all"' }),
  ],
  [
    "long-spf",
    "mail-from-spf",
    "too-many-lookups",
    "12",
    zone({ spf: `bounce TXT "v=spf1 ${many} include:amazonses.com ~all"` }),
  ],
  [
    "void-spf",
    "mail-from-spf",
    "too-many-void-lookups",
    "3",
    zone({ spf: 'bounce TXT "v=spf1 a:x1.spf.test a:x2.spf.test mx:x3.spf.test include:amazonses.com ~all"' }),
  ],
  [
    "loop-spf",
    "mail-from-spf",
    "include-broken",
    "bounce.loop-spf.test",
    zone({ spf: 'bounce TXT "v=spf1 include:amazonses.com include:bounce.loop-spf.test ~all"' }),
  ],
  ["no-dmarc", "dmarc", "missing", "", zone({ dmarc: "" })],
  ["two-dmarc", "dmarc", "two-dmarc-records", "two-dmarc.test", zone({ more: '_dmarc TXT "v=DMARC1; p=reject"' })],
  ["bad-dmarc", "dmarc", "dmarc-syntax", "p=rejected", zone({ dmarc: '_dmarc TXT "v=DMARC1; p=rejected"' })],
  [
    "bad-rua",
    "dmarc",
    "dmarc-syntax",
    "rua=dmarc@example.net",
    zone({ dmarc: '_dmarc TXT "v=DMARC1; p=none; rua=dmarc@example.net"' }),
  ],
  ["bare-dmarc", "dmarc", "underscore-lost", "dmarc.bare-dmarc.test", zone({ dmarc: 'dmarc TXT "v=DMARC1; p=none"' })],
  [
    "dmarc-doubled",
    "dmarc",
    "doubled-zone-name",
    "_dmarc.dmarc-doubled.test.dmarc-doubled.test",
    zone({ dmarc: '_dmarc.dmarc-doubled.test TXT "v=DMARC1; p=none"' }),
  ],
];

let knot: Knot;

beforeAll(async () => {
  knot = await startKnot({
    test: "",
    "good.test": zone({ spf: 'bounce TXT "v=spf1 include:amazon" "ses.com ~all"' }),
    "parent.test": `_dmarc TXT "v=DMARC1; p=reject"\n${zone({ dmarc: "" }).replace(/^(\S+) (CNAME|MX|TXT)/gm, "$1.shop $2")}`,
    "amazonses.com": '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
    "spf.test": Array.from({ length: 11 }, (_, index) => `i${index} TXT "v=spf1 ip4:192.0.2.${index} -all"`).join("\n"),
    ...Object.fromEntries(BROKEN.map(([name, , , , text]) => [`${name}.test`, text])),
  });
});
afterAll(async () => {
  await knot?.stop();
});

function check(domain: string, server = knot.server): Promise<RecordVerdict[]> {
  const identity = { region: "ap-northeast-1", dkimTokens: TOKENS, dkimZone: TARGET, mailFrom: `bounce.${domain}` };
  return checkDomainRecords(
    wantedRecords(domain, identity),
    makeResolver({ servers: [server], timeoutMs: 1_000, tries: 2 }),
  );
}

describe("records of a domain", () => {
  it("are all good when they are published as printed, a TXT in two strings too", async () => {
    const verdicts = await check("good.test");
    expect(verdicts.map(({ finding }) => finding)).toEqual(["good", "good", "good", "good", "good", "good"]);
    for (const verdict of verdicts) expect(recordWords(verdict, "en").remedy).toBe("");
  });

  it("may have their DMARC record further up, and may be a part of a zone", async () => {
    const verdicts = await check("shop.parent.test");
    expect(verdicts.map(({ finding }) => finding)).toEqual(["good", "good", "good", "good", "good", "inherited"]);
    expect(verdicts.at(-1)?.found[0]).toBe("parent.test");
  });

  it.each(BROKEN)("%s: the %s record is said to be %s, and where (%s)", async (name, purpose, finding, shown) => {
    const verdicts = await check(`${name}.test`);
    const verdict = verdicts.find(({ record }) => record.purpose === purpose);
    expect(verdict).toMatchObject({ finding, status: finding === "missing" ? "missing" : "wrong" });
    expect(verdict?.found.join(" ")).toContain(shown);
    // The others are not blamed for it, but where one record spoils two.
    const others = verdicts
      .filter((other) => other !== verdict && other.status !== "good")
      .map(({ record }) => record.purpose);
    expect(others).toEqual(name === "wildcard" ? ["mail-from-spf"] : []);
    for (const language of ["en", "ja"] as const) {
      if (verdict === undefined) continue;
      const { what, remedy } = recordWords(verdict, language);
      expect(what).toContain(verdict.found[0] ?? "");
      expect(remedy).not.toBe("");
      expect(what + remedy).not.toMatch(/\{\w+\}/);
    }
  });

  it("could not be asked for where the server refuses, and are not called missing", async () => {
    const verdicts = await check("elsewhere.example");
    expect(verdicts.map(({ status }) => status)).toEqual([
      "unknown",
      "unknown",
      "unknown",
      "unknown",
      "unknown",
      "unknown",
    ]);
    expect(verdicts[0]?.found).toEqual(["refused"]);
  });

  it("could not be asked for where nobody answers", async () => {
    const verdicts = await check("good.test", "127.0.0.1:9");
    expect(new Set(verdicts.map(({ finding }) => finding))).toEqual(new Set(["could-not-ask"]));
  });
});
