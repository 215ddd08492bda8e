/** Log events: one line of JSON each, and never an exception from the log itself. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { errorText, type LogEvent, logJson } from "../../lib/core/log.ts";

afterEach(() => void vi.restoreAllMocks());

/** What `logJson` writes on standard output for an event. */
function written(event: LogEvent): string {
  let out = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  logJson(event);
  return out;
}

describe("logJson", () => {
  it("writes one line, whatever the facts hold", () => {
    const out = written({ event: "forwarded", detail: "a\r\nb\u2028c", size: 3, none: undefined });
    expect(out.split("\n")).toHaveLength(2);
    expect(JSON.parse(out)).toEqual({ event: "forwarded", detail: "a\r\nb\u2028c", size: 3 });
  });

  it("writes a big integer as text", () => {
    expect(JSON.parse(written({ event: "x", size: 12n }))).toEqual({ event: "x", size: "12" });
  });

  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const trap = {
    toJSON() {
      throw new Error("no");
    },
  };
  it.each([
    ["a circle", circle],
    ["a value that refuses", trap],
  ])("still tells what happened when a fact is %s", (_, fact) => {
    expect(JSON.parse(written({ event: "sweep-error", fact }))).toMatchObject({ event: "sweep-error" });
  });
});

describe("errorText", () => {
  it.each([
    [new TypeError("bad"), "TypeError: bad"],
    ["text", "text"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [{ a: 1 }, "[object Object]"],
    [Object.create(null), "an error without words"],
  ])("answers for whatever was thrown (%#)", (thrown, expected) => {
    expect(errorText(thrown)).toBe(expected);
  });
});
