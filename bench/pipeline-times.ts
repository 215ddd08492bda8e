/** From the moments of each message's way to how long its parts take. */

import { type Spread, spread } from "./quantile.ts";

/** When something happened to a message, in milliseconds of one clock. What did not happen, or was not seen, is missing. */
export interface Moments {
  /** The client has written the end of its data. */
  writtenMs?: number;
  /** The client has the 250. */
  acceptedMs?: number;
  /** Forward has the queue's message. */
  receivedMs?: number;
  /** Forward calls SES. */
  calledMs?: number;
  /** SES has answered that it took the message. */
  takenMs?: number;
  /** SES has published the delivery event. */
  publishedMs?: number;
  /** Feedback has written the delivery into the ledger. */
  recordedMs?: number;
}

/** A stretch of the way. */
export interface PipelinePart {
  readonly part: string;
  /** Milliseconds. */
  readonly ms: Spread;
}

/** What became of the messages that were accepted. */
export interface PipelineTimes {
  readonly parts: readonly PipelinePart[];
  /** Accepted and not with SES. */
  readonly lost: number;
  /** Accepted, and their delivery is not in the ledger. */
  readonly unrecorded: number;
}

/** The two that are promised to somebody. */
export const TO_SES = "250 to SES having the message";
export const TO_LEDGER = "250 to the delivery in the ledger";

const PARTS: readonly (readonly [part: string, from: keyof Moments, to: keyof Moments])[] = [
  [TO_SES, "acceptedMs", "takenMs"],
  [TO_LEDGER, "acceptedMs", "recordedMs"],
  ["end of data to 250", "writtenMs", "acceptedMs"],
  ["250 to forward having the notice", "acceptedMs", "receivedMs"],
  ["notice to the call of SES", "receivedMs", "calledMs"],
  ["SES's answer", "calledMs", "takenMs"],
  ["SES's answer to its event", "takenMs", "publishedMs"],
  ["event to the ledger", "publishedMs", "recordedMs"],
];

/** Of messages without a 250 nothing is said. A part may take less than nothing: the notice may come before the 250. */
export function pipelineTimes(messages: readonly Moments[]): PipelineTimes {
  const accepted = messages.filter(({ acceptedMs }) => acceptedMs !== undefined);
  const parts = PARTS.map(([part, from, to]) => {
    const times = accepted.flatMap((message) => {
      const [start, end] = [message[from], message[to]];
      return start === undefined || end === undefined ? [] : [end - start];
    });
    return { part, ms: spread(times) };
  });
  return {
    parts,
    lost: accepted.filter(({ takenMs }) => takenMs === undefined).length,
    unrecorded: accepted.filter(({ recordedMs }) => recordedMs === undefined).length,
  };
}
