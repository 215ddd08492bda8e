/**
 * `relayhost doctor` against a real name server: domains and addresses that are well, others with one ailment each, and
 * block lists that work, refuse, list everything, or are silent.
 */

import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { promisify } from "node:util";
import { generate } from "selfsigned";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Diagnosis } from "../../lib/core/doctor/doctor-page.ts";
import type { Finding } from "../../lib/core/doctor/finding.ts";
import { makeSpfEvaluation } from "../../lib/dns/evaluate-spf.ts";
import { probeMxTls } from "../../lib/dns/mx-tls.ts";
import { makeResolver } from "../../lib/dns/resolver.ts";
import { freePort } from "../support/free-port.ts";
import { type Knot, startKnot } from "./support/knot.ts";

const WELL = `@ MX 10 mx\n@ A 192.0.2.10\nmail A 192.0.2.10\nmx A 192.0.2.11\n@ TXT "v=spf1 ip4:192.0.2.10 ~all"
_dmarc TXT "v=DMARC1; p=quarantine"\n${dkimKey("s2048", 2048)}\n${dkimKey("s1024", 1024)}\n${dkimKey("s512", 512)}
gone._domainkey TXT "v=DKIM1; p="\ncut._domainkey TXT "v=DKIM1; p=MIGfMA0GCS"`;

const ZONES: Record<string, string> = {
  test: "",
  "well.test": WELL,
  "ill.test": `@ MX 10 alias\nalias CNAME www\nwww A 192.0.2.12\n@ TXT "v=spf1 +all"\n@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=no"`,
  "null.test": `@ MX 0 .\n@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=none; aspf=s; pct=50"`,
  "long.test": `@ TXT "v=spf1 ${Array.from({ length: 11 }, (_, index) => `a:h${index}.long.test`).join(" ")} ~all"\n${Array.from({ length: 11 }, (_, index) => `h${index} A 192.0.2.${100 + index}`).join("\n")}`,
  "spammer.test": "@ A 192.0.2.13",
  "2.0.192.in-addr.arpa": "10 PTR mail.well.test.\n13 PTR nowhere.well.test.\n14 PTR 192-0-2-14.dynamic.test.",
  "dynamic.test": "192-0-2-14 A 192.0.2.14",
  // Works, and lists 192.0.2.10 and 192.0.2.13.
  "zen.spamhaus.org":
    '2.0.0.127 A 127.0.0.2\n10.2.0.192 A 127.0.0.3\n10.2.0.192 A 127.0.0.10\n10.2.0.192 TXT "see the page"\n13.2.0.192 A 127.255.255.254',
  // Works and lists nothing.
  "bl.mailspike.net": "2.0.0.127 A 127.0.0.2",
  // Refuses this resolver without a word: even the test entry is not there.
  "bl.spamcop.net": "",
  // Dead: answers anything.
  "b.barracudacentral.org": "* A 127.0.0.2",
  // Parked: a web server's address.
  "psbl.surriel.com": "* A 192.0.2.80",
  "dnsbl-1.uceprotect.net": "2.0.0.127 A 127.0.0.2\n10.2.0.192 A 127.0.0.2",
  "dbl.spamhaus.org": "dbltest.com A 127.0.1.2\nspammer.test A 127.0.1.102",
  "multi.surbl.org": "test.surbl.org A 127.0.0.1",
  "key1234567890.zen.dq.spamhaus.net": "2.0.0.127 A 127.0.0.2",
};

let knot: Knot;

beforeAll(async () => {
  knot = await startKnot(ZONES);
});
afterAll(async () => {
  await knot?.stop();
});

/** A zone file's line for a key, in strings of 200 characters. */
function dkimKey(selector: string, bits: number): string {
  const der = generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({ type: "spki", format: "der" });
  const strings = `v=DKIM1; k=rsa; p=${der.toString("base64")}`.match(/.{1,200}/g) ?? [];
  return `${selector}._domainkey TXT ${strings.map((text) => `"${text}"`).join(" ")}`;
}

async function doctor(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string }> {
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["bin/relayhost.ts", "doctor", ...args, "--no-tls", "--resolver", knot.server],
      { env: { PATH: process.env["PATH"], ...env } },
    );
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout: stdout + stderr };
  }
}

async function findings(args: readonly string[], env: Record<string, string> = {}): Promise<readonly Finding[]> {
  const { stdout } = await doctor([...args, "--json"], env);
  const [diagnosis] = JSON.parse(stdout) as Diagnosis[];
  return diagnosis?.findings ?? [];
}

const brief = (all: readonly Finding[], check: RegExp): string[] =>
  all.filter((finding) => check.test(finding.check)).map(({ severity, what }) => `${severity}: ${what.en}`);

describe("an address", () => {
  it("that has a name and the way back is in order; each block list is proved before it is believed", async () => {
    const all = await findings(["192.0.2.10", "--helo", "mail.well.test"]);
    expect(brief(all, /^(ptr|helo)$/)).toEqual([
      "good: PTR mail.well.test, and back",
      "good: HELO mail.well.test leads to the address",
    ]);
    expect(brief(all, /^list:/)).toEqual([
      expect.stringMatching(/^must: listed in Spamhaus ZEN: (?=.*CSS: )(?=.*PBL: ).*see the page$/),
      "unknown: SpamCop: could not ask (its test entry is missing: this resolver is refused)",
      "unknown: Barracuda: could not ask (it lists everything)",
      "unknown: PSBL: could not ask (answers 192.0.2.80: no list)",
      "unknown: UCEPROTECT 2: could not ask (refused)",
      "unknown: UCEPROTECT 3: could not ask (refused)",
      "note: listed in UCEPROTECT 1: 127.0.0.2",
      "good: Mailspike: not listed",
    ]);
    const zen = all.find(({ check }) => check === "list:zen.spamhaus.org");
    expect(zen?.url).toBe("https://check.spamhaus.org/");
    expect(zen?.letter).toContain("The IP address 192.0.2.10 is listed in Spamhaus ZEN");
  });

  it("is not called unlisted when the list answers with an error code", async () => {
    const all = await findings(["192.0.2.13"]);
    expect(brief(all, /zen/)).toEqual(["unknown: Spamhaus ZEN: could not ask (refused (127.255.255.254))"]);
    expect(brief(all, /^ptr/)).toEqual(["must: PTR nowhere.well.test does not lead back to the address"]);
  });

  it("is asked for under the key of a Spamhaus account, which is shown nowhere", async () => {
    const env = { RELAYHOST_SPAMHAUS_DQS_KEY: "key1234567890" };
    const { stdout } = await doctor(["192.0.2.10", "--json"], env);
    expect(stdout).toContain("Spamhaus ZEN: not listed");
    expect(stdout).not.toContain("key1234567890");
  });

  it("without a name, and with a provider's default name", async () => {
    expect(brief(await findings(["192.0.2.50", "--no-lists"]), /./)).toEqual([
      expect.stringMatching(/^must: has no name/),
    ]);
    expect(brief(await findings(["192.0.2.14", "--no-lists", "--helo", "mail.well.test"]), /./)).toEqual([
      "should: PTR 192-0-2-14.dynamic.test looks like a provider's default",
      "should: HELO mail.well.test does not lead to the address",
    ]);
  });
});

describe("a domain", () => {
  it("that is well has nothing to do first, and the exit code says so", async () => {
    const { code, stdout } = await doctor([
      "well.test",
      "--no-lists",
      "--dkim-selector",
      "s2048",
      "--ip",
      "192.0.2.10",
    ]);
    expect(code).toBe(0);
    expect(stdout).not.toContain("Do this first");
    expect(stdout).toContain("SPF is valid, 0 of 10 look-ups");
    expect(stdout).toContain("SPF for 192.0.2.10: pass");
    expect(stdout).toContain("DKIM s2048: good, 2048 bits");
    expect(stdout).toContain("DMARC quarantine");
    expect(stdout).toContain("- Gmail: valid SPF: met; DKIM key of 1024 bits or more: met");
  });

  it("has its keys measured", async () => {
    const all = await findings(["well.test", "--no-lists", "--dkim-selector", "s1024", "s512", "gone", "cut", "none"]);
    expect(brief(all, /^dkim/)).toEqual([
      "must: DKIM s512: 512 bits; Gmail takes 1024 or more",
      "must: DKIM gone: the key is revoked",
      "must: DKIM cut: the key cannot be read",
      "must: DKIM none: no key",
      "note: DKIM s1024: 1024 bits; 2048 are advised",
    ]);
  });

  it("that is ill is told what to do, the most pressing first, in both languages, with exit code 1", async () => {
    const { code, stdout } = await doctor(["ill.test", "--no-lists"]);
    expect(code).toBe(1);
    const order = [
      "Do this first",
      "more than one SPF record",
      "DMARC: p=no is no policy",
      "Do this\n",
      "MX alias.ill.test is a CNAME",
    ];
    const places = order.map((text) => stdout.indexOf(text));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect((await doctor(["ill.test", "--no-lists", "--lang", "ja"])).stdout).toContain("SPF レコードが複数あり");
  });

  it("that takes no mail, says so in SPF, and leaves only one way to alignment", async () => {
    const all = await findings(["null.test", "--no-lists"]);
    expect(brief(all, /^(mx|spf|dmarc|alignment)/)).toEqual([
      "should: null MX: the domain takes no mail",
      "should: SPF says that the domain sends no mail at all",
      "note: DMARC: pct is gone since RFC 9989",
      "note: aspf=s: SPF of the MAIL FROM subdomain does not count, only DKIM does",
      "good: SPF is valid, 0 of 10 look-ups",
      "good: DMARC none",
    ]);
  });

  it("whose SPF needs too many look-ups is told the number, and mailauth says permerror too", async () => {
    expect(brief(await findings(["long.test", "--no-lists"]), /^spf/)).toEqual([
      "must: SPF needs 11 look-ups, 10 are allowed: receivers take it as an error",
    ]);
    const evaluate = makeSpfEvaluation(makeResolver({ servers: [knot.server] }));
    expect((await evaluate("long.test", "198.51.100.1")).result).toBe("permerror");
    expect((await evaluate("well.test", "198.51.100.1")).result).toBe("softfail");
    expect((await evaluate("refused.example", "198.51.100.1")).result).toBe("temperror");
  });

  it("is looked for in lists of domains, and a list that refuses (127.0.0.1) is not believed", async () => {
    const all = await findings(["spammer.test"]);
    expect(brief(all, /^list:/)).toEqual([
      "must: listed in Spamhaus DBL: legitimate, but abused: look for a hacked page",
      "unknown: SURBL: could not ask (refused (127.0.0.1))",
      "unknown: URIBL: could not ask (refused)",
    ]);
  });

  it("that does not exist", async () => {
    expect(brief(await findings(["gone.well.test", "--no-lists"]), /^zone/)).toEqual([
      "good: zone well.test is served",
    ]);
    expect(brief(await findings(["nobody.test", "--no-lists"]), /^zone/)).toEqual(["must: the domain does not exist"]);
  });

  it("and anything else that is none of both, is refused with status 2", async () => {
    expect((await doctor(["not a domain"])).code).toBe(2);
    expect((await doctor(["all"])).code).toBe(2);
  });
});

describe("the TLS of a mail exchanger", () => {
  const servers: { close(callback: () => void): unknown }[] = [];
  afterAll(async () => {
    for (const server of servers) await new Promise<void>((resolve) => server.close(resolve));
  });
  const options = { helo: "doctor.test", timeoutMs: 5_000 };

  async function smtp(disabled: string[], name: string): Promise<{ port: number; ca: string }> {
    const { private: key, cert } = await generate([{ name: "commonName", value: name }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: name }] }],
    });
    const server = new SMTPServer({ key, cert, disabledCommands: disabled, logger: false });
    server.on("error", () => undefined);
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    servers.push(server);
    return { port, ca: cert };
  }

  it("is good when the certificate is one for the name", async () => {
    const { port, ca } = await smtp(["AUTH"], "localhost");
    expect(await probeMxTls("localhost", { ...options, port, ca })).toMatchObject({
      state: "good",
      protocol: "TLSv1.3",
      endsAtMs: expect.any(Number),
    });
  });

  it("is told apart: a certificate that is not valid, no STARTTLS, nobody there, and one who hangs up", async () => {
    const { port, ca } = await smtp(["AUTH"], "other.test");
    expect(await probeMxTls("localhost", { ...options, port, ca })).toMatchObject({ state: "certificate" });
    expect(await probeMxTls("localhost", { ...options, port })).toMatchObject({ state: "certificate" });
    const bare = await smtp(["AUTH", "STARTTLS"], "localhost");
    expect(await probeMxTls("localhost", { ...options, port: bare.port })).toEqual({ state: "no-starttls" });
    expect(await probeMxTls("localhost", { ...options, port: await freePort() })).toMatchObject({
      state: "could-not-ask",
    });
    const rude: Server = createServer((socket) => socket.end("554 no\r\n"));
    rude.listen(0, "127.0.0.1");
    await once(rude, "listening");
    servers.push(rude);
    const address = rude.address();
    const rudePort = typeof address === "object" && address !== null ? address.port : 0;
    expect(await probeMxTls("localhost", { ...options, port: rudePort })).toMatchObject({
      state: "could-not-ask",
      reason: "554 no",
    });
  });

  it("is not waited for without end", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    servers.push(silent);
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await probeMxTls("localhost", { ...options, port, timeoutMs: 300 })).toEqual({
      state: "could-not-ask",
      reason: "no answer in time",
    });
  });
});
