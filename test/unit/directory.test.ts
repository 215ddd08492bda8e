/** Who may send for which domain. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coveringDomains } from "../../lib/core/address.ts";
import { directoryKey, type SenderDomain, senderVerdict, TENANT_ID_PATTERN } from "../../lib/core/directory.ts";

const row = (domain: string, tenant: string, status: SenderDomain["status"] = "verified"): SenderDomain => ({
  kind: "domain",
  domain,
  tenant,
  status,
});

describe("senderVerdict", () => {
  it.each([
    ["a domain of the tenant", "example.com", [row("example.com", "a")], { kind: "allowed" }],
    ["a subdomain of it", "mail.example.com", [row("example.com", "a")], { kind: "allowed" }],
    ["a domain nobody has", "example.com", [], { kind: "foreign", domain: "example.com" }],
    [
      "a domain of another tenant",
      "example.com",
      [row("example.com", "b")],
      { kind: "foreign", domain: "example.com" },
    ],
    [
      "a subdomain that another tenant was given",
      "shop.example.com",
      [row("example.com", "a"), row("shop.example.com", "b")],
      { kind: "foreign", domain: "shop.example.com" },
    ],
    [
      "a subdomain that the tenant was given of another's domain",
      "shop.example.com",
      [row("example.com", "b"), row("shop.example.com", "a")],
      { kind: "allowed" },
    ],
    [
      "the domain above a subdomain of the tenant",
      "example.com",
      [row("shop.example.com", "a")],
      { kind: "foreign", domain: "example.com" },
    ],
    [
      "a name that only ends alike",
      "evilexample.com",
      [row("example.com", "a")],
      { kind: "foreign", domain: "evilexample.com" },
    ],
    [
      "a domain that waits for its verification",
      "mail.example.com",
      [row("example.com", "a", "pending")],
      { kind: "pending", domain: "example.com" },
    ],
    [
      "another tenant's domain that waits",
      "example.com",
      [row("example.com", "b", "pending")],
      { kind: "foreign", domain: "example.com" },
    ],
  ] as const)("decides on %s", (_, domain, rows, verdict) => {
    expect(senderVerdict("a", domain, rows)).toEqual(verdict);
  });

  it("never allows a domain that is neither on a row of the tenant nor below one", () => {
    const label = fc.constantFrom("a", "b", "shop", "example", "jp", "com");
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const rows = fc.array(
      fc.tuple(name, fc.constantFrom("a", "b"), fc.constantFrom("verified" as const, "pending" as const)),
    );
    fc.assert(
      fc.property(name, rows, (domain, given) => {
        const verdict = senderVerdict(
          "a",
          domain,
          given.map(([name, tenant, status]) => row(name, tenant, status)),
        );
        if (verdict.kind !== "allowed") return;
        const own = given.filter(([, tenant, status]) => tenant === "a" && status === "verified").map(([name]) => name);
        expect(own.some((name) => name === domain || domain.endsWith(`.${name}`))).toBe(true);
        expect(own.some((name) => coveringDomains(domain).includes(name))).toBe(true);
      }),
    );
  });
});

describe("directoryKey", () => {
  it("keeps the kinds apart, so that no login is ever read as a tenant", () => {
    const status = "active";
    const keys = [
      directoryKey({ kind: "tenant", id: "x", name: "X", status, language: "ja" }),
      directoryKey({ kind: "credential", login: "x", tenant: "x", label: "x", status, passwordHash: "" }),
      directoryKey({ kind: "network", cidr: "192.0.2.0/24", tenant: "x", label: "x", status, tlsRequired: true }),
      directoryKey({ kind: "domain", domain: "x", tenant: "x", status: "verified" }),
    ];
    expect(keys).toEqual(["tenant#x", "credential#x", "network#192.0.2.0/24", "domain#x"]);
  });
});

describe("tenant ids", () => {
  it.each(["a", "demo", "web-production-1", "9", "a".repeat(63)])("may be %s", (id) => {
    expect(id).toMatch(TENANT_ID_PATTERN);
  });

  it.each(["", "-a", "A", "a_b", "a b", "a#b", "a\n", "a".repeat(64)])("may not be %j", (id) => {
    expect(id).not.toMatch(TENANT_ID_PATTERN);
  });
});
