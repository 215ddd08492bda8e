/** CSV that spreadsheets read, and that theirs is read from. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvText, parseCsv } from "../../lib/core/csv.ts";

describe("csvText", () => {
  it("quotes what has to be quoted", () => {
    expect(
      csvText(
        ["a", "b"],
        [
          ['say "x"', "1,5"],
          ["line\nend", 7],
        ],
      ),
    ).toBe('a,b\r\n"say ""x""","1,5"\r\n"line\nend",7\r\n');
  });

  it.each(["=1+1", "+1", "@x", "-cmd", "\tx"])("lets no spreadsheet take %j for a formula", (cell) => {
    expect(csvText(["a"], [[cell]])).toContain(`'${cell}`);
  });
});

describe("parseCsv", () => {
  it("reads what csvText wrote", () => {
    const cell = fc.string({ unit: "grapheme" }).filter((text) => !/^[=+@\t\r-]/.test(text) && text !== "");
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
        expect(parseCsv(csvText(["a", "b"], rows))).toEqual([["a", "b"], ...rows]);
      }),
    );
  });

  it.each([
    [
      "semicolons",
      "a;b\n1,5;2\n",
      [
        ["a", "b"],
        ["1,5", "2"],
      ],
    ],
    [
      "tabs",
      "a\tb\n1\t2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "blank lines and a byte order mark",
      "\ufeffa,b\r\n\r\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
  ])("takes %s", (_, text, rows) => {
    expect(parseCsv(text)).toEqual(rows);
  });
});
