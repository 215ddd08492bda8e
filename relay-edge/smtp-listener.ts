/**
 * The edge's sockets, and the only place that knows the SMTP library.
 *
 * The library parses commands and data; what a command means is decided in `mail-session.ts`, and every word of a
 * reply comes from the table. What the library leaves open is closed here: its greeting pause, deadlines that bytes
 * cannot extend, handlers that throw, its own replies. Its undocumented parts that are used (`init`,
 * `connectionReady`, `send`, `handler_*`, `upgrade`, `_createParser`, `connections`) have contract tests.
 *
 * Failure: nothing a peer does or a handler throws ends the process; a handler that fails answers 451 4.3.0.
 */

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import {
  SMTPServer,
  type SMTPServerAuthentication,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from "smtp-server";
import { SMTPConnection, type SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import { errorText } from "../lib/core/log.ts";
import { formatReply, type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import type { Certificate } from "./certificate.ts";
import { ClientClock } from "./client-clock.ts";
import { CommandGate } from "./command-gate.ts";
import { watchLineEnds } from "./command-line-ends.ts";
import { libraryOptions } from "./library-options.ts";
import { isPeerGone, type LibraryRefusal, libraryRefusal, replyForLibrary } from "./library-replies.ts";
import { MailSession, type MailSessionDeps } from "./mail-session.ts";
import { SessionLog } from "./session-log.ts";

type Callback = () => void;

/** A reply of ours begins with its enhanced code; no text of the library does. */
const OURS = /^[245]\.\d{1,3}\.\d{1,3} /;

/** One SMTP server for sockets that others accept: `implicitTls` says whether they come with TLS. */
export class SmtpListener extends SMTPServer {
  readonly deps: MailSessionDeps;
  readonly #bySession = new WeakMap<SMTPServerSession, EdgeConnection>();
  /** Messages being received or stored, whether or not their client is still there. */
  readonly #inFlight = new Set<Promise<void>>();
  /** No new mail is taken. */
  draining = false;

  constructor(deps: MailSessionDeps, certificate: Certificate, implicitTls: boolean) {
    const { settings } = deps;
    super(libraryOptions(settings, certificate, implicitTls));
    this.deps = deps;
    // It owns no socket, but an unheard error would end the process.
    this.on("error", (error) => deps.log({ event: "listener-error", error: errorText(error) }));
  }

  /**
   * Speaks SMTP on a socket that has been accepted. `left` is called when it is closed: at STARTTLS the library takes
   * all listeners off the socket.
   */
  serve(socket: Socket | TLSSocket, left: () => void): void {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const connection = new EdgeConnection(this, socket, { remoteAddress, remotePort }, left);
    this.#bySession.set(connection.session, connection);
    this.connections.add(connection);
    connection.on("error", (error: Error) => connection.failed(error));
    connection.init();
  }

  /** Every connection, as ours. */
  *edgeConnections(): Generator<EdgeConnection> {
    for (const connection of this.connections) if (connection instanceof EdgeConnection) yield connection;
  }

  /** Takes part in `settled` until it ends. `work` does not reject. */
  track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  /** Resolves when no message is being received or stored. */
  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }

  override onConnect(_session: SMTPServerSession, callback: Callback): void {
    callback();
  }

  override onSecure(socket: Socket | TLSSocket, session: SMTPServerSession, callback: Callback): void {
    if (socket instanceof TLSSocket) {
      this.#of(session).mail.startTls({
        protocol: socket.getProtocol() ?? "TLS",
        cipher: socket.getCipher().standardName,
      });
    }
    this.#of(session).handshakeDone();
    callback();
  }

  override onAuth(
    auth: SMTPServerAuthentication,
    session: SMTPServerSession,
    callback: (error: null, response: { user?: string } & Partial<LibraryRefusal>) => void,
  ): void {
    const connection = this.#of(session);
    void connection.answer(
      () => connection.mail.authenticate(auth.username ?? "", auth.password ?? ""),
      (reply) => {
        if (reply.code === 235) callback(null, { user: "authenticated" });
        else callback(null, libraryRefusal(reply));
      },
    );
  }

  override onData(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    callback: (error?: (Error & LibraryRefusal) | null, message?: string) => void,
  ): void {
    this.track(this.#of(session).receive(stream, callback));
  }

  override onClose(session: SMTPServerSession): void {
    this.#of(session).ended();
  }

  #of(session: SMTPServerSession): EdgeConnection {
    const connection = this.#bySession.get(session);
    if (connection === undefined) throw new Error("a session without its connection");
    return connection;
  }
}

/** One client's connection. */
export class EdgeConnection extends SMTPConnection {
  readonly mail: MailSession;
  readonly #listener: SmtpListener;
  readonly #left: () => void;
  readonly #settings: EdgeSettings;
  readonly #clock: ClientClock;
  readonly #gate: CommandGate;
  readonly #log = new SessionLog();
  #mayGreet = false;
  #gone = false;

  constructor(
    listener: SmtpListener,
    socket: Socket | TLSSocket,
    client: Required<Pick<SMTPConnectionOptions, "remoteAddress" | "remotePort">>,
    left: () => void,
  ) {
    super(listener, socket, client);
    this.#listener = listener;
    this.#left = left;
    this.#settings = listener.deps.settings;
    this.#clock = new ClientClock(this.#settings);
    this.#gate = new CommandGate(this.#settings.junkCommandsMax);
    this.mail = new MailSession(listener.deps, {
      session: this.id,
      address: this.remoteAddress,
      port: this.remotePort,
    });
  }

  /** The library waits 100 ms before each greeting. We greet at once, or after the pause that is set. */
  override init(): void {
    super.init();
    const greet = (): void => {
      this.#mayGreet = true;
      this.connectionReady();
    };
    if (this.#settings.greetingPauseMs === 0) greet();
    else setTimeout(greet, this.#settings.greetingPauseMs).unref();
  }

  override connectionReady(next?: Callback): void {
    if (!this.#mayGreet) return;
    this.#mayGreet = false;
    super.connectionReady(next);
  }

  /** Called by the library's constructor, and again for the parser after STARTTLS. */
  override _createParser(): SMTPStream {
    const parser = super._createParser();
    watchLineEnds(parser, (bareLf) => this.#gate.nextLine(bareLf));
    return parser;
  }

  /** The one place that writes. Whatever the library wants to say is said in our words. */
  override send(code: number, data?: string | string[] | null, _context?: string | false): void {
    this.#clock.replied();
    if (Array.isArray(data)) super.send(code, this.#offers(data), false);
    else if (code === 334) super.send(code, data, false);
    else if (OURS.test(data ?? "")) this.#write(code, data ?? "");
    else this.reply(replyForLibrary(code, data ?? "", this.name, this.#settings.strictAuthentication));
  }

  /** Sends a reply from the table; one with code 421 closes the connection. */
  reply(reply: SmtpReply): void {
    this.#write(reply.code, formatReply(reply));
  }

  #write(code: number, text: string): void {
    this.#clock.replied();
    this.#log.replied(`${code} ${text}`);
    super.send(code, text, false);
  }

  /** AUTH is not offered in the clear: a client would send its password. */
  #offers(lines: readonly string[]): string[] {
    const hideAuth = !this.secure && !this.#settings.clearTextAuth;
    return [this.name, ...lines.slice(1).filter((line) => !(hideAuth && line.startsWith("AUTH ")))];
  }

  /** Runs a handler; `done` gets its reply exactly once, whatever the handler does. Never rejects. */
  async answer(work: () => Promise<SmtpReply>, done: (reply: SmtpReply) => void): Promise<void> {
    this.#clock.work(1);
    let reply: SmtpReply;
    try {
      reply = await work();
    } catch (error) {
      this.#listener.deps.log({ event: "handler-failed", session: this.id, error: errorText(error) });
      reply = smtpReply("temporaryFailure");
    }
    this.#clock.work(-1);
    try {
      done(reply);
    } catch (error) {
      // The session cannot go on in step.
      this.#listener.deps.log({ event: "session-broken", session: this.id, error: errorText(error) });
      this.close();
    }
  }

  /** Receives one message. Never rejects. */
  async receive(
    stream: SMTPServerDataStream,
    callback: (error?: (Error & LibraryRefusal) | null, message?: string) => void,
  ): Promise<void> {
    const { log } = this.#listener.deps;
    this.#clock.startData(stream);
    stream.once("end", () => this.#endOfData());
    try {
      const hello = { name: String(this.hostNameAppearsAs), extended: this.openingCommand === "EHLO" };
      const accepted = await this.mail.data(hello, stream);
      this.#endOfData();
      if (accepted.kind === "accepted") {
        if (this.#gone) log({ event: "answer-lost", session: this.id, id: accepted.id });
        this.#log.messageAccepted();
        this.#gate.messageAccepted();
        callback(null, formatReply(accepted.reply));
      } else if (accepted.kind === "refused") {
        callback(Object.assign(new Error(), libraryRefusal(accepted.reply)));
      } else {
        this.reply(accepted.reply);
        this.close();
      }
    } catch (error) {
      this.#endOfData();
      if (isPeerGone(error)) log({ event: "data-broken-off", session: this.id, client: this.remoteAddress });
      else {
        log({ event: "handler-failed", session: this.id, error: errorText(error) });
        callback(Object.assign(new Error(), libraryRefusal(smtpReply("temporaryFailure"))));
      }
    } finally {
      this.#clock.work(-1);
    }
  }

  /** From here on the client waits for us. */
  #endOfData(): void {
    if (this.#clock.endData()) this.#clock.work(1);
  }

  handshakeDone(): void {
    this.#clock.handshake(false);
  }

  /** True when the client has nothing open with us. */
  get idle(): boolean {
    return this.#clock.waitsForCommand && !this.session.envelope?.mailFrom;
  }

  /** Ends the session when its client has used up its time. */
  checkDeadline(now: number): void {
    const exceeded = this.#clock.exceeded(now, { authHasFailed: this.mail.authHasFailed, idle: this.idle });
    if (exceeded !== undefined) this.reply(smtpReply(exceeded));
  }

  /** TLS that breaks off, a peer that resets: told of at the session's end. */
  failed(error: Error): void {
    this.#log.failed(error);
  }

  /** Once, when the socket is closed. A connection that said nothing (a health check) is not told of. */
  ended(): void {
    this.#gone = true;
    this.mail.ended();
    this.#left();
    if (!this.#log.saidNothing) this.#listener.deps.log(this.#log.ended(this.id, this.remoteAddress, this.mail));
  }

  // Commands. Each override only adds what the library leaves out.

  override handler_EHLO(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_EHLO(command, callback));
  }

  override handler_HELO(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_HELO(command, callback));
  }

  override handler_NOOP(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_NOOP(command, callback));
  }

  override handler_RSET(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_RSET(command, callback));
  }

  override handler_VRFY(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_VRFY(command, callback));
  }

  override handler_HELP(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_HELP(command, callback));
  }

  override handler_QUIT(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_QUIT(command, callback));
  }

  override handler_AUTH(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_AUTH(command, callback));
  }

  override handler_STARTTLS(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => super.handler_STARTTLS(command, callback));
  }

  override upgrade(callback: Callback, secureCallback?: Callback): void {
    this.#clock.handshake(true);
    super.upgrade(callback, secureCallback);
  }

  override handler_MAIL(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => {
      void this.answer(
        () => this.mail.mail(command, String(this.hostNameAppearsAs)),
        (reply) => {
          // The library keeps an envelope too, which it drops at every reset: what is in it is what is open.
          if (reply.code === 250) this.session.envelope.mailFrom = { address: "", args: false };
          this.reply(reply);
          callback();
        },
      );
    });
  }

  override handler_RCPT(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => {
      const reply = this.mail.rcpt(command);
      if (reply.code === 250) this.session.envelope.rcptTo = [{ address: "", args: false }];
      this.reply(reply);
      callback();
    });
  }

  override handler_DATA(command: Buffer, callback: Callback): void {
    this.#command(command, callback, () => {
      const problem = this.mail.dataProblem();
      if (problem === undefined) return super.handler_DATA(command, callback);
      this.reply(problem);
      callback();
    });
  }

  /** Why no further message is taken in this session; undefined: one may be. */
  #over(): SmtpReply | undefined {
    if (this.#listener.draining) return smtpReply("shuttingDown", { host: this.name });
    return this.#clock.sessionIsOver(performance.now()) ? smtpReply("sessionTimeout") : undefined;
  }

  /** What comes before every command. */
  #command(command: Buffer, callback: Callback, run: () => void): void {
    this.#log.command();
    if (!this.session.envelope.mailFrom) this.mail.reset();
    const refusal = this.#gate.refusal(command, { inTransaction: this.mail.inTransaction, over: this.#over() });
    if (refusal === undefined) return run();
    this.reply(refusal);
    callback();
  }
}
