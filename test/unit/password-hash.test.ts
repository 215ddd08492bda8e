import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashPassword, UNKNOWN_LOGIN_HASH, verifyPassword } from "../../lib/core/password-hash.ts";

describe("a password hash", () => {
  it("fits its password and no other", async () => {
    const hash = await hashPassword("pässword-日本", randomBytes(16));
    expect(hash).toMatch(/^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(await verifyPassword("pässword-日本", hash)).toBe(true);
    expect(await verifyPassword("password-日本", hash)).toBe(false);
    expect(await verifyPassword("", hash)).toBe(false);
  });

  it("is RFC 7914's own for its second test vector", async () => {
    const salt = Buffer.from("NaCl").toString("base64url");
    const expected =
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162" +
      "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640";
    const hash = `scrypt$1024$8$16$${salt}$${Buffer.from(expected, "hex").toString("base64url")}`;
    expect(await verifyPassword("password", hash)).toBe(true);
  });

  it.each([
    "",
    "plain",
    "scrypt$16384$8$1$$",
    "scrypt$16383$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$1048576$64$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$16384$8$999$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$16384$0$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "bcrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ])("%j is none, and no password fits it", async (hash) => {
    expect(await verifyPassword("plain", hash)).toBe(false);
  });

  it("for an unknown login costs the same work and fits nothing", async () => {
    expect(UNKNOWN_LOGIN_HASH).toMatch(/^scrypt\$16384\$8\$1\$/);
    expect(await verifyPassword("", UNKNOWN_LOGIN_HASH)).toBe(false);
  });
});
