/**
 * What every command has to pass before it means anything: clean characters, and a bound on commands that bring no mail.
 *
 * See RFC 5321 §2.3.8 (line ends), §2.4 (ASCII), §7.8 (resistance to attacks).
 */

import { commandProblem } from "../lib/core/smtp-command.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";

/** Where the session is. */
export interface GateState {
  readonly inTransaction: boolean;
  /** The edge stops, or the session's time is over: what is open may end, nothing new begins but this reply. */
  readonly over: SmtpReply | undefined;
}

/** The gate of one session. */
export class CommandGate {
  readonly #junkCommandsMax: number;
  #junkCommands = 0;
  #bareLf = false;

  constructor(junkCommandsMax: number) {
    this.#junkCommandsMax = junkCommandsMax;
  }

  /** The line that comes next ended, or did not end, with a bare LF. */
  nextLine(bareLf: boolean): void {
    this.#bareLf = bareLf;
  }

  /** A message was accepted: the client does what it is here for. */
  messageAccepted(): void {
    this.#junkCommands = 0;
  }

  /** Why the command is not looked at further; undefined: it may be. */
  refusal(line: Buffer, state: GateState): SmtpReply | undefined {
    const verb = line.toString("latin1", 0, 4).toUpperCase();
    const isMail = verb === "MAIL" || verb === "RCPT" || verb === "DATA";
    if (state.over !== undefined && !state.inTransaction && verb !== "QUIT") return state.over;
    if (!(isMail && state.inTransaction) && ++this.#junkCommands > this.#junkCommandsMax) {
      return smtpReply("tooManyCommands");
    }
    if (this.#bareLf) return smtpReply("controlCharacter");
    // MAIL and RCPT look at their own lines: an address with other characters gets an answer of its own.
    const problem = verb === "MAIL" || verb === "RCPT" ? undefined : commandProblem(line);
    if (problem === "control") return smtpReply("controlCharacter");
    return problem === "non-ascii" ? smtpReply("nonAsciiCommand") : undefined;
  }
}
