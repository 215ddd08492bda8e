/**
 * Preloaded into every process of the relay: its clock is the machine's, shifted by what the parent says. Timers are
 * not shifted; they measure durations.
 *
 * `CLOCK_AHEAD_MS` says by how much at the start; a message `{ clockAheadMs }` changes it. Ends with the parent.
 */

const RealDate = Date;
let aheadMs = Number(process.env["CLOCK_AHEAD_MS"] ?? 0);

class ShiftedDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RealDate.now() + aheadMs);
    // A Date takes up to seven numbers, which no type of its constructor says in one line.
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
process.on("message", (message: unknown) => {
  if (typeof message === "object" && message !== null && "clockAheadMs" in message)
    aheadMs = Number(message.clockAheadMs);
});
process.once("disconnect", () => process.exit(1));
