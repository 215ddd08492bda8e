/**
 * An SMTP edge: two ports, and what happens on them from accept to close.
 *
 * Promise:  `startEdge` resolves when both ports take connections. `close` takes no new mail, lets transactions in
 *           flight finish and get their answers, and resolves when no message is being stored any more, at the latest
 *           after `closeTimeoutMs`.
 * Failure:  `startEdge` rejects when a port, the certificate or the temporary folder cannot be had.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import pLimit from "p-limit";
import type { Directory } from "../lib/aws/directory-dynamo.ts";
import type { Spool } from "../lib/aws/spool-s3.ts";
import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import { MetricSums } from "../lib/core/emf.ts";
import type { Log } from "../lib/core/log.ts";
import { smtpReply } from "../lib/core/smtp-reply.ts";
import { type AcceptorDeps, makeAcceptor, RefusalLog } from "./acceptor.ts";
import { AuthGuard } from "./auth-guard.ts";
import { firstCertificate, loadCertificate } from "./certificate.ts";
import { CertificateKeeper } from "./certificate-keeper.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { withDeadline } from "./deadline.ts";
import { DirectoryCache } from "./directory-cache.ts";
import { type Health, startHealth } from "./health.ts";
import { listen } from "./listen.ts";
import type { MailSessionDeps } from "./mail-session.ts";
import { prepareFolder } from "./message-buffer.ts";
import { PasswordChecker } from "./password.ts";
import { RateLimits } from "./rate-limits.ts";
import { SmtpListener } from "./smtp-listener.ts";
import { tlsPolicy } from "./tls-policy.ts";

/** What an edge is made of. */
export interface EdgeDeps {
  readonly config: EdgeSettings;
  readonly spool: Spool;
  readonly directory: Directory;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: Log;
  /** Reads the secret that holds certificate and key, where there is one; `parsePemPair` says in which form. */
  readonly readTlsSecret?: () => Promise<string>;
}

/** A running edge. */
export interface Edge {
  /** STARTTLS port. */
  readonly smtpPort: number;
  /** Implicit TLS port. */
  readonly smtpsPort: number;
  readonly healthPort: number | undefined;
  /** Ends in order; see above. May be called again. */
  close(): Promise<void>;
  /** Reads the certificate again now, as happens now and then by itself. Never rejects; the log says what came of it. */
  checkCertificate(): Promise<void>;
}

/** How often refused connections are summed up in the log. */
const REFUSALS_MS = 10_000;
/** How often a closing edge looks whether it is done. */
const CLOSE_CHECK_MS = 20;
/** What a store under way gets beyond the close time-out. */
const LAST_STORE_MS = 500;

/** Starts an edge. */
export async function startEdge(deps: EdgeDeps): Promise<Edge> {
  const { config: settings } = deps;
  await prepareFolder(settings.temporaryDir);
  const load = () => loadCertificate(settings, deps.now, deps.readTlsSecret);
  const { certificate, awaited } = await firstCertificate(settings, deps.now, deps.readTlsSecret);
  if (awaited) deps.log({ event: "certificate-awaited" });
  const metrics = new MetricSums(settings.environment);
  const guard = new AuthGuard({ now: () => performance.now(), delayMs: settings.authDelayMs });
  const session: MailSessionDeps = {
    settings,
    guard,
    rates: new RateLimits(settings, () => performance.now()),
    spool: deps.spool,
    fileTurns: pLimit(settings.storesFromFileMax),
    directory: new DirectoryCache(deps.directory, {
      deadlineMs: settings.directoryDeadlineMs,
      keepMs: settings.directoryCacheMs,
    }),
    passwords: new PasswordChecker({ keepMs: settings.directoryCacheMs, randomBytes: deps.randomBytes }),
    now: deps.now,
    randomBytes: deps.randomBytes,
    log: deps.log,
    metrics,
  };
  const limits = new ConnectionLimits({
    max: settings.connectionsMax,
    perAddressMax: settings.connectionsPerAddressMax,
  });
  const plain = new SmtpListener(session, certificate, false);
  const secure = new SmtpListener(session, certificate, true);
  const listeners = [plain, secure];

  const tls = createTlsServer({ ...tlsPolicy(certificate), handshakeTimeout: settings.tlsHandshakeMs }, (socket) => {
    secure.serve(socket, () => undefined);
  });
  // A handshake that failed or took too long. Node leaves the socket open, and it must not be destroyed from below.
  tls.on("tlsClientError", (_error, socket) => socket.destroy());

  const keeper = new CertificateKeeper(certificate, {
    load,
    use: (renewed) => {
      tls.setSecureContext(tlsPolicy(renewed));
      for (const listener of listeners) listener.updateSecureContext(tlsPolicy(renewed));
    },
    now: deps.now,
    log: deps.log,
    awaited,
  });

  const acceptor: AcceptorDeps = { limits, guard, refusals: new RefusalLog(deps.log), metrics };
  const writeMetrics = (): void => {
    if (settings.metricsEveryMs === 0) return;
    metrics.peak("connections", limits.takePeak());
    metrics.peak("certificateDaysLeft", Math.floor(keeper.daysLeft));
    for (const event of metrics.drain(deps.now())) deps.log(event);
  };
  const smtpServer = makeAcceptor(acceptor, false, (socket, left) => plain.serve(socket, left));
  const smtpsServer = makeAcceptor(acceptor, true, (socket, left) => {
    socket.once("close", left);
    tls.emit("connection", socket);
  });
  let health: Health | undefined;
  const timers = [
    setInterval(() => {
      const now = performance.now();
      for (const listener of listeners) {
        for (const connection of listener.edgeConnections()) connection.checkDeadline(now);
      }
    }, settings.deadlineCheckMs).unref(),
    setInterval(() => acceptor.refusals.flush(), REFUSALS_MS).unref(),
    setInterval(() => void keeper.check(), settings.certificateCheckMs).unref(),
    ...(awaited ? [awaitCertificate(keeper, settings.certificateAwaitMs)] : []),
  ];
  if (settings.metricsEveryMs > 0) timers.push(setInterval(writeMetrics, settings.metricsEveryMs).unref());
  const stopAccepting = (): void => {
    for (const listener of listeners) listener.draining = true;
    smtpServer.close();
    smtpsServer.close();
  };
  try {
    const smtpPort = await listen(smtpServer, settings.bindAddress, settings.smtpPort);
    const smtpsPort = await listen(smtpsServer, settings.bindAddress, settings.smtpsPort);
    if (settings.healthPort !== undefined) {
      health = await startHealth(settings.bindAddress, settings.healthPort, () => !plain.draining);
    }
    const closeOnce = once(async () => {
      stopAccepting();
      await drain(listeners, settings);
      for (const timer of timers) clearInterval(timer);
      acceptor.refusals.flush();
      writeMetrics();
      health?.close();
    });
    return {
      smtpPort,
      smtpsPort,
      healthPort: health?.port,
      close: closeOnce,
      checkCertificate: () => keeper.check(),
    };
  } catch (error) {
    for (const timer of timers) clearInterval(timer);
    stopAccepting();
    throw error;
  }
}

/** Looks often until the certificate is there. */
function awaitCertificate(keeper: CertificateKeeper, everyMs: number): NodeJS.Timeout {
  const timer = setInterval(() => {
    void keeper.check().then(() => {
      if (!keeper.awaited) clearInterval(timer);
    });
  }, everyMs).unref();
  return timer;
}

/** Lets open transactions end, tells idle clients to go, and at the end of the time everybody. */
async function drain(listeners: readonly SmtpListener[], settings: EdgeSettings): Promise<void> {
  const shuttingDown = smtpReply("shuttingDown", { host: settings.hostName });
  const end = performance.now() + settings.closeTimeoutMs;
  const connections = () => listeners.flatMap((listener) => [...listener.edgeConnections()]);
  for (;;) {
    for (const connection of connections()) if (connection.idle) connection.reply(shuttingDown);
    if (connections().length === 0 || performance.now() > end) break;
    await sleep(CLOSE_CHECK_MS);
  }
  for (const connection of connections()) connection.reply(shuttingDown);
  // Stores whose client is gone. Each has a deadline of its own, which is shorter.
  const settled = Promise.all(listeners.map((listener) => listener.settled()));
  await withDeadline(Math.max(0, end - performance.now()) + LAST_STORE_MS, () => settled).catch(() => undefined);
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
