/**
 * A TCP connection under a client's TLS, where what goes out can be tampered with and bytes can be put in between.
 *
 * TLS runs over this stream and not over the socket itself: a socket that is destroyed beneath Node's own TLS takes the
 * process with it.
 */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Tampering } from "./session-plan.ts";

/** The stream; it takes the socket over. Errors of the socket end it quietly: a peer that resets is nothing special. */
export class Wire extends Duplex {
  readonly #socket: Socket;
  #tampering: Tampering | undefined;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.once("close", () => this.destroy());
  }

  /** The next write is changed. */
  tamper(tampering: Tampering): void {
    this.#tampering = tampering;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const tampering = this.#tampering;
    this.#tampering = undefined;
    // The session is told of a broken connection by its close alone.
    this.#socket.write(tampering === undefined ? chunk : tamperedWith(chunk, tampering), () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

function tamperedWith(chunk: Buffer, { how, at, bytes }: Tampering): Buffer {
  const position = Math.floor(at * chunk.length);
  switch (how) {
    case "flip":
    case "head": {
      const changed = Buffer.from(chunk);
      for (let index = 0; index < bytes.length && position + index < changed.length; index += 1) {
        const octet = bytes[index] ?? 0;
        changed[position + index] = how === "head" ? octet : (changed[position + index] ?? 0) ^ octet;
      }
      return changed;
    }
    case "cut":
      return chunk.subarray(0, position);
    case "double":
      return Buffer.concat([chunk, chunk]);
    case "insert":
      return Buffer.concat([chunk.subarray(0, position), bytes, chunk.subarray(position)]);
  }
}
