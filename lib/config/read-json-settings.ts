/**
 * Reads settings out of a JSON object and collects what is wrong with them.
 *
 * Promise:  every reader method returns a value of its type; where the setting is wrong or missing it adds one
 *           sentence to `problems` and returns a stand-in, so that reading goes on and all mistakes come together.
 * Each setting is read once; `finish` then reports the settings that nobody asked for.
 */

/** Reads the settings of one object; see the head of this file. */
export interface JsonSettings {
  /** A required string that passes `test`; `allowed` says in words what passes. */
  text(name: string, test: (text: string) => boolean, allowed: string): string;
  /** As `text`, but undefined where the setting is absent. */
  textOptional(name: string, test: (text: string) => boolean, allowed: string): string | undefined;
  /** An integer between both bounds, inclusive. */
  integer(name: string, min: number, max: number, byDefault: number): number;
  flag(name: string, byDefault: boolean): boolean;
  /** One of a list; `condition` is added to the message where the list depends on another setting. */
  oneOf<T extends string | number>(name: string, values: readonly T[], byDefault: T, condition?: string): T;
  /** A nested object; an absent one reads as empty. */
  group(name: string): JsonSettings;
  /** A nested object, or undefined where it is absent. */
  groupOptional(name: string): JsonSettings | undefined;
  /** Reports the settings that were not read. Call it once, last. */
  finish(): void;
}

/** Makes a reader over `raw`, which stands at `path`. A `raw` that is no object is one problem and reads as empty. */
export function readJsonSettings(path: string, raw: unknown, problems: string[]): JsonSettings {
  const object = isObject(raw) ? raw : {};
  if (!isObject(raw)) problems.push(`${path}: got ${show(raw)}; allowed: an object of settings`);
  const known: string[] = [];

  const take = (name: string): unknown => {
    known.push(name);
    return Object.hasOwn(object, name) ? object[name] : undefined;
  };
  const refuse = (name: string, got: unknown, allowed: string): void => {
    problems.push(`${path}.${name}: ${got === undefined ? "is missing" : `got ${show(got)}`}; allowed: ${allowed}`);
  };
  const textOptional: JsonSettings["textOptional"] = (name, test, allowed) => {
    const value = take(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" && test(value)) return value;
    refuse(name, value, allowed);
    return undefined;
  };
  const groupOptional: JsonSettings["groupOptional"] = (name) => {
    const value = take(name);
    return value === undefined ? undefined : readJsonSettings(`${path}.${name}`, value, problems);
  };

  return {
    text: (name, test, allowed) => {
      const value = take(name);
      if (typeof value === "string" && test(value)) return value;
      refuse(name, value, allowed);
      return "";
    },
    textOptional,
    integer: (name, min, max, byDefault) => {
      const value = take(name);
      if (value === undefined) return byDefault;
      if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
      refuse(name, value, `an integer from ${min} to ${max}`);
      return byDefault;
    },
    flag: (name, byDefault) => {
      const value = take(name);
      if (value === undefined) return byDefault;
      if (typeof value === "boolean") return value;
      refuse(name, value, "true or false");
      return byDefault;
    },
    oneOf: (name, values, byDefault, condition) => {
      const value = take(name) ?? byDefault;
      const found = values.find((candidate) => candidate === value);
      if (found !== undefined) return found;
      refuse(name, value, `${condition === undefined ? "" : `${condition}, `}one of ${values.join(", ")}`);
      return byDefault;
    },
    group: (name) => groupOptional(name) ?? readJsonSettings(`${path}.${name}`, {}, problems),
    groupOptional,
    finish: () => {
      for (const name of Object.keys(object)) {
        if (!known.includes(name)) {
          problems.push(`${path}.${name}: unknown setting; known here: ${[...known].sort().join(", ")}`);
        }
      }
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
