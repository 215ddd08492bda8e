/**
 * Which recipients of a message share a call to SES, and how many calls are made at once.
 *
 * Only those never tried before: whoever was in a call that failed goes alone from then on. So a call that SES refuses
 * for one of its recipients holds up the others once, and nothing has to remember why.
 */

import { addressKey } from "./address.ts";
import { LIMITS } from "./limits.ts";
import { fitsRecipientTag } from "./recipient-tag.ts";

/** A recipient as far as it matters here. */
export interface CallCandidate {
  readonly index: number;
  readonly address: string;
  /** A call was begun for it before. */
  readonly wasTried: boolean;
}

/**
 * Groups of at most `sizeMax`, in order. No address is twice in a group, whatever its case: SES would send one copy,
 * and its events could not be told apart.
 */
export function callGroups<T extends CallCandidate>(candidates: readonly T[], sizeMax: number): T[][] {
  const groups: T[][] = [];
  const open: { readonly members: T[]; readonly addresses: Set<string> }[] = [];
  for (const candidate of candidates) {
    const key = addressKey(candidate.address);
    const group = candidate.wasTried
      ? undefined
      : open.find(
          ({ members, addresses }) =>
            !addresses.has(key) && fitsRecipientTag([...members.map(({ index }) => index), candidate.index]),
        );
    if (group === undefined) {
      const members = [candidate];
      groups.push(members);
      if (!candidate.wasTried && sizeMax > 1) open.push({ members, addresses: new Set([key]) });
    } else {
      group.members.push(candidate);
      group.addresses.add(key);
      if (group.members.length >= sizeMax) open.splice(open.indexOf(group), 1);
    }
  }
  return groups;
}

/**
 * How many calls of a message may be on their way at the same time: many large ones would share the line until all of
 * them time out, each perhaps with its mail taken.
 */
export function callsAtOnce(requestBytes: number, recipientsPerCall: number): number {
  const { recipientsInFlight, requestBytesInFlight } = LIMITS.forward;
  const byRecipients = recipientsInFlight / recipientsPerCall;
  return Math.max(1, Math.floor(Math.min(byRecipients, requestBytesInFlight / requestBytes)));
}
