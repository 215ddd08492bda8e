/**
 * Looks at the TLS of a mail server: connects to port 25 or another, asks for STARTTLS, and checks the certificate.
 *
 * Promise:  never rejects; sends no mail and says QUIT. Ends within `timeoutMs` (a socket that is silent is let go).
 */

import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TlsProbe } from "../core/doctor/examine-domain.ts";

/** How to reach it. */
export interface ProbeOptions {
  /** The name given in EHLO. */
  readonly helo: string;
  readonly port?: number;
  readonly timeoutMs?: number;
  /** Additional certification authorities, PEM. */
  readonly ca?: string;
}

const TIMEOUT_MS = 10_000;
const REPLY_BYTES_MAX = 16_384;

/** What a host shows of its TLS. */
export async function probeMxTls(host: string, options: ProbeOptions): Promise<TlsProbe> {
  const socket = connect({ host, port: options.port ?? 25 });
  const overdue = setTimeout(() => socket.destroy(new Error("no answer in time")), options.timeoutMs ?? TIMEOUT_MS);
  try {
    await reply(socket, 220);
    socket.write(`EHLO ${options.helo}\r\n`);
    const offers = await reply(socket, 250);
    if (!/^250[ -]STARTTLS\s*$/im.test(offers)) {
      socket.end("QUIT\r\n");
      return { state: "no-starttls" };
    }
    socket.write("STARTTLS\r\n");
    await reply(socket, 220);
    return await handshake(socket, host, options.ca);
  } catch (error) {
    return { state: "could-not-ask", reason: wordsOf(error) };
  } finally {
    clearTimeout(overdue);
    socket.destroy();
  }
}

/** All lines of one reply. Rejects for another code, a cut connection, and a reply without end. */
function reply(socket: Socket, code: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const last = /^(\d{3})(?: [^\n]*)?\r?\n$/m.exec(text.slice(text.lastIndexOf("\n", text.length - 2) + 1));
      if (last === null && text.length < REPLY_BYTES_MAX) return;
      done();
      if (last?.[1] === String(code)) resolve(text);
      else reject(new Error(text.trim().split("\n")[0]?.slice(0, 200) ?? "no reply"));
    };
    const onEnd = (error?: Error): void => {
      done();
      reject(error ?? new Error("connection closed"));
    };
    const onClose = (): void => onEnd();
    const done = (): void => {
      socket.off("data", onData);
      socket.off("error", onEnd);
      socket.off("close", onClose);
      // A later error of the socket is not to end the process.
      socket.on("error", () => undefined);
    };
    socket.on("data", onData);
    socket.once("error", onEnd);
    socket.once("close", onClose);
  });
}

function handshake(socket: Socket, host: string, ca: string | undefined): Promise<TlsProbe> {
  return new Promise((resolve, reject) => {
    // Told, not enforced: what is wrong with the certificate is the answer.
    const tls = connectTls({
      socket,
      // An address is no name that a server could be told (RFC 6066 §3).
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      ...(ca === undefined ? {} : { ca }),
    });
    tls.once("secureConnect", () => {
      const reason: unknown = tls.authorizationError;
      const protocol = tls.getProtocol() ?? "TLS";
      const endsAtMs = Date.parse(tls.getPeerCertificate().valid_to);
      tls.end("QUIT\r\n");
      resolve(
        tls.authorized
          ? { state: "good", protocol, endsAtMs }
          : { state: "certificate", reason: wordsOf(reason), endsAtMs },
      );
    });
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("connection closed")));
  });
}

function wordsOf(error: unknown): string {
  if (error instanceof Error) return "code" in error && typeof error.code === "string" ? error.code : error.message;
  return String(error);
}
