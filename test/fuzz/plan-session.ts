/** Makes the plan of a session: good order up to a state, something that is not, then perhaps a good mail, then an end. */

import { type SeededRandom, seededRandom } from "../fault/seeded-random.ts";
import { type SmtpLogin, wireData } from "../support/smtp-client.ts";
import { attackFor, notTls, oddLine, tampering, type ValidLines } from "./attacks.ts";
import { pick, randomCuts } from "./random-bytes.ts";
import { type SessionPlan, STATES, type State, type Step } from "./session-plan.ts";

/** Addresses that sessions come from: few, so that a connection that is never given back is missed at their limit. */
export const SESSION_ADDRESSES = 24;

/** One of them, by its index. */
export function addressOfSessions(index: number): string {
  return `127.0.${1 + index}.1`;
}

/** How long a session waits for a reply that may not come. */
const LISTEN_MS = 150;

/** The plan of session `number` under this seed. */
export function planSession(seed: number, number: number, login: SmtpLogin): SessionPlan {
  const random = seededRandom(seed).fork(number);
  // In turn, so that even a short run gets everywhere.
  const state = STATES[number % STATES.length] ?? "greeting";
  const port = NEEDS_CLEAR.has(state) || random.chance(0.6) ? "smtp" : "smtps";
  const planner = new Planner(random, number, login, port);
  const attack = planner.plan(state);
  const address = addressOfSessions(random.between(0, SESSION_ADDRESSES - 1));
  return { number, state, attack, port, address, steps: planner.steps };
}

/** A plain, good message: what it says is found again in the spool. */
export function goodMessage(marker: string, random: SeededRandom): string {
  const lines = Array.from({ length: random.between(0, 12) }, () => pick(random, BODY_LINES));
  // Larger than what is kept in memory, now and then.
  const filler = random.chance(0.05) ? `${"0123456789".repeat(90)}\r\n`.repeat(random.between(20, 120)) : "";
  return `${goodHeader(marker)}\r\n${lines.map((line) => `${line}\r\n`).join("")}${filler}`;
}

function goodHeader(marker: string): string {
  return `From: user@example.com\r\nTo: someone@elsewhere.example\r\nSubject: ${marker}\r\nMessage-ID: <${marker}@example.com>\r\n`;
}

const NEEDS_CLEAR: ReadonlySet<State> = new Set<State>(["clear-text", "starttls"]);

const BODY_LINES = [
  "",
  ".",
  "..",
  ".dot",
  "...",
  "text",
  " ",
  "\t",
  "QUIT",
  "DATA",
  "MAIL FROM:<>",
  "\xe3\x81\x82\xff\x80",
  "\x1b$B",
  "x".repeat(998),
  "From: other@other.example",
  "Relayhost-Id: x",
];

class Planner {
  readonly steps: Step[] = [];
  readonly #random: SeededRandom;
  readonly #marker: string;
  readonly #login: SmtpLogin;
  readonly #port: "smtp" | "smtps";
  #tls = false;
  #mails = 0;

  constructor(random: SeededRandom, number: number, login: SmtpLogin, port: "smtp" | "smtps") {
    this.#random = random;
    this.#marker = `fuzz-${number}`;
    this.#login = login;
    this.#port = port;
  }

  /** Fills `steps`; returns what the attack is, in words. */
  plan(state: State): string {
    this.#approach(state);
    const attack = this.#attack(state);
    if (this.#random.chance(0.3)) this.#recover();
    return `${attack}; ${this.#end()}`;
  }

  // In good order: each reply is waited for and has to be the one that RFC 5321 says.

  #approach(state: State): void {
    switch (state) {
      case "greeting":
        if (this.#port === "smtps" && this.#random.chance(0.7)) this.#startTls();
        return;
      case "hello":
      case "clear-text":
      case "starttls":
        this.#greet();
        this.#ask("EHLO client.example.com", 250);
        return;
      case "tls":
        this.#secure();
        return;
      case "auth-step":
        this.#secure();
        this.#ask(pick(this.#random, ["AUTH LOGIN", "AUTH PLAIN"]), 334);
        return;
      case "mail":
      case "after-421":
        this.#logIn();
        return;
      case "rcpt":
        this.#logIn();
        this.#ask("MAIL FROM:<user@example.com> BODY=8BITMIME", 250);
        return;
      case "data-command":
        this.#envelope();
        return;
      case "data-header":
      case "data-body":
        this.#envelope();
        this.#ask("DATA", 354);
        if (state === "data-body") this.#send(`${goodHeader(this.#nextMarker())}\r\n`);
        return;
      case "after-message":
        this.#envelope();
        this.#ask("DATA", 354);
        this.#send(wireData(goodMessage(this.#nextMarker(), this.#random)));
        this.steps.push({ do: "expect", code: 250 });
        return;
    }
  }

  #greet(): void {
    if (this.#port === "smtps") this.#startTls();
    this.steps.push({ do: "expect", code: 220 });
  }

  #secure(): void {
    this.#greet();
    this.#ask("EHLO client.example.com", 250);
    if (this.#tls) return;
    this.#ask("STARTTLS", 220);
    this.#startTls();
    this.#ask("EHLO client.example.com", 250);
  }

  #startTls(sound = true): void {
    this.#tls = true;
    this.steps.push({ do: "tls", version: this.#random.chance(0.3) ? "TLSv1.2" : "TLSv1.3", sound });
  }

  #logIn(): void {
    this.#secure();
    const { user, password } = this.#login;
    if (this.#random.chance(0.7)) {
      this.#ask(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, 235);
    } else {
      this.#ask("AUTH LOGIN", 334);
      this.#ask(base64(user), 334);
      this.#ask(base64(password), 235);
    }
  }

  #envelope(): void {
    this.#logIn();
    this.#ask("MAIL FROM:<user@example.com> BODY=8BITMIME", 250);
    for (let left = this.#random.between(1, 3); left > 0; left -= 1) {
      this.#ask(`RCPT TO:<r${left}@elsewhere.example>`, 250);
    }
  }

  #ask(line: string, code: number): void {
    this.#send(`${line}\r\n`);
    this.steps.push({ do: "expect", code });
  }

  // Out of order.

  #attack(state: State): string {
    if (state === "starttls") return this.#attackStartTls();
    if (state === "after-421") return this.#attackAfter421();
    if (this.#tls && this.#random.chance(0.12)) return this.#attackRecords();
    if (this.#random.chance(0.05)) return this.#starve();
    const attack = attackFor(this.#random, state, this.#validLines());
    if (this.#random.chance(0.04)) {
      this.steps.push({ do: "deaf" });
      this.#send(attack.bytes);
      this.steps.push({ do: "wait", ms: 100 }, { do: "hear" });
      return `${attack.name}, replies unread for a while`;
    }
    const before = this.#random.chance(0.15) ? oddLine(this.#random) : Buffer.alloc(0);
    this.#sendSomehow(Buffer.concat([before, attack.bytes]));
    this.steps.push({ do: "listen", ms: LISTEN_MS });
    return attack.name;
  }

  /** Pipelined behind STARTTLS, no TLS after it, TLS of a wrong kind, TLS that stops half-way. */
  #attackStartTls(): string {
    switch (this.#random.between(0, 3)) {
      case 0: {
        // What came in the clear may end the handshake, but must never be executed behind it.
        const injected = pick(this.#random, [
          "NOOP\r\n",
          "RSET\r\nNOOP\r\n",
          `AUTH PLAIN ${base64("\0x\0y")}\r\n`,
          "MAIL FROM:<user@example.com>\r\n",
          "QUIT\r\n",
        ]);
        this.#send(`STARTTLS\r\n${injected}`);
        this.steps.push({ do: "expect", code: 220 });
        this.#startTls(false);
        this.steps.push({ do: "hear-nothing", ms: LISTEN_MS });
        return "commands injected behind STARTTLS";
      }
      case 1:
        this.#ask("STARTTLS", 220);
        this.steps.push({ do: "raw", bytes: notTls(this.#random) });
        return "no ClientHello after STARTTLS";
      case 2:
        this.#ask("STARTTLS", 220);
        this.steps.push({ do: "tamper", tampering: tampering(this.#random) });
        this.#startTls(false);
        return "a ClientHello tampered with";
      default:
        this.#ask("STARTTLS", 220);
        return "silence after STARTTLS";
    }
  }

  #attackAfter421(): string {
    const how = pick(this.#random, ["HTTP", "unknown commands", "a line too long", "commands without mail"] as const);
    if (how === "HTTP") this.#send("GET / HTTP/1.1\r\n");
    else if (how === "unknown commands") this.#send("FOO\r\n".repeat(12));
    else if (how === "a line too long") this.#send("x".repeat(13_000));
    else this.#send("NOOP\r\n".repeat(110));
    this.#send(
      `RSET\r\nMAIL FROM:<user@example.com>\r\nRCPT TO:<late@elsewhere.example>\r\nDATA\r\n${goodHeader("late")}\r\nlate\r\n.\r\n`,
    );
    return `a mail behind 421 for ${how}`;
  }

  #attackRecords(): string {
    if (this.#random.chance(0.3)) {
      this.steps.push({ do: "raw", bytes: pick(this.#random, [notTls(this.#random), oddLine(this.#random)]) });
      return "bytes between TLS records";
    }
    const change = tampering(this.#random);
    this.steps.push({ do: "tamper", tampering: change });
    this.#send("NOOP\r\n");
    this.steps.push({ do: "listen", ms: LISTEN_MS });
    return `a TLS record tampered with (${change.how})`;
  }

  /** Bytes that trickle in, or none: the edge has to end it by itself. */
  #starve(): string {
    if (this.#random.chance(0.5)) {
      this.#send("");
      return "silence";
    }
    const trickle = Buffer.from(pick(this.#random, ["NOOP ", ".", "x", "\0", "a: b"]).repeat(30), "latin1");
    const cuts = Array.from({ length: trickle.length - 1 }, (_, index) => index + 1);
    this.steps.push({ do: "send", bytes: trickle, cuts, gapMs: 60 });
    return "a trickle";
  }

  #validLines(): ValidLines {
    const marker = this.#nextMarker();
    return {
      hello: "EHLO client.example.com\r\n",
      auth: `AUTH PLAIN ${base64(`\0${this.#login.user}\0${this.#login.password}`)}\r\n`,
      authStep: `${base64(`\0${this.#login.user}\0${this.#login.password}`)}\r\n`,
      mail: "MAIL FROM:<user@example.com> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=e+2B1\r\n",
      rcpt: "RCPT TO:<r@elsewhere.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;r@elsewhere.example\r\n",
      header: goodHeader(marker),
      body: "text\r\n..\r\n.dot\r\n\xe3\x81\x82\r\n\r\nend\r\n.\r\n",
    };
  }

  // Afterwards.

  /** As a client does that has got over it. What the replies are depends on the attack; the oracle goes by the queue ids. */
  #recover(): void {
    const message = wireData(goodMessage(this.#nextMarker(), this.#random)).toString("latin1");
    const lines = [
      "RSET\r\n",
      "MAIL FROM:<user@example.com>\r\n",
      "RCPT TO:<again@elsewhere.example>\r\n",
      "DATA\r\n",
      message,
    ];
    if (this.#random.chance(0.3)) this.#send(lines.join(""));
    else {
      for (const line of lines) {
        this.#send(line);
        this.steps.push({ do: "listen", ms: LISTEN_MS });
      }
    }
  }

  #end(): string {
    const how = this.#random.between(0, 99);
    if (how < 45) {
      if (this.#random.chance(0.5)) this.#send("\r\n.\r\n");
      this.#send("QUIT\r\n");
      this.steps.push({ do: "listen", ms: LISTEN_MS });
      // The edge may be within a message, for which that was no QUIT.
      this.steps.push({ do: "leave", how: "half-close" });
      return "QUIT";
    }
    if (how < 65) {
      this.steps.push({ do: "leave", how: "half-close" });
      return "half-closed";
    }
    if (how < 75) {
      this.steps.push({ do: "leave", how: "close-notify" });
      return "close_notify";
    }
    if (how < 95) {
      if (this.#random.chance(0.5)) this.steps.push({ do: "wait", ms: this.#random.between(0, 60) });
      this.steps.push({ do: "leave", how: "reset" });
      return "reset";
    }
    return "left open";
  }

  #nextMarker(): string {
    this.#mails += 1;
    return `${this.#marker}-${this.#mails}`;
  }

  #send(bytes: string | Buffer): void {
    this.#sendInPieces(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, []);
  }

  #sendSomehow(bytes: Buffer): void {
    this.#sendInPieces(bytes, randomCuts(this.#random, bytes.length));
  }

  #sendInPieces(bytes: Buffer, cuts: readonly number[]): void {
    this.steps.push({ do: "send", bytes, cuts, gapMs: cuts.length === 0 ? 0 : this.#random.between(0, 15) });
  }
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
