/**
 * What a fuzzed session does, step by step, before it is done: a function of the seed and the session's number alone, so
 * that a session can be played again without those around it. How fast the edge answers never changes what is sent.
 */

/** Where in the protocol the session has got to, in good order, when it stops behaving. */
export const STATES = [
  "greeting",
  "hello",
  "clear-text",
  "starttls",
  "tls",
  "auth-step",
  "mail",
  "rcpt",
  "data-command",
  "data-header",
  "data-body",
  "after-message",
  "after-421",
] as const;

/** One of them. */
export type State = (typeof STATES)[number];

/** How the bytes of the client's next write are changed under TLS, where the edge sees records. */
export type Tampering = {
  readonly how: "flip" | "cut" | "double" | "head" | "insert";
  /** Where, as a part of the length (0 to 1). */
  readonly at: number;
  /** What is written there: for "flip" and "head" over what is there, for "insert" in between. */
  readonly bytes: Buffer;
};

/** What a client does next. */
export type Step =
  /** Writes, in pieces that end at these offsets, with a pause between them. */
  | { readonly do: "send"; readonly bytes: Buffer; readonly cuts: readonly number[]; readonly gapMs: number }
  /** Waits for one reply, which must have this code. 421 is taken too, and ends the steps. */
  | { readonly do: "expect"; readonly code: number }
  /** Waits for a reply, at most so long. */
  | { readonly do: "listen"; readonly ms: number }
  /** No reply may come within this time: nothing has been asked. */
  | { readonly do: "hear-nothing"; readonly ms: number }
  /** Starts TLS. `sound`: it has to succeed. */
  | { readonly do: "tls"; readonly version: "TLSv1.2" | "TLSv1.3"; readonly sound: boolean }
  | { readonly do: "tamper"; readonly tampering: Tampering }
  /** Writes below TLS. */
  | { readonly do: "raw"; readonly bytes: Buffer }
  /** Reads no more, and reads again. */
  | { readonly do: "deaf" }
  | { readonly do: "hear" }
  | { readonly do: "wait"; readonly ms: number }
  /** Goes away: with FIN, with TLS's close_notify and FIN, or with RST. */
  | { readonly do: "leave"; readonly how: "half-close" | "close-notify" | "reset" };

/** A whole session. One that does not leave waits for the edge to close. */
export type SessionPlan = {
  readonly number: number;
  readonly state: State;
  /** In words, for the report. */
  readonly attack: string;
  readonly port: "smtp" | "smtps";
  /** Address to connect from. */
  readonly address: string;
  readonly steps: readonly Step[];
};

/** A plan as a person reads it, each byte visible. */
export function describePlan(plan: SessionPlan): string {
  const { number, state, attack, port, address, steps } = plan;
  return [`session ${number}: ${state}, ${attack}, to ${port} from ${address}`, ...steps.map(describeStep)].join("\n");
}

function describeStep(step: Step): string {
  switch (step.do) {
    case "send":
      return `  send (${step.cuts.length} cuts, ${step.gapMs} ms apart) ${quoted(step.bytes)}`;
    case "expect":
      return `  expect ${step.code}`;
    case "tls":
      return `  ${step.version}${step.sound ? "" : ", which may fail"}`;
    case "tamper":
      return `  tamper with the next write: ${step.tampering.how} at ${step.tampering.at} ${quoted(step.tampering.bytes)}`;
    case "raw":
      return `  send below TLS ${quoted(step.bytes)}`;
    case "leave":
      return `  leave: ${step.how}`;
    case "deaf":
    case "hear":
      return `  ${step.do}`;
    case "listen":
    case "hear-nothing":
    case "wait":
      return `  ${step.do} ${step.ms} ms`;
  }
}

/** Bytes as a string literal that can be pasted into a test (`Buffer.from(..., "latin1")`). */
export function quoted(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1")).replace(
    /[\u007f-\u00ff]/g,
    (octet) => `\\u00${octet.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
