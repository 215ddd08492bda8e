/** What memory the edge takes: many idle connections, and many big messages at once. */

import { type EdgeServices, type Generator, LOGIN, type SmtpProgram } from "./edge-programs.ts";
import type { IdleResult } from "./programs/smtp-generator.ts";

/** Big messages at once; memory is the edge's share (PSS) in octets. */
export interface BigMessages {
  readonly sessions: number;
  /** Of each message. */
  readonly bytes: number;
  readonly idleBytes: number;
  readonly peakBytes: number;
}

/** Connections that do nothing, and one that comes to them. */
export interface IdleConnections extends IdleResult {
  readonly connections: number;
  /** With TLS and log-in. */
  readonly secure: boolean;
  readonly bytes: number;
}

/** The highest share of memory seen every 50 ms while so many sessions send one each. */
export async function measureBigMessages(
  services: EdgeServices,
  generator: Generator,
  sessions: number,
): Promise<BigMessages> {
  const bytes = 25_000_000;
  return await withEdge(services, async (edge) => {
    const { port } = edge.ready;
    await generator.send({ port, sessions: 20, messages: 200, bytes: 10_240, reuse: true });
    const idleBytes = await edge.memoryBytes();
    let peakBytes = idleBytes;
    let done = false;
    const watch = (async () => {
      while (!done) {
        peakBytes = Math.max(peakBytes, await edge.memoryBytes());
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    try {
      await generator.send({ port, sessions, messages: sessions, bytes, reuse: false });
    } finally {
      done = true;
      await watch;
    }
    return { sessions, bytes, idleBytes, peakBytes };
  });
}

/** Opens them all, and times a new one. */
export async function measureIdle(
  services: EdgeServices,
  generator: Generator,
  connections: number,
  secure: boolean,
): Promise<IdleConnections> {
  return await withEdge(services, async (edge) => {
    const login = secure ? { login: LOGIN } : {};
    // The first message pays for look-ups and compiling.
    await generator.send({ port: edge.ready.port, sessions: 1, messages: 20, bytes: 10_240, reuse: false, ...login });
    const seen = await generator.order<IdleResult>({ port: edge.ready.port, idle: connections, ...login });
    return { connections, secure, ...seen, bytes: await edge.memoryBytes() };
  });
}

async function withEdge<T>(services: EdgeServices, work: (edge: SmtpProgram) => Promise<T>): Promise<T> {
  const edge = await services.startEdge();
  try {
    return await work(edge);
  } finally {
    await edge.stop();
  }
}
