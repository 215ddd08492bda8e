/** Counts what happens in a session, for the one line that is logged when it ends. */

import type { LogEvent } from "../lib/core/log.ts";
import type { MailSession } from "./mail-session.ts";

/** The counts of one session. */
export class SessionLog {
  readonly #started = performance.now();
  #commands = 0;
  #messages = 0;
  #replies = 0;
  #lastReply = "";
  #error: string | undefined;

  command(): void {
    this.#commands++;
  }

  messageAccepted(): void {
    this.#messages++;
  }

  replied(reply: string): void {
    this.#replies++;
    this.#lastReply = reply;
  }

  /** TLS that broke off, a peer that reset. */
  failed(error: Error): void {
    this.#error = "code" in error && typeof error.code === "string" ? error.code : error.name;
  }

  /** True for a client that got its greeting and went: a health check. */
  get saidNothing(): boolean {
    return this.#replies <= 1;
  }

  /** What to log at the end. */
  ended(session: string, client: string, mail: MailSession): LogEvent {
    return {
      event: "session-ended",
      session,
      client,
      tls: mail.tls?.protocol,
      tenant: mail.sender?.tenant,
      credential: mail.sender?.label,
      authFailures: mail.authFailures,
      commands: this.#commands,
      messages: this.#messages,
      lastReply: this.#lastReply,
      error: this.#error,
      ms: Math.round(performance.now() - this.#started),
    };
  }
}
