/** A message as it was received, while it is in the spool and for as long as the bucket keeps its versions after that. */

import type { QueueId } from "../core/queue-id.ts";
import { decodeSpoolObject, NotASpoolObject, type SpoolObject } from "../core/spool-object.ts";
import { getSpoolObject, type Spool } from "./spool-s3.ts";

/**
 * From the spool, else the version that its record names. `bytesMax`: only the beginning. Undefined where it is gone, or
 * is no message. Throws what S3 throws.
 */
export async function readKeptMessage(
  spool: Spool,
  id: QueueId,
  version: string | undefined,
  bytesMax?: number,
): Promise<SpoolObject | undefined> {
  const some = bytesMax === undefined ? {} : { bytesMax };
  const stored =
    (await getSpoolObject(spool, id, some)) ??
    (version === undefined ? undefined : await getSpoolObject(spool, id, { version, ...some }));
  try {
    return stored === undefined ? undefined : decodeSpoolObject(stored.bytes);
  } catch (error) {
    if (error instanceof NotASpoolObject) return undefined;
    throw error;
  }
}

/** Enough for the longest header that the edge takes, and the envelope before it. */
export const KEPT_HEADER_BYTES_MAX = 2 * 1024 * 1024;
