import { describe, expect, it } from "vitest";
import { remembered } from "../../bin/console/remembered.ts";

const AGES = { freshMs: 5_000, staleMs: 60_000, waitMs: 1, deadMs: 600_000 };

/** Facts that a test lets come, one by one, and a clock that it sets. */
function slowFacts() {
  const waiting: PromiseWithResolvers<number>[] = [];
  let nowMs = 0;
  const look = remembered(
    async () => {
      const one = Promise.withResolvers<number>();
      waiting.push(one);
      return await one.promise;
    },
    { ...AGES, now: () => nowMs },
  );
  return {
    look,
    asked: () => waiting.length,
    come: (value: number) => waiting.at(-1)?.resolve(value),
    fail: () => waiting.at(-1)?.reject(new Error("no answer")),
    setClock: (ms: number) => {
      nowMs = ms;
    },
  };
}

describe("facts of the overview", () => {
  it("are asked for once by all who come at the same time, and not again while they are fresh", async () => {
    const { look, asked, come, setClock } = slowFacts();
    const both = Promise.all([look(), look()]);
    come(1);
    expect(await both).toEqual([
      { value: 1, isOld: false },
      { value: 1, isOld: false },
    ]);
    setClock(4_999);
    expect([await look(), asked()]).toEqual([{ value: 1, isOld: false }, 1]);
  });

  it("are given a little old while newer ones are asked for", async () => {
    const { look, asked, come, setClock } = slowFacts();
    const first = look();
    come(1);
    await first;
    setClock(30_000);
    expect([await look(), asked()]).toEqual([{ value: 1, isOld: false }, 2]);
    come(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect([await look(), asked()]).toEqual([{ value: 2, isOld: false }, 2]);
  });

  it("are given old, and said to be, when newer ones do not come at once", async () => {
    const { look, come, setClock } = slowFacts();
    const first = look();
    come(1);
    await first;
    setClock(60_001);
    expect(await look()).toEqual({ value: 1, isOld: true });
    const later = look();
    come(2);
    expect(await later).toEqual({ value: 2, isOld: false });
  });

  it("are waited for when the old ones are older than ten minutes, and their failure is told", async () => {
    const { look, come, fail, setClock } = slowFacts();
    const first = look();
    come(1);
    await first;
    setClock(600_001);
    const late = look();
    fail();
    await expect(late).rejects.toThrow("no answer");
    const next = look();
    come(3);
    expect(await next).toEqual({ value: 3, isOld: false });
  });
});
