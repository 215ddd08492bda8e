/** Collects what is wrong with a command's arguments, so that all of it is said at once. */

import type { Parser } from "../../lib/config/declare.ts";
import { CommandError, EXIT } from "./report.ts";

/** How mistakes are told. `got` is quoted. */
export interface MistakeWords {
  readonly of: (name: string, got: string, allowed: string) => string;
  readonly several: (count: number) => string;
}

const COMMAND_WORDS: MistakeWords = {
  of: (name, got, allowed) => `${name}: got ${got}; allowed: ${allowed}`,
  several: (count) => `${count} mistakes:`,
};

export class Mistakes {
  readonly #words: MistakeWords;
  readonly #sentences: string[] = [];

  constructor(words: MistakeWords = COMMAND_WORDS) {
    this.#words = words;
  }

  add(sentence: string): void {
    this.#sentences.push(sentence);
  }

  /** The value of an option; undefined where it was not given or is wrong. */
  read<T>(name: string, text: string | undefined, parse: Parser<T>): T | undefined {
    if (text === undefined) return undefined;
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    this.add(this.#words.of(name, JSON.stringify(text), parsed.allowed));
    return undefined;
  }

  /** Throws if there was one. */
  end(): void {
    const [first, ...others] = this.#sentences;
    if (first === undefined) return;
    if (others.length === 0) throw new CommandError(first, EXIT.usage);
    const list = this.#sentences.map((sentence) => `\n  - ${sentence}`).join("");
    throw new CommandError(`${this.#words.several(this.#sentences.length)}${list}`, EXIT.usage);
  }
}
