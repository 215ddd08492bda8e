/**
 * Loads the torture set: messages that must come out of the relay as they went in, but for the header rules.
 *
 * Where a body begins is found here by plain search or given by the generator, not by the code under test.
 */

import { globSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { MessageRefusal } from "../../lib/core/header-rules.ts";
import { generatedMessages } from "../torture/generated.ts";

export interface TortureMessage {
  readonly name: string;
  /** As a client gives it after DATA, dots not stuffed. */
  readonly bytes: Buffer;
  /** Offset of the first octet of the body. */
  readonly bodyStart: number;
  /**
   * True: with the default settings a tenant that owns example.com and example.jp can send it over SMTP. False: the
   * edge refuses it, SES would, or SMTP cannot carry it (no CRLF at the end).
   */
  readonly relayed: boolean;
  /** Body lines over 998 octets, which are folded on the way; all other bodies stay the same octet for octet. */
  readonly foldedBodyLines: number;
  /** Why nothing may leave for SES. */
  readonly refusal?: MessageRefusal["reason"];
}

const FOLDER = join(import.meta.dirname, "..", "torture");
const EMPTY_LINE = "\r\n\r\n";

/** The whole set, in a fixed order, each name once. */
export function tortureMessages(): TortureMessage[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".eml"));
  const kept = files.sort().map((file) => fileMessage(basename(file, ".eml"), readFileSync(join(FOLDER, file))));
  return [...kept, ...generatedMessages()];
}

/** The messages that can be pushed through the whole relay. */
export function relayedTortureMessages(): TortureMessage[] {
  return tortureMessages().filter((message) => message.relayed);
}

/**
 * The messages of Python's own e-mail tests, where Debian's `libpython3.*-testsuite` is installed; else none.
 * They are written with LF; line ends are made CRLF here. Their authors are not ours, so no edge takes them.
 */
export function pythonMessages(): TortureMessage[] {
  const files = globSync("/usr/lib/python3*/test/test_email/data/msg_*.txt").sort();
  return files.map((file) => {
    const text = readFileSync(file, "latin1").replace(/\r\n|\r|\n/g, "\r\n");
    return { ...fileMessage(basename(file, ".txt"), Buffer.from(text, "latin1")), relayed: false };
  });
}

function fileMessage(name: string, bytes: Buffer): TortureMessage {
  const emptyLine = bytes.indexOf(EMPTY_LINE);
  const bodyStart = emptyLine === -1 ? bytes.length : emptyLine + EMPTY_LINE.length;
  return { name, bytes, bodyStart, relayed: true, foldedBodyLines: 0 };
}
