/**
 * How long a client has been owing us something, however slowly its bytes trickle in.
 *
 * The library only notices silence. Here a command has to be complete by a deadline that counts from our last reply,
 * and data has to come at a least rate. Times are those of `performance.now()`. See RFC 5321 §4.5.3.2.
 */

import type { EdgeSettings } from "../lib/core/edge-settings.ts";

type ClockSettings = Pick<
  EdgeSettings,
  "commandMs" | "afterFailedAuthMs" | "tlsHandshakeMs" | "dataGraceMs" | "dataBytesPerSecondMin"
>;

/** The clock of one session. */
export class ClientClock {
  readonly #settings: ClockSettings;
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

  /** Which time is over, if any. */
  exceeded(now: number, authHasFailed: boolean): "command" | "data" | undefined {
    if (this.#working > 0) return undefined;
    const elapsed = now - this.#since;
    const { dataGraceMs, dataBytesPerSecondMin } = this.#settings;
    if (this.#data !== undefined) {
      const allowed = dataGraceMs + (this.#data.byteLength / dataBytesPerSecondMin) * 1000;
      return elapsed > allowed ? "data" : undefined;
    }
    return elapsed > this.#commandMs(authHasFailed) ? "command" : undefined;
  }

  #commandMs(authHasFailed: boolean): number {
    if (this.#handshake) return this.#settings.tlsHandshakeMs;
    return authHasFailed ? this.#settings.afterFailedAuthMs : this.#settings.commandMs;
  }
}
