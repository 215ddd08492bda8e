/** Material of fuzzed sessions: random choices, random octets, and good bytes gone bad. */

import type { SeededRandom } from "../fault/seeded-random.ts";

/** One of the list. */
export function pick<T>(random: SeededRandom, list: readonly T[]): T {
  const chosen = list[random.between(0, list.length - 1)];
  if (chosen === undefined) throw new Error("nothing to pick from");
  return chosen;
}

/** Octets of every value; in half of the cases mostly those that mean something in SMTP. */
export function randomOctets(random: SeededRandom, length: number): Buffer {
  const meaningful = random.chance(0.5);
  const octets = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) {
    octets[at] = meaningful && random.chance(0.7) ? pick(random, MEANINGFUL) : random.between(0, 255);
  }
  return octets;
}

const MEANINGFUL = [...Buffer.from('\r\n\r\n.. \t\0:;<>@"\\=+,()[]{}%*aA09-\x7f\x80\xff', "latin1")];

/** Where a write is cut into pieces: nowhere, at a few places, after each octet. */
export function randomCuts(random: SeededRandom, length: number): number[] {
  if (length < 2 || random.chance(0.5)) return [];
  const cuts = Array.from({ length: random.between(1, 6) }, () => random.between(1, length - 1));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

/** The bytes with one to three small changes, of the kinds that parsers stumble over. */
export function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let result = bytes;
  for (let left = random.between(1, 3); left > 0; left -= 1) result = mutatedOnce(random, result);
  return result;
}

function mutatedOnce(random: SeededRandom, bytes: Buffer): Buffer {
  const at = random.between(0, bytes.length);
  const to = Math.min(bytes.length, at + random.between(1, 8));
  const around = (middle: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(to)]);
  switch (random.between(0, 8)) {
    case 0: // other bits
      return around(Buffer.from(bytes.subarray(at, to).map((octet) => octet ^ (1 << random.between(0, 7)))));
    case 1: // gone
      return around(Buffer.alloc(0));
    case 2: // again
      return around(Buffer.concat([bytes.subarray(at, to), bytes.subarray(at, to)]));
    case 3: // other octets
      return around(randomOctets(random, to - at));
    case 4: // something in between
      return Buffer.concat([bytes.subarray(0, at), pick(random, INSERTED), bytes.subarray(at)]);
    case 5: // other line ends
      return Buffer.from(
        bytes.toString("latin1").replaceAll("\r\n", pick(random, ["\n", "\r", "\r\r\n", "\n\r"])),
        "latin1",
      );
    case 6: // other case
      return Buffer.from(
        random.chance(0.5) ? bytes.toString("latin1").toLowerCase() : bytes.toString("latin1").toUpperCase(),
        "latin1",
      );
    case 7: // long
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.alloc(random.between(100, 14_000), pick(random, ["a", "A", " ", ".", "@", "<", "\0", "\xff"]), "latin1"),
        bytes.subarray(at),
      ]);
    default: // turned round
      return around(Buffer.from(bytes.subarray(at, to).toReversed()));
  }
}

const INSERTED = [
  "\0",
  "\r",
  "\n",
  "\r\n",
  "\x80",
  "\xff",
  " ",
  "\t",
  ".",
  "\r\n.\r\n",
  "<",
  ">",
  '"',
  "\\",
  "\x1b",
  "\x7f",
].map((text) => Buffer.from(text, "latin1"));
