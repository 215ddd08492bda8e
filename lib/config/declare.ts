/**
 * Settings declared once: name, parser, default and what it is for.
 *
 * `readSettings` is given the environment as a value and reports every problem at once; nothing else in the project
 * reads `process.env` for its own settings.
 */

import { canonicalIp } from "../core/cidr.ts";

/** Parses a setting's text. Returns the value, or a sentence fragment that says what is allowed. */
export type Parser<T> = (text: string) => { readonly value: T } | { readonly allowed: string };

/** One setting of a process. */
export interface Setting<T> {
  readonly name: string;
  readonly doc: string;
  readonly parse: Parser<T>;
  /** Absent: the setting must be given. */
  readonly fallback?: T;
  /** Never shown in a problem or a listing. */
  readonly secret?: boolean;
}

/** The settings of a process, by the names its code uses. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;
/** What `readSettings` makes of them. */
export type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** Thrown with all problems of a process's settings, one line each. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`wrong settings:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/** Reads all settings from `env`. Throws `ConfigurationError` naming every missing or wrong one. An empty text counts as not given. */
export function readSettings<S extends Settings>(
  settings: S,
  env: Readonly<Record<string, string | undefined>>,
): Values<S> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, setting] of Object.entries(settings)) {
    const text = env[setting.name];
    if (text === undefined || text === "") {
      if ("fallback" in setting) values[key] = setting.fallback;
      else problems.push(`${setting.name} is not set (${setting.doc})`);
      continue;
    }
    const parsed = setting.parse(text);
    if ("value" in parsed) values[key] = parsed.value;
    else
      problems.push(
        `${setting.name} is ${setting.secret ? "wrong" : JSON.stringify(text)}; it must be ${parsed.allowed}`,
      );
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return values as Values<S>;
}

/** Any text. */
export const text: Parser<string> = (value) => ({ value });

/** A whole number between two bounds, both included. */
export function wholeNumber(min: number, max: number): Parser<number> {
  return (value) => {
    const number = Number(value);
    const good = /^\d+$/.test(value) && number >= min && number <= max;
    return good ? { value: number } : { allowed: `a whole number from ${min} to ${max}` };
  };
}

/** A TCP port; 0 means any free one. */
export const port: Parser<number> = wholeNumber(0, 65_535);

/** `true` or `false`. */
export const flag: Parser<boolean> = (value) =>
  value === "true" || value === "false" ? { value: value === "true" } : { allowed: "true or false" };

/** One of the given words. */
export function oneOf<const W extends string>(...words: readonly W[]): Parser<W> {
  return (value) => {
    const word = words.find((candidate) => candidate === value);
    return word === undefined ? { allowed: words.join(" or ") } : { value: word };
  };
}

/** An absolute http or https address. */
export const httpUrl: Parser<string> = (value) =>
  URL.canParse(value) && /^https?:\/\/\S+$/.test(value) ? { value } : { allowed: "an http or https address" };

/** Name servers by address, `192.0.2.1`, `127.0.0.1:5300` or `[2001:db8::1]:53`, with spaces or commas between. */
export const nameServers: Parser<readonly string[] | undefined> = (value) => {
  const servers = value.split(/[ ,]+/).filter((server) => server !== "");
  return servers.length > 0 && servers.every(isNameServer)
    ? { value: servers }
    : { allowed: "IP addresses, with :port if not 53" };
};

function isNameServer(server: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
  return canonicalIp(bracketed ?? plain ?? server) !== undefined && Number(port ?? 53) <= 65_535;
}

/** Makes a setting that must be given. */
export function required<T>(name: string, parse: Parser<T>, doc: string): Setting<T> {
  return { name, parse, doc };
}

/** Makes a setting with a default. */
export function optional<T>(name: string, parse: Parser<T>, fallback: T, doc: string): Setting<T> {
  return { name, parse, fallback, doc };
}
