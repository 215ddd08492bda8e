/** Collects what is wrong with a command's arguments, so that all of it is said at once. */

import type { Parser } from "../../lib/config/declare.ts";
import { CommandError, EXIT } from "./report.ts";

export class Mistakes {
  readonly #sentences: string[] = [];

  add(sentence: string): void {
    this.#sentences.push(sentence);
  }

  /** The value of an option; undefined where it was not given or is wrong. */
  read<T>(name: string, text: string | undefined, parse: Parser<T>): T | undefined {
    if (text === undefined) return undefined;
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    this.add(`${name}: got ${JSON.stringify(text)}; allowed: ${parsed.allowed}`);
    return undefined;
  }

  /** Throws if there was one. */
  end(): void {
    const [first, ...others] = this.#sentences;
    if (first === undefined) return;
    if (others.length === 0) throw new CommandError(first, EXIT.usage);
    const list = this.#sentences.map((sentence) => `\n  - ${sentence}`).join("");
    throw new CommandError(`${this.#sentences.length} mistakes:${list}`, EXIT.usage);
  }
}
