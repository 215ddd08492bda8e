/**
 * Every reply the edge gives, in one table.
 *
 * Promise:  nothing else in the project spells the text of a reply; each says what is wrong and what to do, and carries
 *           an enhanced status code (RFC 2034, RFC 3463) wherever RFC 2034 §3 allows one.
 * Longer than 400 lines because it is one table.
 *
 * A placeholder `{name}` is filled by `smtpReply`; control and non-ASCII characters never get into a reply.
 */

/** A row of the table. */
export interface SmtpReplyRow {
  readonly code: number;
  /** Absent in greetings, answers to HELO and 3xx (RFC 2034 §3). */
  readonly enhanced?: string;
  readonly text: string;
  /** Where the reply is laid down. */
  readonly rfc: string;
}

/** All replies by name. */
export const SMTP_REPLIES = {
  // The session
  greeting: { code: 220, text: "{host} ESMTP relayhost", rfc: "RFC 5321 §4.3.1" },
  helo: { code: 250, text: "{host}", rfc: "RFC 5321 §4.1.1.1" },
  ok: { code: 250, enhanced: "2.0.0", text: "Ok", rfc: "RFC 5321 §4.1.1.9" },
  help: {
    code: 214,
    enhanced: "2.0.0",
    text: "This relay takes mail from its own customers; see RFC 5321",
    rfc: "RFC 5321 §4.1.1.8",
  },
  cannotVerify: {
    code: 252,
    enhanced: "2.1.5",
    text: "Addresses are not verified here; send mail and it will be tried",
    rfc: "RFC 5321 §3.5.3",
  },
  bye: { code: 221, enhanced: "2.0.0", text: "{host} closing connection", rfc: "RFC 5321 §4.1.1.10" },
  readyForTls: { code: 220, enhanced: "2.0.0", text: "Ready to start TLS", rfc: "RFC 3207 §4" },
  shuttingDown: {
    code: 421,
    enhanced: "4.3.2",
    text: "{host} is restarting; connect again",
    rfc: "RFC 5321 §3.8",
  },
  timeout: {
    code: 421,
    enhanced: "4.4.2",
    text: "Time for this command is over; closing connection",
    rfc: "RFC 5321 §4.5.3.2.7",
  },
  dataTimeout: {
    code: 421,
    enhanced: "4.4.2",
    text: "Message data came too slowly; closing connection",
    rfc: "RFC 5321 §4.5.3.2.5",
  },
  tooManyConnections: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many connections in all; try again in a minute",
    rfc: "RFC 5321 §3.8",
  },
  tooManyConnectionsFromAddress: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many connections from {address}; use fewer at a time",
    rfc: "RFC 5321 §3.8",
  },
  sessionFailure: {
    code: 421,
    enhanced: "4.3.0",
    text: "Failure at this end; closing connection, try again later",
    rfc: "RFC 5321 §3.8",
  },
  addressBlocked: {
    code: 421,
    enhanced: "4.7.0",
    text: "Authentication from {address} has failed too often; try again in some minutes",
    rfc: "RFC 4954 §9",
  },
  talkedTooSoon: {
    code: 421,
    enhanced: "4.5.1",
    text: "Wait for the greeting before you send commands",
    rfc: "RFC 5321 §4.3.1",
  },
  httpRequest: { code: 421, enhanced: "4.5.1", text: "This is an SMTP server, not HTTP", rfc: "RFC 5321 §3.8" },
  tooManyUnknownCommands: {
    code: 421,
    enhanced: "4.5.1",
    text: "Too many unknown commands; closing connection",
    rfc: "RFC 5321 §4.3.2",
  },
  tooManyCommands: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many commands without mail; closing connection",
    rfc: "RFC 5321 §7.8",
  },
  lineTooLong: {
    code: 421,
    enhanced: "4.5.2",
    text: "Command line too long; closing connection",
    rfc: "RFC 5321 §4.5.3.1.4",
  },

  // Syntax and order of commands
  unknownCommand: { code: 500, enhanced: "5.5.2", text: "Command not recognized", rfc: "RFC 5321 §4.2.4" },
  nonAsciiCommand: {
    code: 501,
    enhanced: "5.5.2",
    text: "Commands are ASCII here; SMTPUTF8 is not offered",
    rfc: "RFC 5321 §2.4",
  },
  controlCharacter: {
    code: 501,
    enhanced: "5.5.2",
    text: "Control characters, bare CR or bare LF in a command",
    rfc: "RFC 5321 §2.3.8",
  },
  heloSyntax: {
    code: 501,
    enhanced: "5.5.4",
    text: "Give your host name: EHLO host.example",
    rfc: "RFC 5321 §4.1.1.1",
  },
  heloFirst: { code: 503, enhanced: "5.5.1", text: "Send EHLO first", rfc: "RFC 5321 §4.1.4" },
  mailFirst: { code: 503, enhanced: "5.5.1", text: "Send MAIL FROM first", rfc: "RFC 5321 §4.1.4" },
  nestedMail: {
    code: 503,
    enhanced: "5.5.1",
    text: "A message is under way; send RSET to drop it",
    rfc: "RFC 5321 §4.1.1.2",
  },
  noRecipients: { code: 554, enhanced: "5.5.1", text: "No valid recipients", rfc: "RFC 5321 §3.3" },
  mailSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: MAIL FROM:<address>", rfc: "RFC 5321 §4.1.1.2" },
  rcptSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: RCPT TO:<address>", rfc: "RFC 5321 §4.1.1.3" },
  vrfySyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: VRFY address", rfc: "RFC 5321 §4.1.1.6" },
  badParameter: {
    code: 501,
    enhanced: "5.5.4",
    text: "The value of parameter {parameter} is not valid",
    rfc: "RFC 5321 §4.1.1.11",
  },
  duplicateParameter: {
    code: 501,
    enhanced: "5.5.4",
    text: "Parameter {parameter} is given twice",
    rfc: "RFC 3461 §4",
  },
  unknownParameter: {
    code: 555,
    enhanced: "5.5.4",
    text: "Parameter {parameter} is not known here; use only what EHLO offers",
    rfc: "RFC 5321 §4.1.1.11",
  },

  // TLS and authentication
  tlsSyntax: { code: 501, enhanced: "5.5.4", text: "STARTTLS takes no parameters", rfc: "RFC 3207 §4" },
  tlsActive: { code: 503, enhanced: "5.5.1", text: "TLS is active already", rfc: "RFC 3207 §4" },
  authenticated: { code: 235, enhanced: "2.7.0", text: "Authentication successful", rfc: "RFC 4954 §6" },
  authSyntax: { code: 501, enhanced: "5.5.2", text: "That is no valid AUTH exchange", rfc: "RFC 4954 §4" },
  authAborted: { code: 501, enhanced: "5.7.0", text: "Authentication given up", rfc: "RFC 4954 §4" },
  authMechanism: { code: 504, enhanced: "5.5.4", text: "Use AUTH PLAIN or AUTH LOGIN", rfc: "RFC 4954 §4" },
  authAgain: { code: 503, enhanced: "5.5.1", text: "You are authenticated already", rfc: "RFC 4954 §4" },
  authFailed: {
    code: 454,
    enhanced: "4.7.0",
    text: "Authentication failed: check login and password of this relay; your mail stays in your queue",
    rfc: "RFC 4954 §6, deviation: 535 makes many servers bounce",
  },
  authFailedStrict: {
    code: 535,
    enhanced: "5.7.8",
    text: "Authentication failed: check login and password of this relay",
    rfc: "RFC 4954 §6",
  },
  authUnavailable: {
    code: 454,
    enhanced: "4.7.0",
    text: "Authentication cannot be checked just now; try again later",
    rfc: "RFC 4954 §6",
  },
  authNeedsTls: {
    code: 454,
    enhanced: "4.7.0",
    text: "Send STARTTLS before AUTH; your mail stays in your queue",
    rfc: "RFC 4954 §6, deviation: 538 makes many servers bounce",
  },
  authNeedsTlsStrict: { code: 538, enhanced: "5.7.11", text: "Send STARTTLS before AUTH", rfc: "RFC 4954 §6" },
  tooManyAuthFailures: {
    code: 421,
    enhanced: "4.7.0",
    text: "Authentication failed too often: check login and password of this relay",
    rfc: "RFC 4954 §9",
  },
  authRequired: {
    code: 451,
    enhanced: "4.7.0",
    text: "Authentication required: give your mail server its login and password for this relay; your mail stays in your queue",
    rfc: "RFC 4954 §6, deviation: 530 makes most servers bounce",
  },
  authRequiredStrict: {
    code: 530,
    enhanced: "5.7.0",
    text: "Authentication required: give your mail server its login and password for this relay",
    rfc: "RFC 4954 §6",
  },
  authHasFailed: {
    code: 451,
    enhanced: "4.7.0",
    text: "Authentication has failed: check login and password of this relay; your mail stays in your queue",
    rfc: "RFC 4954 §6, deviation: 530 makes most servers bounce",
  },
  tlsRequired: {
    code: 451,
    enhanced: "4.7.0",
    text: "TLS required from {address}: make your mail server use STARTTLS; your mail stays in your queue",
    rfc: "RFC 3207 §4, deviation: 530 makes most servers bounce",
  },
  tlsRequiredStrict: {
    code: 530,
    enhanced: "5.7.0",
    text: "TLS required from {address}: make your mail server use STARTTLS",
    rfc: "RFC 3207 §4",
  },

  // Who may send what
  tenantPaused: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending for tenant {tenant} is paused; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  credentialPaused: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending with {credential} is paused; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  tenantPausedFor: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending for tenant {tenant} is paused: {reason}; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  credentialPausedFor: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending with {credential} is paused: {reason}; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  senderPaused: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending as {sender} is paused; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  senderPausedFor: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sending as {sender} is paused: {reason}; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  passwordChanged: {
    code: 451,
    enhanced: "4.7.0",
    text: "The password of {credential} has changed: give your mail server the new one; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3",
  },
  contractNotBegun: {
    code: 451,
    enhanced: "4.7.1",
    text: "The contract of tenant {tenant} begins on {time}; ask the operator of this relay; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3",
  },
  contractEnded: {
    code: 451,
    enhanced: "4.7.1",
    text: "The contract of tenant {tenant} ended on {time}: ask the operator of this relay to renew it; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3, deviation: a 5xx would destroy what is still queued",
  },
  monthUsedUp: {
    code: 451,
    enhanced: "4.7.1",
    text: "Tenant {tenant} has sent all its messages of this month: try again on {time}, or ask the operator of this relay for more",
    rfc: "RFC 5321 §4.2.3",
  },
  tooManyConnectionsOf: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many connections of {who}; use fewer at a time, your mail stays in your queue",
    rfc: "RFC 5321 §3.8",
  },
  tooManyMessagesOf: {
    code: 451,
    enhanced: "4.7.1",
    text: "Too many messages a minute from {who}: try again in {seconds} seconds; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3",
  },
  tooManyRecipientsOf: {
    code: 451,
    enhanced: "4.7.1",
    text: "Too many recipients a minute from {who}: try again in {seconds} seconds; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3, not 452: that makes Exim send the rest at once",
  },
  sessionTimeout: {
    code: 421,
    enhanced: "4.4.2",
    text: "This session has lasted long enough; connect again",
    rfc: "RFC 5321 §3.8",
  },
  credentialGone: {
    code: 451,
    enhanced: "4.7.1",
    text: "{credential} may not send here any more; ask the operator of this relay",
    rfc: "RFC 5321 §4.2.3",
  },
  senderOk: { code: 250, enhanced: "2.1.0", text: "Ok", rfc: "RFC 5321 §4.1.1.2" },
  senderForeign: {
    code: 550,
    enhanced: "5.7.1",
    text: "Sender domain {domain} is not registered for you: register it with the operator of this relay or use one that is",
    rfc: "RFC 5321 §4.2.3",
  },
  senderPending: {
    code: 451,
    enhanced: "4.7.1",
    text: "Sender domain {domain} is not verified yet: publish its DNS records; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3",
  },
  senderNoDomain: {
    code: 550,
    enhanced: "5.1.7",
    text: "Sender address has no domain: use name@example.com",
    rfc: "RFC 5321 §4.1.2",
  },
  senderInvalid: { code: 550, enhanced: "5.1.7", text: "Sender address is not valid", rfc: "RFC 5321 §4.1.2" },
  nonAsciiLocalPart: {
    code: 553,
    enhanced: "5.6.7",
    text: "Non-ASCII characters before the @ cannot be sent from here",
    rfc: "RFC 6531 §3.5",
  },
  recipientOk: { code: 250, enhanced: "2.1.5", text: "Ok", rfc: "RFC 5321 §4.1.1.3" },
  recipientNoDomain: {
    code: 550,
    enhanced: "5.1.3",
    text: "Recipient address has no domain: use name@example.com",
    rfc: "RFC 5321 §4.1.2",
  },
  recipientInvalid: { code: 550, enhanced: "5.1.3", text: "Recipient address is not valid", rfc: "RFC 5321 §4.1.2" },
  tooManyRecipients: {
    code: 452,
    enhanced: "4.5.3",
    text: "Too many recipients: send the rest in another message",
    rfc: "RFC 5321 §4.5.3.1.10",
  },

  // The message
  startData: { code: 354, text: "End data with <CR><LF>.<CR><LF>", rfc: "RFC 5321 §4.1.1.4" },
  queued: { code: 250, enhanced: "2.0.0", text: "Ok: queued as {id}", rfc: "RFC 5321 §4.2.5" },
  notStored: {
    code: 451,
    enhanced: "4.3.0",
    text: "Message could not be stored; try again later",
    rfc: "RFC 5321 §4.2.5",
  },
  directoryDown: {
    code: 451,
    enhanced: "4.3.0",
    text: "Your rights cannot be looked up just now; try again later",
    rfc: "RFC 5321 §4.2.3",
  },
  temporaryFailure: {
    code: 451,
    enhanced: "4.3.0",
    text: "Failure at this end; try again later",
    rfc: "RFC 5321 §4.2.3",
  },
  messageTooBig: {
    code: 552,
    enhanced: "5.3.4",
    text: "Message is larger than {limit} octets",
    rfc: "RFC 1870 §6",
  },
  headerTooBig: {
    code: 552,
    enhanced: "5.3.4",
    text: "Message header is larger than {limit} octets",
    rfc: "RFC 5321 §4.5.3.1.7",
  },
  bareCr: {
    code: 550,
    enhanced: "5.6.11",
    text: "Bare CR in message: lines must end with CR LF",
    rfc: "RFC 5321 §2.3.8",
  },
  bareLf: {
    code: 550,
    enhanced: "5.6.11",
    text: "Bare LF in message: lines must end with CR LF",
    rfc: "RFC 5321 §2.3.8",
  },
  nul: { code: 550, enhanced: "5.6.11", text: "NUL character in message", rfc: "RFC 5322 §3.5" },
  dotFlood: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many lines that hold only dots; closing connection",
    rfc: "RFC 5321 §7.8",
  },
  loop: { code: 554, enhanced: "5.4.6", text: "Mail loop: more than {limit} Received fields", rfc: "RFC 5321 §6.3" },
  headerSyntax: {
    code: 550,
    enhanced: "5.6.0",
    text: "Header line {line} is no header field: leave an empty line between header and text",
    rfc: "RFC 5322 §2.2",
  },
  duplicateField: {
    code: 550,
    enhanced: "5.6.0",
    text: "Message has {field} twice with different contents",
    rfc: "RFC 5322 §3.6",
  },
  fromMissing: { code: 550, enhanced: "5.6.0", text: "Message has no From field", rfc: "RFC 5322 §3.6" },
  fromUnreadable: {
    code: 550,
    enhanced: "5.6.0",
    text: "From field of the message holds no valid address",
    rfc: "RFC 5322 §3.6.2",
  },
  fromForeign: {
    code: 550,
    enhanced: "5.7.1",
    text: "From field names {domain}, which is not registered for you: register it with the operator of this relay or use a domain that is",
    rfc: "RFC 5321 §4.2.3",
  },
  fromPending: {
    code: 451,
    enhanced: "4.7.1",
    text: "From field names {domain}, which is not verified yet: publish its DNS records; your mail stays in your queue",
    rfc: "RFC 5321 §4.2.3",
  },
} as const satisfies Readonly<Record<string, SmtpReplyRow>>;

/** Name of a reply, as code and log use it. */
export type SmtpReplyName = keyof typeof SMTP_REPLIES;

type Placeholder<T extends string> = T extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;
type Fill<N extends SmtpReplyName> = [Placeholder<(typeof SMTP_REPLIES)[N]["text"]>] extends [never]
  ? []
  : [Readonly<Record<Placeholder<(typeof SMTP_REPLIES)[N]["text"]>, string | number>>];

/** A reply ready to be sent. */
export interface SmtpReply {
  readonly name: SmtpReplyName;
  readonly code: number;
  readonly enhanced: string | undefined;
  /** Placeholders filled, without codes. */
  readonly text: string;
}

/**
 * Of all filled-in values together, each having the same share; what goes over it is cut. A reply line may have 512
 * octets (RFC 5321 §4.5.3.1.5).
 */
const VALUES_CHARS_MAX = 255;

/** Makes a reply from the table, with values for its placeholders. */
export function smtpReply<N extends SmtpReplyName>(name: N, ...fill: Fill<N>): SmtpReply {
  const row: SmtpReplyRow = SMTP_REPLIES[name];
  // Nearly every reply of a session that goes well has nothing to fill in.
  if (!row.text.includes("{")) return { name, code: row.code, enhanced: row.enhanced, text: row.text };
  const values: Readonly<Record<string, string | number>> = fill[0] ?? {};
  const share = Math.floor(VALUES_CHARS_MAX / Math.max(1, Object.keys(values).length));
  const text = row.text.replaceAll(/\{([a-z]+)\}/gi, (_, key: string) => printable(String(values[key] ?? ""), share));
  return { name, code: row.code, enhanced: row.enhanced, text };
}

/** The reply as it stands on the wire after the code: enhanced status code, if any, and text. */
export function formatReply(reply: SmtpReply): string {
  return reply.enhanced === undefined ? reply.text : `${reply.enhanced} ${reply.text}`;
}

function printable(value: string, charsMax: number): string {
  return value.slice(0, charsMax).replaceAll(/[^ -~]/g, "?");
}
