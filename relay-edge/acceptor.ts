/**
 * Takes connections, counts them from accept to close, and hands on those within the limits.
 *
 * Refused ones are told why where that can be said, which is not before a TLS handshake.
 */

import { createServer, type Server, type Socket } from "node:net";
import { canonicalIp } from "../lib/core/cidr.ts";
import type { MetricSums } from "../lib/core/emf.ts";
import type { Log } from "../lib/core/log.ts";
import { formatReply, type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import type { AuthGuard } from "./auth-guard.ts";
import type { ConnectionLimits } from "./connection-limits.ts";

/** Shared by the acceptors of both ports. */
export interface AcceptorDeps {
  readonly limits: ConnectionLimits;
  readonly guard: AuthGuard;
  readonly refusals: RefusalLog;
  readonly metrics: MetricSums;
}

/** What a refused client gets to read its reply before its socket is destroyed. */
const LAST_WORD_MS = 500;

/** Takes a connection over; `left` is to be called when it is closed, once or more often. */
export type HandOn = (socket: Socket, left: () => void) => void;

/** A server for one port. `implicitTls`: a refused client hears nothing. */
export function makeAcceptor(deps: AcceptorDeps, implicitTls: boolean, handOn: HandOn): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    const address = canonicalIp(socket.remoteAddress ?? "");
    if (address === undefined) {
      // Closed again already.
      socket.destroy();
      return;
    }
    const refusal = enter(deps, address);
    if (refusal === undefined) {
      let here = true;
      handOn(socket, () => {
        if (here) deps.limits.leave(address);
        here = false;
      });
      return;
    }
    deps.refusals.add(refusal.name, address);
    deps.metrics.count("connectionsRefused", 1, refusal.name);
    if (implicitTls) socket.destroy();
    else {
      socket.end(`${refusal.code} ${formatReply(refusal)}\r\n`);
      setTimeout(() => socket.destroy(), LAST_WORD_MS).unref();
    }
  });
}

/** Counts the connection, or says why not. */
function enter(deps: AcceptorDeps, address: string): SmtpReply | undefined {
  if (deps.guard.blocked(address)) return smtpReply("addressBlocked", { address });
  switch (deps.limits.enter(address)) {
    case "entered":
      return undefined;
    case "all":
      return smtpReply("tooManyConnections");
    case "address":
      return smtpReply("tooManyConnectionsFromAddress", { address });
  }
}

/** Refused connections, told in sums: a flood of them must not become a flood of log lines. */
export class RefusalLog {
  readonly #log: Log;
  readonly #counts = new Map<string, { count: number; readonly client: string }>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(reason: string, client: string): void {
    const known = this.#counts.get(reason);
    if (known === undefined) this.#counts.set(reason, { count: 1, client });
    else known.count++;
  }

  /** Tells what came since the last call; of the clients, the first. */
  flush(): void {
    for (const [reason, { count, client }] of this.#counts) {
      this.#log({ event: "connections-refused", reason, count, client });
    }
    this.#counts.clear();
  }
}
