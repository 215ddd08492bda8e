/** How many connections there may be at one time, in all and from one address. */

/** The limits. */
export interface ConnectionLimitsOptions {
  readonly max: number;
  readonly perAddressMax: number;
}

/** Counts open connections; one for all ports of a process. */
export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #byAddress = new Map<string, number>();
  #count = 0;
  #peak = 0;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /** Counts a connection, or says which limit it would exceed. Each `entered` needs one `leave`. */
  enter(address: string): "entered" | "all" | "address" {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#count >= this.#options.max) return "all";
    if (ofAddress >= this.#options.perAddressMax) return "address";
    this.#count++;
    this.#peak = Math.max(this.#peak, this.#count);
    this.#byAddress.set(address, ofAddress + 1);
    return "entered";
  }

  /** The most connections at one time since the last call. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#count;
    return peak;
  }

  leave(address: string): void {
    this.#count--;
    const ofAddress = (this.#byAddress.get(address) ?? 1) - 1;
    if (ofAddress === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, ofAddress);
  }
}
