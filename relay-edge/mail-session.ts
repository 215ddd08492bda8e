/**
 * One client's session as the relay sees it: who it is, and the transaction it has open.
 *
 * Knows nothing of sockets or of the SMTP library: commands come in as lines, replies go out as values.
 * Failure:  a directory that cannot be asked is a 4xx; methods do not reject for it.
 * See RFC 5321 §4.1.4 (order of commands), RFC 4954 (AUTH).
 */

import { setTimeout as sleep } from "node:timers/promises";
import { formatAddress } from "../lib/core/address.ts";
import { errorText } from "../lib/core/log.ts";
import { mayBeOutsideSender } from "../lib/core/sender-class.ts";
import { parseMailCommand, parseRcptCommand } from "../lib/core/smtp-command.ts";
import { formatReply, type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import { senderRefusal } from "../lib/core/standing.ts";
import { type AcceptDeps, type Accepted, acceptMessage, type Transaction } from "./accept-message.ts";
import type { AuthGuard } from "./auth-guard.ts";
import { authenticate, type Identity, identifyAddress, type Standing, standing } from "./authenticate.ts";
import { tenantsPolicy } from "./judge-sender.ts";
import { OpenTransaction } from "./open-transaction.ts";
import { type PasswordChecker, TooManyChecks } from "./password.ts";
import type { RateLimits, Sending } from "./rate-limits.ts";

/** What sessions share. */
export interface MailSessionDeps extends AcceptDeps {
  readonly passwords: PasswordChecker;
  readonly guard: AuthGuard;
  readonly rates: RateLimits;
}

/** Which session, and where its client is. */
export interface Client {
  readonly session: string;
  readonly address: string;
  readonly port: number;
}

/** How the connection is protected. */
export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
}

/** How the client introduced itself. */
export interface Hello {
  readonly name: string;
  /** EHLO, not HELO. */
  readonly extended: boolean;
}

/** What is logged of a Message-ID, by which a postmaster asks for a message. */
const MESSAGE_ID_CHARS_MAX = 250;

/** How many recipients of a message are logged, where addresses may be. */
const LOGGED_RECIPIENTS_MAX = 10;

/** The state of one session. */
export class MailSession {
  readonly #deps: MailSessionDeps;
  readonly #client: Client;
  #tls: TlsFacts | undefined;
  #identity: Identity | undefined;
  /** Who the last mail was accepted from, by log-in or address. */
  #sender: Identity | undefined;
  #authFailures = 0;
  #transaction: OpenTransaction | undefined;
  #recipientsRefusedIn: OpenTransaction | undefined;
  #isOver = false;
  /** The session counts as a connection of whoever it has sent for last. */
  #connection: { readonly of: string; readonly end: () => void } | undefined;

  constructor(deps: MailSessionDeps, client: Client) {
    this.#deps = deps;
    this.#client = client;
  }

  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  /** Who this is, as far as it is known. */
  get sender(): Identity | undefined {
    return this.#identity ?? this.#sender;
  }

  /** True after an AUTH that failed and until one that succeeds. */
  get authHasFailed(): boolean {
    return this.#authFailures > 0 && this.#identity === undefined;
  }

  get authFailures(): number {
    return this.#authFailures;
  }

  /** True between MAIL and the end of the transaction. */
  get inTransaction(): boolean {
    return this.#transaction !== undefined;
  }

  /** TLS is up: nothing said before counts (RFC 3207 §4.2). */
  startTls(tls: TlsFacts): void {
    this.#tls = tls;
    this.#identity = undefined;
    this.reset();
  }

  /** Ends the transaction (RSET, EHLO). */
  reset(): void {
    this.#transaction?.giveBack();
    this.#transaction = undefined;
  }

  /** The client is gone; a command of its that is still at work leaves nothing behind. */
  ended(): void {
    this.#isOver = true;
    this.reset();
    this.#connection?.end();
    this.#connection = undefined;
  }

  /** AUTH with a login and password. The reply with code 235 means success, 421 that the connection has to end. */
  async authenticate(login: string, password: string): Promise<SmtpReply> {
    const { settings, guard, log } = this.#deps;
    const { address } = this.#client;
    let identity: Identity | undefined;
    try {
      identity = await authenticate(this.#deps, login, password);
    } catch (error) {
      if (!(error instanceof TooManyChecks)) log({ event: "directory-failed", error: errorText(error) });
      return smtpReply("authUnavailable");
    }
    if (identity !== undefined) {
      guard.succeeded(address);
      this.#identity = identity;
      this.#logPreviousPassword(identity);
      return smtpReply("authenticated");
    }
    this.#authFailures++;
    this.#deps.metrics.count("authFailures");
    guard.failed(address);
    await this.#logFailure(login);
    await sleep(guard.delayMs(address));
    if (this.#authFailures >= settings.authFailuresMax) return smtpReply("tooManyAuthFailures");
    return smtpReply(settings.strictAuthentication ? "authFailedStrict" : "authFailed");
  }

  /** MAIL: may this client, which calls itself `helo`, send, and for this sender? */
  async mail(line: Uint8Array, helo: string): Promise<SmtpReply> {
    if (this.#transaction !== undefined) return smtpReply("nestedMail");
    let reply: SmtpReply;
    try {
      reply = await this.#mail(line, helo);
    } catch (error) {
      this.#deps.log({ event: "directory-failed", error: errorText(error) });
      reply = smtpReply("directoryDown");
    }
    if (reply.code >= 400) {
      this.#logRefusal("sender-refused", reply);
      this.#deps.metrics.count("refused", 1, reply.name);
    }
    return reply;
  }

  /** RCPT: everything that has a domain is taken; what cannot be delivered is told by a DSN. */
  rcpt(line: Uint8Array): SmtpReply {
    const transaction = this.#transaction;
    if (transaction === undefined) return smtpReply("mailFirst");
    const command = parseRcptCommand(line);
    if (command.kind === "refused") return command.reply;
    const reply = transaction.rcpt(command);
    // Once for each message, however many recipients there are.
    if (reply.name === "tooManyRecipientsOf" && this.#recipientsRefusedIn !== transaction) {
      this.#recipientsRefusedIn = transaction;
      this.#logRefusal("recipients-refused", reply);
    }
    return reply;
  }

  /** Why DATA cannot come now; undefined: it can. */
  dataProblem(): SmtpReply | undefined {
    if (this.#transaction === undefined) return smtpReply("mailFirst");
    return this.#transaction.recipientCount === 0 ? smtpReply("noRecipients") : undefined;
  }

  /** The message itself. Ends the transaction. Rejects when the client goes away before the end of its data. */
  async data(hello: Hello, stream: AsyncIterable<Buffer>): Promise<Accepted> {
    const started = performance.now();
    const open = this.#transaction;
    if (open === undefined) throw new Error("DATA without a transaction");
    this.#transaction = undefined;
    let accepted: Accepted | undefined;
    try {
      accepted = await acceptMessage(this.#deps, this.#whole(open, hello), stream);
    } finally {
      if (accepted?.kind !== "accepted") open.giveBack();
    }
    const { reply } = accepted;
    this.#countMessage(accepted);
    this.#deps.log({
      event: accepted.kind === "accepted" ? "message-accepted" : "message-refused",
      ...(accepted.kind === "accepted"
        ? {
            id: accepted.id,
            messageId: accepted.messageId?.slice(0, MESSAGE_ID_CHARS_MAX),
            class: accepted.classified.senderClass,
            evidence: accepted.classified.evidence,
            rewrite: accepted.rewrite !== undefined,
            storeMs: Math.round(accepted.storeMs),
          }
        : { reason: reply.name }),
      ...this.#facts(open),
      size: accepted.size,
      ms: Math.round(performance.now() - started),
      reply: `${reply.code} ${formatReply(reply)}`,
    });
    return accepted;
  }

  /** A login that does not exist may be a password in the wrong place, so it is not written down. */
  async #logFailure(login: string): Promise<void> {
    const { directory, log } = this.#deps;
    const { session, address } = this.#client;
    const credential = await directory.credential(login).catch(() => undefined);
    const facts = credential === undefined ? {} : { login, tenant: credential.tenant };
    log({ event: "auth-failed", session, client: address, ...facts });
  }

  /** A server that still has the old password stops working when that ends: better told before than after. */
  #logPreviousPassword({ by, tenant }: Identity): void {
    if (by.kind !== "credential" || !by.isPrevious) return;
    const { session, address } = this.#client;
    this.#deps.log({ event: "previous-password-used", session, client: address, login: by.login, tenant });
  }

  /** Why the session is one too many of its tenant; undefined: it counts, or did already. */
  #countConnection(sending: Sending): SmtpReply | undefined {
    const of = `${sending.tenant}/${sending.credential}`;
    if (this.#connection?.of === of) return undefined;
    this.#connection?.end();
    this.#connection = undefined;
    const connected = this.#deps.rates.connect(sending);
    if (typeof connected !== "function") return connected;
    this.#connection = { of, end: connected };
    return undefined;
  }

  #countMessage(accepted: Accepted): void {
    const { metrics } = this.#deps;
    if (accepted.kind !== "accepted") {
      metrics.count("refused", 1, accepted.reply.name);
      return;
    }
    metrics.count("accepted");
    metrics.measure("secondsToStore", Math.round(accepted.storeMs) / 1000);
  }

  #logRefusal(event: string, reply: SmtpReply): void {
    const { session, address } = this.#client;
    const tenant = this.sender?.tenant;
    const text = `${reply.code} ${formatReply(reply)}`;
    this.#deps.log({ event, session, client: address, tenant, reason: reply.name, reply: text });
  }

  async #mail(line: Uint8Array, helo: string): Promise<SmtpReply> {
    const { settings, directory } = this.#deps;
    const identity = await this.#whoSends();
    if ("code" in identity) return identity;
    this.#sender = identity;
    const command = parseMailCommand(line);
    const from = command.kind === "mail" && command.from !== null ? command.from : undefined;
    // Asked together, so that all that is not remembered goes out in one request.
    const [stands, verdict, pause] = await Promise.all([
      standing(this.#deps, identity),
      from === undefined ? undefined : directory.senderVerdict(identity.tenant, from.domain),
      from === undefined ? undefined : directory.senderPause(identity.tenant, formatAddress(from)),
    ]);
    if (this.#isOver) return smtpReply("sessionFailure");
    if (stands.refusal !== undefined) return stands.refusal;
    const sending = sendingOf(identity, stands, from === undefined ? null : formatAddress(from));
    const tooMany = this.#countConnection(sending);
    if (tooMany !== undefined) return tooMany;
    if (command.kind === "refused") return command.reply;
    if ((command.size ?? 0) > settings.messageSizeBytesMax) {
      return smtpReply("messageTooBig", { limit: settings.messageSizeBytesMax });
    }
    const isForeign = verdict?.kind === "foreign";
    if (from !== undefined && isForeign) {
      if (!mayBeOutsideSender(await tenantsPolicy(directory, identity.tenant), from, helo)) {
        return smtpReply("senderForeign", { domain: from.domain });
      }
    }
    if (verdict?.kind === "pending") return smtpReply("senderPending", { domain: verdict.domain });
    if (pause !== undefined) return senderRefusal(pause);
    // Again, since the policy may have been asked for meanwhile: what is counted now would never be given back.
    if (this.#isOver) return smtpReply("sessionFailure");
    const count = this.#deps.rates.begin(sending);
    if ("code" in count) return count;
    const { body, ret, envid } = command;
    this.#transaction = new OpenTransaction({
      identity,
      sending,
      count,
      recipientsMax: settings.recipientsMax,
      parameters: {
        ...(isForeign ? { foreignReturnPath: true } : {}),
        ...(body === undefined ? {} : { body }),
        ...(ret === undefined ? {} : { ret }),
        ...(envid === undefined ? {} : { envid }),
      },
    });
    return smtpReply("senderOk");
  }

  /** After a failed AUTH the address alone does not count: the client meant to be somebody. */
  async #whoSends(): Promise<Identity | SmtpReply> {
    const { settings, directory } = this.#deps;
    if (this.#identity !== undefined) return this.#identity;
    const strict = settings.strictAuthentication;
    if (this.#authFailures > 0) return smtpReply(strict ? "authRequiredStrict" : "authHasFailed");
    const byAddress = await identifyAddress(directory, this.#client.address, this.#tls !== undefined, strict);
    return byAddress ?? smtpReply(strict ? "authRequiredStrict" : "authRequired");
  }

  /** What is known of a message before its data. */
  #whole(open: OpenTransaction, hello: Hello): Transaction {
    const tls = this.#tls;
    const { address, port } = this.#client;
    return {
      envelope: open.envelope({
        address,
        port,
        helo: hello.name,
        ...(tls === undefined ? {} : { tls: tls.protocol }),
      }),
      extended: hello.extended,
      authenticated: open.identity.by.kind === "credential",
      tls,
      countShared: () => open.countShared(this.#deps.rates),
    };
  }

  /** What is logged of a message besides its end. */
  #facts(open: OpenTransaction) {
    const to = open.recipients.slice(0, LOGGED_RECIPIENTS_MAX).map(({ address }) => address);
    return {
      ...(this.#deps.settings.logAddresses ? { from: open.returnPath ?? "", to } : {}),
      session: this.#client.session,
      tenant: open.identity.tenant,
      credential: open.identity.label,
      client: this.#client.address,
      tls: this.#tls?.protocol,
      recipients: open.recipientCount,
    };
  }
}

/** Whose limits hold for a message. */
function sendingOf(identity: Identity, stands: Standing & { refusal?: never }, sender: string | null): Sending {
  const { tenant, label, by } = identity;
  return {
    tenant,
    tenantLimits: stands.tenant.limits,
    credential: by.kind === "credential" ? `login/${by.login}` : `network/${label}`,
    label,
    credentialLimits: stands.credential?.limits,
    sender,
  };
}
