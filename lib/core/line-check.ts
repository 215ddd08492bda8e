/**
 * Looks at a message while it streams by: every line must end with CR LF, and there is no NUL.
 *
 * A bare CR or LF could be an end of data for the next server, which is how one message becomes two ("SMTP
 * smuggling"). See RFC 5321 §2.3.8; RFC 5322 §3.5 for NUL.
 */

/** What is wrong with a line. */
export type LineProblem = "bare-cr" | "bare-lf" | "nul";

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;

/** One message's check. Feed it every chunk in order, then call `end`. */
export class LineCheck {
  #lastWasCr = false;

  /** Looks at the next chunk. Returns the first problem in it; after a problem the check is of no more use. */
  feed(chunk: Uint8Array): LineProblem | undefined {
    let lastWasCr = this.#lastWasCr;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] ?? 0;
      // Nearly every byte of a message leaves here.
      if (byte > CR) {
        if (lastWasCr) return "bare-cr";
        continue;
      }
      if (byte === LF) {
        if (!lastWasCr) return "bare-lf";
        lastWasCr = false;
        continue;
      }
      if (lastWasCr) return "bare-cr";
      if (byte === CR) lastWasCr = true;
      else if (byte === NUL) return "nul";
    }
    this.#lastWasCr = lastWasCr;
    return undefined;
  }

  /** To be called after the last chunk: a CR at the very end is bare too. */
  end(): LineProblem | undefined {
    return this.#lastWasCr ? "bare-cr" : undefined;
  }
}
