import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import { UNKNOWN_LOGIN_HASH } from "../../lib/core/password-hash.ts";
import { AuthGuard } from "../../relay-edge/auth-guard.ts";
import { ConnectionLimits } from "../../relay-edge/connection-limits.ts";
import { DeadlineExceeded, withDeadline } from "../../relay-edge/deadline.ts";
import { KeyBatch } from "../../relay-edge/key-batch.ts";
import { PasswordChecker } from "../../relay-edge/password.ts";
import { TimedCache } from "../../relay-edge/timed-cache.ts";

describe("a timed cache", () => {
  function make(entriesMax = 100) {
    const clock = { now: 0 };
    const asked: string[] = [];
    const cache = new TimedCache<string | undefined>({ keepMs: 60_000, entriesMax, now: () => clock.now });
    const get = (key: string) =>
      cache.get(key, async () => {
        asked.push(key);
        return key === "none" ? undefined : key;
      });
    return { clock, asked, cache, get };
  }

  it("asks once a minute, for negative answers too", async () => {
    const { clock, asked, get } = make();
    expect([await get("a"), await get("none"), await get("a")]).toEqual(["a", undefined, "a"]);
    clock.now = 59_999;
    expect([await get("a"), await get("none")]).toEqual(["a", undefined]);
    expect(asked).toEqual(["a", "none"]);
    clock.now = 60_000;
    await get("none");
    expect(asked).toEqual(["a", "none", "none"]);
  });

  it("asks once for all who want the same at the same time", async () => {
    const { asked, get } = make();
    expect(await Promise.all([get("a"), get("a"), get("b"), get("a")])).toEqual(["a", "a", "b", "a"]);
    expect(asked).toEqual(["a", "b"]);
  });

  it("does not remember a failure", async () => {
    const { cache, get } = make();
    await expect(cache.get("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await get("a")).toBe("a");
  });

  it("forgets the oldest answers beyond its size", async () => {
    const { asked, get } = make(2);
    for (const key of ["a", "b", "c", "b", "c", "a"]) await get(key);
    expect(asked).toEqual(["a", "b", "c", "a"]);
  });
});

describe("a batch of keys", () => {
  function make(keysMax = 100) {
    const asked: (readonly string[])[] = [];
    const batch = new KeyBatch<string>(async (keys) => {
      asked.push(keys);
      if (keys.includes("bad")) throw new Error("down");
      return keys.map((key) => key.toUpperCase());
    }, keysMax);
    return { asked, batch };
  }

  it("asks once for all that is wanted in one turn, each key once, and gives each its own answer", async () => {
    const { asked, batch } = make();
    expect(await Promise.all(["a", "b", "a"].map((key) => batch.get(key)))).toEqual(["A", "B", "A"]);
    expect(await batch.get("a")).toBe("A");
    expect(asked).toEqual([["a", "b"], ["a"]]);
  });

  it("splits what is too much for one request", async () => {
    const { asked, batch } = make(2);
    expect(await Promise.all("abcde".split("").map((key) => batch.get(key)))).toEqual("ABCDE".split(""));
    expect(asked).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  it("fails for those that asked together, and for nobody after", async () => {
    const { batch } = make();
    const results = await Promise.allSettled([batch.get("a"), batch.get("bad")]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await batch.get("a")).toBe("A");
  });
});

describe("a deadline", () => {
  it("ends the wait and tells the work", async () => {
    let told = false;
    const never = (signal: AbortSignal) =>
      new Promise<void>(() => {
        signal.addEventListener("abort", () => {
          told = true;
        });
      });
    await expect(withDeadline(10, never)).rejects.toBeInstanceOf(DeadlineExceeded);
    expect(told).toBe(true);
  });

  it("gives what the work gives when that comes first", async () => {
    expect(await withDeadline(1_000, async () => 1)).toBe(1);
    await expect(withDeadline(1_000, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});

describe("the guard against password guessing", () => {
  function make() {
    const clock = { now: 0 };
    return { clock, guard: new AuthGuard({ now: () => clock.now, delayMs: 2_000 }) };
  }
  const times = (count: number, work: () => void) => {
    for (let i = 0; i < count; i++) work();
  };

  it("lets ten failures pass, then slows down, then blocks, and only that address", () => {
    const { guard } = make();
    times(10, () => guard.failed("a"));
    expect([guard.delayMs("a"), guard.blocked("a")]).toEqual([0, false]);
    guard.failed("a");
    expect([guard.delayMs("a"), guard.blocked("a")]).toEqual([2_000, false]);
    times(50, () => guard.failed("a"));
    expect(guard.blocked("a")).toBe(true);
    expect([guard.delayMs("b"), guard.blocked("b")]).toEqual([0, false]);
  });

  it("forgets with time", () => {
    const { guard, clock } = make();
    times(60, () => guard.failed("a"));
    expect(guard.blocked("a")).toBe(true);
    clock.now = 10_001;
    expect(guard.blocked("a")).toBe(false);
    clock.now = 10 * 60_000;
    expect(guard.delayMs("a")).toBe(0);
  });

  it("lets an address in again that has mended its password", () => {
    const { guard } = make();
    times(59, () => guard.failed("a"));
    guard.succeeded("a");
    times(30, () => guard.failed("a"));
    expect(guard.blocked("a")).toBe(false);
  });
});

describe("the password checker", () => {
  it("remembers a result, but not for another login, which could tell which logins exist", async () => {
    const checker = new PasswordChecker({ keepMs: 60_000, randomBytes });
    const took = async (login: string): Promise<number> => {
      const before = performance.now();
      expect(await checker.check(login, "password", UNKNOWN_LOGIN_HASH)).toBe(false);
      return performance.now() - before;
    };
    // scrypt takes tens of milliseconds, the cache much less than one.
    expect(await took("a")).toBeGreaterThan(10);
    expect(Math.min(await took("a"), await took("a"), await took("a"))).toBeLessThan(10);
    expect(await took("b")).toBeGreaterThan(10);
  });

  it("refuses when too many wait, instead of keeping everybody waiting", async () => {
    const checker = new PasswordChecker({ keepMs: 60_000, randomBytes });
    const checks = Array.from({ length: 210 }, (_, i) => checker.check("a", String(i), "not a hash"));
    const results = await Promise.allSettled(checks);
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(210 - LIMITS.edge.passwordChecksAtOnce - LIMITS.edge.passwordChecksWaitingMax);
    expect(await checker.check("a", "again", "not a hash")).toBe(false);
  });
});

describe("the limits of connections", () => {
  it("hold in all and for each address, and what leaves makes room", () => {
    const limits = new ConnectionLimits({ max: 3, perAddressMax: 2 });
    expect(["a", "a", "a", "b", "b"].map((address) => limits.enter(address))).toEqual([
      "entered",
      "entered",
      "address",
      "entered",
      "all",
    ]);
    limits.leave("a");
    expect(limits.enter("c")).toBe("entered");
    expect(limits.enter("a")).toBe("all");
    limits.leave("c");
    expect(limits.enter("a")).toBe("entered");
    expect(limits.enter("a")).toBe("all");
  });
});
