/**
 * What those see who look for weaknesses from outside: nmap, testssl.sh and openssl of Debian 12, on both ports.
 *
 * | looks for                                   | finds                                                            |
 * |---------------------------------------------|------------------------------------------------------------------|
 * | nmap, smtp-open-relay                       | no open relay; in two servers made to be open it finds one       |
 * | testssl.sh: protocols, ciphers, forward     | nothing rated MEDIUM or worse, apart from local mode's own       |
 * | secrecy, defaults, known vulnerabilities    | certificate, which no authority has signed                       |
 * | openssl s_client -tls1_1                    | an alert: protocol version                                       |
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RELAY_HOST } from "./support/machine.ts";
import { requireProgram } from "./support/require-program.ts";
import { runProgram } from "./support/run-program.ts";
import { useCustomerRelay } from "./support/use-customer-relay.ts";

const NMAP = "/usr/bin/nmap";
const TESTSSL = "/usr/bin/testssl";
const OPENSSL = "/usr/bin/openssl";

/** testssl.sh takes a minute of CPU for each port, and there may be other work. */
const TESTSSL_DEADLINE_MS = 900_000;

const customer = useCustomerRelay();
let dir: string;

beforeAll(async () => {
  for (const program of [NMAP, TESTSSL, OPENSSL]) await requireProgram(program);
  dir = await mkdtemp(join(tmpdir(), "scanners-test-"));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe("nmap", () => {
  it("finds no open relay on either port, and does find one where there is one", { timeout: 180_000 }, async () => {
    const { smtpPort, smtpsPort } = customer.relay();
    const open = await startOpenRelay(false);
    const openTls = await startOpenRelay(true);
    const ports = [smtpPort, smtpsPort, open.port, openTls.port];
    try {
      // The plus sign: on other ports than 25, 465 and 587 it would not look at all.
      const command = [NMAP, "-n", "-Pn", "-sT", "-p", ports.join(","), "--script", "+smtp-open-relay", "127.0.0.1"];
      const { output } = await runProgram(command, "", { timeoutMs: 170_000 });
      expect(openRelayVerdict(output, open.port)).toMatch(/^Server is an open relay/);
      expect(openRelayVerdict(output, openTls.port)).toMatch(/^Server is an open relay/);
      for (const port of [smtpPort, smtpsPort]) {
        expect(openRelayVerdict(output, port)).toBe("Server doesn't seem to be an open relay, all tests failed");
      }
    } finally {
      await open.close();
      await openTls.close();
    }
  });
});

describe("testssl.sh", () => {
  /** Findings that are about local mode's certificate: it is made at the first start and signed by itself. */
  const OF_SELF_SIGNED_CERTIFICATE: Readonly<Record<string, string>> = {
    cert_chain_of_trust: "no authority has signed it",
    cert_validityPeriod: "ten years: there is nobody to renew it",
    cert_revocation: "there is no authority that could revoke it, by CRL or OCSP",
  };
  /** Checks that testssl.sh itself could not make, or leaves out for SMTP. */
  const NOT_CHECKED: Readonly<Record<string, string>> = {
    engine_problem: "Debian's openssl has no GOST ciphers",
    sessionresumption_ticket: "its own connection fails at times; resumption is not a weakness either way",
    service: "it looks for HTTP behind TLS",
  };
  /** Some of what must have been looked at, so that a run that did nothing is not taken for a good one. */
  const MUST_BE_OK = [
    "SSLv3",
    "TLS1_2",
    "cipherlist_NULL",
    "PFS",
    "cipher_order",
    "secure_client_renego",
    "heartbleed",
  ];

  it("finds nothing rated medium or worse on either port", { timeout: TESTSSL_DEADLINE_MS }, async () => {
    const { smtpPort, smtpsPort } = customer.relay();
    const [startTls, implicitTls] = await Promise.all([
      findings("starttls", ["--starttls", "smtp", `${RELAY_HOST}:${smtpPort}`]),
      findings("tls", [`${RELAY_HOST}:${smtpsPort}`]),
    ]);
    for (const found of [startTls, implicitTls]) {
      const explained = { ...OF_SELF_SIGNED_CERTIFICATE, ...NOT_CHECKED };
      expect(found.filter(({ id, severity }) => !HARMLESS.has(severity) && !(id in explained))).toEqual([]);
      const ok = found.filter(({ severity }) => severity === "OK").map(({ id }) => id);
      expect(ok).toEqual(expect.arrayContaining(MUST_BE_OK));
      // The one thing that an authority's certificate will not change: it is for the name that clients use.
      expect(ok).toContain("cert_trust");
    }
  });

  /** Protocols, cipher classes, forward secrecy, preferences, server defaults, vulnerabilities; no DNS, no HTTP. */
  async function findings(name: string, target: readonly string[]): Promise<Finding[]> {
    const file = join(dir, `${name}.json`);
    const sections = ["-p", "-s", "-f", "-P", "-S", "-U"];
    const how = ["--warnings", "off", "--color", "0", "--quiet", "--nodns", "none", "--ip", "127.0.0.1"];
    const { output } = await runProgram([TESTSSL, ...how, ...sections, "--jsonfile", file, ...target], "", {
      timeoutMs: TESTSSL_DEADLINE_MS - 30_000,
    });
    return parseFindings(await readFile(file, "utf8").catch(() => ""), output);
  }
});

describe("openssl", () => {
  it.each([
    ["STARTTLS", ["-starttls", "smtp"]],
    ["TLS from the first byte", []],
  ])("cannot speak TLS 1.1 after %s, but TLS 1.2 and 1.3", async (_, how) => {
    const { smtpPort, smtpsPort } = customer.relay();
    const address = `127.0.0.1:${how.length > 0 ? smtpPort : smtpsPort}`;
    const connect = (version: string): Promise<{ status: number; output: string }> => {
      // At Debian's own security level the client would not even ask for TLS 1.1.
      const client = ["s_client", "-connect", address, ...how, version, "-cipher", "DEFAULT@SECLEVEL=0"];
      return runProgram([OPENSSL, ...client], "", { timeoutMs: 30_000 });
    };
    const old = await connect("-tls1_1");
    expect(old.status).toBe(1);
    expect(old.output).toContain("alert protocol version");
    expect((await connect("-tls1_2")).output).toMatch(/New, TLSv1\.2, Cipher is ECDHE-ECDSA-/);
    expect((await connect("-tls1_3")).output).toMatch(/New, TLSv1\.3, Cipher is TLS_/);
  });
});

/** One line of testssl.sh's JSON. */
type Finding = { readonly id: string; readonly severity: string; readonly finding: string };

/** Below MEDIUM. A WARN or FATAL is a check that was not made. */
const HARMLESS: ReadonlySet<string> = new Set(["OK", "INFO", "LOW", "DEBUG"]);

/** Throws with what testssl.sh said when the file is not what it should be. */
function parseFindings(text: string, output: string): Finding[] {
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch (cause) {
    throw new Error(`testssl.sh has not come to its end:\n${output}`, { cause });
  }
  if (!Array.isArray(items)) throw new Error(`not a list of findings: ${text}`);
  return items.map((item: unknown) => {
    const field = (name: string): string => {
      const value: unknown = typeof item === "object" && item !== null ? Reflect.get(item, name) : undefined;
      if (typeof value !== "string") throw new Error(`a finding without ${name}: ${JSON.stringify(item)}`);
      return value;
    };
    return { id: field("id"), severity: field("severity"), finding: field("finding") };
  });
}

/** What the script says of a port; empty when it says nothing. */
function openRelayVerdict(output: string, port: number): string {
  const block = output.split(/^(?=\d+\/tcp )/m).find((text) => text.startsWith(`${port}/tcp `)) ?? "";
  return /smtp-open-relay: (.*)/.exec(block)?.[1]?.trim() ?? "";
}

/** A server that takes mail from everybody to everybody, and throws it away. */
async function startOpenRelay(secure: boolean): Promise<{ port: number; close(): Promise<void> }> {
  const server = new SMTPServer({
    secure,
    authOptional: true,
    disableReverseLookup: true,
    onData: (stream, _session, callback) => {
      stream.on("end", () => callback());
      stream.resume();
    },
  });
  // Scanners end connections in every way there is.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, close: () => new Promise((resolve) => server.close(resolve)) };
}
