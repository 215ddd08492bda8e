/** `relayhost setup --only-google-microsoft`: the list that comes out of recipients' MX, asked of a real name server. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { selectDomains } from "../../bin/commands/select-domains.ts";
import { SEED_DOMAINS } from "../../lib/core/dns/mx-provider.ts";
import { makeResolver } from "../../lib/dns/resolver.ts";
import { type Knot, startKnot } from "./support/knot.ts";

const NOW = Date.UTC(2026, 10, 24);
const DAY_MS = 24 * 3_600_000;
let knot: Knot;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "select-domains-"));
  knot = await startKnot({
    test: "",
    "workspace.test": "@ MX 1 aspmx.l.google.com.\n@ MX 5 alt1.aspmx.l.google.com.",
    "m365.test": "@ MX 0 m365-test.mail.protection.outlook.com.",
    "dane.test": "@ MX 0 dane-test.k-v1.mx.microsoft.",
    "evil.test": "@ MX 10 mx.evil-google.com.\n@ MX 10 google.com.evil.test.",
    "own.test": "@ MX 10 mail.own.test.",
    "backup.test": "@ MX 10 mail.backup.test.\n@ MX 20 aspmx.l.google.com.",
    "mixed.test": "@ MX 10 aspmx.l.google.com.\n@ MX 20 mail.mixed.test.",
    "null.test": "@ MX 0 .",
    "bare.test": "@ A 192.0.2.1",
  });
});
afterAll(async () => {
  await knot?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("takes Google's and Microsoft's by the exchangers of lowest preference, at a label boundary, and says what it left out", async () => {
  const list = join(folder, "recipients");
  const names = ["workspace", "M365", "dane", "evil", "own", "backup", "mixed", "null", "bare", "absent"];
  await writeFile(
    list,
    `# who we write to\n${names.map((name) => `someone@${name}.test`).join("\n")}\nx@silent.example\n\nnobody\n`,
  );
  const log = join(folder, "mail.log");
  await writeFile(
    log,
    "Nov 23 10:00:01 web1 postfix/smtp[3]: 4F0A11: to=<x@workspace.test>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n",
  );
  const selection = {
    recipients: [list],
    logs: [log],
    also: ["docomo.ne.jp"],
    cacheFile: join(folder, "cache", "mx.json"),
  };
  const found = await selectDomains(selection, makeResolver({ servers: [knot.server] }), NOW);
  const beyondSeed = found.domains.filter(({ domain }) => !SEED_DOMAINS.includes(domain));
  expect(beyondSeed.map(({ domain, provider, exchanger }) => [domain, provider, exchanger])).toEqual([
    ["dane.test", "microsoft", "dane-test.k-v1.mx.microsoft"],
    ["docomo.ne.jp", "by hand", ""],
    ["m365.test", "microsoft", "m365-test.mail.protection.outlook.com"],
    ["mixed.test", "google", "aspmx.l.google.com"],
    ["workspace.test", "google", "aspmx.l.google.com"],
  ]);
  expect(found.domains).toHaveLength(SEED_DOMAINS.length + 5);
  expect(found.warnings).toEqual([
    "left out, since their MX could not be asked: silent.example",
    "on the list, but with other mail exchangers beside: mixed.test",
  ]);

  // A second later nobody answers: the cache does, but not for a domain that had no answer, and not after a day.
  const nobody = makeResolver({ servers: ["127.0.0.1:9"], timeoutMs: 200, tries: 1 });
  const again = await selectDomains(selection, nobody, NOW + 1000);
  expect(again.domains).toEqual(found.domains);
  expect(again.warnings).toEqual(found.warnings);
  const later = await selectDomains(selection, nobody, NOW + DAY_MS);
  expect(later.domains.map(({ domain }) => domain)).not.toContain("workspace.test");
  expect(later.warnings[0]).toContain("m365.test");
  expect(JSON.parse(await readFile(selection.cacheFile, "utf8"))).not.toHaveProperty("silent.example");
});
