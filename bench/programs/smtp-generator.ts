/**
 * Load: SMTP sessions that send messages one after the other, as fast as they are answered, without pipelining. Sends
 * `{}` when it is up, and answers each order when its last message has been accepted. A refusal ends the process.
 */

import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { monotonicMs } from "../monotonic.ts";
import { benchMail } from "../spool-mail.ts";
import { answerOrders } from "./usage.ts";

const END_OF_DATA = Buffer.from(".\r\n");

/** What to send. */
export interface LoadOrder {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Octets of a message. */
  readonly bytes: number;
  /** True: many messages on each connection; false: a new connection for each message. */
  readonly reuse: boolean;
  /** STARTTLS and AUTH PLAIN before the first message. */
  readonly login?: { readonly user: string; readonly password: string };
  /** True: HELO, and messages that look like those of Postfix's smtp-source, so that the two can be compared. */
  readonly asSmtpSource?: boolean;
}

/** One connection; a reply is awaited after everything that is written. */
class Session {
  #socket: Socket;
  #text = "";
  #replied: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#listen();
  }

  /** Waits for a reply with one of these first digits, and resolves with its text. */
  async reply(digits: string): Promise<string> {
    if (!this.#isComplete()) {
      await new Promise<void>((resolve, reject) => {
        this.#replied = resolve;
        this.#failed = reject;
      });
    }
    const text = this.#text;
    this.#text = "";
    if (!digits.includes(text.charAt(0))) throw new Error(`the server said ${text}`);
    return text;
  }

  async command(line: string, digits = "2"): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.reply(digits);
  }

  async data(bytes: Buffer): Promise<string> {
    this.#socket.write(bytes);
    return await this.reply("2");
  }

  async startTls(): Promise<void> {
    await this.command("STARTTLS");
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => {
      secure.once("secureConnect", resolve);
      secure.once("error", reject);
    });
    secure.removeAllListeners("error");
    this.#socket = secure;
    this.#listen();
  }

  end(): void {
    this.#socket.end("QUIT\r\n");
  }

  #listen(): void {
    this.#socket.setNoDelay();
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      if (this.#isComplete()) this.#replied?.();
    });
    this.#socket.on("error", (error) => this.#failed?.(error));
    this.#socket.on("close", () => this.#failed?.(new Error("the server closed the connection")));
  }

  #isComplete(): boolean {
    return /(?:^|\n)\d{3} [^\n]*\n$/.test(this.#text);
  }
}

async function open({
  port,
  login,
  asSmtpSource,
}: Pick<LoadOrder, "port" | "login" | "asSmtpSource">): Promise<Session> {
  const session = new Session(port);
  await session.reply("2");
  await session.command(`${asSmtpSource === true ? "HELO" : "EHLO"} bench.example.com`);
  if (login !== undefined) {
    await session.startTls();
    await session.command("EHLO bench.example.com");
    await session.command(`AUTH PLAIN ${Buffer.from(`\0${login.user}\0${login.password}`).toString("base64")}`);
  }
  return session;
}

async function send(order: LoadOrder): Promise<void> {
  const message = order.asSmtpSource === true ? smtpSourceMail(order.bytes) : benchMail(order.bytes);
  const data = Buffer.concat([message, END_OF_DATA]);
  let begun = 0;
  const lane = async (): Promise<void> => {
    let session: Session | undefined;
    while (begun < order.messages) {
      begun += 1;
      session ??= await open(order);
      await session.command("MAIL FROM:<sales@example.com>");
      await session.command("RCPT TO:<somebody@customer.example.net>");
      await session.command("DATA", "3");
      await session.data(data);
      if (order.reuse) continue;
      session.end();
      session = undefined;
    }
    session?.end();
  };
  await Promise.all(Array.from({ length: order.sessions }, lane));
}

/** As smtp-source composes it: the size that it is told is that of the body. */
function smtpSourceMail(bytes: number): Buffer {
  const header =
    "From: <a@example.com>\r\nTo: <b@example.net>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000 (UTC)\r\n" +
    "Message-Id: <1c0c.0003.0000@bench.example.com>\r\n\r\n";
  const line = `${"X".repeat(78)}\r\n`;
  return Buffer.from(`${header}${line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes - 2)}\r\n`, "latin1");
}

/** Messages at a steady rate, each another one, on connections that stay open; one begins when it is due. */
export interface RateOrder {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  readonly perSecond: number;
  /** Octets of a message. */
  readonly bytes: number;
  readonly login: NonNullable<LoadOrder["login"]>;
}

/** A message that got its 250. Times in milliseconds of the machine's monotonic clock. */
export interface SentMail {
  /** Queue id that the 250 named. */
  readonly id: string;
  /** When the end of its data was written. */
  readonly writtenMs: number;
  readonly acceptedMs: number;
}

async function sendAtRate(order: RateOrder): Promise<{ sent: SentMail[] }> {
  const sent: SentMail[] = [];
  let begun = 0;
  const sessions = await Promise.all(Array.from({ length: order.sessions }, async () => await open(order)));
  const startMs = monotonicMs();
  await Promise.all(
    sessions.map(async (session) => {
      while (begun < order.messages) {
        const dueMs = startMs + (1000 * begun) / order.perSecond;
        begun += 1;
        const data = Buffer.concat([benchMail(order.bytes), END_OF_DATA]);
        await pause(Math.max(0, dueMs - monotonicMs()));
        await session.command("MAIL FROM:<sales@example.com>");
        await session.command("RCPT TO:<somebody@customer.example.net>");
        await session.command("DATA", "3");
        const writtenMs = monotonicMs();
        const reply = await session.data(data);
        const acceptedMs = monotonicMs();
        const id = /queued as (\w+)/.exec(reply)?.[1];
        if (id === undefined) throw new Error(`no queue id in ${reply}`);
        sent.push({ id, writtenMs, acceptedMs });
      }
      session.end();
    }),
  );
  return { sent };
}

/** Opens connections that stay, and then times one more that sends a message. */
export interface IdleOrder {
  readonly port: number;
  readonly idle: number;
  readonly login?: LoadOrder["login"];
}

/** What a new connection saw beside the idle ones. */
export interface IdleResult {
  readonly greetingMs: number;
  /** From connecting to the 250 for a message of 10 KB. */
  readonly messageMs: number;
}

const idle: Session[] = [];
/** Half-open connections that the kernel's queue surely holds. */
const OPENED_AT_ONCE = 100;

async function openIdle({ port, idle: count, login }: IdleOrder): Promise<IdleResult> {
  const order = {
    port,
    sessions: 1,
    messages: 1,
    bytes: 10_240,
    reuse: false,
    ...(login === undefined ? {} : { login }),
  };
  while (idle.length < count) {
    const batch = Math.min(OPENED_AT_ONCE, count - idle.length);
    idle.push(...(await Promise.all(Array.from({ length: batch }, () => open(order)))));
  }
  const started = performance.now();
  const session = new Session(port);
  await session.reply("2");
  const greetingMs = performance.now() - started;
  session.end();
  const again = performance.now();
  await send(order);
  return { greetingMs, messageMs: performance.now() - again };
}

answerOrders(async (order) => {
  if ("idle" in (order as object)) return await openIdle(order as IdleOrder);
  if ("perSecond" in (order as object)) return await sendAtRate(order as RateOrder);
  const started = performance.now();
  await send(order as LoadOrder);
  return { seconds: (performance.now() - started) / 1000 };
});
process.send?.({});
