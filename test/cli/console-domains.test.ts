/** "Ask SES now" on a domain's page, over HTTP against local services: what is found is said, and kept. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addDomainCommand } from "../../bin/commands/domain.ts";
import { readRow } from "../../lib/aws/directory-dynamo.ts";
import { domainKey } from "../../lib/core/directory.ts";
import { startTestConsole, type TestConsole, unescaped } from "../support/console.ts";

let served: TestConsole;

beforeAll(async () => {
  served = await startTestConsole({ commands: [addDomainCommand] });
});
afterAll(async () => await served.close());

describe("ask SES now", () => {
  it.each([
    [
      "en",
      "waits for SES, DKIM waits, MAIL FROM waits. publish the records (relayhost domain records), then wait",
      "verified, DKIM good, MAIL FROM good<",
    ],
    [
      "ja",
      "SES の検証待ち, DKIM 検証待ち, MAIL FROM 検証待ち. レコード (relayhost domain records) を登録し、しばらくお待ちください",
      "検証済み, DKIM 正常, MAIL FROM 正常<",
    ],
  ])("says what SES has answered, and lets send what it has verified since (%s)", async (lang, before, after) => {
    const { directory } = served.connection;
    const domain = `now-${lang}.example`;
    const add = await served.cli.run("domain", "add", domain, "--tenant", "demo");
    expect(add).toMatchObject({ code: 0 });
    const browser = served.browser();
    const check = async (): Promise<string> => {
      const page = await browser.get(`/domains/${domain}?lang=${lang}`);
      return unescaped((await browser.change(page, "/do/domain-check", [])).done.body);
    };
    expect(await check()).toContain(`${domain}: ${before}`);
    expect(await readRow(directory, domainKey(domain))).toMatchObject({ status: "pending" });
    await fetch(`${served.cli.endpoint}/local/verify`, { method: "POST", body: JSON.stringify({ identity: domain }) });
    expect(await check()).toContain(`${domain}: ${after}`);
    expect(await readRow(directory, domainKey(domain))).toMatchObject({ status: "verified" });
  });
});
