import { describe, expect, it } from "vitest";
import type { Credential, Tenant } from "../../lib/core/directory.ts";
import { formatReply, type SmtpReply } from "../../lib/core/smtp-reply.ts";
import { credentialRefusal, passwordHashes, senderRefusal, tenantRefusal } from "../../lib/core/standing.ts";

const NOW = Date.UTC(2026, 10, 24, 12);
const ACME: Tenant = { kind: "tenant", id: "acme", name: "acme", status: "active", language: "en" };
const SRV1: Credential = {
  kind: "credential",
  login: "srv1",
  tenant: "acme",
  label: "server 1",
  status: "active",
  passwordHash: "new",
};

const say = (reply: SmtpReply | undefined): string =>
  reply === undefined ? "may send" : `${reply.code} ${formatReply(reply)}`;
const tenantSays = (changes: Partial<Tenant>, nowMs = NOW): string =>
  say(tenantRefusal({ ...ACME, ...changes }, nowMs));
const paused = (reason: string) =>
  ({ status: "paused", pause: { by: "breaker", reason, atMs: NOW } }) as const satisfies Partial<Tenant>;

describe("a tenant", () => {
  it("that nothing is said against may send", () => {
    expect(tenantSays({})).toBe("may send");
    expect(tenantSays({ startsAtMs: NOW, endsAtMs: NOW + 1, limitReachedMonth: "2026-10" })).toBe("may send");
  });

  it("that is paused is told why, where that is known", () => {
    const plain = "451 4.7.1 Sending for tenant acme is paused; ask the operator of this relay";
    expect(tenantSays({ status: "paused" })).toBe(plain);
    expect(tenantSays(paused(""))).toBe(plain);
    expect(tenantSays(paused("8 of 100 mails bounced."))).toBe(
      "451 4.7.1 Sending for tenant acme is paused: 8 of 100 mails bounced; ask the operator of this relay",
    );
  });

  it.each([
    ["a reason in another script is left out", "\u8fd4\u9001\u304c\u591a\u3044", undefined],
    ["line ends and control characters become blanks", "too many\r\n250 ok\0bounces\x7f", "too many 250 ok bounces"],
    ["a long one is cut", "bounces ".repeat(50), `${"bounces ".repeat(12)}b...`],
  ])("that is paused: %s", (_, reason, said) => {
    const told = said === undefined ? "" : `: ${said}`;
    expect(tenantSays(paused(reason))).toBe(
      `451 4.7.1 Sending for tenant acme is paused${told}; ask the operator of this relay`,
    );
  });

  it("sends from the first millisecond of its contract to the last", () => {
    const contract = { startsAtMs: NOW, endsAtMs: NOW + 60_000 };
    expect(tenantSays(contract, NOW - 1)).toBe(
      "451 4.7.1 The contract of tenant acme begins on 2026-11-24 12:00 UTC; ask the operator of this relay; your mail stays in your queue",
    );
    expect(tenantSays(contract, NOW)).toBe("may send");
    expect(tenantSays(contract, NOW + 59_999)).toBe("may send");
    expect(tenantSays(contract, NOW + 60_000)).toBe(
      "451 4.7.1 The contract of tenant acme ended on 2026-11-24 12:01 UTC: ask the operator of this relay to renew it; your mail stays in your queue",
    );
    expect(tenantSays({ startsAtMs: Number.MAX_VALUE })).toContain("begins on +275760-09-13 00:00 UTC");
  });

  it("that has sent what its month allows waits for the next one, also over the new year", () => {
    const used = { limitReachedMonth: "2026-12" };
    expect(tenantSays(used, Date.UTC(2027, 0, 1) - 1)).toBe(
      "451 4.7.1 Tenant acme has sent all its messages of this month: try again on 2027-01-01 00:00 UTC, or ask the operator of this relay for more",
    );
    expect(tenantSays(used, Date.UTC(2027, 0, 1))).toBe("may send");
  });
});

describe("a credential and an envelope sender", () => {
  it("are told of their pause by name", () => {
    expect(say(credentialRefusal(SRV1, "server 1"))).toBe("may send");
    expect(say(credentialRefusal({ ...SRV1, ...paused("hacked") }, "server 1"))).toBe(
      "451 4.7.1 Sending with server 1 is paused: hacked; ask the operator of this relay",
    );
    const pause = { by: "operator", reason: "", atMs: 0 } as const;
    expect(say(senderRefusal({ kind: "sender-pause", tenant: "acme", sender: "me@example.com", pause }))).toBe(
      "451 4.7.1 Sending as me@example.com is paused; ask the operator of this relay",
    );
  });

  it("have room in one reply line, however long they are", () => {
    const pause = { by: "operator", reason: "r".repeat(999), atMs: 0 } as const;
    const reply = senderRefusal({
      kind: "sender-pause",
      tenant: "acme",
      sender: `${"s".repeat(999)}@a.example`,
      pause,
    });
    expect(`451 ${formatReply(reply)}\r\n`.length).toBeLessThanOrEqual(512);
    expect(formatReply(reply)).toMatch(/ask the operator of this relay$/);
  });
});

describe("a password before the last rotation", () => {
  it("is good until its time is over", () => {
    const rotated = { ...SRV1, previousPasswordHash: "old", previousUntilMs: NOW };
    expect(passwordHashes(rotated, NOW - 1)).toEqual({ current: "new", previous: "old" });
    expect(passwordHashes(rotated, NOW)).toEqual({ current: "new" });
    expect(passwordHashes({ ...SRV1, previousPasswordHash: "old" }, NOW)).toEqual({ current: "new" });
  });
});
