/**
 * Load: SMTP sessions that send messages one after the other, as fast as they are answered, without pipelining. Sends
 * `{}` when it is up, and answers each order when its last message has been accepted. A refusal ends the process.
 */

import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { benchMail } from "../spool-mail.ts";
import { answerOrders } from "./usage.ts";

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

  /** Waits for a reply with one of these first digits. */
  async reply(digits: string): Promise<void> {
    if (!this.#isComplete()) {
      await new Promise<void>((resolve, reject) => {
        this.#replied = resolve;
        this.#failed = reject;
      });
    }
    const text = this.#text;
    this.#text = "";
    if (!digits.includes(text.charAt(0))) throw new Error(`the server said ${text}`);
  }

  async command(line: string, digits = "2"): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.reply(digits);
  }

  async data(bytes: Buffer): Promise<void> {
    this.#socket.write(bytes);
    await this.reply("2");
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

async function open({ port, login }: LoadOrder): Promise<Session> {
  const session = new Session(port);
  await session.reply("2");
  await session.command("EHLO bench.example.com");
  if (login !== undefined) {
    await session.startTls();
    await session.command("EHLO bench.example.com");
    await session.command(`AUTH PLAIN ${Buffer.from(`\0${login.user}\0${login.password}`).toString("base64")}`);
  }
  return session;
}

async function send(order: LoadOrder): Promise<void> {
  const data = Buffer.concat([benchMail(order.bytes), Buffer.from(".\r\n")]);
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
  const started = performance.now();
  await send(order as LoadOrder);
  return { seconds: (performance.now() - started) / 1000 };
});
process.send?.({});
