/**
 * A raw SMTP client for tests: it sends exactly the bytes it is told to and reports exactly the replies it got.
 *
 * Promise:  nothing is repaired, escaped or retried, except where a method says so (`sendMail` stuffs dots).
 * Refusal:  a 4xx or 5xx is a value, an `SmtpReply`; a test asserts it.
 * Failure:  a lost connection, a malformed reply or a silence longer than `timeoutMs` rejects the waiting call.
 * See RFC 5321 §4.2 (replies), RFC 2920 (pipelining), RFC 3207 (STARTTLS), RFC 4954 (AUTH).
 */

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";

/** One complete reply. `lines` are the texts after the code, one per line of the reply. */
export type SmtpReply = {
  readonly code: number;
  /** Enhanced status code of the last line (RFC 2034), if it has one. */
  readonly enhanced: string | undefined;
  readonly lines: readonly string[];
};

/** How to reach the server. */
export type SmtpClientOptions = {
  readonly port: number;
  readonly host?: string;
  /** True for implicit TLS (port 465). No certificate is verified: tests make their own. */
  readonly secure?: boolean;
  /** Address to connect from, for rules that look at the client; any 127.0.0.0/8 address works on Linux. */
  readonly localAddress?: string;
  /** How long one reply, or the connection itself, may take. Default 30,000 ms. */
  readonly timeoutMs?: number;
  /** Told of every reply as it comes, the greeting too. */
  readonly onReply?: (reply: SmtpReply) => void;
};

/** An envelope and the bytes to send after 354, before dot-stuffing and without the final dot. */
export type SmtpMessage = {
  /** Empty string for the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  readonly data: Uint8Array | string;
  /** Appended to MAIL FROM as it stands, for example `BODY=8BITMIME` (RFC 6152). */
  readonly mailParameters?: string;
};

/** Login and password for AUTH PLAIN. */
export type SmtpLogin = { readonly user: string; readonly password: string };

type Waiter = { resolve: (reply: SmtpReply) => void; reject: (cause: Error) => void; timer: NodeJS.Timeout };

const CR_LF = "\r\n";
const DEFAULT_TIMEOUT_MS = 30_000;

/** A connection to an SMTP server. Make one with `SmtpClient.connect`; always end it with `quit` or `destroy`. */
export class SmtpClient {
  #socket: Socket;
  #unread = "";
  #lines: string[] = [];
  readonly #replies: SmtpReply[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #timeoutMs: number;
  readonly #onReply: ((reply: SmtpReply) => void) | undefined;
  #ended: Error | undefined;
  #greeting: SmtpReply | undefined;

  private constructor(socket: Socket, options: SmtpClientOptions) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#onReply = options.onReply;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects (with TLS first where `secure`) and reads the greeting. Rejects when the connection cannot be made. */
  static async connect(options: SmtpClientOptions): Promise<SmtpClient> {
    const target = {
      host: options.host ?? "127.0.0.1",
      port: options.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    };
    const socket = options.secure ? connectTls({ ...target, rejectUnauthorized: false }) : connectTcp(target);
    socket.setNoDelay(true);
    const client = new SmtpClient(socket, options);
    try {
      client.#greeting = await client.reply();
    } catch (cause) {
      client.destroy();
      throw cause;
    }
    return client;
  }

  /** The server's first reply. */
  get greeting(): SmtpReply {
    if (this.#greeting === undefined) throw new Error("no greeting read");
    return this.#greeting;
  }

  /** True once nothing more can be read: the peer closed, the connection broke, or `destroy` was called. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** The local end, as the server sees it. */
  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** Next reply in order; replies that came before the call are kept. Rejects on silence or a lost connection. */
  reply(): Promise<SmtpReply> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new Error(`no reply within ${this.#timeoutMs} ms`)), this.#timeoutMs);
      this.#waiters.push({ resolve, reject, timer });
    });
  }

  /** Writes bytes as they are (a string as latin1, so that each character is one octet) and waits until they are gone. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      const buffer = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
      this.#socket.write(buffer, (cause) => (cause ? reject(cause) : resolve()));
    });
  }

  /** Sends one command line and reads its reply. */
  async command(line: string): Promise<SmtpReply> {
    const [reply] = await this.pipeline([line]);
    if (reply === undefined) throw new Error("no reply");
    return reply;
  }

  /** Sends several command lines in one write and reads one reply for each, in order (RFC 2920). */
  async pipeline(lines: readonly string[]): Promise<SmtpReply[]> {
    await this.write(lines.map((line) => line + CR_LF).join(""));
    const replies: SmtpReply[] = [];
    for (let read = 0; read < lines.length; read += 1) replies.push(await this.reply());
    return replies;
  }

  /** EHLO; the lines after the first are the server's extensions. */
  ehlo(name = "client.example.com"): Promise<SmtpReply> {
    return this.command(`EHLO ${name}`);
  }

  /** STARTTLS and, where the server agrees, the handshake. Say EHLO again afterwards (RFC 3207 §4.2). */
  async startTls(): Promise<SmtpReply> {
    const reply = await this.command("STARTTLS");
    if (reply.code !== 220) return reply;
    const plain = this.#socket;
    plain.removeAllListeners("data");
    plain.removeAllListeners("close");
    const secure = connectTls({ socket: plain, rejectUnauthorized: false });
    this.#socket = secure;
    this.#listen(secure);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new Error("no end of the TLS handshake")), this.#timeoutMs);
      const failed = (): void => {
        clearTimeout(timer);
        reject(this.#ended ?? new Error("closed in the TLS handshake"));
      };
      secure.once("close", failed);
      secure.once("secureConnect", () => {
        clearTimeout(timer);
        secure.off("close", failed);
        resolve();
      });
    });
    return reply;
  }

  /** AUTH PLAIN with an initial response (RFC 4616). */
  authPlain(login: SmtpLogin): Promise<SmtpReply> {
    const response = Buffer.from(`\0${login.user}\0${login.password}`, "utf8").toString("base64");
    return this.command(`AUTH PLAIN ${response}`);
  }

  /** EHLO, STARTTLS unless the connection is secure already, EHLO, AUTH. Throws when a step is refused. */
  async logIn(login: SmtpLogin): Promise<void> {
    this.#expect(await this.ehlo(), 250);
    if (!(this.#socket instanceof TLSSocket)) {
      this.#expect(await this.startTls(), 220);
      this.#expect(await this.ehlo(), 250);
    }
    this.#expect(await this.authPlain(login), 235);
  }

  /**
   * One transaction: MAIL, each RCPT, DATA, then the bytes with stuffed dots and CRLF.CRLF.
   * Returns the first reply that refuses MAIL, RCPT or DATA, otherwise the reply to the end of data.
   * After a refusal the transaction is reset, so the connection can be used again.
   */
  async sendMail(message: SmtpMessage): Promise<SmtpReply> {
    const parameters = message.mailParameters === undefined ? "" : ` ${message.mailParameters}`;
    const envelope = [
      `MAIL FROM:<${message.from}>${parameters}`,
      ...message.to.map((address) => `RCPT TO:<${address}>`),
      "DATA",
    ];
    for (const line of envelope) {
      const reply = await this.command(line);
      if (reply.code >= 400) {
        await this.command("RSET");
        return reply;
      }
    }
    await this.write(wireData(message.data));
    return this.reply();
  }

  /** Resolves when the connection is gone, by whichever side; replies not read yet can still be read. */
  closed(): Promise<void> {
    return this.#ended === undefined
      ? new Promise((resolve) => this.#socket.once("close", () => resolve()))
      : Promise.resolve();
  }

  /** QUIT, reads its reply, drops the connection. Never rejects: there is nothing left to do about it. */
  async quit(): Promise<void> {
    if (this.#ended === undefined) await this.command("QUIT").catch(() => undefined);
    this.destroy();
  }

  /** Drops the connection at once, as a client that dies does; calls still waiting reject. */
  destroy(): void {
    this.#end(new Error("connection destroyed by the test"));
  }

  #expect(reply: SmtpReply, code: number): void {
    if (reply.code !== code) throw new Error(`expected ${code}, got ${reply.code} ${reply.lines.join(" / ")}`);
  }

  #listen(socket: Socket): void {
    socket.on("error", (cause) => this.#end(cause));
    socket.on("close", () => this.#end(new Error("connection closed by the server")));
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  #read(chunk: Buffer): void {
    const parts = (this.#unread + chunk.toString("latin1")).split(CR_LF);
    this.#unread = parts.pop() ?? "";
    for (const line of parts) {
      const match = /^([2-5]\d\d)([ -]?)(.*)$/.exec(line);
      if (match === null) {
        this.#end(new Error(`malformed reply line: ${JSON.stringify(line)}`));
        return;
      }
      const text = match[3] ?? "";
      this.#lines.push(text);
      if (match[2] === "-") continue;
      this.#deliver({ code: Number(match[1]), enhanced: /^[245]\.\d+\.\d+/.exec(text)?.[0], lines: this.#lines });
      this.#lines = [];
    }
  }

  #deliver(reply: SmtpReply): void {
    this.#onReply?.(reply);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#replies.push(reply);
      return;
    }
    clearTimeout(waiter.timer);
    waiter.resolve(reply);
  }

  #end(cause: Error): void {
    this.#ended ??= cause;
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      waiter.reject(this.#ended);
    }
    this.#socket.destroy();
  }
}

/** What goes over the wire after 354: dots stuffed, a missing last CRLF added, the final dot (RFC 5321 §4.5.2). */
export function wireData(data: Uint8Array | string): Buffer {
  const text = typeof data === "string" ? data : Buffer.from(data).toString("latin1");
  const stuffed = text.replace(/(^|\r\n)\./g, "$1..");
  return Buffer.from(stuffed + (stuffed === "" || stuffed.endsWith(CR_LF) ? "" : CR_LF) + `.${CR_LF}`, "latin1");
}
