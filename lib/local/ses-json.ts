/**
 * Unknown JSON into the values that SES requests and the state file are made of.
 *
 * Promise:  a value that is returned has its type; null counts as absent, as in AWS's JSON.
 * Refusal:  a wrong type or a missing required member throws `SesError` (400), never anything else.
 */

import { badRequest, SesError } from "./ses-error.ts";

/** A JSON object of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** True for a JSON object, false for arrays, null and scalars. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses the body of a request; an empty one is an empty object. Throws SerializationException. */
export function parseFields(text: string): Fields {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SesError("SerializationException", "The request body is not JSON.");
  }
  if (!isFields(value)) throw new SesError("SerializationException", "The request body is not a JSON object.");
  return value;
}

/** A string member, or undefined when absent. */
export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw wrongType(name, "a string");
  return value;
}

/** A string member that must be there and not be empty. */
export function requiredTextOf(fields: Fields, name: string): string {
  const value = textOf(fields, name);
  if (value === undefined || value === "") throw invalid(name, "Member must not be null");
  return value;
}

/** A boolean member, or undefined when absent. */
export function flagOf(fields: Fields, name: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw wrongType(name, "a boolean");
  return value;
}

/** A number member, or undefined when absent. */
export function numberOf(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") throw wrongType(name, "a number");
  return value;
}

/** An object member, or undefined when absent. */
export function fieldsOf(fields: Fields, name: string): Fields | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!isFields(value)) throw wrongType(name, "an object");
  return value;
}

/** A list of strings; empty when absent. */
export function textsOf(fields: Fields, name: string): string[] {
  return listOf(fields, name).map((entry) => {
    if (typeof entry !== "string") throw wrongType(name, "a list of strings");
    return entry;
  });
}

/** A list of objects; empty when absent. */
export function objectsOf(fields: Fields, name: string): Fields[] {
  return listOf(fields, name).map((entry) => {
    if (!isFields(entry)) throw wrongType(name, "a list of objects");
    return entry;
  });
}

/** A member that is one of a closed set, or undefined when absent. */
export function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T | undefined {
  const value = textOf(fields, name);
  return value === undefined ? undefined : member(value, name, allowed);
}

/** A list whose every entry is one of a closed set; undefined when absent, so that an empty list can mean "none". */
export function manyOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T[] | undefined {
  if (fields[name] === undefined || fields[name] === null) return undefined;
  return textsOf(fields, name).map((value) => member(value, name, allowed));
}

/** An AWS resource tag. */
export interface ResourceTag {
  readonly Key: string;
  readonly Value: string;
}

/** The `Tags` member of a Create operation. */
export function resourceTagsOf(fields: Fields): ResourceTag[] {
  return objectsOf(fields, "Tags").map((tag) => ({
    Key: requiredTextOf(tag, "Key"),
    Value: textOf(tag, "Value") ?? "",
  }));
}

/** `{ [name]: value }`, or nothing when the value is undefined: how optional members are spread into an answer. */
export function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}

/** The wording of AWS's request validation. */
export function invalid(name: string, constraint: string): SesError {
  const member = name.charAt(0).toLowerCase() + name.slice(1);
  return badRequest(`1 validation error detected: Value at '${member}' failed to satisfy constraint: ${constraint}`);
}

function member<T extends string>(value: string, name: string, allowed: readonly T[]): T {
  const found = allowed.find((entry) => entry === value);
  if (found === undefined) throw invalid(name, `Member must satisfy enum value set: [${allowed.join(", ")}]`);
  return found;
}

function listOf(fields: Fields, name: string): unknown[] {
  const value = fields[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongType(name, "a list");
  return value as unknown[];
}

function wrongType(name: string, wanted: string): SesError {
  return new SesError("SerializationException", `${name} is not ${wanted}.`);
}
