/** Settings: read once, every problem at once, nothing secret shown. */

import { describe, expect, it } from "vitest";
import {
  ConfigurationError,
  flag,
  httpUrl,
  oneOf,
  optional,
  type Parser,
  port,
  readSettings,
  required,
  type Settings,
  text,
  wholeNumber,
} from "../../lib/config/declare.ts";

const SETTINGS = {
  name: required("NAME", text, "name of it"),
  port: optional("PORT", port, 2525, "where it listens"),
  mode: optional("MODE", oneOf("a", "b"), "a", "how it works"),
  fast: optional("FAST", flag, false, "whether it hurries"),
  maybe: optional<string | undefined>("MAYBE", text, undefined, "may be absent"),
  password: { ...required("PASSWORD", wholeNumber(1, 9), "a secret"), secret: true },
} satisfies Settings;

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    readSettings(SETTINGS, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe("readSettings", () => {
  it("gives typed values, and defaults for what is absent or empty", () => {
    const values = readSettings(SETTINGS, {
      NAME: " x ",
      PORT: "0",
      MODE: "",
      FAST: "true",
      PASSWORD: "5",
      OTHER: "y",
    });
    expect(values).toEqual({ name: " x ", port: 0, mode: "a", fast: true, maybe: undefined, password: 5 });
  });

  it("names every wrong and missing setting at once, with what was found and what is allowed", () => {
    expect(problemsOf({ PORT: "65536", MODE: "c", FAST: "yes", PASSWORD: "5" })).toEqual([
      "NAME is not set (name of it)",
      'PORT is "65536"; it must be a whole number from 0 to 65535',
      'MODE is "c"; it must be a or b',
      'FAST is "yes"; it must be true or false',
    ]);
  });

  it("never shows what a secret was set to", () => {
    const problems = problemsOf({ NAME: "x", PASSWORD: "hunter2" });
    expect(problems).toEqual(["PASSWORD is wrong; it must be a whole number from 1 to 9"]);
  });

  it("puts each problem on a line of the error's message", () => {
    expect(new ConfigurationError(["one", "two"]).message).toBe("wrong settings:\n  - one\n  - two");
  });
});

describe("parsers", () => {
  const parses = (parser: Parser<unknown>, value: string): boolean => "value" in parser(value);

  it.each(["0", "1", "65535", "0025"])("take %s for a port", (value) => {
    expect(port(value)).toEqual({ value: Number(value) });
  });

  it.each(["-1", "65536", "1.5", "1e3", "0x10", " 25", "25\n", "", "１", "NaN", "9".repeat(400)])(
    "do not take %j for a port",
    (value) => {
      expect(parses(port, value)).toBe(false);
    },
  );

  it.each(["http://127.0.0.1:4566", "https://sqs.us-east-1.amazonaws.com/1/q"])("take %s for an address", (value) => {
    expect(parses(httpUrl, value)).toBe(true);
  });

  it.each([
    "",
    "localhost",
    "http:",
    "http:x",
    "http://",
    "ftp://x",
    "javascript:1",
    " http://x",
    "http://x\n",
    "http://x y",
  ])("do not take %j for an address", (value) => {
    expect(parses(httpUrl, value)).toBe(false);
  });

  it.each(["TRUE", "1", "yes", " true"])("do not take %j for true or false", (value) => {
    expect(parses(flag, value)).toBe(false);
  });
});
