import { crc32 } from "node:zlib";
import { assert, property, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { combineCrc32 } from "../../lib/core/crc32.ts";

describe("the CRC-32 of two parts", () => {
  it("is that of the parts put together", () => {
    assert(
      property(uint8Array({ maxLength: 300 }), uint8Array({ maxLength: 5_000 }), (first, second) => {
        const whole = crc32(Buffer.concat([first, second]));
        expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(whole);
      }),
    );
  });

  it("is right for a second part of 28 MiB and an odd octet", () => {
    const second = Buffer.alloc(28 * 1024 * 1024 + 1, "The quick brown fox jumps over the lazy dog\r\n");
    const first = Buffer.from("Relayhost-Version: 1\r\n");
    const whole = crc32(second, crc32(first));
    expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(whole);
  });
});
