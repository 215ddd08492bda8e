/**
 * Reads the data of one message to its end, keeps it, and looks at it on the way.
 *
 * Promise:  always reads to the end of data, also after a refusal, so that the reply comes where the client waits for
 *           it; what is refused is no longer kept. Two cases end at once: a flood of dots and one of octets.
 * Failure:  a temporary file that cannot be written is a refusal for now (4xx). Rejects when the stream does: the
 *           client is gone before the end of its data.
 */

import type { EdgeSettings } from "../lib/core/edge-settings.ts";
import { type HeaderFacts, type HeaderProblem, HeaderScan } from "../lib/core/header-scan.ts";
import { LIMITS } from "../lib/core/limits.ts";
import { LineCheck, type LineProblem } from "../lib/core/line-check.ts";
import { errorText, type Log } from "../lib/core/log.ts";
import { type SmtpReply, smtpReply } from "../lib/core/smtp-reply.ts";
import { MessageBuffer } from "./message-buffer.ts";

/** What came of it. Whoever gets a `buffer` has to dispose of it. */
export type Received =
  | { readonly kind: "complete"; readonly buffer: MessageBuffer; readonly header: HeaderFacts }
  | { readonly kind: "refused"; readonly reply: SmtpReply; readonly size: number }
  /** To be answered now, and the connection closed: the client is not at the end of its data. */
  | { readonly kind: "cut"; readonly reply: SmtpReply; readonly size: number };

/** What reading a message needs. */
export interface ReceiveDeps {
  readonly settings: EdgeSettings;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: Log;
}

/** A line of nothing but a stuffed dot and a few characters comes as a chunk of its own, shorter than this. */
const DOT_CHUNK_BYTES = 64;
/** Data beyond this many times the limit is not even drained. */
const DRAIN_FACTOR = 3;
const DOT = 0x2e;

/** Reads a message. */
export async function receiveMessage(deps: ReceiveDeps, stream: AsyncIterable<Buffer>): Promise<Received> {
  const { settings } = deps;
  const buffer = new MessageBuffer({
    memoryBytesMax: settings.memoryPerMessageBytesMax,
    directory: settings.temporaryDir,
    randomBytes: deps.randomBytes,
  });
  const lines = new LineCheck();
  const header = new HeaderScan({
    headerBytesMax: settings.headerBytesMax,
    fromBytesMax: LIMITS.edge.fromBytesMax,
  });
  let refusal: SmtpReply | undefined;
  let size = 0;
  let dotChunks = 0;
  let complete = false;
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (chunk.length < DOT_CHUNK_BYTES && chunk[0] === DOT && ++dotChunks > settings.dotLinesMax) {
        return { kind: "cut", reply: smtpReply("dotFlood"), size };
      }
      if (size > settings.messageSizeBytesMax * DRAIN_FACTOR) {
        return { kind: "cut", reply: tooBig(settings), size };
      }
      if (refusal !== undefined) continue;
      refusal = size > settings.messageSizeBytesMax ? tooBig(settings) : lineReply(lines.feed(chunk));
      if (refusal === undefined && !header.done) {
        header.feed(chunk);
        refusal = headerReply(header.problem);
      }
      refusal ??= await keep(deps, buffer, chunk);
      if (refusal !== undefined) await buffer.dispose();
    }
    header.end();
    refusal ??= lineReply(lines.end()) ?? headerReply(header.problem) ?? hopsReply(header.facts, settings);
    if (refusal !== undefined) return { kind: "refused", reply: refusal, size };
    complete = true;
    return { kind: "complete", buffer, header: header.facts };
  } finally {
    if (!complete) await buffer.dispose();
  }
}

async function keep(deps: ReceiveDeps, buffer: MessageBuffer, chunk: Buffer): Promise<SmtpReply | undefined> {
  try {
    await buffer.write(chunk);
    return undefined;
  } catch (error) {
    deps.log({ event: "temporary-file-failed", error: errorText(error) });
    return smtpReply("notStored");
  }
}

function tooBig(settings: EdgeSettings): SmtpReply {
  return smtpReply("messageTooBig", { limit: settings.messageSizeBytesMax });
}

function lineReply(problem: LineProblem | undefined): SmtpReply | undefined {
  switch (problem) {
    case undefined:
      return undefined;
    case "bare-cr":
      return smtpReply("bareCr");
    case "bare-lf":
      return smtpReply("bareLf");
    case "nul":
      return smtpReply("nul");
  }
}

function headerReply(problem: HeaderProblem | undefined): SmtpReply | undefined {
  switch (problem?.kind) {
    case undefined:
      return undefined;
    case "too-big":
      return smtpReply("headerTooBig", { limit: problem.limit });
    case "bad-line":
      return smtpReply("headerSyntax", { line: problem.line });
    case "differs":
      return smtpReply("duplicateField", { field: problem.field });
  }
}

function hopsReply(facts: HeaderFacts, settings: EdgeSettings): SmtpReply | undefined {
  return facts.receivedCount > settings.hopsMax ? smtpReply("loop", { limit: settings.hopsMax }) : undefined;
}
