/**
 * Throws sessions at an edge, a few at a time, for a given time, and finds out whether anything came of it that must not:
 * see `FuzzReport`. AWS is here, in the process of the test; the edge has one of its own.
 */

import { once } from "node:events";
import { connect } from "node:net";
import { deleteSpoolObject, getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject } from "../../lib/core/spool-object.ts";
import { seededRandom } from "../fault/seeded-random.ts";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, LOGIN } from "../support/edge.ts";
import { waitFor } from "../support/wait-for.ts";
import { FUZZ_LIMITS, type Holdings } from "./edge-limits.ts";
import { type FuzzedEdge, startFuzzedEdge } from "./fuzzed-edge.ts";
import { type GoodClient, startGoodClient } from "./good-client.ts";
import { acknowledgedIds, candidates, judgeStored, type Stored } from "./judge-stored.ts";
import { addressOfSessions, planSession, SESSION_ADDRESSES } from "./plan-session.ts";
import { playSession, type SessionResult } from "./play-session.ts";
import { describePlan, quoted, type SessionPlan, STATES, type State } from "./session-plan.ts";

/** How to fuzz. */
export type FuzzOptions = {
  readonly seconds: number;
  readonly seed: number;
  /** Plays this session only, once. */
  readonly only: number | undefined;
  /** Told how it goes, one line at a time. */
  readonly progress: (line: string) => void;
};

/** Something that must not be, and the session that it came of, ready to be printed. */
export type FuzzFault = { readonly what: string; readonly session: string };

/** What came of it. */
export type FuzzReport = {
  readonly seed: number;
  readonly sessions: number;
  readonly sessionsByState: Readonly<Record<State, number>>;
  /** How often each reply code came. */
  readonly replies: ReadonlyMap<number, number>;
  /** Messages with a 250 that were found in the spool as they were sent. */
  readonly accepted: number;
  /** Messages in the spool whose client had gone before its answer. */
  readonly answersLost: number;
  readonly goodMails: number;
  readonly goodLatenciesMs: readonly number[];
  /** Connections refused since their address had failed to authenticate too often. */
  readonly blocked: number;
  /** After the first part of the run, and after all of it, when every session was over. */
  readonly before: Holdings;
  readonly after: Holdings;
  readonly exitStatus: number | null;
  readonly faults: readonly FuzzFault[];
};

const AT_ONCE = 16;
/** Of the time: code is compiled, caches are filled, pools are opened. */
const WARM_UP = 0.25;
const PROGRESS_MS = 5_000;
const SETTLE_DEADLINE_MS = 60_000;
const FAULTS_MAX = 10;

/** Runs it. Rejects only when AWS or the edge cannot be started. */
export async function fuzzEdge(options: FuzzOptions): Promise<FuzzReport> {
  const aws = await startTestAws();
  let edge: FuzzedEdge | undefined;
  try {
    await fillDirectory(aws);
    edge = await startFuzzedEdge(aws);
    return await new Fuzzing(options, aws, edge).run();
  } finally {
    await edge?.remove();
    await aws.close();
  }
}

class Fuzzing {
  readonly #options: FuzzOptions;
  readonly #aws: TestAws;
  readonly #edge: FuzzedEdge;
  readonly #started = performance.now();
  readonly #faults: FuzzFault[] = [];
  readonly #underWay = new Set<SessionPlan>();
  readonly #byState = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
  readonly #replies = new Map<number, number>();
  /** Messages of clients that may have missed their answer, by address and port. */
  readonly #unanswered = new Map<string, Buffer[]>();
  readonly #latenciesMs: number[] = [];
  #goodMails = 0;
  #next = 0;
  #played = 0;
  #accepted = 0;
  #answersLost = 0;
  #refusedSilently = 0;

  constructor(options: FuzzOptions, aws: TestAws, edge: FuzzedEdge) {
    this.#options = options;
    this.#aws = aws;
    this.#edge = edge;
  }

  async run(): Promise<FuzzReport> {
    const { seconds, only, seed } = this.#options;
    const progress = setInterval(() => this.#options.progress(this.#line()), PROGRESS_MS);
    let before: Holdings;
    let after: Holdings;
    try {
      await this.#part(only === undefined ? seconds * WARM_UP : 0);
      before = await this.#settled();
      await this.#part(only === undefined ? seconds * (1 - WARM_UP) : 0);
      after = await this.#settled();
      await this.#checkAddressLimits();
    } finally {
      clearInterval(progress);
    }
    const exitStatus = await this.#edge.stop();
    await this.#checkLeftovers();
    const blocked = this.#checkEdgesLog();
    return {
      seed,
      sessions: this.#played,
      sessionsByState: this.#byState,
      replies: this.#replies,
      accepted: this.#accepted,
      answersLost: this.#answersLost,
      goodMails: this.#goodMails,
      goodLatenciesMs: this.#latenciesMs,
      blocked,
      before,
      after,
      exitStatus,
      faults: this.#faults,
    };
  }

  /** Sessions for so long, with a good client among them. */
  async #part(seconds: number): Promise<void> {
    const good = startGoodClient(this.#edge.smtpPort, LOGIN, seededRandom(this.#options.seed).fork(-1 - this.#played));
    const end = performance.now() + seconds * 1_000;
    const { only } = this.#options;
    const worker = async (): Promise<void> => {
      while (performance.now() < end && this.#edge.ended() === undefined && this.#faults.length < FAULTS_MAX) {
        await this.#session(this.#next++);
        await this.#judgeGood(good);
      }
    };
    if (only === undefined) await Promise.all(Array.from({ length: AT_ONCE }, worker));
    else await this.#session(only);
    await good.stop();
    await this.#judgeGood(good);
    this.#latenciesMs.push(...good.latenciesMs);
    for (const what of good.faults) this.#fault(what);
  }

  async #session(number: number): Promise<void> {
    const plan = planSession(this.#options.seed, number, LOGIN);
    this.#underWay.add(plan);
    try {
      const result = await playSession(plan, this.#edge);
      this.#played += 1;
      this.#byState[plan.state] += 1;
      for (const line of result.lines) {
        const code = Number(line.slice(0, 3));
        if (line[3] !== "-") this.#replies.set(code, (this.#replies.get(code) ?? 0) + 1);
      }
      if (result.refusedSilently) this.#refusedSilently += 1;
      const stored = await this.#stored(acknowledgedIds(result.lines));
      const faults = [...result.faults, ...stored.faults, ...judgeStored(result.secure, LOGIN.user, stored.objects)];
      for (const what of faults) this.#fault(what, result);
      this.#accepted += stored.objects.length;
      this.#keepUnanswered(result);
    } finally {
      if (this.#edge.ended() === undefined) this.#underWay.delete(plan);
    }
  }

  #keepUnanswered(result: SessionResult): void {
    if (!result.answerMayBeLost) return;
    const messages = candidates(result.secure).map(({ message }) => message);
    // The same port of an address comes up again in a long run.
    const key = `${result.plan.address} ${result.localPort}`;
    if (messages.length > 0) this.#unanswered.set(key, [...(this.#unanswered.get(key) ?? []), ...messages]);
  }

  /** Takes acknowledged messages out of the spool. */
  async #stored(ids: readonly string[]): Promise<{ objects: Stored[]; faults: string[] }> {
    const objects: Stored[] = [];
    const faults: string[] = [];
    for (const text of ids) {
      const id = parseQueueId(text);
      const object = id === undefined ? undefined : await getSpoolObject(this.#aws.spool, id);
      if (id === undefined || object === undefined) faults.push(`${text} was acknowledged and is not in the spool`);
      else {
        objects.push({ ...decodeSpoolObject(object.bytes), bytes: object.bytes });
        await deleteSpoolObject(this.#aws.spool, id);
      }
    }
    return { objects, faults };
  }

  async #judgeGood(good: GoodClient): Promise<void> {
    for (const { id, message } of good.taken()) {
      const { objects, faults } = await this.#stored([id]);
      for (const what of faults) this.#fault(what);
      for (const object of objects) {
        if (!object.message.equals(message)) this.#fault(`${id} of the good client is not what it sent`);
      }
      this.#goodMails += 1;
    }
  }

  /** When every connection is closed. */
  async #settled(): Promise<Holdings> {
    if (this.#edge.ended() !== undefined) return { heapBytes: 0, externalBytes: 0, residentBytes: 0, resources: {} };
    await waitFor(async () => ((await this.#edge.openConnections()) === 0 ? true : undefined), {
      deadlineMs: SETTLE_DEADLINE_MS,
      otherwise: async () => `${await this.#edge.openConnections()} connections are still open`,
    }).catch((cause: unknown) => this.#fault(String(cause)));
    return await this.#edge.holdings();
  }

  /** As many connections as an address may have are let in, once all are gone: none is counted for ever. */
  async #checkAddressLimits(): Promise<void> {
    if (this.#edge.ended() !== undefined) return;
    for (let index = 0; index < SESSION_ADDRESSES; index += 1) {
      const localAddress = addressOfSessions(index);
      const sockets = Array.from({ length: FUZZ_LIMITS.connectionsPerAddressMax }, () =>
        connect({ port: this.#edge.smtpPort, host: "127.0.0.1", localAddress }),
      );
      const greetings = await Promise.all(sockets.map(firstLine));
      for (const socket of sockets) socket.destroy();
      const wrong = greetings.find((line) => !/^220 |^421 4\.7\.0 Authentication from /.test(line));
      if (wrong !== undefined)
        this.#fault(`after all sessions, a new one from ${localAddress} is greeted with ${wrong}`);
    }
  }

  /** What nobody was told of: of clients that did not wait for it. */
  async #checkLeftovers(): Promise<void> {
    for (const object of await this.#aws.stored()) {
      const { address, port } = object.envelope.client;
      const messages = this.#unanswered.get(`${address} ${port}`) ?? [];
      if (messages.some((message) => message.equals(object.message))) this.#answersLost += 1;
      else this.#fault(`${object.envelope.id} is in the spool, and nobody got a 250 for it: ${quoted(object.bytes)}`);
    }
  }

  /** Returns how many connections were refused for failures to authenticate. */
  #checkEdgesLog(): number {
    const { faults, refusals } = this.#edge;
    for (const what of faults) this.#fault(`the edge says: ${what}`);
    for (const [reason, count] of refusals()) {
      if (reason !== "addressBlocked") this.#fault(`the edge has refused ${count} connections: ${reason}`);
    }
    const blocked = refusals().get("addressBlocked") ?? 0;
    if (this.#refusedSilently > blocked) {
      this.#fault(
        `${this.#refusedSilently} TLS connections were closed without a word, ${blocked} of them for a reason`,
      );
    }
    return blocked;
  }

  #fault(what: string, result?: SessionResult): void {
    if (this.#faults.length >= FAULTS_MAX) return;
    const replies = result?.lines.slice(-50).map((line) => `  ${line}`) ?? [];
    const session =
      result === undefined
        ? [...this.#underWay].map(describePlan).join("\n")
        : [describePlan(result.plan), "replies:", ...replies].join("\n");
    this.#faults.push({ what, session });
  }

  #line(): string {
    const seconds = Math.round((performance.now() - this.#started) / 1_000);
    const { length } = this.#faults;
    return `${seconds} s: ${this.#played} sessions, ${this.#accepted} messages taken, ${this.#goodMails} of the good client, ${length} faults`;
  }
}

/** The first line that comes, or why none does. */
async function firstLine(socket: ReturnType<typeof connect>): Promise<string> {
  try {
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(20_000) })) as [Buffer];
    return chunk.toString("latin1").split("\r\n")[0] ?? "";
  } catch (cause) {
    return String(cause);
  }
}
