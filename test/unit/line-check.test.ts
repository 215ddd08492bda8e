import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineCheck, type LineProblem } from "../../lib/core/line-check.ts";

function check(...chunks: string[]): LineProblem | undefined {
  const lines = new LineCheck();
  for (const chunk of chunks) {
    const problem = lines.feed(Buffer.from(chunk, "latin1"));
    if (problem !== undefined) return problem;
  }
  return lines.end();
}

/** The same by regular expressions over the whole. */
function expected(text: string): LineProblem | undefined {
  const first = /\0|\r(?!\n)|(?<!\r)\n/.exec(text)?.[0];
  if (first === undefined) return undefined;
  return first === "\0" ? "nul" : first === "\r" ? "bare-cr" : "bare-lf";
}

describe("the line ends of a message", () => {
  it.each<[string, LineProblem | undefined]>([
    ["", undefined],
    ["a\r\nb\r\n\r\n", undefined],
    ["no end of line", undefined],
    ["8-bit \xff\x80\t\x01\x7f\r\n", undefined],
    ["a\nb\r\n", "bare-lf"],
    ["\n", "bare-lf"],
    ["a\r\n\n", "bare-lf"],
    ["a\rb\r\n", "bare-cr"],
    ["a\r\r\n", "bare-cr"],
    ["a\r", "bare-cr"],
    ["a\0b\r\n", "nul"],
    ["a\r\0\n", "bare-cr"],
  ])("of %j are judged %s", (text, problem) => {
    expect(check(text)).toBe(problem);
    expect(check(...text.split(""))).toBe(problem);
  });

  it("are judged the same however the message is cut", () => {
    const text = fc.array(fc.constantFrom("\r", "\n", "\r\n", "\0", ".", "a"), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (chunks) => {
        const joined = chunks.map((chunk) => chunk.join(""));
        expect(check(...joined)).toBe(expected(joined.join("")));
      }),
      { numRuns: 5_000 },
    );
  });
});
