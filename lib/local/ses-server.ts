/**
 * An SES v2 server for one machine, spoken to by the AWS SDK as if it were Amazon SES.
 *
 * Serves `/v2/email/...` in REST-JSON: `SendEmail` with raw content, and the control plane that a relay needs. What it
 * takes goes to the outbox (ses-outbox.ts), what becomes of it to the SNS topics of the configuration set
 * (ses-simulator.ts has the recipients that force each outcome, ses-event-queue.ts the promise that no event is lost).
 *
 * Different from Amazon SES, on purpose:
 * - nothing is delivered and signatures are not verified, but a request without an Authorization header for the service
 *   `ses` is refused with 403;
 * - `POST /local/verify` with `{"identity": "example.com"}` verifies (and if need be creates) an identity; it needs no
 *   Authorization, for there is no DNS in which a domain could be proved;
 * - the sending rate and the 24-hour quota begin anew with each start.
 *
 * Failure:  `start` rejects when the state cannot be read or a folder not be made; a request that fails inside answers
 *           500 InternalServiceErrorException, and nothing was accepted.
 */

import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

import { accountRoutes } from "./ses-account.ts";
import { configurationSetRoutes } from "./ses-configuration-sets.ts";
import type { SesContext } from "./ses-context.ts";
import { SesError, type SesErrorType } from "./ses-error.ts";
import { openEventQueue } from "./ses-event-queue.ts";
import { callerOf, readBody, reply, replyError } from "./ses-http.ts";
import { identityRoutes, verifyIdentity } from "./ses-identities.ts";
import { parseFields, requiredTextOf } from "./ses-json.ts";
import { openOutbox } from "./ses-outbox.ts";
import { makeRateLimit, makeSendQuota } from "./ses-quota.ts";
import { makeRouter } from "./ses-router.ts";
import { type SendDeps, sendEmail } from "./ses-send.ts";
import { parseSendEmail, type SendEmailRequest } from "./ses-send-request.ts";
import { emptyState, formatState, parseState } from "./ses-state.ts";
import { makeStateFile } from "./ses-state-file.ts";
import { tenantRoutes } from "./ses-tenants.ts";
import { delay, within } from "./ses-wait.ts";

const SEND_PATH = "/v2/email/outbound-emails";
const VERIFY_PATH = "/local/verify";
/** A client that never ends its request does not keep the server from closing. */
const CLOSE_WAIT_MS = 5_000;

/**
 * What a test does to one call of SendEmail: answer with an error (any status and error name), be slow, or cut the
 * connection: `drop-before` takes nothing, `drop-after` takes the message and gives no answer.
 */
export type SendFault =
  | {
      readonly delayMs?: number;
      readonly status: number;
      readonly errorType: SesErrorType | (string & {});
      readonly message: string;
    }
  | { readonly delayMs: number }
  | "drop-before"
  | "drop-after";

/** How the local SES is set up; only `dataDir` and `publish` are needed. */
export interface SesServerOptions {
  /** State under `ses/`, mail under `outbox/`. */
  readonly dataDir: string;
  /** Default us-east-1. */
  readonly region?: string;
  /** How an event leaves: to the SNS of local mode. A rejection is retried. */
  readonly publish: (topicArn: string, message: string) => Promise<void>;
  readonly now?: () => Date;
  /** `MaxSendRate`: recipients per second; above it 429 TooManyRequestsException. Default 1000. */
  readonly sendRatePerSecond?: number;
  /** Recipients in 24 hours; above it ThrottlingException; -1 is no limit. Default 1,000,000. */
  readonly max24HourSend?: number;
  /** All other calls together; above it 429 (AWS: 1). Default no limit. */
  readonly controlRatePerSecond?: number;
  /** Domains and addresses that are verified at start, in addition to what is stored; they are stored, too. */
  readonly identities?: readonly string[];
  /** From acceptance to the first event, and between events. Default 50. */
  readonly eventDelayMs?: number;
  /** New identities, and their MAIL FROM domains, are verified at once. Default false. */
  readonly verifyNewIdentities?: boolean;
  /** Refuse lines of more than 1000 characters; whether SES does is not known. Default false. */
  readonly refuseLongLines?: boolean;
  /** For tests; called before any check, with the number of the call from 1. */
  readonly onSend?: (call: number, request: SendEmailRequest) => SendFault | undefined;
  /** Where a publishing failure or an internal error is told. Default: standard error. */
  readonly log?: (line: string) => void;
}

/** An HTTP handler with a life: `start` before the first request, `close` at the end. */
export interface SesServer {
  /** Serves one request; answers 503 before `start` has resolved and after `close` was called. Never throws. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Loads the state and goes on with events that an earlier process left. */
  start(): Promise<void>;
  /** How many events are still to be published; none before `start`. */
  pendingEvents(): number;
  /** Finishes requests and events in flight. What is not yet due stays on disk for the next start. */
  close(): Promise<void>;
}

/** What exists between `start` and `close`. */
interface Running extends SendDeps {
  answer(req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void>;
}

/** Nothing is read or written before `start`. */
export function createSesServer(options: SesServerOptions): SesServer {
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const active = new Set<Promise<void>>();
  let running: Running | undefined;

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    try {
      if (running === undefined) throw new SesError("ServiceUnavailable", "The local SES is not running.");
      await running.answer(req, res, requestId);
    } catch (cause) {
      const aborted = !req.complete;
      if (!(cause instanceof SesError) && !aborted) log(`SES: ${req.method} ${req.url}: ${String(cause)}`);
      replyError(res, requestId, cause);
      req.resume(); // what is left of the body
    }
  };
  return {
    handle(req, res) {
      const served = serve(req, res).finally(() => active.delete(served));
      active.add(served);
    },
    async start() {
      if (running !== undefined) throw new Error("the SES server has been started already");
      running = await run(options, log);
    },
    pendingEvents: () => running?.events.size() ?? 0,
    async close() {
      const ending = running;
      running = undefined;
      await within(CLOSE_WAIT_MS, Promise.all(active));
      await ending?.events.close();
    },
  };
}

async function run(options: SesServerOptions, log: (line: string) => void): Promise<Running> {
  const now = options.now ?? (() => new Date());
  const nowMs = (): number => now().getTime();
  const dir = join(options.dataDir, "ses");
  await mkdir(dir, { recursive: true });

  let context: SesContext | undefined;
  const file = makeStateFile(join(dir, "state.json"), () => formatState(context?.state ?? emptyState()));
  const text = await file.load();
  context = {
    state: text === undefined ? emptyState() : parseState(text),
    region: options.region ?? "us-east-1",
    now,
    verifyNewIdentities: options.verifyNewIdentities ?? false,
  };
  for (const name of options.identities ?? []) verifyIdentity(context, name);
  await file.save();

  const outbox = await openOutbox(join(options.dataDir, "outbox"), join(dir, "unfinished"));
  const unfinished = await outbox.unfinished();
  const { publish } = options;
  const events = await openEventQueue({ path: join(dir, "events.jsonl"), publish, nowMs, log }, unfinished);
  await outbox.discard(unfinished);

  const quota = makeSendQuota(options.max24HourSend ?? 1_000_000, options.sendRatePerSecond ?? 1000, nowMs);
  const deps: SendDeps = {
    context,
    outbox,
    events,
    rate: makeRateLimit(quota.maxSendRate, nowMs),
    quota,
    refuseLongLines: options.refuseLongLines ?? false,
    eventDelayMs: options.eventDelayMs ?? 50,
  };
  return { ...deps, answer: makeAnswer(deps, () => file.save(), options) };
}

function makeAnswer(deps: SendDeps, save: () => Promise<void>, options: SesServerOptions): Running["answer"] {
  const { context } = deps;
  const route = makeRouter([
    ...accountRoutes(context, deps.quota),
    ...configurationSetRoutes(context),
    ...identityRoutes(context),
    ...tenantRoutes(context),
  ]);
  const controlRate = makeRateLimit(options.controlRatePerSecond, () => context.now().getTime());
  let sends = 0;

  const answerSend = async (req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> => {
    const caller = callerOf(req);
    const request = parseSendEmail(parseFields(await readBody(req)));
    sends++;
    const fault = options.onSend?.(sends, request);
    if (fault === "drop-before") {
      req.socket.destroy();
      return;
    }
    if (typeof fault === "object") {
      if (fault.delayMs !== undefined) await delay(fault.delayMs);
      if ("status" in fault) {
        reply(res, fault.status, requestId, { message: fault.message }, fault.errorType);
        return;
      }
    }
    const MessageId = await sendEmail(deps, request, caller);
    if (fault === "drop-after") req.socket.destroy();
    else reply(res, 200, requestId, { MessageId });
  };
  return async (req, res, requestId) => {
    const [path = "/", query = ""] = (req.url ?? "/").split("?", 2);
    const method = req.method ?? "GET";
    if (path === VERIFY_PATH && method === "POST") {
      const name = requiredTextOf(parseFields(await readBody(req)), "identity");
      const identity = verifyIdentity(context, name);
      await save();
      reply(res, 200, requestId, { identity: identity.name, verified: true });
      return;
    }
    if (path === SEND_PATH && method === "POST") {
      await answerSend(req, res, requestId);
      return;
    }
    callerOf(req);
    const found = route(method, path);
    if (found === undefined) throw new SesError("UnknownOperationException", `${method} ${path} is not served.`);
    if (!controlRate.take(1)) throw new SesError("TooManyRequestsException", "Rate exceeded");
    const body = parseFields(await readBody(req));
    const answer = found.route.run({ labels: found.labels, query: new URLSearchParams(query), body });
    if (found.route.writes) await save();
    reply(res, 200, requestId, answer);
  };
}
