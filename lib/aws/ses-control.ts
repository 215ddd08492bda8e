/**
 * Calls of SES's control plane at the pace that SES allows: one request a second for account and region, all of them
 * together, sending apart (https://docs.aws.amazon.com/ses/latest/dg/quotas.html).
 *
 * Promise:  calls made through one control start at least a whole interval apart, however many wait at the same time.
 *           A call that SES finds too fast (others share the limit) is made again later, at half the pace.
 * Failure:  throws the SDK's error; for "too fast" only after several tries.
 */

import type { SESv2Client } from "@aws-sdk/client-sesv2";
import { makeSes } from "./clients.ts";

/** A client and its pace. */
export interface SesControl {
  /** Makes one call when its turn has come. */
  call<T>(send: (client: SESv2Client) => Promise<T>): Promise<T>;
  /** Closes the connections. */
  destroy(): void;
}

const TRIES = 8;
/** SES counts in its own seconds. */
const MARGIN = 1.05;
const SLOWEST_MS = 15_000;

/** Makes a control; 0 calls per second: no pace, for local mode. */
export function makeSesControl(callsPerSecond: number, client: SESv2Client = makeSes()): SesControl {
  const fastestMs = callsPerSecond > 0 ? (1000 / callsPerSecond) * MARGIN : 0;
  let intervalMs = fastestMs;
  let nextMs = 0;
  let queue = Promise.resolve();
  // One after the other: a turn that came late must not make the next one follow too soon.
  const turn = async (): Promise<void> => {
    for (let leftMs = nextMs - performance.now(); leftMs > 0; leftMs = nextMs - performance.now()) {
      const waitMs = leftMs;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    nextMs = performance.now() + intervalMs;
  };
  return {
    async call(send) {
      for (let tries = 1; ; tries++) {
        queue = queue.then(turn);
        await queue;
        try {
          const answer = await send(client);
          intervalMs = fastestMs;
          return answer;
        } catch (error) {
          if (!isTooFast(error) || tries === TRIES) throw error;
          intervalMs = Math.min(SLOWEST_MS, Math.max(200, 2 * intervalMs));
          nextMs = performance.now() + intervalMs;
        }
      }
    },
    destroy: () => client.destroy(),
  };
}

function isTooFast(error: unknown): boolean {
  return error instanceof Error && /^(TooManyRequests|Throttling|Throttled)/.test(error.name);
}
