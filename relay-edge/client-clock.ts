/**
 * How long a client has been owing us something, however slowly its bytes trickle in.
 *
 * The library only notices silence. Here a command has to be complete by a deadline that counts from our last reply,
 * and data has to come at a least rate; and the session as a whole has its time. Times are those of `performance.now()`. See RFC 5321 §4.5.3.2.
 */

import type { EdgeSettings } from "../lib/core/edge-settings.ts";

type ClockSettings = Pick<
  EdgeSettings,
  "sessionMs" | "commandMs" | "afterFailedAuthMs" | "tlsHandshakeMs" | "dataGraceMs" | "dataBytesPerSecondMin"
>;

/** The clock of one session. */
export class ClientClock {
  readonly #settings: ClockSettings;
  readonly #began = performance.now();
  #since = performance.now();
  /** Handlers at work: meanwhile the client waits for us. */
  #working = 0;
  #handshake = false;
  #data: { readonly byteLength: number } | undefined;

  constructor(settings: ClockSettings) {
    this.#settings = settings;
  }

  /** True while the client owes nothing but a command. */
  get waitsForCommand(): boolean {
    return this.#working === 0 && this.#data === undefined;
  }

  /** A reply has gone out. */
  replied(): void {
    this.#since = performance.now();
  }

  /** A handler begins or ends; calls come in pairs. */
  work(change: 1 | -1): void {
    this.#working += change;
    this.#since = performance.now();
  }

  handshake(underWay: boolean): void {
    this.#handshake = underWay;
    this.#since = performance.now();
  }

  /** The client is to send its data; `stream` counts it. */
  startData(stream: { readonly byteLength: number }): void {
    this.#data = stream;
    this.#since = performance.now();
  }

  /** The data is over; true the first time it is said. */
  endData(): boolean {
    const underWay = this.#data !== undefined;
    this.#data = undefined;
    return underWay;
  }

  /** True when the session has lasted so long that it takes no further message. */
  sessionIsOver(now: number): boolean {
    return now - this.#began > this.#settings.sessionMs;
  }

  /** The reply for the time that is over, if any is. */
  exceeded(
    now: number,
    session: { readonly authHasFailed: boolean; readonly idle: boolean },
  ): "timeout" | "dataTimeout" | "sessionTimeout" | undefined {
    if (this.#working > 0) return undefined;
    const elapsed = now - this.#since;
    const { sessionMs, dataGraceMs, dataBytesPerSecondMin } = this.#settings;
    if (now - this.#began > 2 * sessionMs) return "sessionTimeout";
    if (this.#data !== undefined) {
      const allowed = dataGraceMs + (this.#data.byteLength / dataBytesPerSecondMin) * 1000;
      return elapsed > allowed ? "dataTimeout" : undefined;
    }
    if (elapsed > this.#commandMs(session.authHasFailed)) return "timeout";
    return session.idle && this.sessionIsOver(now) ? "sessionTimeout" : undefined;
  }

  #commandMs(authHasFailed: boolean): number {
    if (this.#handshake) return this.#settings.tlsHandshakeMs;
    return authHasFailed ? this.#settings.afterFailedAuthMs : this.#settings.commandMs;
  }
}
