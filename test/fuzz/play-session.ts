/**
 * Plays the plan of a session against an edge, and tells what happened.
 *
 * Promise:  always resolves, and then the connection is gone.
 * Judges what only the client can see: replies that are none, that do not come, that come unasked, that are wrong where
 * the client has behaved; and a connection that the edge does not end in time. What was stored is judged elsewhere.
 */

import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { quoted, type SessionPlan, type Step } from "./session-plan.ts";
import { Wire } from "./wire.ts";

/** What a session came to. */
export type SessionResult = {
  readonly plan: SessionPlan;
  /** Its port, by which what it stored is known. */
  readonly localPort: number;
  /** What was written, in the clear and under TLS. */
  readonly clear: Buffer;
  readonly secure: Buffer;
  /** Lines of the edge's replies. */
  readonly lines: readonly string[];
  /** Where the edge was wrong, in sentences. */
  readonly faults: readonly string[];
  /** The edge closed before TLS. */
  readonly refusedSilently: boolean;
  /** The client has gone away or has broken its TLS: the edge's last reply need not have come. */
  readonly answerMayBeLost: boolean;
};

/** Where the edge is. */
export type Target = { readonly smtpPort: number; readonly smtpsPort: number };

/** A reply, a handshake and the end of a session come within this, on a machine that has other work too. */
const PATIENCE_MS = 20_000;
/** A whole session, were everything in it as slow as is allowed. */
const SESSION_MS_MAX = 60_000;
/** A client that does not read may be stuck with its own bytes. */
const PATIENCE_WHILE_DEAF_MS = 300;
const LAST_RECORDS_MS = 300;
/** RFC 5321 §4.5.3.1.5, with its line end. */
const REPLY_LINE_OCTETS_MAX = 512;
const REPLY_LINE = /^[2345]\d\d[ -][\x20-\x7e]*$/;
const SERVICE_ENDS = 421;

/** Plays it. */
export async function playSession(plan: SessionPlan, target: Target): Promise<SessionResult> {
  const player = new Player(plan, target);
  return await player.play();
}

class Player {
  readonly #plan: SessionPlan;
  readonly #latest = performance.now() + SESSION_MS_MAX;
  readonly #socket: Socket;
  #wire: Wire | undefined;
  #tls: TLSSocket | undefined;
  /** Between STARTTLS and the end of the handshake what comes is not SMTP. */
  #inClear = true;
  /** The edge has ended it: FIN or RST. */
  #over = false;
  #left = false;
  #deaf = false;
  #damaged = false;
  #refusedSilently = false;
  readonly #clear: Buffer[] = [];
  readonly #secure: Buffer[] = [];
  readonly #lines: string[] = [];
  readonly #faults: string[] = [];
  #unread = "";
  #replies: number[] = [];
  #changed: (() => void) | undefined;
  #localPort = 0;

  constructor(plan: SessionPlan, target: Target) {
    this.#plan = plan;
    const port = plan.port === "smtp" ? target.smtpPort : target.smtpsPort;
    this.#socket = connectTcp({
      port,
      host: "127.0.0.1",
      localAddress: plan.address,
      noDelay: true,
      allowHalfOpen: true,
    });
    this.#socket.once("connect", () => {
      this.#localPort = this.#socket.localPort ?? 0;
    });
    this.#socket.on("error", () => undefined);
    this.#socket.once("close", this.#ended);
    this.#socket.once("end", () => {
      // What came last may still be on its way through TLS.
      if (this.#wire === undefined) this.#ended();
      else setTimeout(this.#ended, LAST_RECORDS_MS);
    });
    if (plan.port === "smtp") this.#socket.on("data", this.#readClear);
  }

  async play(): Promise<SessionResult> {
    for (const step of this.#plan.steps) {
      if (this.#over || this.#left || performance.now() > this.#latest) break;
      if (!(await this.#take(step))) break;
    }
    this.#tls?.resume();
    this.#socket.resume();
    if (!(await this.#until(() => this.#over, PATIENCE_MS))) {
      this.#faults.push("the edge has not closed the connection in time");
    }
    this.#tls?.destroy();
    this.#socket.destroy();
    return {
      plan: this.#plan,
      localPort: this.#localPort,
      clear: Buffer.concat(this.#clear),
      secure: Buffer.concat(this.#secure),
      lines: this.#lines,
      faults: this.#faults,
      refusedSilently: this.#refusedSilently,
      answerMayBeLost: this.#left || this.#damaged,
    };
  }

  /** False: the session cannot go on. */
  async #take(step: Step): Promise<boolean> {
    switch (step.do) {
      case "send":
        return await this.#send(step);
      case "expect":
        return await this.#expect(step.code);
      case "listen":
        this.#replies = [];
        await this.#until(() => this.#replies.length > 0 || this.#over, step.ms);
        return true;
      case "hear-nothing":
        if ((await this.#until(() => this.#replies.length > 0, step.ms)) && this.#replies[0] !== SERVICE_ENDS) {
          this.#faults.push(`the edge has answered what nobody asked: ${this.#lines.at(-1)}`);
        }
        return true;
      case "tls":
        return await this.#startTls(step.version, step.sound);
      case "tamper":
        this.#damaged = true;
        this.#underTls().tamper(step.tampering);
        return true;
      case "raw":
        this.#damaged = true;
        this.#inClear = false;
        await this.#write(this.#socket, step.bytes);
        return true;
      case "deaf":
        this.#deaf = true;
        (this.#tls ?? this.#socket).pause();
        return true;
      case "hear":
        this.#deaf = false;
        (this.#tls ?? this.#socket).resume();
        return true;
      case "wait":
        await sleep(step.ms);
        return true;
      case "leave":
        this.#leave(step.how);
        return false;
    }
  }

  async #send(step: Step & { do: "send" }): Promise<boolean> {
    let from = 0;
    for (const to of [...step.cuts, step.bytes.length]) {
      if (this.#over) return false;
      const piece = step.bytes.subarray(from, to);
      from = to;
      if (piece.length === 0) continue;
      (this.#tls === undefined ? this.#clear : this.#secure).push(piece);
      await this.#write(this.#tls ?? this.#socket, piece);
      if (step.gapMs > 0 && to < step.bytes.length) await sleep(step.gapMs);
    }
    return true;
  }

  /** Resolves when the bytes are gone or never will be; an edge that does not read holds nobody up for ever. */
  async #write(stream: Socket, bytes: Buffer): Promise<void> {
    let gone = false;
    stream.write(bytes, () => {
      gone = true;
      this.#changed?.();
    });
    await this.#until(() => gone || this.#over, this.#deaf ? PATIENCE_WHILE_DEAF_MS : PATIENCE_MS);
  }

  async #expect(code: number): Promise<boolean> {
    await this.#until(() => this.#replies.length > 0 || this.#over, PATIENCE_MS);
    const got = this.#replies.shift();
    if (got === code) return true;
    if (got === SERVICE_ENDS) return false;
    const instead = got === undefined ? (this.#over ? "the end" : `nothing in ${PATIENCE_MS} ms`) : this.#lines.at(-1);
    this.#faults.push(`expected ${code}, got ${instead}`);
    return false;
  }

  #underTls(): Wire {
    if (this.#wire === undefined) {
      this.#inClear = false;
      this.#socket.removeListener("data", this.#readClear);
      this.#wire = new Wire(this.#socket);
      this.#wire.on("error", () => undefined);
    }
    return this.#wire;
  }

  async #startTls(version: "TLSv1.2" | "TLSv1.3", sound: boolean): Promise<boolean> {
    const wire = this.#underTls();
    const tls = connectTls({ socket: wire, rejectUnauthorized: false, minVersion: version, maxVersion: version });
    let secured = false;
    tls.once("secureConnect", () => {
      secured = true;
      this.#changed?.();
    });
    tls.on("error", () => undefined);
    tls.on("data", (chunk: Buffer) => this.#read(chunk));
    tls.once("end", this.#ended);
    await this.#until(() => secured || this.#over || tls.destroyed, PATIENCE_MS);
    if (secured) {
      this.#tls = tls;
      this.#unread = "";
      return true;
    }
    // An address that has failed at AUTH too often is turned away without a word; the edge's log tells how many.
    this.#refusedSilently = sound && this.#plan.port === "smtps" && (this.#over || tls.destroyed);
    if (sound && !this.#refusedSilently) this.#faults.push("the TLS handshake has failed");
    return false;
  }

  #leave(how: "half-close" | "close-notify" | "reset"): void {
    this.#left = true;
    if (how === "reset") this.#socket.resetAndDestroy();
    else if (how === "close-notify" && this.#tls !== undefined) this.#tls.end();
    else this.#socket.end();
  }

  #ended = (): void => {
    this.#over = true;
    this.#changed?.();
  };

  #readClear = (chunk: Buffer): void => {
    if (this.#inClear) this.#read(chunk);
  };

  #read(chunk: Buffer): void {
    const parts = (this.#unread + chunk.toString("latin1")).split("\r\n");
    this.#unread = parts.pop() ?? "";
    for (const line of parts) {
      this.#lines.push(line);
      if (!REPLY_LINE.test(line) || line.length + 2 > REPLY_LINE_OCTETS_MAX) {
        this.#faults.push(`no reply line of SMTP: ${quoted(Buffer.from(line, "latin1"))}`);
      }
      if (line[3] === " ") this.#replies.push(Number(line.slice(0, 3)));
    }
    this.#changed?.();
  }

  /** True when it has become so, false when the time is over. */
  async #until(condition: () => boolean, ms: number): Promise<boolean> {
    const end = Math.min(this.#latest, performance.now() + ms);
    while (!condition()) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#changed = undefined;
    }
    return true;
  }
}
