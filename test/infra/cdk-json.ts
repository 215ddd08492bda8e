/** cdk.json as the tests read it, and JSON as a type. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const CDK_JSON = join(import.meta.dirname, "..", "..", "cdk.json");

/** The context of cdk.json: feature flags and environments. */
export const cdkContext = object(object(JSON.parse(readFileSync(CDK_JSON, "utf8")))["context"]);

/** Names of the example environments. */
export const environmentNames = Object.keys(object(cdkContext["environments"]));

/** An environment as it stands in cdk.json, with changes laid over it. */
export function settingsOf(name: string, changes: JsonObject = {}): JsonObject {
  return { ...object(object(cdkContext["environments"])[name]), ...changes };
}

/** The value as an object; throws if it is none. */
export function object(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`not an object: ${JSON.stringify(value)}`);
  }
  return value as JsonObject;
}

/** The value as a list; what is no list is a list of one. */
export function list(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return isList(value) ? value : [value];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
