/** Fields of a message that decide whether its sender may be sent a report; kept in the ledger for later events. */

import { fieldValue, readHeader } from "../../lib/core/header-fields.ts";

const VALUE_CHARS_MAX = 500;

/** Values of Auto-Submitted and List-Post, where they are there. */
export function reportFields(message: Buffer): { readonly autoSubmitted?: string; readonly listPost?: string } {
  const { fields } = readHeader(message);
  const value = (name: string): string | undefined => {
    const field = fields.find((candidate) => candidate.name === name);
    return field === undefined ? undefined : fieldValue(message, field).slice(0, VALUE_CHARS_MAX);
  };
  const autoSubmitted = value("auto-submitted");
  const listPost = value("list-post");
  return {
    ...(autoSubmitted === undefined ? {} : { autoSubmitted }),
    ...(listPost === undefined ? {} : { listPost }),
  };
}
