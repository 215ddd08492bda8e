/**
 * What smtp-server says and takes: its own replies and which of ours stands for each, and ours in its form.
 *
 * The library's texts are matched by their beginning and never sent. A contract test reads the library's source and
 * fails when it says something that is not listed here.
 */

import { formatReply, type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";

/** Code, beginning of the library's text (`*`: the host name), name of our reply. */
const LIBRARY_REPLIES = [
  [214, "See https", "help"],
  [220, "Ready to start TLS", "readyForTls"],
  [220, "* ESMTP", "greeting"],
  [221, "Bye", "bye"],
  [235, "Authentication successful", "authenticated"],
  [250, "* Nice to meet you", "helo"],
  [250, "OK", "ok"],
  [250, "Flushed", "ok"],
  [252, "Try to send something", "cannotVerify"],
  [354, "End data", "startData"],
  [421, "* You talk too soon", "talkedTooSoon"],
  [421, "HTTP requests not allowed", "httpRequest"],
  [421, "Error: too many unrecognized commands", "tooManyUnknownCommands"],
  [421, "Error: Command line too long", "lineTooLong"],
  [421, "Timeout", "timeout"],
  [421, "Server shutting down", "shuttingDown"],
  [500, "Error: command not recognized", "unknownCommand"],
  [501, "Error: syntax: EHLO", "heloSyntax"],
  [501, "Error: Syntax: HELO", "heloSyntax"],
  [501, "Error: Bad hostname syntax", "heloSyntax"],
  [501, "Error: Syntax: VRFY", "vrfySyntax"],
  [501, "Error: syntax: STARTTLS", "tlsSyntax"],
  [501, "Error: syntax: AUTH", "authSyntax"],
  [501, "Error: invalid userdata", "authSyntax"],
  [501, "Error: missing username", "authSyntax"],
  [501, "Authentication aborted", "authAborted"],
  [503, "Error: send HELO/EHLO first", "heloFirst"],
  [503, "Error: TLS already active", "tlsActive"],
  [503, "Error: No identity changes permitted", "authAgain"],
  [504, "Error: Unrecognized authentication type", "authMechanism"],
  [538, "Error: Must issue a STARTTLS", "authNeedsTls"],
] as const;

/** Our reply for one of the library's. One that is not listed is a failure of ours: 421 where the library closes, else 451. */
export function replyForLibrary(code: number, text: string, host: string, strict: boolean): SmtpReply {
  const name = LIBRARY_REPLIES.find(
    ([listed, beginning]) => listed === code && text.startsWith(beginning.replace("*", host)),
  )?.[2];
  if (name === undefined) return smtpReply(code === 421 ? "sessionFailure" : "temporaryFailure");
  if (name === "authNeedsTls" && strict) return smtpReply("authNeedsTlsStrict");
  return smtpReply(name, { host });
}

/** What the library's `onAuth` and `onData` take as an error. */
export type LibraryRefusal = { readonly responseCode: number; readonly message: string };

/** A reply of ours as the library takes it. */
export function libraryRefusal(reply: SmtpReply): LibraryRefusal {
  return { responseCode: reply.code, message: formatReply(reply) };
}

/** The library destroys the stream of a message whose client is gone; there is nobody to answer then. */
export function isPeerGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNECTION" || code === "ERR_STREAM_PREMATURE_CLOSE";
}
