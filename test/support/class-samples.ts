/** Reads the transactions in test/classes, and plays one to a server. */

import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type SmtpClient, type SmtpReply, wireData } from "./smtp-client.ts";

/** One transaction. */
export interface ClassSample {
  readonly name: string;
  /** EHLO or HELO, MAIL, and each RCPT. */
  readonly commands: readonly string[];
  /** The message with CRLF. */
  readonly bytes: Buffer;
}

const FOLDER = join(import.meta.dirname, "..", "classes");

/** The names of all, sorted. */
export function classSampleNames(): string[] {
  return globSync("*.smtp", { cwd: FOLDER })
    .map((file) => basename(file, ".smtp"))
    .toSorted();
}

/** Reads one. Throws when there is none. */
export function classSample(name: string): ClassSample {
  const text = readFileSync(join(FOLDER, `${name}.smtp`), "latin1");
  const end = text.indexOf("\nDATA\n");
  return {
    name,
    commands: text.slice(0, end).split("\n"),
    bytes: Buffer.from(text.slice(end + "\nDATA\n".length).replaceAll("\n", "\r\n"), "latin1"),
  };
}

/**
 * Sends it on a session that may send. Returns the first reply that is a refusal, or the reply to the data. `mark` is
 * put behind the message, so that the same sample sent again is no second copy.
 */
export async function playSample(client: SmtpClient, sample: ClassSample, mark: string): Promise<SmtpReply> {
  for (const command of [...sample.commands, "DATA"]) {
    const reply = await client.command(command);
    if (reply.code >= 400) return reply;
  }
  await client.write(wireData(Buffer.concat([sample.bytes, Buffer.from(`${mark}\r\n`)])));
  return await client.reply();
}
