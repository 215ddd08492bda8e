/**
 * Keeps the edge's certificate up to date while it runs: reads it again now and then, and warns before it ends.
 *
 * Promise:  a renewed certificate counts from the next handshake on; connections that are open do not notice. One that
 *           cannot be read, does not fit its key, or is over while the one in use is not, changes nothing.
 * Failure:  told in the log, never thrown.
 */

import { type CertificateLife, certificateLife } from "../lib/core/certificate-life.ts";
import { errorText, type Log } from "../lib/core/log.ts";
import { NoCertificate } from "../lib/core/pem.ts";
import type { Certificate } from "./certificate.ts";

const DAY_MS = 86_400_000;

/** What keeping needs. */
export interface CertificateKeeperOptions {
  /** Reads the certificate from wherever it is. */
  readonly load: () => Promise<Certificate>;
  /** Gives a certificate to the TLS servers; throws when it is no pair. */
  readonly use: (certificate: Certificate) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  /** The one in use at first is a stand-in: that there is no other yet is no failure. */
  readonly awaited: boolean;
}

/** Keeps one certificate; see the head of this file. */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  #current: Certificate;
  #life: CertificateLife;
  #awaited: boolean;
  #checking: Promise<void> | undefined;

  /** `current` is in use already. Throws when it is no pair. */
  constructor(current: Certificate, options: CertificateKeeperOptions) {
    this.#options = options;
    this.#current = current;
    this.#life = certificateLife(current);
    this.#awaited = options.awaited;
    this.#warn();
  }

  /** Days until the certificate in use ends; below 0 when it is over. */
  get daysLeft(): number {
    return (this.#life.endsAtMs - this.#options.now()) / DAY_MS;
  }

  /** True as long as the stand-in is in use. */
  get awaited(): boolean {
    return this.#awaited;
  }

  /** Reads it again, and takes it up when it is another one. Calls at the same time are one. */
  async check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
  }

  async #check(): Promise<void> {
    const { load, use, now, log } = this.#options;
    try {
      const read = await load();
      if (read.cert !== this.#current.cert || read.key !== this.#current.key) {
        const life = certificateLife(read);
        if (life.endsAtMs <= now() && this.#life.endsAtMs > now()) {
          throw new Error("the certificate that was read is over");
        }
        use(read);
        this.#current = read;
        this.#life = life;
        this.#awaited = false;
        log({ event: "certificate-reloaded", endsAt: new Date(life.endsAtMs).toISOString() });
      }
    } catch (error) {
      if (!(this.#awaited && error instanceof NoCertificate)) {
        log({ event: "certificate-failed", error: errorText(error) });
      }
    }
    this.#warn();
  }

  #warn(): void {
    if (this.#options.now() < this.#life.warnAtMs) return;
    this.#options.log({
      event: "certificate-expires",
      endsAt: new Date(this.#life.endsAtMs).toISOString(),
      daysLeft: Math.floor(this.daysLeft),
    });
  }
}
