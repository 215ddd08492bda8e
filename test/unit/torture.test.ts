import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeEdit, type HeaderEdit } from "../../lib/core/header-edits.ts";
import { fromDomains } from "../../lib/core/header-from.ts";
import { prepareForSes, SES_ONCE_ONLY_FIELDS } from "../../lib/core/header-rules.ts";
import { HeaderScan } from "../../lib/core/header-scan.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { checkMessage } from "../../lib/local/ses-message-checks.ts";
import { pythonMessages, tortureMessages } from "../support/torture.ts";

const RECEIVED = Buffer.from(
  "Received: from web1 ([192.0.2.1])\r\n by relay (relayhost) with ESMTPSA id 1;\r\n today\r\n",
);
const OWN_DOMAINS = ["example.com", "example.jp"];
const OPTIONS = {
  longBodyLines: "fold",
  receivedField: RECEIVED,
  isVerifiedDomain: (domain: string) => OWN_DOMAINS.includes(domain),
  defaultDomain: "example.com",
} as const;
const messages = tortureMessages();
const sendable = messages.filter((message) => message.refusal === undefined);

describe("the torture set", () => {
  it("holds at least sixty messages with different names, and most can go through the whole relay", () => {
    expect(new Set(messages.map((message) => message.name)).size).toBe(messages.length);
    expect(messages.length).toBeGreaterThanOrEqual(60);
    expect(messages.filter((message) => message.relayed).length).toBeGreaterThanOrEqual(60);
  });

  it.each(sendable)("$name leaves with its body octet for octet", ({ bytes, bodyStart, foldedBodyLines }) => {
    const out = prepareForSes(bytes, OPTIONS);
    const body = out.bytes.subarray(endOfHeader(out.bytes));
    const original = bytes.subarray(bodyStart);
    expect(out.foldedBodyLines).toBe(foldedBodyLines);
    if (foldedBodyLines === 0) expect(body.equals(original)).toBe(true);
    else expect(body.toString("latin1").replaceAll("\r\n ", "")).toBe(original.toString("latin1"));
    expect(longestLine(body)).toBeLessThanOrEqual(998);
  });

  it.each(sendable)("$name has a header that differs by exactly the edits listed", ({ bytes, bodyStart }) => {
    const out = prepareForSes(bytes, OPTIONS);
    const header = applyEdits(bytes.subarray(0, bodyStart), out.edits);
    expect(out.bytes.subarray(0, endOfHeader(out.bytes)).toString("latin1")).toBe(header);
    expect(out.bytes.subarray(0, RECEIVED.length).equals(RECEIVED)).toBe(true);
  });

  it("gets these edits", async () => {
    const list = sendable.map(({ name, bytes }) => {
      const edits = prepareForSes(bytes, OPTIONS).edits.filter((edit) => edit.field !== "received");
      return [name, ...edits.map((edit) => `  ${describeEdit(edit)}`)].join("\n");
    });
    await expect(`${list.join("\n")}\n`).toMatchFileSnapshot(join(import.meta.dirname, "../torture/edits.txt"));
  });

  it.each(sendable)("$name leaves with a header that breaks none of SES's rules", ({ bytes }) => {
    const out = prepareForSes(bytes, OPTIONS).bytes;
    const text = out.toString("latin1");
    expect(text).not.toMatch(/(^|[^\r])\n|\r([^\n]|$)|\0/);
    expect(longestLine(out.subarray(0, endOfHeader(out)))).toBeLessThanOrEqual(998);
    const names = headerNames(text);
    for (const once of SES_ONCE_ONLY_FIELDS) expect(names.filter((name) => name === once).length).toBeLessThan(2);
    for (const name of names) {
      expect(name).toMatch(/^[!-9;-~]+$/);
      expect(name).not.toMatch(
        /^(x-ses-.*|relayhost-.*|bcc|resent-bcc|return-path|dkim-signature|domainkey-signature)$/,
      );
    }
  });

  it.each(messages.filter((message) => message.relayed))("$name passes the edge, and local SES takes it", (message) => {
    const { bytes } = message;
    const scan = new HeaderScan({
      headerBytesMax: LIMITS.edge.headerBytesMax,
      fromBytesMax: LIMITS.edge.fromBytesMax,
    });
    scan.feed(bytes);
    scan.end();
    expect(scan.problem).toBeUndefined();
    const domains = fromDomains(scan.facts.from ?? "") ?? ["none"];
    expect(domains.filter((domain) => !OWN_DOMAINS.includes(domain))).toEqual([]);
    expect(bytes.subarray(-2).toString("latin1")).toBe("\r\n");
    const data = prepareForSes(bytes, OPTIONS).bytes;
    const checked = checkMessage(sesRequest(data), { refuseLongLines: true });
    expect(checked.senders.filter((sender) => !OWN_DOMAINS.some((domain) => sender.endsWith(`@${domain}`)))).toEqual(
      [],
    );
  });

  it.each(messages.filter((message) => message.refusal !== undefined))(
    "$name is refused, with nothing left to send",
    ({ bytes, refusal }) => {
      const out = prepareForSes(bytes, OPTIONS);
      expect(out.refusal?.reason).toBe(refusal);
      expect(out.refusal?.status).toBe(refusal === "bare-line-end" ? "5.6.11" : "5.6.0");
      expect(out.bytes.length).toBe(0);
    },
  );
});

const python = pythonMessages();

describe.skipIf(python.length === 0)("the messages of Python's tests (apt-get install libpython3.11-testsuite)", () => {
  it.each(python)(
    "$name leaves with its body, and prepared again only gets another Received",
    ({ bytes, bodyStart }) => {
      const once = prepareForSes(bytes, OPTIONS);
      if (once.refusal !== undefined) {
        expect(once.refusal.reason).toBe("copies-differ");
        return;
      }
      // A few of them have a broken header on purpose; the body then begins earlier than at the first empty line.
      const body = once.bytes.subarray(endOfHeader(once.bytes));
      expect(bytes.subarray(bytes.length - body.length).equals(body)).toBe(true);
      const isBroken = once.edits.some((edit) => edit.kinds.includes("separator-added"));
      if (!isBroken) expect(body.length).toBe(bytes.length - bodyStart);
      const twice = prepareForSes(once.bytes, OPTIONS);
      expect(twice.edits.map((edit) => edit.kinds)).toEqual([["received-added"]]);
      expect(twice.bytes.equals(Buffer.concat([RECEIVED, once.bytes]))).toBe(true);
    },
  );
});

/** The header with its edits made, by other means than the code under test; checks that edits are whole lines. */
function applyEdits(header: Buffer, edits: readonly HeaderEdit[]): string {
  let text = "";
  let offset = 0;
  for (const { start, end, bytes } of edits) {
    expect(start).toBeGreaterThanOrEqual(offset);
    for (const at of [start, end]) {
      if (at !== 0 && at !== header.length) expect(header.toString("latin1", at - 2, at)).toBe("\r\n");
    }
    if (bytes.length > 0) expect(bytes.subarray(-2).toString("latin1")).toBe("\r\n");
    text += header.toString("latin1", offset, start) + bytes.toString("latin1");
    offset = end;
  }
  return text + header.toString("latin1", offset);
}

function endOfHeader(bytes: Buffer): number {
  const at = bytes.indexOf("\r\n\r\n");
  expect(at).not.toBe(-1);
  return at + 4;
}

function headerNames(text: string): string[] {
  const lines = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
  return lines.filter((line) => !/^[ \t]/.test(line)).map((line) => (line.split(":")[0] ?? "").trimEnd().toLowerCase());
}

function longestLine(bytes: Buffer): number {
  return Math.max(
    ...bytes
      .toString("latin1")
      .split("\r\n")
      .map((line) => line.length),
  );
}

function sesRequest(data: Buffer): Parameters<typeof checkMessage>[0] {
  return {
    data,
    base64Length: Math.ceil(data.length / 3) * 4,
    destination: { to: ["a@example.net"], cc: [], bcc: [] },
    replyToAddresses: [],
    tags: {},
  };
}
