/** The console's domain board, domains and doctor, over HTTP, with a real name server to ask. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { addTenantCommand } from "../../bin/commands/tenant.ts";
import type { WantedRecord } from "../../lib/core/domain-records.ts";
import type { Cli } from "../support/cli.ts";
import { startTestConsole, type TestConsole, unescaped } from "../support/console.ts";
import { type Knot, startKnot } from "./support/knot.ts";

let served: TestConsole;
let knot: Knot;
let bad: WantedRecord[];

beforeAll(async () => {
  served = await startTestConsole({
    commands: [addTenantCommand, addDomainCommand],
    resolvers: async (cli) => {
      await cli.run("tenant", "add", "acme", "--name", "Acme");
      await cli.run("domain", "add", "good.test", "bad.test", "--tenant", "acme");
      bad = await wanted(cli, "bad.test");
      const good = await wanted(cli, "good.test");
      knot = await startKnot({
        test: "",
        "good.test": good.map(line).join("\n"),
        "bad.test": [
          ...bad
            .filter(({ name }) => !name.startsWith("_dmarc."))
            .map((record, index) => line(index === 0 ? { ...record, value: "elsewhere.test" } : record)),
          'bounce TXT "v=spf1 -all"',
          '@ TXT "v=spf1 +all"\n@ TXT "v=spf1 -all"',
        ].join("\n"),
        "amazonses.com": '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
        "2.0.192.in-addr.arpa": "13 PTR nowhere.good.test.",
        "zen.spamhaus.org": "2.0.0.127 A 127.0.0.2\n13.2.0.192 A 127.0.0.3",
        "bl.mailspike.net": "2.0.0.127 A 127.0.0.2",
      });
      return [knot.server];
    },
  });
});
afterAll(async () => {
  await knot?.stop();
  await served?.close();
});

async function wanted(cli: Cli, domain: string): Promise<WantedRecord[]> {
  return (await cli.json("domain", "records", domain, "--format", "json")) as WantedRecord[];
}

function line({ name, type, value, preference }: WantedRecord): string {
  if (type === "TXT") return `${name}. TXT "${value}"`;
  return `${name}. ${type} ${preference === undefined ? "" : `${preference} `}${value}.`;
}

/** As a reader has it: no marks, single spaces. */
function text(body: string): string {
  return unescaped(body.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ");
}

/** The rows of the page's table, cell by cell. */
function rows(body: string): string[][] {
  const table = /<tbody>(.*?)<\/tbody>/s.exec(body)?.[1] ?? "";
  return [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) =>
    [...row.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/gs)].map(([, cell = ""]) => text(cell).trim()),
  );
}

async function get(path: string): Promise<string> {
  const { status, body } = await served.browser().get(path);
  expect(status).toBe(200);
  return body;
}

describe("the board", () => {
  it.each([
    ["en", ["good", "wrong", "missing"]],
    ["ja", ["正常", "誤り", "なし"]],
  ])("shows the state of each record when DNS is asked for it (%s)", async (lang, [good, wrong, missing]) => {
    const shown = rows(await get(`/domains?tenant=acme&dns=1&lang=${lang}`));
    const types = ["CNAME", "CNAME", "CNAME", "MX", "TXT", "TXT"];
    expect(shown.map((cells) => [cells[1], cells[5]])).toEqual([
      ["bad.test", types.map((type, i) => `${type} ${[wrong, good, good, good, wrong, missing][i]}`).join(" ")],
      ["good.test", types.map((type) => `${type} ${good}`).join(" ")],
    ]);
    const unasked = rows(await get(`/domains?tenant=acme&lang=${lang}`));
    expect(unasked.map((cells) => cells[5])).toEqual(["", ""]);
  });
});

describe("a domain", () => {
  it.each([
    {
      lang: "en",
      dkim: ["points to elsewhere.test", (value: string) => `Change it to ${value}`],
      spf: [/^has more than one SPF record: (?=.*amazonses)(?=.*v=spf1 -all)/, /make one of them$/],
      dmarc: ["not published", (value: string) => `Publish _dmarc.bad.test TXT ${value}`],
      good: "good",
    },
    {
      lang: "ja",
      dkim: ["elsewhere.test を指しています", (value: string) => `${value} に変更してください`],
      spf: [/^SPF レコードが複数あります: (?=.*amazonses)(?=.*v=spf1 -all)/, /1 つにまとめてください$/],
      dmarc: ["登録されていません", (value: string) => `_dmarc.bad.test TXT ${value} を登録してください`],
      good: "正常",
    },
  ] as const)("names each mistake and what to do ($lang)", async ({ lang, dkim, spf, dmarc, good }) => {
    const shown = rows(await get(`/domains/bad.test?dns=1&lang=${lang}`));
    const [key, , , , , policy] = bad;
    expect(shown.map((cells) => cells[0])).toEqual(bad.map(({ name }) => name));
    expect(shown[0]?.slice(3)).toEqual([dkim[0], dkim[1](key?.value ?? "")]);
    expect(shown[1]?.slice(2)).toEqual([good, good, ""]);
    expect(shown[4]?.slice(3)).toEqual([expect.stringMatching(spf[0]), expect.stringMatching(spf[1])]);
    expect(shown[5]?.slice(3)).toEqual([dmarc[0], dmarc[1](policy?.value ?? "")]);
  });

  it("gives each record to publish as a text to copy, and each zone format to copy and to save", async () => {
    const body = await get("/domains/bad.test?lang=en");
    for (const [index, { value, preference }] of bad.entries()) {
      expect(copied(body, `record-${index}`)).toBe(`${preference === undefined ? "" : `${preference} `}${value}`);
    }
    for (const [format, ending] of [
      ["zone", "zone"],
      ["plesk", "sh"],
      ["route53", "json"],
      ["cloudflare", "json"],
    ]) {
      const saved = await served.browser().get(`/domains/bad.test/records?format=${format}`);
      expect(saved.headers["content-disposition"]).toBe(`attachment; filename="bad.test.${ending}"`);
      expect(body).toContain(`href="/domains/bad.test/records?format=${format}" download`);
      expect(saved.body).toBe((await served.cli.run("domain", "records", "bad.test", "--format", `${format}`)).stdout);
      expect(copied(body, `zone-${format}`).trim()).toBe(saved.body.trim());
    }
    expect((await served.browser().get("/domains/bad.test/records?format=other")).status).toBe(404);
  });
});

/** The text that the copy button of this id takes. */
function copied(body: string, id: string): string {
  return unescaped(new RegExp(`id="${id}"[^>]*>(.*?)</`, "s").exec(body)?.[1] ?? "");
}

describe("doctor", () => {
  it.each([
    ["en", "do this first", "do this", "more than one"],
    ["ja", "最優先", "対処が必要", "複数"],
  ])("lists what to do about a domain, the most pressing first (%s)", async (lang, first, second, spf) => {
    const found = notices(await get(`/doctor?subject=bad.test&lang=${lang}`));
    expect(found[0]).toContain(first);
    expect(found.some((one) => one.startsWith(`bad ${first}`) && one.includes(spf))).toBe(true);
    expect(found.some((one) => one.startsWith(`warn ${second}`) && one.includes("DMARC"))).toBe(true);
    expectSorted(found);
  });

  it("lists what to do about an address, with the list that has it", async () => {
    const found = notices(await get("/doctor?subject=192.0.2.13&lang=en"));
    expect(found.filter((one) => one.startsWith("bad")).join()).toMatch(
      /(?=.*PTR nowhere\.good\.test does not lead back)(?=.*listed in Spamhaus ZEN)/s,
    );
    expectSorted(found);
  });
});

/** Each finding: its mood, then its words. */
function notices(body: string): string[] {
  return [...body.matchAll(/<div class="notice (\w+)">(.*?)<\/div>/gs)].map(
    ([, mood = "", inner = ""]) => `${mood} ${text(inner).trim()}`,
  );
}

function expectSorted(found: readonly string[]): void {
  const order = ["bad", "warn", "plain", "good"].map((mood) => found.filter((one) => one.startsWith(`${mood} `)));
  expect(order.filter((group) => group.length > 0).length).toBeGreaterThan(2);
  expect(found).toEqual(order.flat());
}
