/** What each release of the relay left behind: see `write-release-fixtures.ts`. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { LedgerMessage } from "../../lib/aws/ledger-dynamo.ts";
import type { DirectoryRow } from "../../lib/core/directory.ts";
import type { Envelope } from "../../lib/core/spool-object.ts";

export const RELEASES_DIR = join(import.meta.dirname, "..", "fixtures", "releases");

/** Items as DynamoDB has them, and what the release itself read in objects and items. */
export interface Release {
  /** By name of the object. */
  readonly envelopes: Readonly<Record<string, Envelope>>;
  readonly ledger: readonly Record<string, AttributeValue>[];
  /** By queue id. */
  readonly messages: Readonly<Record<string, LedgerMessage>>;
  readonly directory: readonly Record<string, AttributeValue>[];
  readonly rows: readonly DirectoryRow[];
}

/** Names of the releases that there are samples of. */
export function releaseNames(): string[] {
  return readdirSync(RELEASES_DIR).sort();
}

/** The samples of one. */
export function readRelease(name: string): Release {
  const part = (member: keyof Release): unknown =>
    JSON.parse(readFileSync(join(RELEASES_DIR, name, `${member}.json`), "utf8"));
  return {
    envelopes: part("envelopes"),
    ledger: part("ledger"),
    messages: part("messages"),
    directory: part("directory"),
    rows: part("rows"),
  } as Release;
}

/** An object's octets. */
export function readReleaseObject(name: string, object: string): Buffer {
  return readFileSync(join(RELEASES_DIR, name, "spool", `${object}.eml`));
}
