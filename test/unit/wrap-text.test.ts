import { describe, expect, it } from "vitest";
import { commandLanguage } from "../../bin/commands/language.ts";
import { padText, textWidth, wrapText } from "../../bin/commands/wrap-text.ts";

describe("wrapText", () => {
  it("breaks at spaces and indents all lines but the first", () => {
    expect(wrapText("one two three four", 9, "  ")).toBe("one two\n  three\n  four");
  });

  it("counts what stands on the first line already", () => {
    expect(wrapText("one two", 8, "", 4)).toBe("one\ntwo");
  });

  it("breaks Japanese anywhere, at two columns a character, but not before a full stop", () => {
    expect(wrapText("受信側サーバー", 6)).toBe("受信側\nサーバー");
    expect(wrapText("受信側。次", 6)).toBe("受信側。\n次");
  });

  it("leaves a long word whole", () => {
    expect(wrapText("see https://example.org/a/long/path ok", 10)).toBe("see\nhttps://example.org/a/long/path\nok");
  });

  it("gives an empty text back", () => {
    expect(wrapText("", 10)).toBe("");
  });
});

describe("columns", () => {
  it("are two for a wide character", () => {
    expect(textWidth("a日（")).toBe(5);
    expect(padText("意味", 8)).toBe("意味    ");
  });
});

describe("the language of a command", () => {
  it("is what is asked for, else that of the locale, else English", () => {
    expect(commandLanguage("ja", { LANG: "en_US.UTF-8" })).toBe("ja");
    expect(commandLanguage(undefined, { LANG: "ja_JP.UTF-8" })).toBe("ja");
    expect(commandLanguage(undefined, { LC_ALL: "C", LANG: "ja_JP.UTF-8" })).toBe("en");
    expect(commandLanguage(undefined, { LANG: "jam_JM" })).toBe("en");
    expect(commandLanguage(undefined, {})).toBe("en");
    expect(commandLanguage("de", {})).toBeUndefined();
  });
});
