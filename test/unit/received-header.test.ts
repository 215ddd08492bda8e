import { describe, expect, it } from "vitest";
import { type ReceivedFacts, receivedField } from "../../lib/core/received-header.ts";

const FACTS: ReceivedFacts = {
  hostName: "relay.example.net",
  helo: "mail.a.example",
  clientAddress: "192.0.2.1",
  extended: true,
  authenticated: true,
  tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  id: "01jd9zx8gm0123456789",
  timeMs: Date.UTC(2026, 10, 24, 4, 5, 6),
};

describe("the Received field", () => {
  it("tells who, where, how and when", () => {
    expect(receivedField(FACTS)).toBe(
      "Received: from mail.a.example ([192.0.2.1])\r\n" +
        " by relay.example.net (relayhost) with ESMTPSA\r\n" +
        " (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n" +
        " id 01jd9zx8gm0123456789; Tue, 24 Nov 2026 04:05:06 +0000\r\n",
    );
  });

  it.each([
    ["ESMTPS", { authenticated: false }],
    ["ESMTPA", { tls: undefined }],
    ["ESMTP", { tls: undefined, authenticated: false }],
    ["SMTP", { tls: undefined, authenticated: false, extended: false }],
  ])("says %s", (word, change) => {
    const { tls, ...rest } = { ...FACTS, ...change };
    const field = receivedField(tls === undefined ? rest : { ...rest, tls });
    expect(field).toContain(` with ${word}\r\n`);
    expect(field).not.toMatch(/\r\n[^ ]/);
  });

  it("holds only the characters of a name, whatever the client calls itself", () => {
    expect(receivedField({ ...FACTS, helo: 'a(b)"\\;<c>' })).toContain("from abc ([192.0.2.1])");
    expect(receivedField({ ...FACTS, helo: "()" })).toContain("from unknown ([192.0.2.1])");
    expect(receivedField({ ...FACTS, helo: "[IPv6:::1]", clientAddress: "2001:db8::1" })).toContain(
      "from [IPv6:::1] ([IPv6:2001:db8::1])",
    );
  });
});
