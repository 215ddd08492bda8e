/**
 * Message ids and feedback ids in the shape of SES: region, milliseconds since 1970, a UUID, a counter that is 0.
 *
 * As seen in events that users have published: `0106019fa36a2608-6c9654bb-dc58-4957-8828-68360c1c2d10-000000`.
 */

import { randomUUID } from "node:crypto";

const REGION_DIGITS: Readonly<Record<string, string>> = {
  "us-east-1": "0100",
  "us-west-2": "0101",
  "eu-west-1": "0102",
  "ap-northeast-1": "0106",
};

/** A new id; ids of later milliseconds sort after earlier ones. */
export function makeSesId(region: string, timeMs: number): string {
  const time = Math.floor(timeMs).toString(16).padStart(12, "0");
  return `${REGION_DIGITS[region] ?? "01ff"}${time}-${randomUUID()}-000000`;
}
